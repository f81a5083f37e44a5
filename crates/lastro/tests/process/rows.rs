//! What is in the database, seen past the server.

use std::collections::{BTreeMap, BTreeSet};
use std::thread::{self, JoinHandle};

use tokio::runtime;

use crate::time::{SOON, eventually};

/// The rows of a query whose columns are all text.
#[track_caller]
pub(crate) fn query(url: &str, sql: &str) -> Vec<Vec<String>> {
    let rows = runtime().block_on(db::admin::query(url, sql)).unwrap();
    rows.into_iter()
        .map(|row| row.into_iter().map(Option::unwrap_or_default).collect())
        .collect()
}

/// The first column of a query's rows.
#[track_caller]
pub(crate) fn column(url: &str, sql: &str) -> Vec<String> {
    query(url, sql).into_iter().map(|mut row| row.swap_remove(0)).collect()
}

/// Runs a statement.
#[track_caller]
pub(crate) fn execute(url: &str, sql: &str) {
    runtime().block_on(db::admin::execute(url, sql)).unwrap();
}

fn runtime() -> runtime::Runtime {
    runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// A table of PostgreSQL that nobody else can look into, for as long as this lives.
pub(crate) struct Locked {
    url: String,
    table: &'static str,
    holding: Option<JoinHandle<()>>,
}

impl Locked {
    #[track_caller]
    pub(crate) fn table(url: &str, table: &'static str) -> Self {
        let lock = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(300)");
        let address = url.to_owned();
        let locked = Self {
            url: url.to_owned(),
            table,
            // It is ended from outside, which is an error to it.
            holding: Some(thread::spawn(move || {
                runtime().block_on(db::admin::execute(&address, &lock)).ok();
            })),
        };
        eventually("a locked table", SOON, || {
            (column(&locked.url, &locked.holder("CAST(pid AS text)")).len() == 1).then_some(())
        });
        locked
    }

    fn holder(&self, what: &str) -> String {
        format!(
            "SELECT {what} FROM pg_locks WHERE relation = '{}'::regclass AND mode = 'AccessExclusiveLock' AND granted",
            self.table
        )
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        column(&self.url, &self.holder("CAST(pg_terminate_backend(pid) AS text)"));
        if let Some(holding) = self.holding.take() {
            holding.join().ok();
        }
    }
}

/// Writes down that a step of a later version was applied.
pub(crate) fn pretend_to_be_newer(url: &str) {
    let now = if url.starts_with("sqlite:") { "0" } else { "now()" };
    execute(
        url,
        &format!(
            "INSERT INTO schema_migrations (context, number, name, sha256, applied_at) \
             VALUES ('future', 1, '0001_future', 'x', {now})"
        ),
    );
}

/// The organizations, from slug to id without hyphens, after a look at everything that was written with them: the making of each
/// stands exactly once in its own audit trail, once in the platform's, and once among the events; none of these is without its
/// organization; and whoever was to be answered 201 under a key got an organization. So nothing is there by half.
#[track_caller]
pub(crate) fn whole(url: &str) -> BTreeMap<String, String> {
    let sqlite = url.starts_with("sqlite:");
    let id = if sqlite {
        "lower(hex(o.id))"
    } else {
        "replace(CAST(o.id AS text), '-', '')"
    };
    let audited = "SELECT count(*) FROM audit_entries a WHERE a.target_id = o.id AND a.action = 'organization.created'";
    let announced =
        "SELECT count(*) FROM outbox_events e WHERE e.subject_id = o.id AND e.type = 'organization.created'";
    let rows = query(
        url,
        &format!(
            "SELECT o.slug, {id}, CAST(({audited} AND a.organization_id = o.id) AS text), \
             CAST(({audited} AND a.organization_id <> o.id) AS text), \
             CAST(({audited} AND a.organization_id = (SELECT p.id FROM organizations p WHERE p.slug = 'platform')) AS text), \
             CAST(({announced}) AS text) FROM organizations o"
        ),
    );
    let mut organizations = BTreeMap::new();
    for row in rows {
        let [slug, id, own, others, platforms, announced] = <[String; 6]>::try_from(row).unwrap();
        // The platform's own trail is the platform's.
        let elsewhere = if slug == "platform" { "0" } else { "1" };
        assert_eq!(
            [own.as_str(), &others, &platforms, &announced],
            ["1", elsewhere, "1", "1"],
            "the making of {slug} in its own trail, in other trails, in the platform's trail, among the events"
        );
        organizations.insert(slug, id);
    }
    for (table, subject, action) in [
        ("audit_entries", "target_id", "action"),
        ("outbox_events", "subject_id", "type"),
    ] {
        let lost = column(
            url,
            &format!(
                "SELECT CAST(count(*) AS text) FROM {table} t WHERE t.{action} = 'organization.created' \
                 AND NOT EXISTS (SELECT 1 FROM organizations o WHERE o.id = t.{subject})"
            ),
        );
        assert_eq!(lost, ["0"], "rows of {table} without their organization");
    }
    let promised: BTreeSet<String> = column(url, "SELECT key FROM idempotency_records WHERE status = 201")
        .into_iter()
        .collect();
    let missing: Vec<_> = promised
        .iter()
        .filter(|slug| !organizations.contains_key(*slug))
        .collect();
    assert!(missing.is_empty(), "answered and not there: {missing:?}");
    if sqlite {
        assert_eq!(column(url, "PRAGMA integrity_check"), ["ok"]);
    }
    organizations
}

/// Asserts that each organization that was acknowledged is there, under the id that was told.
#[track_caller]
pub(crate) fn assert_holds(organizations: &BTreeMap<String, String>, acknowledged: &BTreeMap<String, String>) {
    for (slug, id) in acknowledged {
        assert_eq!(
            organizations.get(slug),
            Some(&id.replace('-', "")),
            "{slug} was acknowledged"
        );
    }
}
