//! Who may depend on whom: kernel <- {db, authz, vault, outbound} <- contracts <- http <- contexts <- lastro.

use std::collections::BTreeMap;
use std::process::Command;

use serde_json::Value;

use crate::source::repository;
use crate::words::NOT_A_CONTEXT;

/// A dependency of one of this workspace's crates on another: `(from, to, only for tests)`.
type Arrow = (String, String, bool);

/// The arrows that point the wrong way.
fn wrong_arrows(arrows: &[Arrow]) -> Vec<String> {
    let foundation: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("kernel", &[][..]),
        ("db", &["kernel"]),
        ("authz", &["kernel"]),
        ("vault", &["kernel"]),
        ("outbound", &["kernel"]),
        ("contracts", &["kernel", "db", "authz"]),
        ("http", &["kernel", "db", "authz", "vault", "contracts"]),
    ]);
    let allowed = |from: &str, to: &str, for_tests: bool| {
        // Anyone may test with the kit, and nothing but tests may use it.
        if to == "testkit" {
            return for_tests;
        }
        // The program puts all contexts together, and so does the kit, to have a real server to test.
        if from == "lastro" || (from == "testkit" && to != "lastro") {
            return true;
        }
        match foundation.get(from) {
            Some(below) => below.contains(&to),
            // A context stands on the foundation and never on another context, except in tests that serve both.
            None => to != "lastro" && (for_tests || NOT_A_CONTEXT.contains(&to)),
        }
    };
    arrows
        .iter()
        .filter(|(from, to, for_tests)| !allowed(from, to, *for_tests))
        .map(|(from, to, _)| format!("{from} -> {to}"))
        .collect()
}

/// What cargo says about the crates under `crates/`.
fn arrows() -> Vec<Arrow> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let own = |name: &str| name.strip_prefix("lastro-").unwrap_or(name).to_owned();
    let mut arrows = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let manifest = package["manifest_path"].as_str().unwrap();
        if !manifest.contains("/crates/") {
            continue;
        }
        for dependency in package["dependencies"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|found| found["path"].is_string())
        {
            arrows.push((
                own(package["name"].as_str().unwrap()),
                own(dependency["name"].as_str().unwrap()),
                dependency["kind"] == "dev",
            ));
        }
    }
    arrows
}

#[test]
fn the_arrows_point_to_the_kernel() {
    let arrows = arrows();
    assert!(arrows.len() > 20, "cargo tells of only {} dependencies", arrows.len());
    let wrong = wrong_arrows(&arrows);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_wrong_arrow_is_found() {
    let arrow = |from: &str, to: &str, for_tests| (from.to_owned(), to.to_owned(), for_tests);
    let seeded = [
        arrow("organization", "audit", false),
        arrow("organization", "lastro", true),
        arrow("organization", "testkit", false),
        arrow("kernel", "db", false),
        arrow("db", "authz", false),
        arrow("http", "organization", false),
        arrow("lastro", "testkit", false),
        arrow("testkit", "lastro", false),
        // These are as they should be.
        arrow("organization", "http", false),
        arrow("organization", "testkit", true),
        arrow("organization", "audit", true),
        arrow("lastro", "organization", false),
        arrow("testkit", "organization", false),
        arrow("db", "testkit", true),
    ];
    assert_eq!(
        wrong_arrows(&seeded),
        [
            "organization -> audit",
            "organization -> lastro",
            "organization -> testkit",
            "kernel -> db",
            "db -> authz",
            "http -> organization",
            "lastro -> testkit",
            "testkit -> lastro",
        ]
    );
}
