//! Copies between a server and a file: every row arrives, page by page, whichever of the two waits for the other.

use db::migrate::{self, CORE, Destructive, Migrations, Step};
use db::{DbConfig, DbError, transfer};
use lastro_db as db;
use tempfile::TempDir;
use testkit::postgres;

use crate::support::{NOTES, organization};

const ORGANIZATIONS: Migrations = Migrations {
    context: "organizations",
    steps: &[Step {
        file: "0001_organizations",
        sqlite: "CREATE TABLE organizations (id BLOB NOT NULL, slug TEXT NOT NULL,
                 CONSTRAINT pk_organizations PRIMARY KEY (id)) STRICT, WITHOUT ROWID;",
        postgres: "CREATE TABLE organizations (id uuid NOT NULL, slug text NOT NULL,
                   CONSTRAINT pk_organizations PRIMARY KEY (id));",
    }],
};
const STEPS: [Migrations; 3] = [CORE, ORGANIZATIONS, NOTES];

async fn migrated(url: String) -> DbConfig {
    let config = DbConfig::new(url);
    migrate::run(&config, &STEPS, Destructive::Refuse, &mut |_| {})
        .await
        .unwrap();
    config
}

async fn notes(at: &DbConfig) -> Vec<Vec<Option<String>>> {
    let text = "SELECT text, CAST(place AS TEXT) FROM notes ORDER BY text";
    db::admin::query(at.owner_url(), text).await.unwrap()
}

async fn move_one(from: &DbConfig, to: &DbConfig) -> Result<Vec<transfer::Moved>, DbError> {
    transfer::run_tenant(from, to, &STEPS, organization(0xa), &|_, _| Ok(()), &mut |_| {}).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_go_from_a_server_to_a_file_and_back() {
    let Some(server) = postgres::server().unwrap() else {
        return;
    };
    let databases = [(); 3].map(|()| server.empty_database().unwrap());
    let folder = TempDir::new().unwrap();
    let file = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let first = migrated(databases[0].url()).await;
    // More than two pages.
    let filling = "INSERT INTO organizations VALUES ('00000000-0000-0000-0000-00000000000a', 'home'); \
         INSERT INTO notes (organization_id, id, text, text_folded, place) \
         SELECT '00000000-0000-0000-0000-00000000000a', gen_random_uuid(), 'note ' || n, '', n FROM generate_series(1, 1201) n";
    db::admin::execute(first.owner_url(), filling).await.unwrap();
    let expected = notes(&first).await;
    let one = migrated(file("one.db")).await;
    let all = migrated(file("all.db")).await;
    move_one(&first, &one).await.unwrap();
    transfer::run(&first, &all, &STEPS, &mut |_| {}).await.unwrap();
    let one_again = migrated(databases[1].url()).await;
    let all_again = migrated(databases[2].url()).await;
    move_one(&one, &one_again).await.unwrap();
    transfer::run(&all, &all_again, &STEPS, &mut |_| {}).await.unwrap();
    for config in [&one, &all, &one_again, &all_again] {
        assert_eq!(notes(config).await, expected);
    }
    // Nothing of a copy that is refused is there.
    assert!(matches!(move_one(&one, &one_again).await, Err(DbError::Unique { .. })));
    assert_eq!(notes(&one_again).await, expected);
}
