//! A line between a server and its database that can be interrupted, in the two ways in which networks fail: with a word, and
//! without one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{self, Runtime};
use tokio::sync::watch;
use url::Url;

/// What becomes of what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// It arrives.
    Open,
    /// No connection ends, and nothing arrives until the line is open again: a cable is out, or a machine stands still.
    Silent,
    /// Every connection is reset, and so is every new one.
    Reset,
}

/// A line. It carries what is sent either way.
pub(crate) struct Line {
    /// Where the database is found at this end.
    pub(crate) url: String,
    state: watch::Sender<State>,
    _carrying: Runtime,
}

impl Line {
    /// A line to the database at this address.
    pub(crate) fn to(url: &str) -> Self {
        let mut url = Url::parse(url).expect("an address");
        let there = url.socket_addrs(|| None).expect("an address")[0];
        let carrying = runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = carrying
            .block_on(TcpListener::bind("127.0.0.1:0"))
            .expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        url.set_port(Some(port)).expect("an address with a port");
        let (state, seen) = watch::channel(State::Open);
        carrying.spawn(async move {
            while let Ok((here, _)) = listener.accept().await {
                tokio::spawn(connect(here, there, seen.clone()));
            }
        });
        Self {
            url: url.into(),
            state,
            _carrying: carrying,
        }
    }

    /// Interrupts the line, or mends it.
    pub(crate) fn set(&self, state: State) {
        self.state.send_replace(state);
    }
}

async fn connect(mut here: TcpStream, there: SocketAddr, state: watch::Receiver<State>) {
    let Ok(mut there) = TcpStream::connect(there).await else {
        return;
    };
    for side in [&here, &there] {
        side.set_nodelay(true).expect("a socket");
    }
    let is_reset = {
        let (from_here, to_here) = here.split();
        let (from_there, to_there) = there.split();
        let mut fate = state.clone();
        tokio::select! {
            biased;
            told = fate.wait_for(|state| *state == State::Reset) => told.is_ok(),
            () = carry(from_here, to_there, state.clone()) => false,
            () = carry(from_there, to_here, state) => false,
        }
    };
    if is_reset {
        for side in [&here, &there] {
            side.set_zero_linger().expect("a socket");
        }
    }
}

/// Carries bytes one way until that side ends.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, mut state: watch::Receiver<State>) {
    let mut bytes = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        // The sender goes only with the test.
        let _ = state.wait_for(|state| *state == State::Open).await;
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}
