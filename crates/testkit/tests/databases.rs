//! The harness itself: databases are cloned, kept apart, dropped, and a broken environment says so.
#![cfg(test)]

use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use testkit::postgres::{self, Extra, OwnServer, Server, Stop};
use testkit::{HarnessError, sqlite};

/// The server, or `None` on a machine without PostgreSQL, where these tests have nothing to look at.
fn server() -> Option<&'static Server> {
    postgres::server().unwrap()
}

/// Runs SQL in a test's database, the way an operator would.
fn psql(server: &Server, url: &str, sql: &str) -> Result<String, String> {
    let client = server
        .programs()
        .map_or_else(|| "psql".into(), |folder| folder.join("psql"));
    let output = Command::new(client).args(["-XAtqc", sql, url]).output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

async fn seeds_database(server: &'static Server) -> postgres::TestDatabase {
    let migrate = |url: String| async move {
        psql(
            server,
            &url,
            "CREATE TABLE seeds (id bigint PRIMARY KEY); INSERT INTO seeds VALUES (7)",
        )
        .map(drop)
    };
    server.database("testkit: seeds", migrate).await.unwrap()
}

#[tokio::test]
async fn a_postgres_database_is_a_clone_of_its_own() {
    let Some(server) = server() else { return };
    let (one, other) = (seeds_database(server).await, seeds_database(server).await);

    psql(server, &one.url(), "INSERT INTO seeds VALUES (8)").unwrap();

    assert_eq!(psql(server, &one.url(), "SELECT count(*) FROM seeds").unwrap(), "2");
    assert_eq!(psql(server, &other.url(), "SELECT count(*) FROM seeds").unwrap(), "1");
}

#[tokio::test]
async fn a_dropped_postgres_database_is_gone() {
    let Some(server) = server() else { return };
    let database = seeds_database(server).await;
    let url = database.url();
    assert_eq!(psql(server, &url, "SELECT 1").unwrap(), "1");

    drop(database);

    assert!(psql(server, &url, "SELECT 1").unwrap_err().contains("does not exist"));
}

#[tokio::test]
async fn a_failed_migration_leaves_no_template() {
    let Some(server) = server() else { return };
    let attempts = AtomicU32::new(0);
    for _ in 0..2 {
        let broken = |_url: String| async {
            attempts.fetch_add(1, Ordering::Relaxed);
            Err("step 3 does not apply".to_owned())
        };
        let error = server.database("testkit: broken", broken).await.unwrap_err();
        assert!(error.to_string().contains("step 3 does not apply"), "{error}");
    }
    assert_eq!(attempts.into_inner(), 2, "the second caller must not find a template");
}

#[test]
fn a_refused_statement_tells_what_the_server_said() {
    let Some(server) = server() else { return };
    let error: HarnessError = server.execute("SELECT 1 / 0;").unwrap_err();
    assert!(error.to_string().contains("22012 division by zero"), "{error}");
    assert_eq!(server.execute("SELECT 1, 'a' -- the session goes on").unwrap(), ["1|a"]);
}

#[test]
fn a_test_may_stop_a_server_of_its_own() {
    let Some(server) = server() else { return };
    let extra = Extra {
        settings: "work_mem = '3MB'\n",
        files: &[("note", "kept")],
    };
    let Some(own) = OwnServer::start(extra).unwrap() else {
        return;
    };
    assert_eq!(psql(server, &own.url(), "SHOW work_mem").unwrap(), "3MB");
    assert_eq!(psql(server, &own.url(), "SELECT pg_read_file('note')").unwrap(), "kept");

    own.stop(Stop::Immediate).unwrap();
    assert!(psql(server, &own.url(), "SELECT 1").is_err());

    own.resume().unwrap();
    assert_eq!(psql(server, &own.url(), "SELECT 1").unwrap(), "1");
}

#[tokio::test]
async fn a_sqlite_database_is_a_copy_of_its_own() {
    let migrate = |path: std::path::PathBuf| async move { std::fs::write(path, "template") };
    let one = sqlite::database("testkit: copy", migrate).await.unwrap();
    let other = sqlite::database("testkit: copy", migrate).await.unwrap();

    std::fs::write(one.path(), "changed").unwrap();

    assert_eq!(std::fs::read_to_string(other.path()).unwrap(), "template");
    let path = one.path();
    drop(one);
    assert!(!path.exists());
}

#[tokio::test]
async fn a_migration_that_leaves_the_file_open_is_refused() {
    let open = |path: std::path::PathBuf| async move {
        std::fs::write(format!("{}-wal", path.display()), "a page")?;
        std::fs::write(path, "template")
    };
    let error = sqlite::database("testkit: left open", open).await.unwrap_err();
    assert!(error.to_string().contains("left the SQLite template open"), "{error}");
}
