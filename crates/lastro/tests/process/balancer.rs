//! A balancer of load as simple as one can be: it asks every node whether it is ready, hands requests in turn to those that are,
//! and turns to another only when nobody can have taken the request: when the node refused the connection.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::client::{Client, Connection, Message};
use crate::time::{SOON, eventually};

/// The pause between two looks at the nodes.
const LOOK: Duration = Duration::from_millis(25);
/// How long a request may wait for a node that takes it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A running balancer.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    nodes: Arc<Nodes>,
    looking: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Nodes {
    /// Which there are, and whether they were ready when they were last asked.
    known: Mutex<Vec<(SocketAddr, bool)>>,
    turn: AtomicUsize,
    is_over: AtomicBool,
}

impl Balancer {
    /// A balancer without nodes.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let nodes = Arc::<Nodes>::default();
        let serving = Arc::clone(&nodes);
        // It ends with the process of the tests, as do those that it starts: they have nothing to tidy up.
        thread::spawn(move || {
            for client in listener.incoming() {
                let nodes = Arc::clone(&serving);
                thread::spawn(move || converse(client.expect("a connection"), &nodes));
            }
        });
        let looked_at = Arc::clone(&nodes);
        Self {
            address,
            nodes,
            looking: Some(thread::spawn(move || looked_at.look())),
        }
    }

    /// Takes a node in, and waits until it gets requests.
    #[track_caller]
    pub(crate) fn add(&self, node: SocketAddr) {
        self.nodes.known.lock().push((node, false));
        eventually("a node that is ready", SOON, || {
            self.nodes.known.lock().contains(&(node, true)).then_some(())
        });
    }

    /// Forgets a node.
    pub(crate) fn remove(&self, node: SocketAddr) {
        self.nodes.known.lock().retain(|(known, _)| *known != node);
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.nodes.is_over.store(true, Ordering::Relaxed);
        if let Some(looking) = self.looking.take() {
            looking.join().ok();
        }
    }
}

impl Nodes {
    fn look(&self) {
        let mut clients = HashMap::new();
        while !self.is_over.load(Ordering::Relaxed) {
            let known: Vec<SocketAddr> = self.known.lock().iter().map(|(node, _)| *node).collect();
            for node in known {
                let client = clients.entry(node).or_insert_with(|| Client::new(node, None));
                let answer = client.try_send("GET /health/ready", &[], b"");
                let is_ready = answer.is_ok_and(|answer| answer.status == 200);
                if let Some(seen) = self.known.lock().iter_mut().find(|(known, _)| *known == node) {
                    seen.1 = is_ready;
                }
            }
            thread::sleep(LOOK);
        }
    }

    /// Whose turn it is.
    fn next(&self) -> Option<SocketAddr> {
        let known = self.known.lock();
        let ready: Vec<SocketAddr> = known
            .iter()
            .filter(|(_, ready)| *ready)
            .map(|(node, _)| *node)
            .collect();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        ready.get(turn.checked_rem(ready.len())?).copied()
    }
}

/// Answers one client until it hangs up.
fn converse(client: TcpStream, nodes: &Nodes) {
    client.set_nodelay(true).expect("a socket");
    let mut client = Connection::over(client);
    let mut kept = HashMap::new();
    while let Ok(request) = client.message() {
        let answer = forward(&request, nodes, &mut kept).unwrap_or_else(|error| Message {
            start: "HTTP/1.1 502 Bad Gateway".to_owned(),
            headers: vec![("content-length".to_owned(), error.to_string().len().to_string())],
            body: error.to_string().into_bytes(),
        });
        if client.send(&answer.text()).is_err() {
            return;
        }
    }
}

/// Has a node answer.
///
/// # Errors
/// When a node that had the request did not answer it; when no node takes it for a long time.
fn forward(request: &Message, nodes: &Nodes, kept: &mut HashMap<SocketAddr, Connection>) -> io::Result<Message> {
    let tries = PATIENCE.as_millis() / LOOK.as_millis();
    for _ in 0..tries {
        let Some(node) = nodes.next() else {
            thread::sleep(LOOK);
            continue;
        };
        let usable = kept.remove(&node).filter(|connection| !connection.has_ended());
        let Ok(mut connection) = usable.map_or_else(|| Connection::open(node), Ok) else {
            thread::sleep(LOOK);
            continue;
        };
        connection.send(&request.text())?;
        let mut answer = connection.message()?;
        if answer.header("connection") != Some("close") {
            kept.insert(node, connection);
        }
        // That is about the connection to the node, not about the client's.
        answer.headers.retain(|(name, _)| name != "connection");
        return Ok(answer);
    }
    Err(io::Error::other("no node takes the request"))
}
