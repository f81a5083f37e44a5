//! What was applied somewhere stays as it was.

use std::collections::BTreeMap;

use db::columns::{Type, declared};
use db::migrate::{self, Destructive};
use db::{DbConfig, Engine};
use lastro::app;
use testkit::postgres;

/// The checksums of every step, as `migrations/checksums.txt` keeps them.
fn checksums() -> String {
    let mut lines: Vec<String> = app::migrations()
        .iter()
        .flat_map(|set| set.steps.iter().map(move |step| (set.context, step)))
        .flat_map(|(context, step)| {
            [Engine::Postgres, Engine::Sqlite].map(|engine| {
                format!(
                    "{}  {}/{context}/{}.sql\n",
                    step.checksum(engine),
                    engine.as_str(),
                    step.file
                )
            })
        })
        .collect();
    lines.sort_by(|one, other| one[64..].cmp(&other[64..]));
    lines.concat()
}

/// A line that is there never changes: some database has applied it. A new step adds its lines, in the form of `sha256sum`.
#[test]
fn the_steps_are_those_that_were_applied() {
    assert_eq!(include_str!("../../../../migrations/checksums.txt"), checksums());
}

/// A file in the migrations' folders that no context lists would never run.
#[test]
fn every_file_belongs_to_a_context() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let listed = checksums();
    for engine in ["postgres", "sqlite"] {
        for context in std::fs::read_dir(folder.join(engine)).unwrap() {
            for file in std::fs::read_dir(context.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path.strip_prefix(&folder).unwrap().display().to_string();
                assert!(
                    listed.contains(&format!("  {name}\n")),
                    "{name} is in no context's list"
                );
            }
        }
    }
}

/// Moves and exports take the types of columns from the steps' texts, whichever engine they read.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_steps_declare_is_what_postgresql_has() {
    let Some(server) = postgres::server().unwrap() else {
        return;
    };
    let database = server.empty_database().unwrap();
    let config = DbConfig::new(database.url());
    migrate::run(&config, &app::migrations(), Destructive::Accept, &mut |_| {})
        .await
        .unwrap();
    let columns = "SELECT table_name::text, column_name::text, data_type::text, is_identity::text \
                   FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'schema_migrations' \
                   ORDER BY table_name, ordinal_position";
    let mut found = BTreeMap::<String, Vec<_>>::new();
    for row in db::admin::query(&database.url(), columns).await.unwrap() {
        let [table, column, kind, identity] = row.try_into().unwrap();
        let kind = match kind.unwrap().as_str() {
            "boolean" => Some(Type::Bool),
            "bigint" => Some(Type::Integer),
            "text" => Some(Type::Text),
            "json" => Some(Type::Json),
            "bytea" => Some(Type::Bytes),
            "uuid" => Some(Type::Uuid),
            "timestamp with time zone" => Some(Type::Time),
            "xid8" => None,
            other => panic!("{other} is no type that both engines have"),
        };
        let is_numbered = identity.as_deref() == Some("YES");
        found
            .entry(table.unwrap())
            .or_default()
            .push((column.unwrap(), kind, is_numbered));
    }
    let declared: BTreeMap<String, Vec<_>> = declared(&app::migrations())
        .into_iter()
        .map(|(table, columns)| {
            let columns = columns
                .into_iter()
                .map(|column| (column.name, column.kind, column.is_numbered));
            (table, columns.collect())
        })
        .collect();
    assert_eq!(declared, found);
}
