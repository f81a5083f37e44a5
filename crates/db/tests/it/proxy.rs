//! A network between the tests and the server that can be counted and broken.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use url::Url;

/// Forwards every connection to the server of an address.
pub(crate) struct Proxy {
    url: String,
    state: Arc<State>,
}

struct State {
    server: SocketAddr,
    /// Connections with a lower number forward nothing any more, in either direction, and stay open.
    stalled: watch::Sender<u64>,
    connections: AtomicU64,
    /// How often a client spoke after the server had: the waits that a caller sees.
    waits: AtomicUsize,
}

impl Proxy {
    pub(crate) async fn before(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        let server = url.socket_addrs(|| Some(5432)).unwrap()[0];
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        url.set_host(Some("127.0.0.1")).unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let state = Arc::new(State {
            server,
            stalled: watch::Sender::new(0),
            connections: AtomicU64::new(0),
            waits: AtomicUsize::new(0),
        });
        let accepting = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(Arc::clone(&accepting).forward(client));
            }
        });
        Self { url: url.into(), state }
    }

    /// The same database by way of this network.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// From now on the connections that are open are dead without a sign of it; new ones are well.
    pub(crate) fn stall(&self) {
        self.state.stalled.send_replace(self.connections());
    }

    /// From now on every connection is accepted and then silent.
    pub(crate) fn fall_silent(&self) {
        self.state.stalled.send_replace(u64::MAX);
    }

    /// All is well again for new connections.
    pub(crate) fn recover(&self) {
        self.stall();
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// How many waits were seen since this was last asked.
    pub(crate) fn take_waits(&self) -> usize {
        self.state.waits.swap(0, Ordering::SeqCst)
    }
}

impl State {
    async fn forward(self: Arc<Self>, client: TcpStream) {
        let number = self.connections.fetch_add(1, Ordering::SeqCst);
        let Ok(server) = TcpStream::connect(self.server).await else {
            return;
        };
        client.set_nodelay(true).unwrap();
        server.set_nodelay(true).unwrap();
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        let server_spoke = Arc::new(AtomicBool::new(true));
        let there = Arc::clone(&self).pump(number, from_client, to_server, Arc::clone(&server_spoke), true);
        let back = self.pump(number, from_server, to_client, server_spoke, false);
        // When either side closes, both are.
        tokio::select! {
            () = there => {}
            () = back => {}
        }
    }

    async fn pump(
        self: Arc<Self>,
        number: u64,
        mut from: OwnedReadHalf,
        mut to: OwnedWriteHalf,
        server_spoke: Arc<AtomicBool>,
        is_client: bool,
    ) {
        let mut stalled = self.stalled.subscribe();
        let mut buffer = vec![0; 65_536];
        loop {
            let is_stalled = async {
                let _seen = stalled.wait_for(|below| number < *below).await.is_ok();
            };
            let read = tokio::select! {
                biased;
                () = is_stalled => None,
                read = from.read(&mut buffer) => Some(read),
            };
            let length = match read {
                None => std::future::pending().await,
                Some(Ok(length @ 1..)) => length,
                Some(_) => return,
            };
            if !is_client {
                server_spoke.store(true, Ordering::SeqCst);
            } else if server_spoke.swap(false, Ordering::SeqCst) {
                self.waits.fetch_add(1, Ordering::SeqCst);
            }
            if to.write_all(&buffer[..length]).await.is_err() {
                return;
            }
        }
    }
}
