//! The server is told to stop while it is at work.

use std::time::Duration;

use crate::client::{Client, Connection, ORGANIZATIONS, organization};
use crate::installation::{Installation, Server};
use crate::rows::{assert_holds, whole};
use crate::storm::Storm;
use crate::time::{SOON, Stopwatch, eventually};

/// How long the server gives what runs when it is told to stop.
const LIMIT: Duration = Duration::from_secs(30);

/// A request whose handler waits for the second half of the body.
struct HalfSent {
    connection: Connection,
    rest: Vec<u8>,
}

impl HalfSent {
    fn begin(server: &Server, client: &Client, slug: &str) -> Self {
        let body = organization(slug);
        let headers = [("idempotency-key", slug), ("expect", "100-continue")];
        let text = client.text(&format!("POST {ORGANIZATIONS}"), &headers, body.as_bytes());
        let (head, body) = text.split_at(text.len() - body.len());
        let mut connection = Connection::open(server.address).unwrap();
        connection.send(head).unwrap();
        // The server asks for a body when its handler does.
        assert_eq!(connection.answer().unwrap().status, 100);
        let (half, rest) = body.split_at(body.len() / 2);
        connection.send(half).unwrap();
        Self {
            connection,
            rest: rest.to_vec(),
        }
    }
}

/// Waits until nobody is let in any more.
fn wait_until_closed(server: &Server) {
    eventually("refused connections", SOON, || {
        std::net::TcpStream::connect(server.address).is_err().then_some(())
    });
}

on_both_engines! {
    fn what_runs_is_finished_and_nothing_new_is_begun(lastro: Installation) {
        let server = lastro.serve(&["--demo"]);
        let mut client = server.operator();
        let storm = Storm::begin(&server, "storm");
        storm.wait_for(20);
        // One that has asked before and keeps its connection, and one that has not said anything yet.
        let mut kept = Connection::open(server.address).unwrap();
        kept.send(&client.text("GET /health/live", &[], b"")).unwrap();
        assert_eq!(kept.answer().unwrap().status, 200);
        let mut silent = Connection::open(server.address).unwrap();
        let mut slow = HalfSent::begin(&server, &client, "slow");
        client.get(ORGANIZATIONS).assert_status(200);

        server.signal("TERM");
        wait_until_closed(&server);
        assert!(kept.is_closed_within(SOON), "a kept connection is closed");
        assert!(silent.is_closed_within(SOON), "a silent connection is closed");
        let outcome = storm.end();
        slow.connection.send(&slow.rest).unwrap();
        let made = slow.connection.answer().unwrap().assert_status(201);
        assert_eq!(server.end(SOON), Some(0));

        assert!(outcome.unavailable.is_empty(), "{:?}", outcome.unavailable);
        let organizations = whole(lastro.url());
        assert_holds(&organizations, &outcome.acknowledged);
        assert_eq!(organizations["slow"], made.id().replace('-', ""));
        assert_eq!(
            organizations.len(),
            outcome.acknowledged.len() + 3,
            "every request that was carried out was answered"
        );
    }
}

#[test]
fn a_connection_without_a_request_does_not_hold_it_up() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&[]);
    let kept: Vec<Connection> = (0..20)
        .map(|number| {
            let mut connection = Connection::open(server.address).unwrap();
            // Nothing yet; a part of a head; the beginning of what HTTP/2 begins with; a whole request, with its answer.
            match number % 4 {
                0 => {}
                1 => connection.send(b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-").unwrap(),
                2 => connection.send(b"PRI * HT").unwrap(),
                _ => {
                    connection
                        .send(b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n")
                        .unwrap();
                    assert_eq!(connection.answer().unwrap().status, 200);
                }
            }
            connection
        })
        .collect();
    server.visitor().get("/health/live").assert_status(200);
    server.signal("TERM");
    assert_eq!(server.end(SOON), Some(0));
    drop(kept);
}

#[test]
fn a_body_that_never_comes_does_not_hold_it_up_for_long() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&["--demo"]);
    let mut stuck = HalfSent::begin(&server, &server.operator(), "stuck");
    let watch = Stopwatch::start();
    server.signal("TERM");
    wait_until_closed(&server);
    let refused = stuck.connection.answer().unwrap();
    assert_eq!(refused.code(), "VALIDATION_MALFORMED_JSON", "{refused:?}");
    assert_eq!(server.end(SOON), Some(0));
    assert!(watch.elapsed() < LIMIT, "it took {:?}", watch.elapsed());
    assert_eq!(whole(lastro.url()).len(), 2);
}
