//! Backups of a server at work, and their way back.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::client::Client;
use crate::installation::Installation;
use crate::rows::{assert_holds, execute, pretend_to_be_newer, whole};
use crate::storm::Storm;

/// Brings organizations with these slugs into being, beside the platform and the sample.
fn fill(lastro: &Installation, slugs: &[&str]) {
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    for slug in slugs {
        client.create(slug).assert_status(201);
    }
    server.stop();
}

fn slugs(lastro: &Installation) -> Vec<String> {
    whole(lastro.url()).into_keys().collect()
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path that is text")
}

/// Each client of a storm asks for one organization after the other, so in the state of one moment no number is left out.
fn assert_is_of_one_moment(organizations: &BTreeMap<String, String>) {
    let mut numbers = BTreeMap::<&str, BTreeSet<usize>>::new();
    for slug in organizations.keys().filter(|slug| slug.starts_with("storm-")) {
        let (client, number) = slug.rsplit_once('-').unwrap();
        numbers.entry(client).or_default().insert(number.parse().unwrap());
    }
    assert!(!numbers.is_empty());
    for (client, numbers) in numbers {
        assert_eq!(numbers.last().unwrap() + 1, numbers.len(), "{client}: {numbers:?}");
    }
}

on_both_engines! {
    fn a_backup_of_a_server_at_work_is_one_moment_of_it(lastro: Installation) {
        // The copy holds everything but the master key, which is kept elsewhere.
        let lastro = lastro.with("LASTRO_MASTER_KEY", &"0f".repeat(32));
        let server = lastro.serve(&["--demo"]);
        let mut client: Client = server.operator();
        let before = client.create("before").assert_status(201).id();
        let storm = Storm::begin(&server, "storm");
        storm.wait_for(20);
        let copied = lastro.run(&["backup", "copy"]);
        assert!(copied.assert_code(0).stdout.contains("holds the whole database"), "{}", copied.stdout);
        client.create("after").assert_status(201);
        storm.wait_for(5);
        let outcome = storm.end();
        outcome.assert_undisturbed();
        server.stop();
        let all = whole(lastro.url());
        assert_holds(&all, &outcome.acknowledged);

        let elsewhere = lastro.another();
        let restored = elsewhere.run(&["restore", text(&lastro.path("copy"))]);
        assert!(restored.assert_code(0).stdout.contains("It is at this version."), "{}", restored.stdout);
        let organizations = whole(elsewhere.url());
        assert_is_of_one_moment(&organizations);
        assert!(organizations.len() > 20 && organizations.len() < all.len());
        assert!(organizations.iter().all(|(slug, id)| all.get(slug) == Some(id)));
        assert_eq!(organizations["before"], before.replace('-', ""));
        assert!(!organizations.contains_key("after"));

        // It is the installation of that moment, down to the answers it had given.
        let server = elsewhere.serve(&["--demo"]);
        let mut client = server.operator();
        let replayed = client.create("before").assert_status(201);
        assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
        assert_eq!(replayed.id(), before);
        client.create("after").assert_status(201);
        server.stop();
        assert_eq!(whole(elsewhere.url()).len(), organizations.len() + 1);
    }

    fn what_is_there_is_replaced_only_by_force(lastro: Installation) {
        fill(&lastro, &["kept"]);
        lastro.run(&["backup", "copy"]).assert_code(0);
        fill(&lastro, &["lost"]);
        let refused = lastro.run(&["restore", "copy"]);
        refused.assert_code(1).assert_says(&["--force"]);
        assert_eq!(slugs(&lastro), ["kept", "lost", "padaria-modelo", "platform"]);
        lastro.run(&["restore", "--force", "copy"]).assert_code(0);
        assert_eq!(slugs(&lastro), ["kept", "padaria-modelo", "platform"]);
        fill(&lastro, &["again"]);
        assert_eq!(slugs(&lastro), ["again", "kept", "padaria-modelo", "platform"]);
    }

    fn what_is_no_whole_backup_changes_nothing_even_by_force(lastro: Installation) {
        fill(&lastro, &["kept"]);
        lastro.run(&["backup", "copy"]).assert_code(0);
        let copy = std::fs::read(lastro.path("copy")).unwrap();
        let half = &copy[..copy.len() / 2];
        let mut damaged = copy.clone();
        let middle = damaged.len() / 2;
        damaged[middle..middle + 4_096].fill(0x5a);
        for (name, content) in [("half", half), ("damaged", &damaged), ("empty", b""), ("text", b"a letter to somebody")] {
            std::fs::write(lastro.path(name), content).unwrap();
            lastro.run(&["restore", "--force", name]).assert_code(1);
            assert_eq!(slugs(&lastro), ["kept", "padaria-modelo", "platform"], "after {name}");
        }
        for name in ["missing", "data"] {
            let refused = lastro.run(&["restore", "--force", name]);
            refused.assert_code(1).assert_says(&[name, "is not a file"]);
        }
        assert_eq!(slugs(&lastro), ["kept", "padaria-modelo", "platform"]);
    }

    fn a_backup_of_a_later_version_changes_nothing_even_by_force(lastro: Installation) {
        let later = lastro.another();
        fill(&later, &["later"]);
        pretend_to_be_newer(later.url());
        later.run(&["backup", "copy"]).assert_code(0);
        fill(&lastro, &["kept"]);
        let refused = lastro.run(&["restore", "--force", text(&later.path("copy"))]);
        refused.assert_code(1).assert_says(&["newer than this binary", "future/0001_future"]);
        assert_eq!(slugs(&lastro), ["kept", "padaria-modelo", "platform"]);
    }

    fn a_backup_of_somebody_else_changes_nothing_even_by_force(lastro: Installation) {
        fill(&lastro, &["kept"]);
        let theirs = lastro.another();
        std::fs::create_dir(theirs.path("data")).unwrap();
        execute(theirs.url(), "CREATE TABLE recipes (name text)");
        // It copies whatever is there.
        theirs.run(&["backup", "copy"]).assert_code(0);
        let refused = lastro.run(&["restore", "--force", text(&theirs.path("copy"))]);
        refused.assert_code(1).assert_says(&["is not a backup made by Lastro"]);
        assert_eq!(slugs(&lastro), ["kept", "padaria-modelo", "platform"]);
    }

    fn a_database_of_somebody_else_is_not_taken_for_an_empty_one(lastro: Installation) {
        fill(&lastro, &["kept"]);
        lastro.run(&["backup", "copy"]).assert_code(0);
        let theirs = lastro.another();
        std::fs::create_dir(theirs.path("data")).unwrap();
        execute(
            theirs.url(),
            "CREATE TABLE organizations (slug text); INSERT INTO organizations VALUES ('theirs')",
        );
        let refused = theirs.run(&["restore", text(&lastro.path("copy"))]);
        refused.assert_code(1).assert_says(&["--force"]);
        assert_eq!(crate::rows::column(theirs.url(), "SELECT slug FROM organizations"), ["theirs"]);
    }
}
