//! Upgrades: from the first schema with rows of that time, and a node of the version before beside a newer schema.
//!
//! The rule that makes the second work is that a step only adds: tables, columns that may be left out, indexes. Then every statement
//! of the version before means on the newer schema what it meant. It is checked step by step, by what the schema is before and after.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use db::migrate::{self, Destructive, Migrations, Step};
use db::schema::{self, Schema, Table};
use db::{DbConfig, admin};
use lastro::app;
use serde_json::{Value, json};
use testkit::Engine;

use crate::engines::{At, at};

/// The steps that the first installations had.
const FIRST: [(&str, usize); 4] = [("core", 1), ("organization", 1), ("catalog", 1), ("access", 1)];

async fn apply(at: &At, migrations: &[Migrations], destructive: Destructive) {
    migrate::run(&DbConfig::new(at.url()), migrations, destructive, &mut |_| {})
        .await
        .unwrap();
}

/// An installation whose folders are made, as the first start makes them.
fn bare(engine: Engine) -> Option<At> {
    let at = at(engine)?;
    std::fs::create_dir_all(at.lastro.path("data")).unwrap();
    Some(at)
}

/// Columns that an INSERT may leave out.
async fn optional(at: &At, engine: Engine, schema: &Schema) -> BTreeSet<(String, String)> {
    let mut optional = BTreeSet::new();
    for (name, table) in schema {
        for (column, (_, is_required)) in &table.columns {
            if !is_required {
                optional.insert((name.clone(), column.clone()));
            }
        }
    }
    let with_default = match engine {
        Engine::Postgres => {
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = 'public' AND (column_default IS NOT NULL OR is_identity = 'YES')"
        }
        Engine::Sqlite => {
            "SELECT t.name, c.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c \
             WHERE t.schema = 'main' AND c.dflt_value IS NOT NULL"
        }
    };
    for row in at.query(with_default).await {
        let [table, column] = row.try_into().unwrap();
        optional.insert((table.unwrap(), column.unwrap()));
    }
    optional
}

/// How a step keeps statements of the version before from meaning what they meant.
fn breaks(before: &Schema, after: &Schema, optional: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, old) in before {
        let Some(new) = after.get(name) else {
            problems.push(format!("{name} is gone"));
            continue;
        };
        for (column, was) in &old.columns {
            match new.columns.get(column) {
                None => problems.push(format!("{name}.{column} is gone")),
                Some(is) if is.0 != was.0 => problems.push(format!("{name}.{column} is of another kind")),
                Some(is) if is.1 && !was.1 => problems.push(format!("{name}.{column} must be given now")),
                Some(_) => {}
            }
        }
        let is_new = |column: &String| !old.columns.contains_key(column);
        for column in new.columns.keys().filter(|column| is_new(column)) {
            if !optional.contains(&(name.clone(), column.clone())) {
                problems.push(format!("{name}.{column} is new, and cannot be left out"));
            }
        }
        if old.primary_key != new.primary_key {
            problems.push(format!("{name} has another key"));
        }
        for key in new.uniques.difference(&old.uniques) {
            if !key.iter().any(&is_new) && !is_about_new(new, key, &is_new) {
                problems.push(format!("{name} is unique by {key:?} now"));
            }
        }
        for (columns, target, _) in new.foreign_keys.difference(&old.foreign_keys) {
            if !columns.iter().any(&is_new) {
                problems.push(format!("{name} refers to {target} by {columns:?} now"));
            }
        }
    }
    problems
}

/// Whether an index over these columns holds only rows in which a new column says something.
fn is_about_new(table: &Table, key: &[String], is_new: &impl Fn(&String) -> bool) -> bool {
    let mut partial = table.indexes.values().filter(|index| index.columns == key);
    partial.any(|index| {
        let predicate = index.predicate.as_deref().unwrap_or_default();
        let mut words = predicate.split(|character: char| !character.is_alphanumeric() && character != '_');
        words.any(|word| table.columns.contains_key(word) && is_new(&word.to_owned()))
    })
}

async fn steps_only_add(engine: Engine) {
    let Some(at) = bare(engine) else { return };
    let all = app::migrations();
    let mut before = Schema::new();
    let mut compared = 0;
    for (place, set) in all.iter().enumerate() {
        for (count, step) in set.steps.iter().enumerate() {
            let mut applied = all[..place].to_vec();
            applied.push(Migrations {
                steps: &set.steps[..=count],
                ..*set
            });
            apply(&at, &applied, Destructive::Accept).await;
            let after = schema::describe(&at.url()).await.unwrap();
            if step.destructive(engine).is_none() {
                let problems = breaks(&before, &after, &optional(&at, engine, &after).await);
                assert!(problems.is_empty(), "{}/{}: {problems:#?}", set.context, step.file);
            }
            compared += 1;
            before = after;
        }
    }
    assert!(compared > 15, "{compared} steps");
    // What the comparison must see.
    for step in [
        "ALTER TABLE jobs RENAME COLUMN done TO finished",
        "CREATE UNIQUE INDEX uq_jobs__failure ON jobs (failure)",
        "DROP TABLE package_quotas",
    ] {
        admin::execute(&at.url(), step).await.unwrap();
        let after = schema::describe(&at.url()).await.unwrap();
        let problems = breaks(&before, &after, &optional(&at, engine, &after).await);
        assert!(!problems.is_empty(), "{step}");
        before = after;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_only_adds_on_sqlite() {
    steps_only_add(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_step_only_adds_on_postgresql() {
    steps_only_add(Engine::Postgres).await;
}

/// Rows as the first version wrote them.
async fn fill(at: &At, engine: Engine) {
    let id = |number: u32| match engine {
        Engine::Postgres => format!("'01932f5c-0000-7000-8000-{number:012}'"),
        Engine::Sqlite => format!("x'01932f5c000070008000{number:012}'"),
    };
    // 2026-02-03T04:05:06.789012Z
    let instant = match engine {
        Engine::Postgres => "'2026-02-03T04:05:06.789012Z'".to_owned(),
        Engine::Sqlite => "1770091506789012".to_owned(),
    };
    let (yes, no) = match engine {
        Engine::Postgres => ("true", "false"),
        Engine::Sqlite => ("1", "0"),
    };
    let mut text = String::new();
    for (number, slug, name, is_active) in [
        (1, "platform", "Platform", yes),
        (2, "padaria", "Padaria", yes),
        (3, "velha", "Velha", no),
    ] {
        text.push_str(&format!(
            "INSERT INTO organizations (id, name, name_folded, slug, document, is_active, package_code, created_at, updated_at) \
             VALUES ({}, '{name}', '{slug}', '{slug}', NULL, {is_active}, NULL, {instant}, {instant});\n",
            id(number)
        ));
        text.push_str(&format!(
            "INSERT INTO access_versions (organization_id, version) VALUES ({}, 1);\n\
             INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, \
             target_id, changes, count) VALUES ({}, {}, {instant}, 'system', {}, 'seed', 'organization.created', 'organization', {}, \
             '{{\"name\":{{\"from\":null,\"to\":\"{name}\"}}}}', 1);\n\
             INSERT INTO outbox_events (organization_id, id, occurred_at, type, subject_kind, subject_id, data) VALUES \
             ({}, {}, {instant}, 'organization.created', 'organization', {}, '{{}}');\n",
            id(number),
            id(number),
            id(100 + number),
            id(0),
            id(number),
            id(number),
            id(200 + number),
            id(number)
        ));
    }
    text.push_str(&format!(
        "INSERT INTO modules (id, code, name, is_active, is_core, sort_order, off_epoch, created_at, updated_at) \
         VALUES ({}, 'CLINIC', 'Clínica', {yes}, {no}, 90, 0, {instant}, {instant});\n\
         INSERT INTO roles (organization_id, id, code, name, name_folded, description, created_at, updated_at) \
         VALUES ({}, {}, 'CAIXA', 'Caixa', 'caixa', NULL, {instant}, {instant});\n",
        id(10),
        id(2),
        id(20)
    ));
    at.execute(&text).await;
}

async fn comes_up_from_the_first_schema(engine: Engine) {
    let Some(at) = bare(engine) else { return };
    let first: Vec<Migrations> = app::migrations()
        .into_iter()
        .filter_map(|set| {
            let (_, count) = FIRST.into_iter().find(|(context, _)| *context == set.context)?;
            Some(Migrations {
                steps: &set.steps[..count],
                ..set
            })
        })
        .collect();
    apply(&at, &first, Destructive::Refuse).await;
    fill(&at, engine).await;
    let doctor = at.lastro.run(&["doctor"]);
    assert!(
        doctor.stdout.contains("pending; the next start applies them"),
        "{}",
        doctor.stdout
    );

    // No step in between is destructive: the server does it all by itself.
    let server = at.lastro.serve(&[]);
    assert_eq!(
        at.uncounted().await,
        "0",
        "what there was before the counter is counted"
    );
    let credential = format!("Bearer {}", server.token());
    let ask = |head: &str, body: &str| {
        let answer = server.send(head, &[("authorization", &credential)], body);
        assert!(answer.status < 300, "{head}: {}", answer.body);
        if answer.body.is_empty() {
            Value::Null
        } else {
            answer.json()["data"].clone()
        }
    };
    let found = ask("GET /api/v1/organizations?sort=slug", "");
    let told: Vec<_> = found
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            (
                row["slug"].as_str().unwrap(),
                row["isActive"].as_bool().unwrap(),
                row["createdAt"].as_str().unwrap(),
            )
        })
        .collect();
    let made = "2026-02-03T04:05:06.789012Z";
    assert_eq!(
        told,
        [
            ("padaria", true, made),
            ("platform", true, made),
            ("velha", false, made)
        ]
    );
    let padaria = found[0]["id"].as_str().unwrap().to_owned();
    // What is of that time works with what came since.
    let clinic = ask("GET /api/v1/modules?q=CLINIC", "")[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    ask(
        &format!("PUT /api/v1/organizations/{padaria}/package"),
        r#"{"packageCode":"starter"}"#,
    );
    ask(
        &format!("POST /api/v1/organizations/{padaria}/modules/{clinic}/activate"),
        "",
    );
    ask(
        &format!("PATCH /api/v1/organizations/{padaria}"),
        r#"{"name":"Padaria Nova"}"#,
    );
    let trail = ask("GET /api/v1/audit-logs?action=organization.created", "");
    assert_eq!(trail[0]["occurredAt"], made, "{trail}");
    assert_eq!(server.stop(), Some(0));
    at.lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);
    let verified = at.lastro.run(&["audit", "verify"]);
    assert_eq!(
        verified.assert_code(0).stdout.matches(" valid, ").count(),
        3,
        "{}",
        verified.stdout
    );
    at.lastro
        .run(&["tenant", "export", "padaria", "padaria.ndjson"])
        .assert_code(0);
    let exported = std::fs::read_to_string(at.lastro.path("padaria.ndjson")).unwrap();
    assert!(
        exported
            .lines()
            .any(|line| line.contains(r#""table":"roles""#) && line.contains("CAIXA")),
        "{exported}"
    );
    // Its time counts from when it was last changed, which is the latest that it can have been deactivated.
    at.lastro.run(&["tenant", "purge", "velha", "--confirm"]).assert_code(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_schema_with_its_rows_comes_up_to_date_and_serves_on_sqlite() {
    comes_up_from_the_first_schema(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_schema_with_its_rows_comes_up_to_date_and_serves_on_postgresql() {
    comes_up_from_the_first_schema(Engine::Postgres).await;
}

/// What a version after this one might add. SQLite changes a table beyond adding a column by building it anew, which counts as
/// destructive, since the old table is dropped; it keeps everything that was there.
const NEXT: Migrations = Migrations {
    context: "next",
    steps: &[
        Step {
            file: "0001_expanded",
            postgres: "ALTER TABLE organizations ADD COLUMN nickname text;\n\
                ALTER TABLE users ADD COLUMN is_star boolean NOT NULL DEFAULT false;\n\
                ALTER TABLE sessions ADD COLUMN place text;\n\
                CREATE INDEX ix_organizations__nickname ON organizations (nickname, id);\n\
                CREATE TABLE nexts (organization_id uuid NOT NULL, id uuid NOT NULL, CONSTRAINT pk_nexts PRIMARY KEY (organization_id, id));\n\
                SELECT lastro_tenant_table('nexts');",
            sqlite: "ALTER TABLE organizations ADD COLUMN nickname TEXT;\n\
                ALTER TABLE users ADD COLUMN is_star INTEGER NOT NULL DEFAULT 0;\n\
                ALTER TABLE sessions ADD COLUMN place TEXT;\n\
                CREATE INDEX ix_organizations__nickname ON organizations (nickname, id);\n\
                CREATE TABLE nexts (organization_id BLOB NOT NULL, id BLOB NOT NULL, CONSTRAINT pk_nexts PRIMARY KEY (organization_id, id)) \
                STRICT, WITHOUT ROWID;",
        },
        Step {
            file: "0002_rebuilt",
            postgres: "ALTER TABLE jobs ADD COLUMN node text;",
            sqlite: "-- lastro: destructive: the table is built anew, with all of its rows\n\
                CREATE TABLE jobs_anew (name TEXT NOT NULL, id BLOB NOT NULL, next_run_at INTEGER NOT NULL, holder BLOB, \
                leased_until INTEGER, started_at INTEGER, finished_at INTEGER, done INTEGER, failure TEXT, node TEXT, \
                CONSTRAINT pk_jobs PRIMARY KEY (name), \
                CONSTRAINT ck_jobs__lease CHECK ((holder IS NULL) = (leased_until IS NULL))) STRICT, WITHOUT ROWID;\n\
                INSERT INTO jobs_anew (name, id, next_run_at, holder, leased_until, started_at, finished_at, done, failure) \
                SELECT name, id, next_run_at, holder, leased_until, started_at, finished_at, done, failure FROM jobs;\n\
                DROP TABLE jobs;\n\
                ALTER TABLE jobs_anew RENAME TO jobs;",
        },
    ],
};

async fn an_old_node_goes_on(engine: Engine) {
    let Some(at) = at(engine) else { return };
    let serving = at.lastro.serve(&[]);
    let credential = format!("Bearer {}", serving.token());
    let (stop, made, migrated) = (AtomicBool::new(false), AtomicU32::new(0), AtomicU32::new(0));
    let newer: Vec<Migrations> = app::migrations().into_iter().chain([NEXT]).collect();
    let (server, credential) = (&serving, credential.as_str());
    std::thread::scope(|scope| {
        for client in 0..3 {
            let (stop, made, migrated) = (&stop, &made, &migrated);
            scope.spawn(move || {
                let mut number = 0;
                while !stop.load(Ordering::SeqCst) {
                    number += 1;
                    let slug = format!("cliente-{client}-{number}");
                    let headers = [("authorization", credential)];
                    let body = json!({ "name": "Cliente", "slug": slug }).to_string();
                    let answer = server.send("POST /api/v1/organizations", &headers, &body);
                    assert_eq!(answer.status, 201, "{}", answer.body);
                    let found = server.send(&format!("GET /api/v1/organizations?q={slug}"), &headers, "");
                    assert_eq!(found.json()["meta"]["total"], 1, "{}", found.body);
                    assert_eq!(server.send("GET /api/v1/jobs", &headers, "").status, 200);
                    assert_eq!(server.send("GET /api/v1/users?limit=5", &headers, "").status, 200);
                    made.fetch_add(1, Ordering::SeqCst);
                    if migrated.load(Ordering::SeqCst) > 0 {
                        migrated.fetch_add(1, Ordering::SeqCst);
                    }
                }
            });
        }
        let (stop, made, migrated, at, newer) = (&stop, &made, &migrated, &at, &newer);
        scope.spawn(move || {
            let until = |count: &AtomicU32, least| {
                while count.load(Ordering::SeqCst) < least && !stop.load(Ordering::SeqCst) {
                    std::thread::sleep(std::time::Duration::from_millis(10));
                }
            };
            until(made, 5);
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .enable_all()
                .build()
                .unwrap();
            let applied = runtime.block_on(migrate::run(
                &DbConfig::new(at.url()),
                newer,
                Destructive::Accept,
                &mut |_| {},
            ));
            migrated.store(1, Ordering::SeqCst);
            until(migrated, 10);
            stop.store(true, Ordering::SeqCst);
            assert_eq!(applied.unwrap(), 2);
        });
    });
    assert_eq!(server.send("GET /health/ready", &[], "").status, 200);
    // A login takes new statements on rows of tables that have changed, and a job writes into the one that was built anew.
    server.token();
    let mut ended = Vec::new();
    for _ in 0..300 {
        ended = at.query("SELECT name FROM jobs WHERE finished_at IS NOT NULL").await;
        if !ended.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    assert!(!ended.is_empty(), "no job ends any more: {}", at.lastro.log());
    assert_eq!(serving.stop(), Some(0));
    // A node of the version before that is started now would know nothing of what is new, and says so.
    let refused = at.lastro.run(&["serve"]);
    assert!(
        refused.assert_code(1).stderr.contains("newer than this binary"),
        "{}",
        refused.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_while_a_newer_one_migrates_on_sqlite() {
    an_old_node_goes_on(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_while_a_newer_one_migrates_on_postgresql() {
    an_old_node_goes_on(Engine::Postgres).await;
}
