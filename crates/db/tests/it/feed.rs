//! The change feed between nodes, and what a node knows about its own knowledge.

use std::sync::Arc;
use std::time::Duration;

use db::{AccessChange, ChangeKind, Db, DbError, Engine, Sql, UnitOfWork};
use kernel::OrganizationId;
use lastro_db as db;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::support::{Fixture, eventually, on_both, organization, spill, texts, unit};

fn home() -> OrganizationId {
    organization(0xa)
}

fn user(number: u128) -> AccessChange {
    AccessChange {
        organization_id: Some(home()),
        kind: ChangeKind::User,
        subject: Some(Uuid::from_u128(number)),
        until: None,
    }
}

/// Changes one user's access.
async fn change(db: &Db, number: u128) {
    db.write(unit(home()), move |uow: UnitOfWork| async move {
        uow.access_changed(user(number));
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
}

/// What the node is told, as the numbers of the users.
fn told(db: &Db) -> Arc<Mutex<Vec<u128>>> {
    let told = Arc::<Mutex<Vec<u128>>>::default();
    let telling = Arc::clone(&told);
    db.feed().subscribe(move |changes| {
        telling
            .lock()
            .extend(changes.iter().filter_map(|change| Some(change.subject?.as_u128())));
    });
    told
}

on_both! {
    async fn another_node_learns_what_changed_at_its_next_reading(f: Fixture) {
        let other = f.another(|config| config);
        let (here, there) = (told(&f.db), told(&other));
        other.poll().await.unwrap();
        for number in 1..=3 {
            change(&f.db, number).await;
            assert_eq!(*here.lock(), (1..=number).collect::<Vec<_>>(), "the node itself is told at once");
        }
        assert!(there.lock().is_empty());
        other.poll().await.unwrap();
        assert_eq!(*there.lock(), [1, 2, 3]);
        // And no second time.
        other.poll().await.unwrap();
        change(&other, 4).await;
        assert_eq!(*there.lock(), [1, 2, 3, 4]);
        // Its own change comes back once, which does no harm.
        other.poll().await.unwrap();
        other.poll().await.unwrap();
        assert_eq!(*there.lock(), [1, 2, 3, 4, 4]);
    }

    async fn a_change_that_is_rolled_back_is_told_to_nobody(f: Fixture) {
        let other = f.another(|config| config);
        let (here, there) = (told(&f.db), told(&other));
        for number in 0..3 {
            let undone = f.db.write(unit(home()), move |uow| async move {
                uow.access_changed(user(number));
                if number == 1 {
                    spill::<()>();
                }
                Err::<(), _>(DbError::Timeout)
            });
            assert!(undone.await.is_err());
        }
        for db in [&f.db, &other] {
            db.poll().await.unwrap();
        }
        assert!(here.lock().is_empty() && there.lock().is_empty());
    }

    async fn every_part_of_a_change_arrives(f: Fixture) {
        let other = f.another(|config| config);
        let there = Arc::<Mutex<Vec<AccessChange>>>::default();
        let telling = Arc::clone(&there);
        other.feed().subscribe(move |changes| telling.lock().extend_from_slice(changes));
        let changes = [
            ChangeKind::Organization,
            ChangeKind::Catalogue,
            ChangeKind::Role,
            ChangeKind::User,
            ChangeKind::Session,
            ChangeKind::Credential,
        ]
        .map(|kind| AccessChange {
            organization_id: (kind != ChangeKind::Catalogue).then(home),
            kind,
            subject: (kind != ChangeKind::Role).then(|| Uuid::from_u128(7)),
            until: (kind == ChangeKind::Session).then(|| "2027-01-01T00:00:00Z".parse().unwrap()),
        });
        let recorded = changes.clone();
        f.db.write(unit(home()), move |uow| {
            recorded.iter().for_each(|change| uow.access_changed(change.clone()));
            async { Ok::<_, DbError>(()) }
        })
        .await
        .unwrap();
        other.poll().await.unwrap();
        assert_eq!(*there.lock(), changes);
    }

    async fn a_node_that_follows_learns_by_itself(f: Fixture) {
        let other = f.another(|mut config| { config.poll = Duration::from_millis(20); config });
        let there = told(&other);
        assert!(!other.feed().is_fresh(), "what was never read is not known");
        other.follow();
        eventually(Duration::from_secs(2), "the node is fresh", || async { other.feed().is_fresh() }).await;
        change(&f.db, 1).await;
        eventually(Duration::from_secs(2), "the change arrives", || async { *there.lock() == [1] }).await;
    }

    async fn a_node_that_cannot_read_the_feed_says_so_and_recovers(f: Fixture) {
        let other = f.another(|mut config| { config.poll = Duration::from_millis(50); config });
        let there = told(&other);
        other.follow();
        eventually(Duration::from_secs(2), "the node is fresh", || async { other.feed().is_fresh() }).await;
        db::admin::execute(f.url(), "ALTER TABLE access_changes RENAME TO hidden").await.unwrap();
        // Not at the first failure: for two seconds nothing can have been missed that matters.
        tokio::time::sleep(Duration::from_millis(1_000)).await;
        assert!(other.feed().is_fresh());
        eventually(Duration::from_secs(3), "the node is not fresh", || async { !other.feed().is_fresh() }).await;
        assert!(other.feed().age() >= db::feed::FRESH_FOR);
        let time = match f.db.engine() {
            Engine::Postgres => "'2026-11-21T12:00:00Z'",
            Engine::Sqlite => "1795262400000000",
        };
        let id = match f.db.engine() {
            Engine::Postgres => "'00000000-0000-0000-0000-000000000001'",
            Engine::Sqlite => "x'00000000000000000000000000000001'",
        };
        let back = format!(
            "BEGIN; ALTER TABLE hidden RENAME TO access_changes; \
             INSERT INTO access_changes (kind, subject, created_at) VALUES ('user', {id}, {time}); COMMIT"
        );
        db::admin::execute(f.url(), &back).await.unwrap();
        eventually(Duration::from_secs(2), "the node is fresh again", || async { other.feed().is_fresh() }).await;
        // And knows what it had missed before it says so.
        assert_eq!(*there.lock(), [1]);
    }

    async fn a_long_history_is_not_told_to_a_node_that_starts(f: Fixture) {
        let numbers = "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)";
        let (old, until) = match f.db.engine() {
            Engine::Postgres => ("'2026-11-01T00:00:00Z'::timestamptz", "'2026-11-21T12:00:01Z'::timestamptz"),
            Engine::Sqlite => ("1793491200000000", "1795262401000000"),
        };
        let id = match f.db.engine() {
            Engine::Postgres => "lpad(n::text, 32, '0')::uuid",
            Engine::Sqlite => "CAST(substr('0000000000000000' || n, -16) AS BLOB)",
        };
        // Of the whole history, one session that ended while its token is still running.
        let fill = format!(
            "{numbers} INSERT INTO access_changes (kind, subject, until, created_at) \
             SELECT 'session', {id}, CASE WHEN n = 77777 THEN {until} ELSE {old} END, {old} FROM numbers"
        );
        db::admin::execute(f.url(), &fill).await.unwrap();
        change(&f.db, 1).await;
        let other = f.another(|config| config);
        let there = told(&other);
        let began = other.feed().age();
        other.poll().await.unwrap();
        assert_eq!(there.lock().len(), 2, "the session and the recent change");
        assert_eq!(there.lock()[1], 1);
        assert!(other.feed().age().saturating_sub(began) < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_transaction_loses_no_change() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let other = f.another(|config| config);
    let there = told(&other);
    other.poll().await.unwrap();
    // It takes its number first and commits last.
    let slow = {
        let db = f.db.clone();
        tokio::spawn(async move {
            db.write(unit(home()).unaudited("a test"), |uow| async move {
                let early =
                    Sql::global("INSERT INTO access_changes (kind, subject, created_at) VALUES ('user', $1, now())");
                uow.global().execute(&early, &[Uuid::from_u128(1).into()]).await?;
                texts(uow.global(), &Sql::global("SELECT 'slept' FROM pg_sleep(2.5)")).await
            })
            .await
        })
    };
    let sleeping =
        "pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(5), "it is under way", || async {
        f.count(sleeping).await == 1
    })
    .await;
    change(&f.db, 2).await;
    other.poll().await.unwrap();
    change(&f.db, 3).await;
    other.poll().await.unwrap();
    assert_eq!(*there.lock(), [2, 3], "what is committed is told, and once");
    slow.await.unwrap().unwrap();
    other.poll().await.unwrap();
    other.poll().await.unwrap();
    assert_eq!(*there.lock(), [2, 3, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_clocks_difference_is_told() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    f.db.poll().await.unwrap();
    assert!(
        f.db.feed().clock_offset().unsigned_abs() < 1_000_000,
        "one machine has one clock"
    );
    // A server that lives an hour ahead.
    db::admin::execute(
        f.url(),
        "CREATE SCHEMA ahead; GRANT USAGE ON SCHEMA ahead TO PUBLIC; \
         CREATE FUNCTION ahead.clock_timestamp() RETURNS timestamptz LANGUAGE sql AS \
         'SELECT pg_catalog.clock_timestamp() + interval ''1 hour'''",
    )
    .await
    .unwrap();
    let url = format!("{}?options=-c%20search_path%3Dahead,public,pg_catalog", f.url());
    let ahead = f.another(|mut config| {
        config.url = url;
        config
    });
    let told = Arc::<Mutex<Vec<i64>>>::default();
    let telling = Arc::clone(&told);
    ahead
        .feed()
        .subscribe_to_offset(move |offset| telling.lock().push(offset));
    ahead.poll().await.unwrap();
    let hour = 3_600_000_000_i64;
    assert!((ahead.feed().clock_offset() - hour).abs() < 1_000_000);
    assert_eq!(*told.lock(), [ahead.feed().clock_offset()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_embedded_database_has_the_machines_clock() {
    let f = Fixture::start(Engine::Sqlite).await.unwrap();
    f.db.feed().subscribe_to_offset(|_| spill());
    f.db.poll().await.unwrap();
    assert_eq!(f.db.feed().clock_offset(), 0);
}
