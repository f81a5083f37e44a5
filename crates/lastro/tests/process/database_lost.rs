//! PostgreSQL goes away under a running server, and comes back.

use std::time::Duration;

use testkit::postgres::{self, Extra, OwnServer, Stop};

use crate::client::{Client, ORGANIZATIONS};
use crate::customer::{Customer, READABLE};
use crate::installation::{Installation, Server};
use crate::line::{Line, State};
use crate::revocation::GONE_WITHIN;
use crate::rows::{assert_holds, execute, whole};
use crate::storm::{Outcome, Storm};
use crate::time::{SOON, Stopwatch, eventually};

/// The tests' servers do without what makes a commit survive the server's end, which is what is looked at here.
const DURABLE: Extra<'_> = Extra {
    settings: "synchronous_commit = on\n",
    files: &[],
};
/// How long the server may take to notice, and to be well again.
const NOTICED: Duration = Duration::from_secs(10);

/// A malformed body is refused with 400 by a node that trusts what it knows of access, whatever its database does; one that
/// does not trust it any more refuses before it looks at the body.
fn malformed(client: &mut Client) -> u16 {
    let answer = client.try_send(&format!("POST {ORGANIZATIONS}"), &[], b"{");
    let answer = answer.expect("an answer");
    if answer.status != 400 {
        answer.assert_unavailable();
    }
    answer.status
}

/// Two nodes lose their database at the same moment, and are left alone.
fn lose_and_find_again(how: Stop) {
    let Some(postgres) = OwnServer::start(DURABLE).unwrap() else {
        return;
    };
    execute(&postgres.url(), "CREATE DATABASE lastro");
    let lastro = Installation::at(&db::admin::sibling(&postgres.url(), "lastro").unwrap())
        .with("LASTRO_MASTER_KEY", &"0f".repeat(32));
    let places = [lastro.another_node(), lastro.another_node()];
    let nodes = places.each_ref().map(|place| place.serve(&["--demo"]));
    let customer = Customer::on(&nodes[0]);
    let assigned = customer.grant_reading(&mut customer.administrator(&nodes[0]), None);
    let token = customer.token(&nodes[0]);
    let mut clients = nodes.each_ref().map(Server::operator);
    let storms = [("one", &nodes[0]), ("other", &nodes[1])].map(|(name, node)| Storm::begin(node, name));
    storms.iter().for_each(|storm| storm.wait_for(20));
    for client in &mut clients {
        assert_eq!(malformed(client), 400);
    }

    postgres.stop(how).unwrap();
    for client in &mut clients {
        let unready = eventually("a server that is not ready", NOTICED, || {
            let answer = client.get("/health/ready");
            (answer.status != 200).then_some(answer)
        });
        unready.assert_unavailable();
        let watch = Stopwatch::start();
        client.create("without-a-database").assert_unavailable();
        assert!(watch.elapsed() < NOTICED, "a refusal took {:?}", watch.elapsed());
        client.get("/health/live").assert_status(200);
    }
    for client in &mut clients {
        // Two seconds after its last look at the change feed a node no longer trusts what it knows.
        eventually("a node that does not trust what it knows", NOTICED, || {
            (malformed(client) == 503).then_some(())
        });
        for _ in 0..5 {
            client.get(ORGANIZATIONS).assert_unavailable();
            client.get("/health/live").assert_status(200);
            assert_eq!(malformed(client), 503);
        }
    }

    postgres.resume().unwrap();
    for (client, slug) in clients.iter_mut().zip(["with-a-database", "with-a-database-again"]) {
        eventually("a server that is ready again", NOTICED, || {
            (client.get("/health/ready").status == 200).then_some(())
        });
        client.get(ORGANIZATIONS).assert_status(200);
        client.create(slug).assert_status(201);
    }
    storms.iter().for_each(|storm| storm.wait_for(20));
    // They hear of each other's changes as before.
    let mut reader = nodes[1].holder(&token);
    reader.get(READABLE).assert_status(200);
    let mut administrator = customer.administrator(&nodes[0]);
    administrator.ask(&format!("DELETE {assigned}")).assert_status(204);
    eventually("a refusal on the other node", GONE_WITHIN, || {
        (reader.get(READABLE).status == 403).then_some(())
    });

    let outcomes = storms.map(Storm::end);
    for outcome in &outcomes {
        assert!(outcome.unanswered.is_empty(), "{:?}", outcome.unanswered);
        assert!(!outcome.unavailable.is_empty());
    }
    let mut outcome: Outcome = outcomes.into_iter().sum();
    // What was refused may have been carried out: the answer to a COMMIT can be lost. With the key it is safe to ask again.
    assert_holds(&whole(lastro.url()), &outcome.acknowledged);
    outcome.repeat_refused(&mut clients[0]);
    let organizations = whole(lastro.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert_eq!(
        organizations.len(),
        outcome.acknowledged.len() + 5,
        "those of the storms, the platform, the sample, the customer and the last two"
    );
    nodes.into_iter().for_each(Server::stop);
}

#[test]
fn a_server_lives_without_its_database_and_heals_when_it_is_restarted() {
    lose_and_find_again(Stop::Fast);
}

#[test]
fn a_server_lives_without_its_database_and_heals_when_it_crashed() {
    lose_and_find_again(Stop::Immediate);
}

#[test]
fn a_server_whose_database_falls_silent_refuses_in_time_and_heals() {
    let Some(database) = postgres::server()
        .unwrap()
        .map(|server| server.empty_database().unwrap())
    else {
        return;
    };
    let line = Line::to(&database.url());
    let lastro = Installation::at(&line.url);
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    let storm = Storm::begin(&server, "storm");
    storm.wait_for(20);

    // No connection ends, and nothing arrives any more: a cable is out, or a machine stands still.
    line.set(State::Silent);
    eventually("a node that does not trust what it knows", NOTICED, || {
        (malformed(&mut client) == 503).then_some(())
    });
    let watch = Stopwatch::start();
    for _ in 0..5 {
        client.get(ORGANIZATIONS).assert_unavailable();
        client.create("during-the-silence").assert_unavailable();
        client.get("/health/live").assert_status(200);
    }
    assert!(
        watch.elapsed() < Duration::from_secs(3),
        "refusals took {:?}",
        watch.elapsed()
    );
    client.get("/health/ready").assert_unavailable();

    line.set(State::Open);
    eventually("a server that is ready again", NOTICED, || {
        (client.get("/health/ready").status == 200).then_some(())
    });
    storm.wait_for(20);
    let outcome = storm.end();
    assert!(outcome.unanswered.is_empty(), "{:?}", outcome.unanswered);
    assert_holds(&whole(&database.url()), &outcome.acknowledged);
    for slug in &outcome.unavailable {
        client.create_again(slug).assert_status(201);
    }
    assert_eq!(
        whole(&database.url()).len(),
        outcome.acknowledged.len() + outcome.unavailable.len() + 2
    );
    server.stop();
}

#[test]
fn a_server_told_to_stop_without_its_database_stops() {
    let Some(postgres) = OwnServer::start(DURABLE).unwrap() else {
        return;
    };
    let lastro = Installation::at(&postgres.url());
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    client.create("kept").assert_status(201);
    postgres.stop(Stop::Fast).unwrap();
    client.create("refused").assert_unavailable();
    server.signal("TERM");
    assert_eq!(server.end(SOON), Some(0));
}
