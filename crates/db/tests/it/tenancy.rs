//! The walls inside the database: row-level security, the lesser roles, the append-only audit trail.

use db::{Db, DbConfig, DbError, Engine, Sql, UnitOfWork, migrate};
use kernel::OrganizationId;
use lastro_db as db;

use crate::support::{
    Fixture, Refusal, Told, add, adding, generators, key, organization, system_unit, text, texts, unit,
};

fn both() -> (OrganizationId, OrganizationId) {
    (organization(0xa), organization(0xb))
}

/// A database with one note of each organization.
async fn with_two_tenants() -> Option<Fixture> {
    let f = Fixture::start(Engine::Postgres).await?;
    let (home, away) = both();
    f.db.write(unit(home), adding(home, "ours")).await.unwrap();
    f.db.write(unit(away), adding(away, "theirs")).await.unwrap();
    Some(f)
}

/// The address as a session of the role sees it.
fn as_role(f: &Fixture, role: &str, organization: Option<&str>) -> String {
    let organization = organization.map_or_else(String::new, |id| format!("%20-c%20lastro.organization%3D{id}"));
    format!("{}?options=-c%20role%3D{role}{organization}", f.url())
}

async fn seen(url: &str, sql: &str) -> Vec<String> {
    let rows = db::admin::query(url, sql).await.unwrap();
    rows.into_iter().map(|row| row[0].clone().unwrap()).collect()
}

/// Whether the server refuses the role this statement (42501).
async fn is_forbidden(url: &str, sql: &str) -> bool {
    match db::admin::execute(url, sql).await {
        Ok(()) => false,
        Err(DbError::Internal(text)) if text.starts_with("42501") => true,
        Err(other) => panic!("{sql}: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_statement_of_a_tenants_unit_reaches_no_other_tenant() {
    let Some(f) = with_two_tenants().await else { return };
    let (home, away) = both();
    let read = f.db.write(unit(home), move |uow| async move {
        texts(
            uow.scope(home),
            &Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 OR true"),
        )
        .await
    });
    assert_eq!(read.await.unwrap(), ["ours"]);
    let changed = f.db.write(unit(home).unaudited("a test"), move |uow| async move {
        let all = Sql::tenant("UPDATE notes SET place = 7 WHERE organization_id = $1 OR true");
        uow.scope(home).execute(&all, &[]).await
    });
    assert_eq!(changed.await.unwrap(), 1);
    let moved = f.db.write(unit(home).unaudited("a test"), move |uow| async move {
        let give = Sql::tenant("UPDATE notes SET organization_id = $2 WHERE organization_id = $1");
        uow.scope(home).execute(&give, &[db::Value::id(away)]).await
    });
    assert!(matches!(moved.await, Err(DbError::Internal(text)) if text.starts_with("42501")));
    let added = f.db.write(unit(home).unaudited("a test"), move |uow| async move {
        let id = crate::support::new_id(&uow);
        let foreign = Sql::tenant(
            "INSERT INTO notes (organization_id, id, text, text_folded, place) \
             SELECT $2, $3, 'planted', '', 0 WHERE $1::uuid IS NOT NULL",
        );
        uow.scope(home)
            .execute(&foreign, &[db::Value::id(away), id.into()])
            .await
    });
    assert!(matches!(added.await, Err(DbError::Internal(text)) if text.starts_with("42501")));
    let mut places = f.look("SELECT text || ' ' || place FROM notes").await;
    places.sort();
    assert_eq!(places, ["ours 7", "theirs 0"]);
    // A unit that left the tenant for a stated reason is not held to one.
    let all = f.db.write(system_unit(home), |uow| async move {
        texts(uow.system()?, &Sql::system("SELECT text FROM notes ORDER BY text")).await
    });
    assert_eq!(all.await.unwrap(), ["ours", "theirs"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_writing_role_sees_one_tenant_or_none() {
    let Some(f) = with_two_tenants().await else { return };
    let (home, away) = both();
    let at = |organization: Option<&str>| as_role(&f, "lastro_write", organization);
    const ALL: &str = "SELECT text FROM notes ORDER BY text";
    assert_eq!(seen(&at(Some(&home.to_string())), ALL).await, ["ours"]);
    assert_eq!(seen(&at(Some(&away.to_string())), ALL).await, ["theirs"]);
    assert_eq!(seen(&at(Some("*")), ALL).await, ["ours", "theirs"]);
    assert!(seen(&at(None), ALL).await.is_empty());
    assert!(seen(&at(Some("")), ALL).await.is_empty());
    for table in [
        "notes",
        "comments",
        "audit_entries",
        "outbox_events",
        "outbox_queue",
        "idempotency_records",
        "access_versions",
    ] {
        let policies = format!("SELECT polname::text FROM pg_policy WHERE polrelid = '{table}'::regclass ORDER BY 1");
        assert_eq!(f.look(&policies).await, ["reading", "tenant"], "{table}");
    }
    let here = at(Some(&home.to_string()));
    db::admin::execute(&here, "UPDATE notes SET place = 1").await.unwrap();
    db::admin::execute(&here, "DELETE FROM notes").await.unwrap();
    assert_eq!(f.look(ALL).await, ["theirs"]);
    let planted = format!("INSERT INTO notes VALUES ('{away}', '{away}', 'planted', '', 0)");
    assert!(is_forbidden(&here, &planted).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_serving_roles_may_not_touch_the_trail_nor_the_schema() {
    let Some(f) = with_two_tenants().await else { return };
    let writing = as_role(&f, "lastro_write", Some("*"));
    for forbidden in [
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "TRUNCATE audit_entries",
        "TRUNCATE notes",
        "CREATE TABLE another (id bigint)",
        "CREATE TABLE another AS SELECT 1",
        "ALTER TABLE notes DISABLE ROW LEVEL SECURITY",
        "DROP TABLE notes",
        "DROP POLICY tenant ON notes",
        "INSERT INTO schema_migrations VALUES ('x', 1, 'x', 'x', now())",
        "CREATE ROLE another",
    ] {
        assert!(is_forbidden(&writing, forbidden).await, "{forbidden}");
    }
    let reading = as_role(&f, "lastro_read", None);
    for forbidden in [
        "INSERT INTO access_changes (kind, created_at) VALUES ('user', now())",
        "UPDATE notes SET place = 1",
        "DELETE FROM notes",
        "DELETE FROM audit_entries",
        "INSERT INTO idempotency_records SELECT * FROM idempotency_records",
        "CREATE TABLE another (id bigint)",
    ] {
        assert!(is_forbidden(&reading, forbidden).await, "{forbidden}");
    }
    assert_eq!(
        seen(&reading, "SELECT text FROM notes ORDER BY text").await,
        ["ours", "theirs"]
    );
    f.whole(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_refuses_to_change_the_trail() {
    let f = Fixture::start(Engine::Sqlite).await.unwrap();
    let (home, _) = both();
    f.db.write(unit(home), adding(home, "milk")).await.unwrap();
    for sql in [
        "UPDATE audit_entries SET action = 'nothing'",
        "DELETE FROM audit_entries",
        "REPLACE INTO audit_entries SELECT * FROM audit_entries",
    ] {
        let refused = db::admin::execute(f.url(), sql).await;
        assert!(refused.is_err(), "{sql}");
    }
    let inside = f.db.write(unit(home).unaudited("a test"), move |uow| async move {
        uow.scope(home)
            .execute(
                &Sql::tenant("DELETE FROM audit_entries WHERE organization_id = $1"),
                &[],
            )
            .await
    });
    assert!(matches!(inside.await, Err(DbError::Constraint(_))));
    f.whole(1).await;
}

/// A login that exists while the test runs.
struct Login<'a> {
    f: &'a Fixture,
    name: String,
}

impl<'a> Login<'a> {
    fn new(f: &'a Fixture, purpose: &str) -> Self {
        let name = format!("{purpose}_{}", f.database().name());
        let make = format!("CREATE ROLE {name} LOGIN PASSWORD 'lesser'");
        f.database().server().execute(&make).unwrap();
        Self { f, name }
    }

    fn url(&self) -> String {
        let database = self.f.database();
        database.server().url_as(database.name(), &self.name, "lesser").unwrap()
    }
}

impl Drop for Login<'_> {
    fn drop(&mut self) {
        // What it owns goes with the database; the role belongs to the server.
        let server = self.f.database().server();
        let drop_database = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.f.database().name());
        server.execute(&drop_database).ok();
        server.execute(&format!("DROP ROLE {}", self.name)).ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_login_that_owns_nothing_serves() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let login = Login::new(&f, "serving");
    let (home, away) = both();
    let mut config = DbConfig::new(login.url());
    let refused = Db::open(config.clone(), generators(&f.clock)).unwrap();
    assert!(refused.write(unit(home), adding(home, "too early")).await.is_err());

    config.migration_url = Some(f.url().to_owned());
    migrate::ensure_roles(&config).await.unwrap();
    // A second time there is nothing to do.
    migrate::ensure_roles(&config).await.unwrap();
    let db = Db::open(config, generators(&f.clock)).unwrap();
    db.write(unit(home), adding(home, "milk")).await.unwrap();
    db.write_once(unit(home), key("k", 1), move |uow: UnitOfWork| async move {
        add(&uow, home, "bread").await?;
        uow.access_changed(db::AccessChange {
            organization_id: Some(home),
            kind: db::ChangeKind::User,
            subject: None,
            until: None,
        });
        Ok::<_, Refusal>(Told::new("made"))
    })
    .await
    .unwrap();
    assert_eq!(
        db.scope(home).all(&crate::support::TEXTS, &[], text).await.unwrap(),
        ["bread", "milk"]
    );
    assert!(
        db.scope(away)
            .all(&crate::support::TEXTS, &[], text)
            .await
            .unwrap()
            .is_empty()
    );
    db.poll().await.unwrap();
    assert!(db.pending(&crate::support::MIGRATIONS).await.unwrap().is_empty());
    f.whole(2).await;

    // The login itself is bound by the same walls as the roles it takes.
    let url = login.url();
    assert!(is_forbidden(&url, "DELETE FROM audit_entries").await);
    assert!(is_forbidden(&url, "CREATE TABLE another (id bigint)").await);
    assert!(
        seen(&url, "SELECT id::text FROM outbox_events WHERE type = 'never'")
            .await
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_that_may_not_grant_says_what_somebody_else_must_do() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let login = Login::new(&f, "owning");
    let config = DbConfig::new(login.url());
    let refused = migrate::ensure_roles(&config).await.unwrap_err().to_string();
    assert!(
        refused.contains(&format!("GRANT lastro_write TO \"{}\"", login.name)),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_without_superuser_migrates_and_serves() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let login = Login::new(&f, "owner");
    let server = f.database().server();
    // The roles exist on this server; a database owner is let into them by whoever made them.
    server
        .execute(&format!(
            "GRANT lastro_write, lastro_read TO {} WITH ADMIN OPTION",
            login.name
        ))
        .unwrap();
    let name = format!("own_{}", f.database().name());
    server
        .execute(&format!("CREATE DATABASE {name} OWNER {}", login.name))
        .unwrap();
    let url = db::admin::sibling(&login.url(), &name).unwrap();
    let (home, away) = both();
    let served = async {
        crate::support::migrated(url.clone())
            .await
            .map_err(|error| error.to_string())?;
        let db = Db::open(DbConfig::new(&url), generators(&f.clock)).map_err(|error| error.to_string())?;
        db.write(unit(home), adding(home, "ours"))
            .await
            .map_err(|error| error.to_string())?;
        db.write(unit(away), adding(away, "theirs"))
            .await
            .map_err(|error| error.to_string())?;
        // Not even the owner's units are above the policies: they take the lesser role.
        let read = db.write(unit(home), move |uow| async move {
            texts(
                uow.scope(home),
                &Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 OR true"),
            )
            .await
        });
        read.await.map_err(|error| error.to_string())
    };
    let served = served.await;
    server.execute(&format!("DROP DATABASE {name} WITH (FORCE)")).unwrap();
    assert_eq!(served, Ok(vec!["ours".to_owned()]));
}
