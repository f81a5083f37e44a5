//! Nodes whose clocks are wrong. The database's clock is the installation's: SQLite has no other than the machine's, so these tests
//! are PostgreSQL's.
//!
//! A wrong clock is made by libfaketime, which Debian has in the package `faketime`: loaded into a process, it answers in the
//! system's place what time it is. The monotonic clock stays as it is, as it does on a machine whose clock is set.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Clock as _, SystemClock};
use serde_json::{Value, json};
use testkit::{Hooks, Reaction};
use tokio::runtime;

use crate::client::ORGANIZATIONS;
use crate::customer::{Customer, READABLE};
use crate::installation::{Installation, Server};
use crate::revocation::GONE_WITHIN;
use crate::rows::{Locked, assert_holds, column, query, whole};
use crate::storm::{Outcome, Storm};
use crate::time::{SOON, Stopwatch, eventually};
use crate::watch::Watch;

/// How far apart two readings of the right time may be here: far more than it takes to write one down and to look at it, and far
/// less than the clocks are wrong by.
const RIGHT: Duration = Duration::from_secs(20);
/// How wrong the clocks are, in seconds.
const MINUTE: i64 = 60;
/// How long a node that does a job counts as alive after it last said so.
const LEASE: Duration = Duration::from_secs(20);
/// How long it may take until everything is sealed: each organization has a trail of its own, and storms make hundreds of them.
const SEALED: Duration = Duration::from_secs(120);
/// How far off the database's time a node may be: half of what it may take to ask for it, and a moment for a busy machine.
const OFF: Duration = Duration::from_secs(1);

/// Where libfaketime is. Where it is missing that is said, and it fails where the tests must be complete.
#[expect(
    clippy::disallowed_methods,
    reason = "the variable is the tests' own, and means here what it means where they look for PostgreSQL"
)]
fn libfaketime() -> Option<String> {
    let folders = std::fs::read_dir("/usr/lib").expect("a folder");
    let found = folders
        .map(|entry| entry.expect("an entry").path())
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")])
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists());
    if found.is_none() {
        let why = "libfaketime is not installed, so no clock was wrong (Debian: apt-get install faketime)";
        let required = std::env::var_os("LASTRO_TEST_REQUIRE_POSTGRES").is_some_and(|value| value == "1");
        assert!(!required, "LASTRO_TEST_REQUIRE_POSTGRES=1, but {why}");
        // Past the harness, which keeps what tests that pass have printed.
        writeln!(std::io::stderr(), "skipped: {why}").ok();
    }
    found.map(|library| library.to_str().expect("text").to_owned())
}

/// The same place under a clock that is so wrong from the start.
fn under(place: Installation, library: &str, offset: &str) -> Installation {
    faked(place, library).with("FAKETIME", offset)
}

fn faked(place: Installation, library: &str) -> Installation {
    place
        .with("LD_PRELOAD", library)
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1")
}

/// An empty installation whose nodes may deliver to this machine.
fn installation() -> Option<(Installation, String)> {
    let lastro = Installation::on_postgres()?;
    let library = libfaketime()?;
    Some((prepared(lastro), library))
}

fn prepared(place: Installation) -> Installation {
    place
        .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
        .with("LASTRO_WEBHOOK_ALLOW_PRIVATE", "on")
}

/// Seconds since the epoch, by the clock that is right here: this machine's, which is also the database's.
fn now() -> i64 {
    SystemClock::new().now().as_micros() / 1_000_000
}

#[track_caller]
fn assert_right(seconds: i64, what: &str) {
    let off = (seconds - now()).unsigned_abs();
    assert!(off < RIGHT.as_secs(), "{what}: {off} s off");
}

/// What this node thinks of its clock.
fn told_about_clock(node: &Server) -> Value {
    let ready = node.visitor().get("/health/ready").assert_status(200).json();
    ready["data"]["checks"]["clock"].clone()
}

/// Asserts that no row says of anything that it happened at another time than since `begun` (seconds since the epoch), and that no
/// id was made at another time.
#[track_caller]
fn assert_rows_are_of(begun: i64, url: &str) {
    // What is meant to lie ahead (`expires_at`, `due_at`) is made by adding to one of these.
    let happened = column(
        url,
        "SELECT format('SELECT %L, CAST(min(%I) AS text), CAST(max(%I) AS text) FROM %I WHERE %I NOT BETWEEN', \
         c.table_name || '.' || c.column_name, c.column_name, c.column_name, c.table_name, c.column_name)::text \
         FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name) \
         WHERE c.table_schema = 'public' AND t.table_type = 'BASE TABLE' AND c.data_type = 'timestamp with time zone' \
         AND c.column_name IN ('activated_at', 'added_at', 'archived_at', 'assigned_at', 'at', 'confirmed_at', 'created_at', \
         'deactivated_at', 'ended_at', 'finished_at', 'last_login_at', 'last_used_at', 'occurred_at', 'recorded_at', \
         'requested_at', 'revoked_at', 'rotated_at', 'sealed_at', 'seeded_at', 'started_at', 'stored_at', 'updated_at')",
    );
    assert!(happened.len() > 40, "{happened:?}");
    let bounds = format!("to_timestamp({}) AND now() + interval '{} s'", begun - 1, OFF.as_secs());
    let looks: Vec<String> = happened
        .iter()
        .map(|look| format!("{look} {bounds} HAVING count(*) > 0"))
        .collect();
    assert_eq!(query(url, &looks.join(" UNION ALL ")), Vec::<Vec<String>>::new());

    for table in ["organizations", "audit_entries", "outbox_events", "users"] {
        // The first 48 bits of an id are its milliseconds (RFC 9562).
        let made = "to_timestamp(('x' || left(replace(CAST(id AS text), '-', ''), 12))::bit(48)::bigint / 1000.0)";
        let wrong = column(
            url,
            &format!("SELECT CAST(id AS text) FROM {table} WHERE {made} NOT BETWEEN {bounds}"),
        );
        assert_eq!(wrong, Vec::<String>::new(), "{table}");
    }
}

/// Waits until everything is sealed, and asserts that the trails are as they were written, whichever node's clock looks.
#[track_caller]
fn assert_sealed(url: &str, places: &[&Installation]) {
    let unsealed = "SELECT CAST(count(*) AS text) FROM audit_entries e WHERE NOT EXISTS (SELECT 1 FROM audit_sealed s \
                    WHERE s.organization_id = e.organization_id AND s.entry_id = e.id)";
    eventually("seals on everything", SEALED, || {
        (column(url, unsealed) == ["0"]).then_some(())
    });
    for place in places {
        let verified = place.run(&["audit", "verify"]);
        verified.assert_code(0);
        assert!(
            verified
                .stdout
                .lines()
                .all(|line| line.contains(" valid, ") && line.contains(" 0 unsealed")),
            "{}",
            verified.stdout
        );
    }
}

/// Asserts that a token says when it was made, and for how long it is good.
#[track_caller]
fn assert_token_is_right(token: &str) {
    let claims = token.split('.').nth(1).expect("claims");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    let of = |name: &str| claims[name].as_i64().expect("seconds");
    assert_right(of("iat"), "a token was made");
    assert_eq!(of("exp") - of("iat"), 15 * 60);
}

#[test]
fn nodes_whose_clocks_are_a_minute_off_do_everything_at_the_right_time() {
    let Some((lastro, library)) = installation() else {
        return;
    };
    let begun = now();
    let fast = under(prepared(lastro.another_node()), &library, &format!("+{MINUTE}"));
    let slow = under(prepared(lastro.another_node()), &library, &format!("-{MINUTE}"));
    // The first start is that of a clock that is wrong: it makes the administrator and the keys.
    let nodes = [&fast, &slow, &lastro].map(|place| place.serve(&["--demo"]));
    let [at_fast, at_slow, at_right] = &nodes;
    assert_eq!(
        nodes.each_ref().map(told_about_clock),
        [json!("apart"), json!("apart"), json!("together")]
    );

    // Events go to a receiver that never answers the first ones: the node that sent these is waiting for an answer, and no other
    // may take that for being late.
    let receiving = runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let receiver = receiving.block_on(Hooks::start());
    // Whoever hands on an event looks then who listens: that of the sample organization may be no later than this.
    eventually("nothing to hand on", SOON, || {
        query(lastro.url(), "SELECT '' FROM outbox_queue LIMIT 1")
            .is_empty()
            .then_some(())
    });
    receiver.react([(); 4].map(|()| Reaction::Silence));
    let body = json!({ "url": receiver.url(), "eventTypes": ["organization.created"] });
    at_right
        .operator()
        .send("POST /api/v1/webhooks", &body)
        .assert_status(201);
    let storms =
        [("fast", at_fast), ("slow", at_slow), ("right", at_right)].map(|(name, node)| Storm::begin(node, name));
    storms.iter().for_each(|storm| storm.wait_for(20));
    let outcome: Outcome = storms.into_iter().map(Storm::end).sum();
    outcome.assert_undisturbed();
    let mut acknowledged = outcome.acknowledged;

    // Tokens of each are good everywhere, at once; sessions go on on whichever node.
    let customer = Customer::on(at_fast);
    for node in &nodes {
        let session = customer.log_in(node);
        let token = session["accessToken"].as_str().expect("a token");
        assert_token_is_right(token);
        for other in &nodes {
            other.holder(token).get("/api/v1/auth/me").assert_status(200);
        }
        let mut refresh = session["refreshToken"].clone();
        for other in &nodes {
            let body = json!({ "refreshToken": refresh });
            let answer = other.visitor().send("POST /api/v1/auth/refresh", &body);
            let refreshed = answer.assert_status(200).json();
            refresh = refreshed["data"]["refreshToken"].clone();
            assert_token_is_right(refreshed["data"]["accessToken"].as_str().expect("a token"));
        }
    }

    // What is given until an instant ends at that instant, on every node; what is taken away is gone in time.
    let time = Arc::new(Stopwatch::start());
    let clock = SystemClock::new();
    let (lasts, given) = (Duration::from_secs(12), time.elapsed());
    let until = clock.now().plus(lasts).to_string();
    customer.grant_reading(&mut customer.administrator(at_slow), Some(&until));
    let ends = given + lasts;
    let readings = nodes
        .each_ref()
        .map(|node| Watch::begin(node.holder(&customer.token(node)), READABLE, &time));

    // Meanwhile: nobody takes over a job whose lease is not over.
    assert_leases_last(lastro.url());

    for reading in &readings {
        eventually("the end of what was given", SOON, || {
            (reading.status_since(ends + OFF) == Some(403)).then_some(())
        });
        let asked = reading.all();
        let first = asked
            .iter()
            .position(|asked| asked.status == Some(200))
            .expect("it was allowed");
        // A busy node may say that it cannot tell (503); what it tells must be right.
        let early = asked[first..]
            .iter()
            .find(|asked| asked.sent + OFF < ends && asked.status == Some(403));
        let late = asked
            .iter()
            .find(|asked| asked.sent > ends + OFF && asked.status == Some(200));
        assert_eq!((early, late), (None, None), "it ends at {ends:?}");
    }
    drop(readings);
    let mut leaving = at_slow.holder(&customer.token(at_slow));
    let others =
        [at_fast, at_right].map(|node| Watch::begin(node.holder(leaving.credential()), "/api/v1/auth/me", &time));
    leaving.ask("POST /api/v1/auth/logout");
    let gone = time.elapsed();
    for other in others {
        eventually("the end of the session", SOON, || {
            (other.status_since(gone + GONE_WITHIN) == Some(401)).then_some(())
        });
        let stale = other
            .all()
            .into_iter()
            .find(|asked| asked.sent > gone + GONE_WITHIN && asked.status == Some(200));
        assert_eq!(stale, None);
    }

    // One key is one request, whichever node it comes to.
    let made = at_fast.operator().create("under-one-key").assert_status(201).id();
    for node in [at_slow, at_right] {
        let again = node.operator().create("under-one-key").assert_status(201);
        assert_eq!(again.header("idempotency-replayed"), Some("true"), "{again:?}");
        assert_eq!(again.id(), made);
    }
    acknowledged.insert("under-one-key".to_owned(), made);

    let organizations: BTreeSet<&String> = acknowledged.values().chain([&customer.organization]).collect();
    eventually("every event", SOON, || {
        let told = receiver.all();
        let told: BTreeSet<String> = told
            .iter()
            .filter_map(|hook| hook.json()["data"]["id"].as_str().map(str::to_owned))
            .collect();
        organizations.iter().all(|id| told.contains(*id)).then_some(())
    });
    let mut sent = BTreeMap::<String, i64>::new();
    for hook in receiver.all() {
        let at: i64 = hook.header("webhook-timestamp").parse().unwrap();
        assert!(at >= begun && at <= now() + 1, "sent at {at}");
        if let Some(before) = sent.insert(hook.header("webhook-id").to_owned(), at) {
            // Only what was not answered is sent again, and not before its sender gave it up.
            assert!(at - before >= 15, "sent again after {} s", at - before);
        }
    }
    assert_eq!(sent.len(), organizations.len());

    assert_sealed(lastro.url(), &[&fast, &slow, &lastro]);
    assert_rows_are_of(begun, lastro.url());
    assert_holds(&whole(lastro.url()), &acknowledged);
    nodes.into_iter().for_each(Server::stop);
}

/// Looks for a while at a job that takes long: whoever began it keeps it, and says so for no longer than it may.
#[track_caller]
fn assert_leases_last(url: &str) {
    let lease = "SELECT CAST(holder AS text), CAST(extract(epoch FROM leased_until - now()) AS text) FROM jobs \
                 WHERE name = 'audit-sealing' AND holder IS NOT NULL";
    let held = Locked::table(url, "audit_sealed");
    // One that was about to end when the table was locked does not wait for it.
    let stuck = format!(
        "{lease} AND EXISTS (SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database \
         WHERE d.datname = current_database() AND l.relation = 'audit_sealed'::regclass AND NOT l.granted)"
    );
    let first = eventually("a job that takes long", SOON, || query(url, &stuck).pop());
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(500));
        let now = query(url, lease).pop().expect("a lease");
        assert_eq!(now[0], first[0], "another node took it");
        let left: f64 = now[1].parse().unwrap();
        assert!(left > 0.0 && left <= (LEASE + OFF).as_secs_f64(), "{left} s are left");
    }
    drop(held);
}

#[test]
fn a_clock_that_is_set_at_work_changes_nothing() {
    let Some((lastro, library)) = installation() else {
        return;
    };
    let begun = now();
    let place = faked(prepared(lastro.another_node()), &library);
    let (clock, new) = (place.path("clock"), place.path("new"));
    let set = |offset: &str| {
        // The process reads it at any moment: it must never be half of what it is to be.
        std::fs::write(&new, offset).unwrap();
        std::fs::rename(&new, &clock).unwrap();
    };
    set("+0");
    let place = place
        .with("FAKETIME_TIMESTAMP_FILE", clock.to_str().expect("text"))
        .with("FAKETIME_CACHE_DURATION", "1");
    let [jumping, steady] = [&place, &lastro].map(|place| place.serve(&["--demo"]));
    assert_eq!(told_about_clock(&jumping), "together");
    let storms = [("jumping", &jumping), ("steady", &steady)].map(|(name, node)| Storm::begin(node, name));
    storms.iter().for_each(|storm| storm.wait_for(10));
    let mut client = jumping.operator();
    for (offset, seen) in [("+60", "apart"), ("-60", "apart"), ("+0", "together")] {
        set(offset);
        eventually("a clock that was set", SOON, || {
            client.get(ORGANIZATIONS).assert_status(200);
            (told_about_clock(&jumping) == seen).then_some(())
        });
        storms.iter().for_each(|storm| storm.wait_for(10));
        let session = jumping.token_of("platform", "operator@example.com", "tres tigres 3");
        assert_token_is_right(&session);
        steady.holder(&session).get(ORGANIZATIONS).assert_status(200);
    }
    let outcome: Outcome = storms.into_iter().map(Storm::end).sum();
    outcome.assert_undisturbed();
    assert_sealed(lastro.url(), &[&lastro]);
    assert_rows_are_of(begun, lastro.url());
    assert_holds(&whole(lastro.url()), &outcome.acknowledged);
    [jumping, steady].into_iter().for_each(Server::stop);
}
