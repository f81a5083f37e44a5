//! Every node is replaced, one after the other, while clients are at work behind a balancer. SQLite has one node; this is
//! PostgreSQL's.

use std::sync::Arc;

use crate::balancer::Balancer;
use crate::client::{Client, ORGANIZATIONS};
use crate::installation::{Installation, Server};
use crate::rows::{assert_holds, whole};
use crate::storm::Storm;
use crate::time::{SOON, Stopwatch};
use crate::watch::Watch;

/// For how long a node that is told to stop still answers: much longer than the balancer takes to notice, also on a machine that
/// is busy with something else.
const GRACE: (&str, &str) = ("LASTRO_STOP_GRACE", "2s");

#[test]
fn a_rolling_restart_under_load_fails_no_request() {
    let Some(first) = Installation::on_postgres() else {
        return;
    };
    let first = first.with("LASTRO_MASTER_KEY", &"0f".repeat(32)).with(GRACE.0, GRACE.1);
    let places = [
        first.another_node().with(GRACE.0, GRACE.1),
        first.another_node().with(GRACE.0, GRACE.1),
        first.another_node().with(GRACE.0, GRACE.1),
    ];
    let balancer = Balancer::start();
    let mut nodes: Vec<Server> = places.iter().map(|place| place.serve(&["--demo"])).collect();
    for node in &nodes {
        balancer.add(node.address);
    }
    let operator = || Client::new(balancer.address, Some(nodes[0].token().to_owned()));
    let time = Arc::new(Stopwatch::start());
    let reading = Watch::begin(operator(), ORGANIZATIONS, &time);
    let storm = Storm::of(operator, "storm");
    storm.wait_for(20);

    for (number, place) in places.iter().enumerate() {
        // The new one is there before the old one goes, as an orchestrator does it.
        let new = place.serve(&[]);
        balancer.add(new.address);
        let old = std::mem::replace(&mut nodes[number], new);
        let address = old.address;
        old.signal("TERM");
        assert_eq!(old.end(SOON), Some(0));
        balancer.remove(address);
        storm.wait_for(20);
    }

    let outcome = storm.end();
    outcome.assert_undisturbed();
    let read = reading.all();
    assert!(read.iter().all(|asked| asked.status == Some(200)), "{read:?}");
    let organizations = whole(first.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert_eq!(organizations.len(), outcome.acknowledged.len() + 2);
    nodes.into_iter().for_each(Server::stop);
}
