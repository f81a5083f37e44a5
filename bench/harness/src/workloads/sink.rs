//! A receiver of webhooks on this machine, which does nothing but count.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use parking_lot::Mutex;

use crate::process;

/// The receiver. Its threads end with their connections.
pub(super) struct Sink {
    addresses: Vec<SocketAddr>,
    shared: Arc<Shared>,
}

struct Shared {
    taken: AtomicU64,
    stopped: AtomicBool,
    /// Who is told when the first byte of a delivery arrived.
    arrivals: Mutex<Option<Sender<Instant>>>,
}

impl Sink {
    /// Listens on so many ports of loopback.
    pub(super) fn open(ports: usize) -> anyhow::Result<Self> {
        let shared = Arc::new(Shared {
            taken: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
            arrivals: Mutex::new(None),
        });
        let mut addresses = Vec::with_capacity(ports);
        for _ in 0..ports {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            addresses.push(listener.local_addr()?);
            let shared = Arc::clone(&shared);
            thread::spawn(move || shared.listen(&listener));
        }
        Ok(Self { addresses, shared })
    }

    /// Where it is.
    pub(super) fn urls(&self) -> impl Iterator<Item = String> {
        self.addresses.iter().map(|address| format!("http://{address}/hook"))
    }

    /// How many deliveries it took.
    pub(super) fn taken(&self) -> u64 {
        self.shared.taken.load(Ordering::Relaxed)
    }

    /// Tells of each delivery from now on when its first byte arrived.
    pub(super) fn arrivals(&self) -> Receiver<Instant> {
        let (sender, receiver) = channel();
        *self.shared.arrivals.lock() = Some(sender);
        receiver
    }

    /// Waits until `count` deliveries were taken in all, at most for `limit`; how long that took, seen every 10 ms, and how many there are then.
    ///
    /// # Errors
    /// When nothing arrived for `patience`, or the run was stopped.
    pub(super) fn wait_for(&self, count: u64, patience: Duration, limit: Duration) -> anyhow::Result<(Duration, u64)> {
        let started = Instant::now();
        let (mut last, mut changed) = (self.taken(), Instant::now());
        loop {
            let now = self.taken();
            if now >= count || started.elapsed() >= limit {
                return Ok((started.elapsed(), now));
            }
            if now > last {
                (last, changed) = (now, Instant::now());
            }
            (changed.elapsed() < patience)
                .then_some(())
                .with_context(|| format!("{now} of {count} deliveries arrived, and then no more"))?;
            process::sleep(Duration::from_millis(10))?;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::Relaxed);
        // A listener looks at the flag when somebody comes; that nobody can is just as well.
        for address in &self.addresses {
            drop(TcpStream::connect_timeout(address, Duration::from_millis(100)));
        }
    }
}

impl Shared {
    /// Takes whoever comes.
    fn listen(self: &Arc<Self>, listener: &TcpListener) {
        for stream in listener.incoming() {
            if self.stopped.load(Ordering::Relaxed) {
                return;
            }
            let shared = Arc::clone(self);
            // A connection that breaks is one that its sender gave up.
            thread::spawn(move || stream.map(|stream| shared.take(stream)));
        }
    }

    /// Answers 200 to one request after the other.
    fn take(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        let mut line = String::new();
        let mut body = Vec::new();
        while !stream.fill_buf()?.is_empty() {
            let arrived = Instant::now();
            let mut length = 0_u64;
            loop {
                line.clear();
                if stream.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let Some((name, value)) = line.trim_end().split_once(':') else {
                    if line.trim_end().is_empty() {
                        break;
                    }
                    continue;
                };
                if name.eq_ignore_ascii_case("content-length") {
                    length = value.trim().parse().unwrap_or_default();
                }
            }
            body.clear();
            stream.by_ref().take(length).read_to_end(&mut body)?;
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")?;
            self.taken.fetch_add(1, Ordering::Relaxed);
            if let Some(told) = self.arrivals.lock().as_ref() {
                // Nobody listens any more when the measurement is over.
                let _ = told.send(arrived);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::client::Client;

    #[test]
    fn deliveries_are_counted_and_their_arrivals_told() {
        let sink = Sink::open(2).unwrap();
        let arrivals = sink.arrivals();
        let before = Instant::now();
        assert_eq!(sink.urls().count(), 2);
        for address in sink.addresses.iter().chain(&sink.addresses).take(3) {
            let mut client = Client::connect(*address, "").unwrap();
            assert_eq!(client.post("/hook", &json!({"a": "b: c\r\n\r\n"})).unwrap().status, 200);
        }
        let minute = Duration::from_secs(60);
        assert_eq!(sink.wait_for(3, minute, minute).unwrap().1, 3);
        assert!(arrivals.recv_timeout(Duration::from_secs(10)).unwrap() >= before);
        assert!(sink.wait_for(4, Duration::from_millis(20), minute).is_err());
        assert_eq!(sink.wait_for(4, minute, Duration::from_millis(20)).unwrap().1, 3);
    }
}
