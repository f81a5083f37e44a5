//! Backup and restore through the binary, on both engines.

use testkit::postgres::{self, TestDatabase};

use crate::binary::Installation;

fn organizations(lastro: &Installation) -> Vec<String> {
    let server = lastro.serve(&["--demo"]);
    let credential = format!("Bearer {}", server.token());
    let listed = server.send(
        "GET /api/v1/organizations?sort=slug",
        &[("authorization", &credential)],
        "",
    );
    assert_eq!(server.stop(), Some(0));
    listed.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["slug"].as_str().unwrap().to_owned())
        .collect()
}

fn create(lastro: &Installation, slug: &str) {
    let server = lastro.serve(&["--demo"]);
    let credential = format!("Bearer {}", server.token());
    let body = format!(r#"{{"name":"A Company","slug":"{slug}"}}"#);
    let made = server.send("POST /api/v1/organizations", &[("authorization", &credential)], &body);
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn a_backup_taken_while_the_server_runs_brings_everything_back() {
    let lastro = Installation::new().administered();
    create(&lastro, "kept");
    let server = lastro.serve(&[]);
    let copied = lastro.run(&["backup", "copy.backup"]);
    assert!(
        copied.assert_code(0).stdout.contains("holds the whole database"),
        "{}",
        copied.stdout
    );
    assert_eq!(server.stop(), Some(0));
    create(&lastro, "lost");

    let refused = lastro.run(&["restore", "copy.backup"]);
    assert!(refused.assert_code(1).stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(organizations(&lastro), ["kept", "lost", "padaria-modelo", "platform"]);
    lastro.run(&["restore", "--force", "copy.backup"]).assert_code(0);
    assert_eq!(organizations(&lastro), ["kept", "padaria-modelo", "platform"]);
}

#[test]
fn a_backup_is_restored_where_there_is_nothing_yet() {
    let lastro = Installation::new().administered();
    create(&lastro, "kept");
    lastro.run(&["backup", "copy.backup"]).assert_code(0);
    let elsewhere = Installation::new().administered();
    let copy = lastro.path("copy.backup");
    elsewhere.run(&["restore", copy.to_str().unwrap()]).assert_code(0);
    assert_eq!(organizations(&elsewhere), ["kept", "padaria-modelo", "platform"]);
}

#[tokio::test]
async fn what_is_no_backup_of_ours_is_refused_and_changes_nothing() {
    let lastro = Installation::new().administered();
    create(&lastro, "kept");
    std::fs::write(
        lastro.path("text"),
        "not a database, but long enough to look for a header in it",
    )
    .unwrap();
    let foreign = format!("sqlite://{}", lastro.path("foreign.db").display());
    db::admin::execute(&foreign, "CREATE TABLE recipes (id INTEGER PRIMARY KEY)")
        .await
        .unwrap();
    lastro.run(&["backup", "newer.backup"]).assert_code(0);
    let newer = format!("sqlite://{}", lastro.path("newer.backup").display());
    let future = "INSERT INTO schema_migrations (context, number, name, sha256, applied_at) \
                  VALUES ('future', 1, '0001_future', 'x', 0)";
    db::admin::execute(&newer, future).await.unwrap();

    for (file, reason) in [
        ("missing", "is not a file"),
        ("text", "cannot be read as a database"),
        ("foreign.db", "is not a backup made by Lastro"),
        ("newer.backup", "newer than this binary"),
    ] {
        let refused = lastro.run(&["restore", "--force", file]);
        assert!(
            refused.assert_code(1).stderr.contains(reason),
            "{file}: {}",
            refused.stderr
        );
    }
    assert_eq!(organizations(&lastro), ["kept", "padaria-modelo", "platform"]);
}

#[test]
fn a_backup_that_cannot_be_written_leaves_nothing_behind() {
    let lastro = Installation::new().administered();
    lastro.run(&["migrate"]).assert_code(0);
    let refused = lastro.run(&["backup", "nowhere/copy.backup"]);
    refused.assert_code(1);
    assert!(!lastro.path("nowhere").exists());
}

#[test]
fn a_database_that_a_server_has_open_is_not_replaced() {
    let lastro = Installation::new().administered();
    create(&lastro, "kept");
    lastro.run(&["backup", "copy.backup"]).assert_code(0);
    let server = lastro.serve(&[]);
    let refused = lastro.run(&["restore", "--force", "copy.backup"]);
    assert!(
        refused.assert_code(1).stderr.contains("is in use"),
        "{}",
        refused.stderr
    );
    assert_eq!(server.send("GET /health/ready", &[], "").status, 200);
    assert_eq!(server.stop(), Some(0));
    lastro.run(&["restore", "--force", "copy.backup"]).assert_code(0);
}

#[test]
fn a_damaged_database_can_be_replaced() {
    let lastro = Installation::new().administered();
    create(&lastro, "kept");
    lastro.run(&["backup", "copy.backup"]).assert_code(0);
    std::fs::write(lastro.path("data/lastro.db"), "damaged beyond repair ".repeat(1000)).unwrap();
    lastro.run(&["serve"]).assert_code(1);
    lastro.run(&["restore", "--force", "copy.backup"]).assert_code(0);
    assert_eq!(organizations(&lastro), ["kept", "padaria-modelo", "platform"]);
}

#[test]
fn there_is_nothing_to_copy_before_the_first_start() {
    let lastro = Installation::new().administered();
    lastro.run(&["backup", "copy.backup"]).assert_code(1);
    assert_eq!(
        std::fs::read_dir(lastro.folder.path()).unwrap().count(),
        0,
        "neither a copy nor a database was made"
    );
}

/// An installation on an empty PostgreSQL database; `None` where there is no PostgreSQL.
fn on_postgres() -> Option<(Installation, TestDatabase)> {
    let server = postgres::server().expect("PostgreSQL, or none")?;
    let database = server.empty_database().expect("a database");
    let lastro = Installation::new().administered().with("DATABASE_URL", &database.url());
    let lastro = match server.programs() {
        Some(programs) => lastro.with_programs(programs),
        None => lastro,
    };
    Some((lastro, database))
}

#[test]
fn postgresql_is_dumped_while_the_server_runs_and_restored_with_force() {
    let Some((lastro, _database)) = on_postgres() else {
        return;
    };
    create(&lastro, "kept");
    let server = lastro.serve(&[]);
    lastro.run(&["backup", "copy.dump"]).assert_code(0);
    assert_eq!(server.stop(), Some(0));
    create(&lastro, "lost");

    let refused = lastro.run(&["restore", "copy.dump"]);
    assert!(refused.assert_code(1).stderr.contains("--force"), "{}", refused.stderr);
    assert_eq!(organizations(&lastro), ["kept", "lost", "padaria-modelo", "platform"]);
    lastro.run(&["restore", "--force", "copy.dump"]).assert_code(0);
    assert_eq!(organizations(&lastro), ["kept", "padaria-modelo", "platform"]);

    let (elsewhere, _other) = on_postgres().expect("it was there before");
    let copy = lastro.path("copy.dump");
    elsewhere.run(&["restore", copy.to_str().unwrap()]).assert_code(0);
    assert_eq!(organizations(&elsewhere), ["kept", "padaria-modelo", "platform"]);
}

#[test]
fn a_dump_that_is_none_is_refused_and_changes_nothing() {
    let Some((lastro, _database)) = on_postgres() else {
        return;
    };
    create(&lastro, "kept");
    std::fs::write(lastro.path("text"), "this is no dump").unwrap();
    let refused = lastro.run(&["restore", "--force", "text"]);
    assert!(
        refused.assert_code(1).stderr.contains("pg_restore failed"),
        "{}",
        refused.stderr
    );
    assert_eq!(organizations(&lastro), ["kept", "padaria-modelo", "platform"]);
}

#[test]
fn a_failed_dump_leaves_no_file_and_says_why_without_the_password() {
    let url = "postgres://lastro:hunter2@127.0.0.1:9/lastro";
    let lastro = Installation::new().administered().with("DATABASE_URL", url);
    let refused = lastro.run(&["backup", "copy.dump"]);
    refused.assert_code(1);
    assert!(!refused.stderr.contains("hunter2"), "{}", refused.stderr);
    assert_eq!(std::fs::read_dir(lastro.folder.path()).unwrap().count(), 0);
}

#[test]
fn missing_tools_are_named_with_what_to_install() {
    let lastro = Installation::new()
        .administered()
        .with("DATABASE_URL", "postgres://lastro@127.0.0.1:9/lastro")
        .with("PATH", "/nonexistent");
    let refused = lastro.run(&["backup", "copy.dump"]);
    refused.assert_code(1);
    for part in ["pg_dump was not found", "apt-get install postgresql-client"] {
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    let examined = lastro.run(&["doctor"]);
    assert!(examined.stdout.contains("pg_dump was not found"), "{}", examined.stdout);
}
