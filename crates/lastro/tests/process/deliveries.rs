//! One of two nodes is killed while both deliver events. SQLite has one node; this is PostgreSQL's.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use serde_json::json;
use testkit::{Hooks, Reaction};
use tokio::runtime;

use crate::client::{Answer, Client};
use crate::installation::{Installation, Server};
use crate::time::{SOON, eventually};

/// How many events there are, and how many receivers get each of them: 10,000 deliveries.
const EVENTS: usize = 1_000;
const RECEIVERS: usize = 10;
/// Who makes the events.
const CLIENTS: usize = 8;
/// After how many deliveries a node is killed.
const ENOUGH: usize = 3_000;
/// How many are on their way then, at least: more than one node sends at once (64 to each receiver), so that some are the killed one's.
const UNANSWERED: usize = RECEIVERS * 64 + 40;
/// How long it may take until all have arrived. What the killed node held arrives half a minute after its end; the rest is for a
/// machine that is busy with something else.
const ARRIVED: Duration = Duration::from_secs(180);

/// Has groups made until there is an event for each number, and returns their ids. Each of those who ask has a node of its
/// own, and the other for when that is gone.
fn make_events(everybody: Vec<[Client; 2]>) -> BTreeSet<String> {
    let next = &AtomicUsize::new(0);
    let make = |mut nodes: [Client; 2]| {
        let mut made = BTreeSet::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= EVENTS {
                return made;
            }
            let answer = make_group(&mut nodes[0], number).unwrap_or_else(|_| {
                nodes.reverse();
                // Whether the first node carried it out before it was gone does not matter: the key is the same.
                eventually("the end of the first request with the key", SOON, || {
                    let answer = make_group(&mut nodes[0], number).expect("an answer");
                    (answer.code() != "CONFLICT_IDEMPOTENCY_IN_PROGRESS").then_some(answer)
                })
            });
            made.insert(answer.assert_status(201).id());
        }
    };
    thread::scope(|scope| {
        let making: Vec<_> = everybody
            .into_iter()
            .map(|nodes| scope.spawn(move || make(nodes)))
            .collect();
        making.into_iter().flat_map(|asking| asking.join().unwrap()).collect()
    })
}

fn make_group(client: &mut Client, number: usize) -> io::Result<Answer> {
    let body = json!({ "name": format!("Group {number}"), "code": format!("GROUP_{number}") });
    let key = format!("group-{number}");
    client.try_send(
        "POST /api/v1/groups",
        &[("idempotency-key", &key)],
        body.to_string().as_bytes(),
    )
}

#[test]
fn every_event_arrives_when_a_node_is_killed_in_the_middle() {
    let Some(first) = Installation::on_postgres() else {
        return;
    };
    let prepared = |place: Installation| {
        place
            .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
            .with("LASTRO_WEBHOOK_ALLOW_PRIVATE", "on")
            .with("LASTRO_WEBHOOK_RETRY_SCHEDULE", "1s,1s,1s,1s,1s")
    };
    let first = prepared(first);
    let second = prepared(first.another_node());
    let nodes = [&first, &second].map(|place| place.serve(&["--demo"]));
    let receiving = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let receivers: Vec<Hooks> = (0..RECEIVERS).map(|_| receiving.block_on(Hooks::start())).collect();
    let mut operator = nodes[1].operator();
    for receiver in &receivers {
        let body = json!({ "url": receiver.url(), "eventTypes": ["group.created"] });
        operator.send("POST /api/v1/webhooks", &body).assert_status(201);
    }

    let everybody = (0..CLIENTS)
        .map(|number| {
            let mut own = nodes.each_ref().map(Server::operator);
            own.rotate_left(number % 2);
            own
        })
        .collect();
    let making = thread::spawn(move || make_events(everybody));
    eventually("deliveries on the way", ARRIVED, || {
        (heard(&receivers) >= ENOUGH).then_some(())
    });
    // From here on nobody is answered, so that what is on its way is neither delivered nor failed when the node dies.
    for receiver in &receivers {
        receiver.react_always(Reaction::Silence);
    }
    let before = heard(&receivers);
    eventually("deliveries that nobody answers", ARRIVED, || {
        (heard(&receivers) >= before + UNANSWERED).then_some(())
    });
    nodes[0].signal("KILL");
    for receiver in &receivers {
        receiver.react_always(Reaction::status(200));
    }
    let made = making.join().unwrap();
    assert_eq!(made.len(), EVENTS);

    eventually("every event at every receiver", ARRIVED, || {
        let whole = receivers.iter().all(|receiver| {
            receiver.count() >= EVENTS && ids_of_events(receiver).values().collect::<BTreeSet<_>>().len() >= EVENTS
        });
        if !whole {
            thread::sleep(Duration::from_millis(500));
        }
        whole.then_some(())
    });
    let mut known = BTreeMap::new();
    let mut repeated = 0;
    for receiver in &receivers {
        let ids = ids_of_events(receiver);
        repeated += receiver.count() - EVENTS;
        assert!(made.iter().all(|group| ids.contains_key(group)));
        for (group, id) in ids {
            // One event has one id, however often and to whomever it is sent.
            assert_eq!(*known.entry(group).or_insert_with(|| id.clone()), id);
        }
    }
    assert!(repeated > 0, "what was on its way when the node died was sent again");
    println!("{repeated} deliveries were repeated");
    let [_killed, other] = nodes;
    other.stop();
}

/// How much has arrived everywhere.
fn heard(receivers: &[Hooks]) -> usize {
    receivers.iter().map(Hooks::count).sum()
}

/// The events that the receiver has heard of: the group each is about, and its id, which repetitions have too.
#[track_caller]
fn ids_of_events(receiver: &Hooks) -> BTreeMap<String, String> {
    let mut ids = BTreeMap::new();
    for hook in receiver.all() {
        let group = hook.json()["data"]["id"].as_str().expect("an id").to_owned();
        let id = hook.header("webhook-id").to_owned();
        let first = ids.entry(group).or_insert_with(|| id.clone());
        assert_eq!(*first, id, "a repetition under another id");
    }
    ids
}
