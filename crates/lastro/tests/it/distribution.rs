//! The schema is ready to be spread over the shards of Citus: every tenant table by its organization, every other one whole on
//! each node.
//!
//! This looks at keys and references. It runs without the extension, so it does not show how Citus itself behaves; that every
//! statement outside a `SystemScope` touches one organization is held by the statement test of each context.

use std::collections::BTreeSet;

use db::DbConfig;
use db::migrate::{self, Destructive};
use db::schema::{self, Schema, Table};
use lastro::app;

const FILE: &str = include_str!("../../../../deploy/citus/distribute.sql");

async fn current() -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}", folder.path().join("lastro.db").display());
    migrate::run(
        &DbConfig::new(&*url),
        &app::migrations(),
        Destructive::Accept,
        &mut |_| {},
    )
    .await
    .unwrap();
    let mut schema = schema::describe(&url).await.unwrap();
    schema.remove("schema_migrations");
    schema
}

fn is_tenant(table: &Table) -> bool {
    table
        .primary_key
        .first()
        .is_some_and(|column| column == "organization_id")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_statements_spread_every_table_of_the_schema() {
    let schema = current().await;
    let order = schema::referred_first(&schema).unwrap();
    let mut statements = String::new();
    for (kind, wanted) in [("reference", false), ("distributed", true)] {
        for name in order.iter().filter(|name| is_tenant(&schema[*name]) == wanted) {
            let by = if wanted { ", 'organization_id'" } else { "" };
            statements.push_str(&format!("SELECT create_{kind}_table('{name}'{by});\n"));
        }
    }
    let (_, listed) = FILE.split_once("CREATE EXTENSION IF NOT EXISTS citus;\n\n").unwrap();
    assert_eq!(listed, statements, "deploy/citus/distribute.sql must list these");
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_references_of_tenant_tables_carry_the_organization_and_global_tables_refer_to_none() {
    let schema = current().await;
    let tenants: BTreeSet<&str> = schema
        .iter()
        .filter(|(_, table)| is_tenant(table))
        .map(|(name, _)| name.as_str())
        .collect();
    assert!(tenants.len() > 10, "{tenants:?}");
    let carries = |columns: &[String]| columns.iter().any(|column| column == "organization_id");
    let mut problems = Vec::new();
    for (name, table) in &schema {
        for (columns, target, theirs) in &table.foreign_keys {
            let to_tenant = tenants.contains(target.as_str());
            match is_tenant(table) {
                true if to_tenant && !(carries(columns) && carries(theirs)) => {
                    problems.push(format!("{name} refers to {target} without the organization"));
                }
                false if to_tenant => problems.push(format!("the global table {name} refers to {target}")),
                _ => {}
            }
        }
        if is_tenant(table) {
            let odd = table.uniques.iter().filter(|columns| !carries(columns));
            problems.extend(odd.map(|columns| format!("{name} is unique by {columns:?} without the organization")));
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}
