//! The network between one node and the database is away for ten seconds, while clients are at work on all nodes.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::client::ORGANIZATIONS;
use crate::customer::{Customer, READABLE};
use crate::installation::{Installation, Server};
use crate::line::{Line, State};
use crate::revocation::GONE_WITHIN;
use crate::rows::{assert_holds, whole};
use crate::storm::Storm;
use crate::time::{SOON, Stopwatch, eventually};
use crate::watch::Watch;

/// For how long the network is away.
const AWAY: Duration = Duration::from_secs(10);
/// For how long a node that does not reach the database may act on what it knew.
const TRUSTED_FOR: Duration = Duration::from_secs(2);
/// How long the node may take to be well again.
const HEALED: Duration = Duration::from_secs(10);

fn cut_off_and_found_again(how: State) {
    let Some(lastro) = Installation::on_postgres() else {
        return;
    };
    let lastro = lastro.with("LASTRO_MASTER_KEY", &"0f".repeat(32));
    let line = Line::to(lastro.url());
    let places = [lastro.another_node(), lastro.node_at(&line.url)];
    let here = lastro.serve(&["--demo"]);
    let [there, cut] = places.each_ref().map(|place| place.serve(&["--demo"]));

    let customer = Customer::on(&here);
    let mut administrator = customer.administrator(&here);
    let assigned = customer.grant_reading(&mut administrator, None);
    let token = customer.token(&here);
    let time = Arc::new(Stopwatch::start());
    let [at_here, at_there, at_cut] =
        [&here, &there, &cut].map(|node| Watch::begin(node.holder(&token), READABLE, &time));
    for reading in [&at_here, &at_there, &at_cut] {
        eventually("somebody who may read", SOON, || {
            (reading.status_since(Duration::ZERO) == Some(200)).then_some(())
        });
    }
    let begun = time.elapsed();
    let (elsewhere, storm) = (Storm::begin(&here, "here"), Storm::begin(&cut, "cut"));
    elsewhere.wait_for(10);
    storm.wait_for(10);

    line.set(how);
    let away_since = time.elapsed();
    // It cannot hear of this.
    administrator.ask(&format!("DELETE {assigned}")).assert_status(204);
    let gone = time.elapsed();
    eventually("a refusal on the node that reaches the database", SOON, || {
        (at_there.status_since(gone) == Some(403)).then_some(())
    });
    eventually("a refusal on the node that is cut off", SOON, || {
        (at_cut.status_since(gone) == Some(503)).then_some(())
    });
    let mut client = cut.operator();
    eventually("a node that trusts nothing any more", SOON, || {
        (client.get(ORGANIZATIONS).status == 503).then_some(())
    });
    client.get(ORGANIZATIONS).assert_unavailable();
    client.create("without-a-network").assert_unavailable();
    client.get("/health/live").assert_status(200);
    client.get("/health/ready").assert_unavailable();
    // The others do not notice.
    elsewhere.wait_for(20);
    here.visitor().get("/health/ready").assert_status(200);
    thread::sleep(AWAY.saturating_sub(time.elapsed().saturating_sub(away_since)));

    line.set(State::Open);
    eventually("a node that is ready again", HEALED, || {
        (client.get("/health/ready").status == 200).then_some(())
    });
    client.create("with-a-network").assert_status(201);
    storm.wait_for(20);
    let back = time.elapsed();
    eventually("a node that knows what was taken away", SOON, || {
        (at_cut.status_since(back) == Some(403)).then_some(())
    });
    let (elsewhere, mut outcome) = (elsewhere.end(), storm.end());

    // What somebody was allowed, and when. The node that is cut off counts from its last look at the database, which was before
    // the change: not a moment is to be added here for a machine that is slow.
    for (reading, until) in [
        (&at_here, Duration::ZERO),
        (&at_there, GONE_WITHIN),
        (&at_cut, TRUSTED_FOR),
    ] {
        let stale: Vec<_> = reading
            .all()
            .into_iter()
            .filter(|asked| asked.sent > gone + until && !matches!(asked.status, Some(403 | 503)))
            .collect();
        assert!(stale.is_empty(), "{stale:?} after {gone:?} and {until:?}");
    }
    for reading in [&at_here, &at_there] {
        let refused = reading
            .all()
            .into_iter()
            .find(|asked| asked.sent >= begun && asked.status == Some(503));
        assert_eq!(refused, None, "a node that reaches the database answers");
    }

    elsewhere.assert_undisturbed();
    assert!(outcome.unanswered.is_empty(), "{:?}", outcome.unanswered);
    assert!(!outcome.unavailable.is_empty());
    outcome.acknowledged.extend(elsewhere.acknowledged);
    assert_holds(&whole(lastro.url()), &outcome.acknowledged);
    // What was refused may have been carried out: with the key it is safe to ask again, on any node.
    outcome.unavailable.insert("without-a-network".to_owned());
    outcome.repeat_refused(&mut there.operator());
    let organizations = whole(lastro.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert_eq!(
        organizations.len(),
        outcome.acknowledged.len() + 4,
        "those that were asked for, the platform, the sample, the customer and the last"
    );
    drop([at_here, at_there, at_cut]);
    [here, there, cut].into_iter().for_each(Server::stop);
}

#[test]
fn a_node_whose_connections_are_reset_refuses_and_heals() {
    cut_off_and_found_again(State::Reset);
}

#[test]
fn a_node_whose_network_falls_silent_refuses_and_heals() {
    cut_off_and_found_again(State::Silent);
}
