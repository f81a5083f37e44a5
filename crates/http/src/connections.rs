//! How many connections are open, and how many may be.
//!
//! Each takes a file handle, of which a process has so many. Without a limit one client could take them all, and then neither
//! other clients nor the database would get one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use kernel::address_block;
use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;

use crate::app::App;
use crate::client_ip::Peer;

/// The connections of one listener.
pub(crate) struct Connections {
    most: usize,
    most_of_one: usize,
    trusted_proxies: Vec<IpNet>,
    gauge: Gauge,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    all: usize,
    by_block: HashMap<IpAddr, usize, foldhash::fast::RandomState>,
}

/// The place of one open connection, free again when this is dropped.
pub(crate) struct Taken {
    connections: Arc<Connections>,
    block: Option<IpAddr>,
}

impl Connections {
    /// None yet, and as many as the configuration allows.
    pub(crate) fn new(app: &App) -> Arc<Self> {
        let config = app.config();
        Arc::new(Self {
            most: config.max_connections,
            most_of_one: config.max_connections_per_address,
            trusted_proxies: config.trusted_proxies.clone(),
            gauge: app.metrics().connections(),
            open: Mutex::default(),
        })
    }

    /// A place for a connection from there, unless there are too many. A proxy brings the connections of many clients, so those that
    /// are trusted count only among all.
    pub(crate) fn take(self: &Arc<Self>, peer: Peer) -> Option<Taken> {
        let address = peer.0.ip().to_canonical();
        let is_proxy = self.trusted_proxies.iter().any(|network| network.contains(&address));
        let block = (!is_proxy).then(|| address_block(address));
        let mut open = self.open.lock();
        if open.all >= self.most {
            return None;
        }
        if let Some(block) = block {
            match open.by_block.entry(block) {
                Entry::Occupied(known) if *known.get() >= self.most_of_one => return None,
                entry => *entry.or_default() += 1,
            }
        }
        open.all += 1;
        self.gauge.inc();
        Some(Taken {
            connections: Arc::clone(self),
            block,
        })
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        let mut open = self.connections.open.lock();
        open.all = open.all.saturating_sub(1);
        self.connections.gauge.dec();
        if let Some(Entry::Occupied(mut known)) = self.block.map(|block| open.by_block.entry(block)) {
            *known.get_mut() -= 1;
            if *known.get() == 0 {
                known.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connections(most: usize, most_of_one: usize) -> Arc<Connections> {
        Arc::new(Connections {
            most,
            most_of_one,
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
            gauge: Gauge::default(),
            open: Mutex::default(),
        })
    }

    fn from(address: &str) -> Peer {
        Peer(format!("{address}:1").parse().unwrap())
    }

    #[test]
    fn one_client_takes_its_share_and_no_more() {
        let connections = connections(100, 2);
        let first = connections.take(from("192.0.2.1")).unwrap();
        let second = connections.take(from("[::ffff:192.0.2.1]")).unwrap();
        assert!(connections.take(from("192.0.2.1")).is_none());
        assert!(connections.take(from("192.0.2.2")).is_some());
        drop(first);
        assert!(
            connections.take(from("192.0.2.1")).is_some(),
            "a place that is free again"
        );
        drop(second);
        assert!(
            connections.open.lock().by_block.is_empty(),
            "nothing is kept of who is gone"
        );
    }

    #[test]
    fn a_client_with_a_network_of_its_own_is_one() {
        let connections = connections(100, 1);
        let _first = connections.take(from("[2001:db8:0:1::1]")).unwrap();
        assert!(connections.take(from("[2001:db8:0:1:ffff::9]")).is_none());
        assert!(connections.take(from("[2001:db8:0:2::1]")).is_some());
    }

    #[test]
    fn proxies_count_only_among_all() {
        let connections = connections(3, 1);
        let taken: Vec<_> = (0..4).map(|_| connections.take(from("10.1.2.3"))).collect();
        assert_eq!(taken.iter().flatten().count(), 3);
        assert_eq!(connections.gauge.get(), 3);
        assert!(connections.take(from("192.0.2.1")).is_none());
        drop(taken);
        assert!(connections.take(from("192.0.2.1")).is_some());
        assert_eq!(connections.gauge.get(), 0);
    }
}
