//! The disk is full. A limit on the size of the process's files stands in for that: each write beyond it fails, in the middle of
//! the data where that is where the limit is, and reads do not care.

use std::collections::BTreeSet;
use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::client::ORGANIZATIONS;
use crate::installation::{Installation, Server};
use crate::rows::{assert_holds, whole};
use crate::storm::Storm;
use crate::time::{SOON, eventually};

/// A process that goes over the limit is to see an error, as on a full disk, and not to be ended.
const ENDURE: &[&str] = &["env", "--ignore-signal=XFSZ"];

/// What starts the binary with files of at most so many bytes.
fn started_with(bytes: &str) -> [String; 4] {
    ["env", "--ignore-signal=XFSZ", "prlimit", &format!("--fsize={bytes}")].map(str::to_owned)
}

/// Sets how many bytes a file of the server may have.
fn limit_files(server: &Server, bytes: &str) {
    let status = Command::new("prlimit")
        .args(["--pid", &server.pid(), &format!("--fsize={bytes}:unlimited")])
        .status()
        .expect("prlimit runs");
    assert!(status.success());
}

/// The size of the log that changes are appended to.
fn log_size(lastro: &Installation) -> u64 {
    std::fs::metadata(lastro.path("data/lastro.db-wal")).map_or(0, |file| file.len())
}

#[test]
fn writes_are_refused_reads_go_on_and_it_heals_by_itself() {
    let lastro = Installation::on_sqlite().under(ENDURE);
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    let before = client.create("before").assert_status(201).id();
    let mut refused = BTreeSet::new();

    // Nothing fits at all; not even a page; a few pages do, and the rest of the same transaction does not.
    for (round, room) in [("nothing", 0), ("less", 100), ("pages", 3 * 4_120)] {
        let limit = if room == 0 { 0 } else { log_size(&lastro) + room };
        limit_files(&server, &limit.to_string());
        // Where a change still fits, the next ones no longer do.
        let full = eventually("a refusal", SOON, || {
            let slug = format!("{round}-{}", refused.len());
            let answer = client.create(&slug);
            refused.insert(slug);
            (answer.status != 201).then_some(answer)
        });
        full.assert_unavailable();

        for number in 0..5 {
            let slug = format!("{round}-still-{number}");
            client.create(&slug).assert_unavailable();
            refused.insert(slug);
            client.get(&format!("{ORGANIZATIONS}/{before}")).assert_status(200);
            client.get(ORGANIZATIONS).assert_status(200);
        }

        limit_files(&server, "unlimited");
        let slug = format!("{round}-healed");
        client.create(&slug).assert_status(201);
    }

    // A refusal for want of room is not an answer to keep: the same request with the same key is carried out now.
    for slug in &refused {
        client.create(slug).assert_status(201);
    }
    let organizations = whole(lastro.url());
    assert_eq!(
        organizations.len(),
        3 + 3 + refused.len(),
        "the platform, the sample, the first, the healed and the repeated: {:?}",
        organizations.keys()
    );
    server.stop();
}

#[test]
fn a_crowd_that_writes_into_a_full_disk_loses_nothing_that_it_was_promised() {
    let lastro = Installation::on_sqlite().under(ENDURE);
    let server = lastro.serve(&["--demo"]);
    let storm = Storm::begin(&server, "crowd");
    storm.wait_for(20);
    // In the middle of a group of changes that were to be committed together.
    limit_files(&server, &(log_size(&lastro) + 10_000).to_string());
    // Longer than this node would be trusted to know the state of access if it could no longer read.
    thread::sleep(Duration::from_millis(2_500));
    let mut reader = server.operator();
    reader.get(ORGANIZATIONS).assert_status(200);
    reader.get("/health/live").assert_status(200);
    reader.get("/health/ready").assert_status(200);
    limit_files(&server, "unlimited");
    storm.wait_for(20);
    let mut outcome = storm.end();
    assert!(outcome.unanswered.is_empty(), "{:?}", outcome.unanswered);
    assert!(!outcome.unavailable.is_empty());

    let organizations = whole(lastro.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert_eq!(
        organizations.len(),
        outcome.acknowledged.len() + 2,
        "none that was refused is there"
    );
    for slug in &outcome.unavailable {
        let made = reader.create(slug).assert_status(201);
        outcome.acknowledged.insert(slug.clone(), made.id());
    }
    assert_holds(&whole(lastro.url()), &outcome.acknowledged);
    server.stop();
}

#[test]
fn a_server_killed_on_a_full_disk_comes_back_with_what_it_promised() {
    let lastro = Installation::on_sqlite().under(ENDURE);
    let server = lastro.serve(&["--demo"]);
    let storm = Storm::begin(&server, "crowd");
    storm.wait_for(20);
    limit_files(&server, &(log_size(&lastro) + 10_000).to_string());
    // A group may still be on its way to the disk.
    let mut client = server.operator();
    let mut attempt = 0;
    eventually("a refusal", SOON, || {
        attempt += 1;
        let slug = format!("refused-{attempt}");
        (client.create(&slug).status == 503).then_some(())
    });
    // Its clients come back to it after 20 ms.
    thread::sleep(Duration::from_millis(200));
    server.kill();
    let outcome = storm.end();
    assert!(!outcome.unavailable.is_empty());

    let server = lastro.serve(&["--demo"]);
    let organizations = whole(lastro.url());
    assert_holds(&organizations, &outcome.acknowledged);
    assert!(outcome.unavailable.iter().all(|slug| !organizations.contains_key(slug)));
    server.stop();
}

#[test]
fn a_server_that_finds_the_disk_full_says_so_and_does_not_start() {
    let lastro = Installation::on_sqlite().under(&started_with("0"));
    let refused = lastro.run(&["serve"]);
    refused
        .assert_code(1)
        .assert_says(&["LASTRO_DATA_DIR", "cannot be written to"]);
    assert_eq!(lastro.files(), Vec::<String>::new(), "nothing is left of the attempt");

    let lastro = Installation::on_sqlite().under(&started_with("60000"));
    let refused = lastro.run(&["serve"]);
    refused.assert_code(1).assert_says(&["data/lastro.db"]);
    let lastro = lastro.under(ENDURE);
    lastro.serve(&["--demo"]).stop();
    assert_eq!(
        whole(lastro.url()).len(),
        2,
        "with room again, the half-made database is completed"
    );
}

on_both_engines! {
    fn a_copy_that_does_not_fit_leaves_the_last_one_alone(lastro: Installation) {
        lastro.serve(&["--demo"]).stop();
        std::fs::write(lastro.path("copy"), "the last one").unwrap();
        let cramped = lastro.under(&started_with("4000"));
        cramped.run(&["backup", "copy"]).assert_code(1);
        assert_eq!(std::fs::read_to_string(cramped.path("copy")).unwrap(), "the last one");
let left: Vec<_> = cramped
            .files()
            .into_iter()
            .filter(|file| !file.starts_with("data/"))
            .collect();
        assert_eq!(left, ["copy"], "nothing is left of the attempt");
    }
}
