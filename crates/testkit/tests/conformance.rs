//! Each of the free tests catches what it is there for: one seeded violation each.
#![cfg(test)]

use authz::{PermissionInfo, PermissionScope};
use contracts::{EventData, EventType, Manifest};
use db::Sql;
use db::migrate::{Migrations, Step};
use http::Module;
use serde_json::json;
use testkit::{Engine, TestApp, conformance};

const FOREIGN: PermissionInfo = PermissionInfo {
    code: "OTHER_THING_UPDATE",
    module: "OTHER",
    resource: "THING",
    action: "UPDATE",
    scope: PermissionScope::Tenant,
    description: "Belongs to another module",
};

/// A context that breaks every rule that needs no database.
const LAWLESS: Manifest = Manifest {
    code: "LAWLESS",
    name: "Lawless",
    description: "",
    is_core: false,
    permissions: &[&FOREIGN, &FOREIGN],
    events: &[EventType {
        name: "Created",
        description: "",
        permission: &FOREIGN,
        from_platform: None,
        data: EventData::of::<contracts::organization::OrganizationView>(|| json!(null)),
    }],
    objects: &[],
};

fn lawless() -> Module {
    Module {
        migrations: Some(Migrations {
            context: "lawless",
            steps: &[Step {
                file: "0002_gap",
                sqlite: "DROP TABLE a;",
                postgres: "DROP TABLE a;",
            }],
        }),
        statements: vec![
            Sql::tenant("SELECT id FROM organizations WHERE id = $1"),
            Sql::global("SELECT lower(name) FROM organizations"),
        ],
        ..Module::new(LAWLESS)
    }
}

#[test]
fn declarations_that_break_the_rules_are_told() {
    let problems = conformance::declarations(&lawless()).join("\n");
    for part in [
        "OTHER_THING_UPDATE is declared by LAWLESS",
        "OTHER_THING_UPDATE is declared twice",
        "Created is not resource.action",
        "does not name its object's _READ permission",
        "the example of the event Created carries no id",
        "not bound to organization_id = $1",
        "uses \"lower(\"",
        "0002_gap",
        "are numbered [2]",
    ] {
        assert!(problems.contains(part), "{part} is missing from:\n{problems}");
    }
}

async fn caught(engine: Engine) {
    let Some(app) = TestApp::start(engine, vec![organization::module()]).await else {
        return;
    };
    let unindexed = Sql::global("SELECT id FROM organizations WHERE package_code = $1").point();
    let unknown = Sql::global("SELECT nothing FROM organizations");
    let module = Module {
        statements: vec![unindexed],
        ..lawless()
    };
    assert_eq!(conformance::plans(&app, &module).await.unwrap().len(), 1);
    let module = Module {
        statements: vec![unknown],
        ..lawless()
    };
    assert_eq!(conformance::statements(&app, &module).await.unwrap().len(), 1);

    // The organization's routes under a manifest that declares none of their permissions.
    let undeclared = Module {
        manifest: LAWLESS,
        ..organization::module()
    };
    assert!(conformance::routes(&app, &undeclared).len() >= 8);

    let keyless = "CREATE TABLE notes (organization_id BLOB NOT NULL, id BLOB NOT NULL PRIMARY KEY)";
    let keyless = if engine == Engine::Postgres {
        keyless.replace("BLOB", "bytea")
    } else {
        keyless.to_owned()
    };
    db::admin::execute(app.url(), &keyless).await.unwrap();
    let problems = conformance::schemas(&app, None).await.unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unindexed_unpreparable_undeclared_and_keyless_are_told_on_sqlite() {
    caught(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unindexed_unpreparable_undeclared_and_keyless_are_told_on_postgres() {
    caught(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_differ_are_told() {
    let sqlite = TestApp::start(Engine::Sqlite, vec![organization::module()])
        .await
        .unwrap();
    let Some(postgres) = TestApp::start(Engine::Postgres, vec![organization::module()]).await else {
        return;
    };
    assert_eq!(
        conformance::schemas(&sqlite, Some(&postgres)).await.unwrap(),
        Vec::<String>::new()
    );
    db::admin::execute(
        postgres.url(),
        "ALTER TABLE organizations ALTER COLUMN slug DROP NOT NULL",
    )
    .await
    .unwrap();
    let problems = conformance::schemas(&sqlite, Some(&postgres)).await.unwrap();
    assert_eq!(problems.len(), 1, "{problems:?}");
}
