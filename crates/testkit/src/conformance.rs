//! What every context must keep, tested for free: `testkit::conformance!(organization::module)` in the context's tests.

use std::collections::BTreeSet;

use authz::PermissionScope;
use axum::http::Method;
use db::migrate::{self, Migrations};
use db::{Engine, Lane, Sql};
use http::{Access, Module};
use serde_json::json;

use crate::TestApp;

/// What is wrong with a context's declarations, found without a database: permissions, events, routes, statements, migrations.
#[must_use]
pub fn declarations(module: &Module) -> Vec<String> {
    let manifest = &module.manifest;
    let mut problems = Vec::new();
    let mut codes = BTreeSet::new();
    for permission in manifest.permissions {
        if permission.module != manifest.code {
            problems.push(format!(
                "{} is declared by {} and belongs to {}",
                permission.code, manifest.code, permission.module
            ));
        }
        if !codes.insert(permission.code) {
            problems.push(format!("{} is declared twice", permission.code));
        }
    }
    for event in manifest.events {
        let well_formed = event.name.split_once('.').is_some_and(|(resource, action)| {
            [resource, action]
                .iter()
                .all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        });
        if !well_formed || event.description.is_empty() {
            problems.push(format!(
                "the event {} is not resource.action with a description",
                event.name
            ));
        }
        if event.data.example().get("id").is_none() {
            problems.push(format!("the example of the event {} carries no id", event.name));
        }
        let mut permissions = event.from_platform.into_iter().chain([event.permission]);
        if !permissions.all(|permission| permission.code.ends_with("_READ")) {
            problems.push(format!(
                "the event {} does not name its object's _READ permission",
                event.name
            ));
        }
    }
    problems.extend(module.statements.iter().filter_map(|sql| db::lint(sql).err()));
    problems.extend(
        module
            .migrations
            .iter()
            .flat_map(|set| set.steps)
            .filter_map(|step| migrate::lint(step).err()),
    );
    problems.extend(module.migrations.iter().filter_map(misnumbered));
    problems
}

fn misnumbered(set: &Migrations) -> Option<String> {
    let numbers: Vec<i64> = set.steps.iter().filter_map(|step| step.number().ok()).collect();
    let expected: Vec<i64> = (1..).take(set.steps.len()).collect();
    (numbers != expected).then(|| format!("the migrations of {} are numbered {numbers:?}", set.context))
}

/// What is wrong with a context's routes: undeclared permissions, missing documentation.
#[must_use]
pub fn routes(app: &TestApp, module: &Module) -> Vec<String> {
    let lines: Vec<_> = (module.routes)(app.edge().app().clone())
        .iter()
        .flat_map(|group| group.lines().to_vec())
        .collect();
    let mut problems = http::openapi::problems(&lines);
    for line in &lines {
        if let Access::Requires(permission) = line.access()
            && !module
                .manifest
                .permissions
                .iter()
                .any(|declared| declared.code == permission.code)
        {
            problems.push(format!(
                "{line:?} asks for a permission that the manifest does not declare"
            ));
        }
    }
    problems
}

/// Statements that the engine refuses, or that lock other rows than they say, each with its reason.
///
/// # Errors
/// When the database cannot be asked.
pub async fn statements(app: &TestApp, module: &Module) -> Result<Vec<String>, db::DbError> {
    let lists = module.lists.iter().map(|text| Sql::global(text));
    let all: Vec<Sql<'_>> = db::statements()
        .into_iter()
        .chain(module.statements.iter().copied())
        .chain(lists)
        .collect();
    let mut problems = db::admin::unpreparable(app.url(), &all).await?;
    let texts = all.iter().map(|sql| sql.text(Engine::Postgres));
    problems.extend(
        texts
            .filter(|text| locks_in_a_list(text))
            .map(|text| format!("{text}: what is locked is looked for again for each row; make it an ARRAY")),
    );
    Ok(problems)
}

/// Whether rows are locked in a list behind `IN`. PostgreSQL may join such a list and make it anew for each row of the outer query, and
/// then it skips what it has locked and changed already: a `LIMIT` limits nothing.
fn locks_in_a_list(text: &str) -> bool {
    text.match_indices("IN (SELECT").any(|(start, _)| {
        let (mut depth, mut list) = (0_usize, String::new());
        for character in text.get(start..).unwrap_or_default().chars() {
            match character {
                '(' => depth += 1,
                ')' if depth == 1 => break,
                ')' => depth -= 1,
                _ => {}
            }
            list.push(character);
        }
        list.contains("FOR UPDATE")
    })
}

/// Point reads whose plan is not a point read's, each with its plan.
///
/// # Errors
/// When the database cannot be asked.
pub async fn plans(app: &TestApp, module: &Module) -> Result<Vec<String>, db::DbError> {
    let all = db::statements().into_iter().chain(module.statements.iter().copied());
    let points: Vec<Sql<'_>> = all.filter(|sql| sql.lane() == Lane::Point).collect();
    db::admin::full_scans(app.url(), &points).await
}

/// Where the two engines' schemas differ, and tenant tables whose keys do not begin with their organization.
///
/// # Errors
/// When a database cannot be asked.
pub async fn schemas(sqlite: &TestApp, postgres: Option<&TestApp>) -> Result<Vec<String>, db::DbError> {
    let embedded = db::schema::describe(sqlite.url()).await?;
    let mut problems = Vec::new();
    for (name, table) in &embedded {
        if !table.columns.contains_key("organization_id") || GLOBAL.contains(&name.as_str()) {
            continue;
        }
        for key in std::iter::once(&table.primary_key).chain(&table.uniques) {
            if key.first().map(String::as_str) != Some("organization_id") {
                problems.push(format!("{name}: the key {key:?} does not begin with organization_id"));
            }
        }
        for (columns, other, _) in &table.foreign_keys {
            if columns.first().map(String::as_str) != Some("organization_id") && !GLOBAL.contains(&other.as_str()) {
                problems.push(format!(
                    "{name}: the reference {columns:?} to {other} does not begin with organization_id"
                ));
            }
        }
    }
    if let Some(postgres) = postgres {
        let server = db::schema::describe(postgres.url()).await?;
        let names: BTreeSet<&String> = embedded.keys().chain(server.keys()).collect();
        for name in names {
            if embedded.get(name) != server.get(name) {
                problems.push(format!(
                    "{name} differs:\n  {:?}\n  {:?}",
                    embedded.get(name),
                    server.get(name)
                ));
            }
        }
    }
    Ok(problems)
}

/// Global tables: rows that no organization owns, even where one is concerned.
const GLOBAL: [&str; 8] = [
    "organizations",
    "organization_counts",
    "modules",
    "packages",
    "permissions",
    "access_changes",
    "schema_migrations",
    "system_roles",
];

/// Drives every route of the context as nobody, as a stranger, and as an administrator of another organization.
pub async fn guards(app: &TestApp, module: &Module) -> Vec<String> {
    let mut problems = Vec::new();
    let other = app.organization("conformance-other").await;
    let lines: Vec<_> = (module.routes)(app.edge().app().clone())
        .iter()
        .flat_map(|group| group.lines().to_vec())
        .collect();
    for line in lines {
        let path = line
            .path_parameters()
            .fold(line.template().to_owned(), |path, parameter| {
                path.replace(&format!("{{{parameter}}}"), "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40")
            });
        let mut expect = |who: &str, got: u16, allowed: &[u16]| {
            if !allowed.contains(&got) {
                problems.push(format!("{line:?} answers {got} to {who}, not one of {allowed:?}"));
            }
        };
        // A body that could be valid is not owed to anybody: what is refused here is refused before it is read.
        let send = |client: crate::Client| {
            let call = client.call(line.method().clone(), &path);
            let call = if *line.method() == Method::GET {
                call
            } else {
                call.json(&json!({}))
            };
            async move { call.send().await.status.as_u16() }
        };
        match line.access() {
            Access::Public { .. } => {}
            Access::Authenticated => expect("nobody", send(app.nobody()).await, &[401]),
            Access::Requires(permission) => {
                expect("nobody", send(app.nobody()).await, &[401]);
                expect("a forged credential", send(app.with_credential("forged")).await, &[401]);
                expect(
                    "a stranger of the organization",
                    send(app.stranger(other)).await,
                    &[403],
                );
                expect(
                    "a stranger of the platform",
                    send(app.stranger(app.platform())).await,
                    &[403],
                );
                if permission.scope == PermissionScope::Platform {
                    // An administrator elsewhere holds everything there, and still nothing of the platform's.
                    let administrator = app.operator();
                    let status = administrator
                        .call(line.method().clone(), &path)
                        .header("X-Tenant-Id", &other.to_string());
                    expect(
                        "an operator naming a tenant",
                        status.send().await.status.as_u16(),
                        &[400],
                    );
                }
            }
        }
    }
    problems
}

/// Gives a context its free tests.
#[macro_export]
macro_rules! conformance {
    ($module:path, $start:path) => {
        mod conformance {
            use super::*;
            use $crate::{Engine, conformance};

            #[test]
            fn declarations_are_complete() {
                assert_eq!(conformance::declarations(&$module()), Vec::<String>::new());
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn both_schemas_are_the_same_and_tenant_keys_begin_with_the_organization() {
                let sqlite = $start(Engine::Sqlite).await.unwrap();
                let postgres = $start(Engine::Postgres).await;
                assert_eq!(
                    conformance::schemas(&sqlite, postgres.as_ref()).await.unwrap(),
                    Vec::<String>::new()
                );
            }

            async fn on(engine: Engine) {
                let Some(app) = $start(engine).await else { return };
                let module = $module();
                assert_eq!(
                    conformance::statements(&app, &module).await.unwrap(),
                    Vec::<String>::new()
                );
                assert_eq!(
                    conformance::plans(&app, &module).await.unwrap(),
                    Vec::<String>::new()
                );
                assert_eq!(conformance::routes(&app, &module), Vec::<String>::new());
                assert_eq!(conformance::guards(&app, &module).await, Vec::<String>::new());
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn statements_routes_and_guards_on_sqlite() {
                on(Engine::Sqlite).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn statements_routes_and_guards_on_postgres() {
                on(Engine::Postgres).await;
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_in_a_list_is_found() {
        let locking = "UPDATE a SET b = 1 WHERE id IN (SELECT id FROM a WHERE (b = 2) LIMIT 5 FOR UPDATE SKIP LOCKED) RETURNING id";
        assert!(locks_in_a_list(locking));
        assert!(!locks_in_a_list(&locking.replace("IN (SELECT", "= ANY (ARRAY (SELECT")));
        assert!(!locks_in_a_list(
            "SELECT id FROM a WHERE b IN (SELECT c FROM d WHERE (e = 1)) FOR UPDATE"
        ));
    }
}
