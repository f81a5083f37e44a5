//! PostgreSQL goes away under a running server, and comes back.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use testkit::postgres::{self, Extra, OwnServer, Stop};
use url::Url;

use crate::client::{Client, ORGANIZATIONS};
use crate::installation::Installation;
use crate::rows::{assert_holds, execute, whole};
use crate::storm::Storm;
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

fn lose_and_find_again(how: Stop) {
    let Some(postgres) = OwnServer::start(DURABLE).unwrap() else {
        return;
    };
    execute(&postgres.url(), "CREATE DATABASE lastro");
    let lastro = Installation::at(&db::admin::sibling(&postgres.url(), "lastro").unwrap());
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    let storm = Storm::begin(&server, "storm");
    storm.wait_for(20);
    assert_eq!(malformed(&mut client), 400);

    postgres.stop(how).unwrap();
    let unready = eventually("a server that is not ready", NOTICED, || {
        let answer = client.get("/health/ready");
        (answer.status != 200).then_some(answer)
    });
    unready.assert_unavailable();
    let watch = Stopwatch::start();
    client.create("without-a-database").assert_unavailable();
    assert!(watch.elapsed() < NOTICED, "a refusal took {:?}", watch.elapsed());
    client.get("/health/live").assert_status(200);
    // Two seconds after its last look at the change feed a node no longer trusts what it knows.
    eventually("a node that does not trust what it knows", NOTICED, || {
        (malformed(&mut client) == 503).then_some(())
    });
    for _ in 0..5 {
        client.get(ORGANIZATIONS).assert_unavailable();
        client.get("/health/live").assert_status(200);
        assert_eq!(malformed(&mut client), 503);
    }

    postgres.resume().unwrap();
    eventually("a server that is ready again", NOTICED, || {
        (client.get("/health/ready").status == 200).then_some(())
    });
    client.get(ORGANIZATIONS).assert_status(200);
    client.create("with-a-database").assert_status(201);
    storm.wait_for(20);
    let mut outcome = storm.end();
    assert!(outcome.unanswered.is_empty(), "{:?}", outcome.unanswered);
    assert!(!outcome.unavailable.is_empty());

    // What was refused may have been carried out: the answer to a COMMIT can be lost. With the key it is safe to ask again.
    assert_holds(&whole(lastro.url()), &outcome.acknowledged);
    for slug in &outcome.unavailable {
        let made = client.create_again(slug).assert_status(201);
        outcome.acknowledged.insert(slug.clone(), made.id());
    }
    let organizations = whole(lastro.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert_eq!(
        organizations.len(),
        outcome.acknowledged.len() + 3,
        "those of the storm, the platform, the sample and the last"
    );
    server.stop();
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
    line.hold(true);
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

    line.hold(false);
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

/// A line to a database that can be held: what is sent either way then waits.
struct Line {
    url: String,
    held: Arc<AtomicBool>,
}

impl Line {
    fn to(url: &str) -> Self {
        let mut url = Url::parse(url).unwrap();
        let there = url.socket_addrs(|| None).unwrap()[0];
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        url.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
        let held = Arc::<AtomicBool>::default();
        let seen = Arc::clone(&held);
        thread::spawn(move || {
            for here in listener.incoming() {
                let (here, there) = (here.unwrap(), TcpStream::connect(there).unwrap());
                here.set_nodelay(true).unwrap();
                there.set_nodelay(true).unwrap();
                for (from, to) in [(here.try_clone().unwrap(), there.try_clone().unwrap()), (there, here)] {
                    let held = Arc::clone(&seen);
                    thread::spawn(move || carry(from, to, &held));
                }
            }
        });
        Self { url: url.into(), held }
    }

    fn hold(&self, held: bool) {
        self.held.store(held, Ordering::Release);
    }
}

/// Carries bytes one way until one side ends, and tells the other.
fn carry(mut from: TcpStream, mut to: TcpStream, held: &AtomicBool) {
    let mut bytes = [0; 4_096];
    while let Ok(length @ 1..) = from.read(&mut bytes) {
        while held.load(Ordering::Acquire) {
            thread::sleep(Duration::from_millis(5));
        }
        if to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    // It may be gone already.
    to.shutdown(Shutdown::Both).ok();
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
