//! Words that may stand in some places only.

use crate::source::{Source, identifiers, sources};

/// Crates that are not contexts: everything else under `crates/` is one.
pub(crate) const NOT_A_CONTEXT: [&str; 9] = [
    "kernel",
    "db",
    "authz",
    "vault",
    "outbound",
    "contracts",
    "http",
    "testkit",
    "lastro",
];

/// The database drivers and what belongs to them.
const DRIVERS: [&str; 6] = [
    "rusqlite",
    "tokio_postgres",
    "postgres_types",
    "tokio_postgres_rustls",
    "deadpool",
    "libsqlite3_sys",
];

/// `axum::Router`'s ways to add a route behind the back of `http::Routes`.
const ROUTERS: [&str; 4] = [".route(", ".route_service(", ".nest(", ".nest_service("];

fn is_context(source: &Source) -> bool {
    source.is_product() && !NOT_A_CONTEXT.contains(&source.krate())
}

/// Where one of `words` stands in a file that `is_closed` to them.
fn misplaced(sources: &[Source], words: &[&str], is_closed: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_closed(source)) {
        for (number, line) in source.code_lines() {
            for word in identifiers(&line).filter(|word| words.contains(word)) {
                findings.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    findings
}

/// Where one of `texts` stands in the code of a file that `is_closed` to them.
fn misplaced_text(sources: &[Source], texts: &[&str], is_closed: impl Fn(&Source) -> bool) -> Vec<String> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_closed(source)) {
        for (number, line) in source.code_lines() {
            for text in texts.iter().filter(|text| line.contains(**text)) {
                findings.push(format!("{}:{number}: {text}", source.path));
            }
        }
    }
    findings
}

/// Only the storage crate names a driver.
fn drivers_outside_db(sources: &[Source]) -> Vec<String> {
    misplaced(sources, &DRIVERS, |source| source.krate() != "db")
}

/// A domain decides from values: it knows of no storage, no transport, no format.
fn outside_world_in_a_domain(sources: &[Source]) -> Vec<String> {
    let words = [
        "sql",
        "Sql",
        "db",
        "http",
        "axum",
        "hyper",
        "tower",
        "serde_json",
        "tokio",
    ];
    misplaced(sources, &words, |source| {
        is_context(source) && source.is_in_layer("domain")
    })
}

/// Use cases and storage do not know what transport asked: no header, no status, no JSON body.
fn transport_below_http(sources: &[Source]) -> Vec<String> {
    misplaced(sources, &["axum", "hyper", "tower", "utoipa", "deserr"], |source| {
        is_context(source) && (source.is_in_layer("app") || source.is_in_layer("store"))
    })
}

/// A context writes its statements in `store/` alone.
fn statements_outside_a_store(sources: &[Source]) -> Vec<String> {
    misplaced_text(sources, &["Sql::tenant(", "Sql::global(", "Sql::system("], |source| {
        is_context(source) && !source.is_in_layer("store")
    })
}

/// Routes are registered through `http::Routes`, which asks for the access rule.
fn routes_behind_the_back(sources: &[Source]) -> Vec<String> {
    misplaced_text(sources, &ROUTERS, |source| {
        source.is_product() && source.krate() != "http"
    })
}

/// A context has no reason to reach for a global that is passed to it as a parameter.
fn exceptions_to_bans_in_a_context(sources: &[Source]) -> Vec<String> {
    misplaced(sources, &["disallowed_methods", "disallowed_types"], is_context)
}

fn assert_none(findings: &[String]) {
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn only_db_names_a_driver() {
    assert_none(&drivers_outside_db(&sources()));

    let seeded = [
        Source::seeded(
            "crates/organization/src/store/organizations.rs",
            "use rusqlite::Connection;",
        ),
        Source::seeded("crates/db/src/sqlite/mod.rs", "use rusqlite::Connection;"),
        Source::seeded(
            "crates/http/src/lib.rs",
            "//! Knows nothing of rusqlite.\nconst A: &str = \"rusqlite\";",
        ),
    ];
    assert_eq!(
        drivers_outside_db(&seeded),
        ["crates/organization/src/store/organizations.rs:1: rusqlite"]
    );
}

#[test]
fn a_domain_knows_no_storage_and_no_transport() {
    assert_none(&outside_world_in_a_domain(&sources()));

    let seeded = [
        Source::seeded(
            "crates/organization/src/domain/organization.rs",
            "\nuse serde_json::Value;",
        ),
        Source::seeded("crates/organization/src/domain.rs", "use db::Sql;"),
        Source::seeded("crates/organization/src/app/create.rs", "use db::UnitOfWork;"),
        Source::seeded(
            "crates/http/src/domain/fine.rs",
            "use serde_json::Value; // not a context",
        ),
    ];
    assert_eq!(
        outside_world_in_a_domain(&seeded),
        [
            "crates/organization/src/domain/organization.rs:2: serde_json",
            "crates/organization/src/domain.rs:1: db",
            "crates/organization/src/domain.rs:1: Sql",
        ]
    );
}

#[test]
fn use_cases_and_stores_know_no_transport() {
    assert_none(&transport_below_http(&sources()));

    let seeded = [
        Source::seeded("crates/organization/src/app/create.rs", "use axum::http::StatusCode;"),
        Source::seeded("crates/organization/src/http/create.rs", "use axum::http::StatusCode;"),
    ];
    assert_eq!(
        transport_below_http(&seeded),
        ["crates/organization/src/app/create.rs:1: axum"]
    );
}

#[test]
fn a_context_writes_its_statements_in_its_store() {
    assert_none(&statements_outside_a_store(&sources()));

    let seeded = [
        Source::seeded(
            "crates/organization/src/app/create.rs",
            "const ADD: Sql = Sql::tenant(\"…\");",
        ),
        Source::seeded(
            "crates/organization/src/store/organizations.rs",
            "const ADD: Sql = Sql::tenant(\"…\");",
        ),
    ];
    assert_eq!(
        statements_outside_a_store(&seeded),
        ["crates/organization/src/app/create.rs:1: Sql::tenant("]
    );
}

#[test]
fn a_route_cannot_be_registered_without_its_access_rule() {
    assert_none(&routes_behind_the_back(&sources()));

    let seeded = [
        Source::seeded(
            "crates/organization/src/http/mod.rs",
            "Router::new()\n    .route(\"/x\", get(handle))",
        ),
        Source::seeded("crates/http/src/routes.rs", "router.route(path, method)"),
    ];
    assert_eq!(
        routes_behind_the_back(&seeded),
        ["crates/organization/src/http/mod.rs:2: .route("]
    );
}

#[test]
fn a_context_has_no_exception_to_a_ban() {
    assert_none(&exceptions_to_bans_in_a_context(&sources()));

    let seeded = [Source::seeded(
        "crates/organization/src/app/create.rs",
        "#[expect(clippy::disallowed_methods, reason = \"in a hurry\")]",
    )];
    assert_eq!(
        exceptions_to_bans_in_a_context(&seeded),
        ["crates/organization/src/app/create.rs:1: disallowed_methods"]
    );
}
