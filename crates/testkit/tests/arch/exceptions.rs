//! Doors out of the rules that are allowed to exist, each listed in a file of `docs/` with its place and its reason.
//!
//! A new door makes these tests fail until its line is in the file, where a reviewer sees it; a door that is gone
//! must leave the file too. The files should only ever shrink.

use std::fs;

use crate::source::{Source, code, repository, sources};

/// Code that leaves the tenant.
const SYSTEM_SCOPES: (&str, &str) = ("SystemScope::new", "docs/system-scopes.txt");
/// Code that acts with a permission which no request was decided for.
const OPERATOR_GRANTS: (&str, &str) = ("for_operator", "docs/operator-grants.txt");
/// Code that hands out or changes objects without asking anybody's grant for them.
const OWN_ACTS: (&str, &str) = ("OwnAct::because", "docs/own-acts.txt");

/// Every call of `function` in the program, as `path: reason`, the reason being the first string of the call.
fn calls(sources: &[Source], function: &str) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| source.is_product()) {
        let code = code(&source.text);
        for (start, _) in code.match_indices(&format!("{function}(")) {
            let before = code.get(..start).unwrap_or_default();
            // Its own definition is not a call; a test inside a source file leaves no tenant of a customer.
            if before.ends_with("fn ") || before.contains("#[cfg(test)]\nmod ") {
                continue;
            }
            let reason = source
                .text
                .get(byte_offset(&source.text, before)..)
                .and_then(first_string);
            found.push(format!(
                "{}: {}",
                source.path,
                reason.unwrap_or("no reason in the call")
            ));
        }
    }
    found.sort();
    found
}

/// Where `text` continues after as many characters as `before` has: blanking a character keeps its place in
/// characters, but not in bytes.
fn byte_offset(text: &str, before: &str) -> usize {
    text.char_indices()
        .nth(before.chars().count())
        .map_or(text.len(), |(offset, _)| offset)
}

/// The first string literal before the end of the statement.
fn first_string(text: &str) -> Option<&str> {
    let (before, rest) = text.split_once('"')?;
    (!before.contains(';')).then(|| rest.split('"').next())?
}

fn assert_listed((function, file): (&str, &str)) {
    let listed = fs::read_to_string(repository().join(file)).unwrap();
    let listed: Vec<&str> = listed
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let found = calls(&sources(), function);
    assert_eq!(found, listed, "{file} must list exactly the calls of {function}");
}

#[test]
fn every_way_out_of_the_tenant_is_listed() {
    assert_listed(SYSTEM_SCOPES);
}

#[test]
fn every_grant_without_a_request_is_listed() {
    assert_listed(OPERATOR_GRANTS);
}

#[test]
fn every_act_that_asks_nobody_is_listed() {
    assert_listed(OWN_ACTS);
}

#[test]
fn a_new_door_is_found() {
    let seeded = [
        Source::seeded(
            "crates/audit/src/store/seals.rs",
            "// — SystemScope::new(\"in a comment\")\nlet scope = SystemScope::new(\n    \"seal every organization's trail\",\n);",
        ),
        Source::seeded(
            "crates/db/src/scope.rs",
            "pub const fn new(reason: &'static str) -> Self { Self(reason) }",
        ),
        Source::seeded(
            "crates/authz/src/granted.rs",
            "pub const fn for_operator(reason: &'static str) {}",
        ),
        Source::seeded(
            "crates/lastro/src/seed.rs",
            "Granted::for_operator(\"seed\", actor, organization)",
        ),
        Source::seeded(
            "crates/lastro/tests/it/main.rs",
            "Granted::for_operator(\"a test\", actor, organization)",
        ),
    ];
    assert_eq!(
        calls(&seeded, SYSTEM_SCOPES.0),
        ["crates/audit/src/store/seals.rs: seal every organization's trail"]
    );
    assert_eq!(calls(&seeded, OPERATOR_GRANTS.0), ["crates/lastro/src/seed.rs: seed"]);
}
