//! Connections to PostgreSQL: what they survive, and what is told when they do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use db::{Db, DbConfig, DbError, Engine, Sql, UnitOfWork, values};
use futures_util::future::join_all;
use kernel::OrganizationId;
use lastro_db as db;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::proxy::Proxy;
use crate::support::{
    ADD, Fixture, MOVE, TEXTS, add, adding, eventually, generators, organization, spill, text, texts, unit,
};

const HOME: u128 = 0xa;
/// Stands for the lane of a sleep, as [`TEXTS`] stands for the point lane.
const SLEEP: Sql = Sql::global("SELECT 1");

fn home() -> OrganizationId {
    organization(HOME)
}

/// Waits on the server.
async fn sleep(scope: impl Into<db::Scope<'_>>, sql: &Sql<'_>, millis: u64) -> Result<(), DbError> {
    let text = format!("SELECT 'slept' FROM pg_sleep({millis} / 1000.0)");
    let timed = Sql::global(&text);
    let timed = if sql.lane() == db::Lane::Point {
        timed.point()
    } else {
        timed
    };
    texts(scope, &timed).await.map(drop)
}

fn pooled(size: usize, wait: Duration) -> impl FnOnce(DbConfig) -> DbConfig {
    move |mut config| {
        config.pool_size = size;
        config.shared_connections = size;
        config.wait = wait;
        config
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_changed_is_read_as_it_is_now() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let small = f.another(pooled(3, Duration::from_secs(5)));
    f.goes_on(home()).await;
    const ALL: Sql = Sql::tenant("SELECT * FROM notes WHERE organization_id = $1");
    const SLOWLY: Sql = Sql::tenant("SELECT n.*, pg_sleep(0.05) FROM notes n WHERE organization_id = $1");
    for round in 0..3 {
        let read = || async {
            for sql in [ALL.point(), ALL, SLOWLY] {
                // Together, so that each of the connections is used.
                let reads = (0..6).map(|_| small.scope(home()).all(&sql, &[], |row| row.get::<Uuid>(1)));
                for found in join_all(reads).await {
                    assert_eq!(found.unwrap().len(), 1);
                }
            }
            let units = (0..6).map(|number| {
                let name = format!("note {round} {number}");
                small.write(unit(home()).unaudited("a test"), move |uow| {
                    let name = name.clone();
                    async move {
                        uow.scope(home())
                            .reads()
                            .all(&SLOWLY, &[], |row| row.get::<Uuid>(1))
                            .await?;
                        // An INSERT that returns rows has a result whose shape can change as well.
                        let adding = Sql::tenant(
                            "INSERT INTO notes (organization_id, id, text, text_folded, place) \
                             VALUES ($1, $2, $3, '', 0) RETURNING *",
                        );
                        let id = crate::support::new_id(&uow);
                        uow.scope(home())
                            .reads()
                            .one(&adding, &values![id, name.as_str()], |row| row.get::<Uuid>(1))
                            .await?;
                        uow.scope(home())
                            .execute(
                                &Sql::tenant("DELETE FROM notes WHERE organization_id = $1 AND id = $2"),
                                &values![id],
                            )
                            .await
                    }
                })
            });
            for written in join_all(units).await {
                assert_eq!(written.unwrap(), 1);
            }
        };
        read().await;
        db::admin::execute(f.url(), &format!("ALTER TABLE notes ADD COLUMN extra_{round} bigint"))
            .await
            .unwrap();
        read().await;
    }
}

/// Ends every session of the database but the asker's own.
async fn disconnect_everybody(f: &Fixture) -> usize {
    let ended = "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'";
    f.look(ended).await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_connections_are_replaced_and_the_first_failures_say_unavailable() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    for round in 0..3 {
        // Everything is in use when it is lost.
        let db = f.db.clone();
        let read = tokio::spawn(async move { sleep(db.global(), &SLEEP, 5_000).await });
        let db = f.db.clone();
        let write = tokio::spawn(async move {
            db.write(unit(home()), move |uow| async move {
                add(&uow, home(), &format!("lost {round}")).await?;
                sleep(uow.global(), &SLEEP, 5_000).await
            })
            .await
        });
        let busy = "pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%' AND state = 'active' \
                    AND pid <> pg_backend_pid()";
        eventually(Duration::from_secs(4), "both sleep", || async {
            f.count(busy).await == 2
        })
        .await;
        assert!(disconnect_everybody(&f).await >= 2);
        let unavailable = |result: &Result<(), DbError>| matches!(result, Err(DbError::Unavailable(_)));
        assert!(unavailable(&write.await.unwrap()));
        let read = read.await.unwrap();
        assert!(unavailable(&read), "{read:?}");
        // Without a restart.
        let healed = || async {
            let reads = join_all((0..8).map(|_| f.db.scope(home()).all(&TEXTS, &[], text))).await;
            let writes = join_all((0..8).map(|_| {
                f.db.write(unit(home()).unaudited("a test"), |uow| async move {
                    uow.scope(home()).execute(&MOVE, &values![Uuid::nil(), 1_i64]).await
                })
            }))
            .await;
            let failures = reads.iter().filter_map(|read| read.as_ref().err());
            let failures: Vec<_> = failures
                .chain(writes.iter().filter_map(|write| write.as_ref().err()))
                .collect();
            assert!(
                failures.iter().all(|error| matches!(error, DbError::Unavailable(_))),
                "{failures:?}"
            );
            failures.is_empty()
        };
        eventually(Duration::from_secs(5), "reads and writes work again", healed).await;
        assert!(f.notes(home()).await.is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn units_that_wait_for_each_other_run_again() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let runs = Arc::new(AtomicUsize::new(0));
    let ids = [Uuid::from_u128(1), Uuid::from_u128(2)];
    f.db.write(unit(home()).unaudited("a test"), move |uow| async move {
        for (id, name) in ids.into_iter().zip(["one", "two"]) {
            uow.scope(home()).execute(&ADD, &values![id, name, name, 0_i64]).await?;
        }
        Ok::<_, DbError>(())
    })
    .await
    .unwrap();
    const MORE: Sql = Sql::tenant("UPDATE notes SET place = place + 1 WHERE organization_id = $1 AND id = $2");
    const SHOW: Sql = Sql::global("SELECT 'shown' FROM pg_advisory_xact_lock_shared(7)");
    const SHOWN: Sql = Sql::global(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 \
         AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
    );
    let crossing = |order: [Uuid; 2], sends: bool| {
        let (runs, own) = (Arc::clone(&runs), AtomicUsize::new(0));
        f.db.write(unit(home()).unaudited("a test"), move |uow: UnitOfWork| {
            runs.fetch_add(1, Ordering::SeqCst);
            let is_first = own.fetch_add(1, Ordering::SeqCst) == 0;
            async move {
                let [first, second] = order;
                uow.scope(home()).execute(&MORE, &values![first]).await?;
                // Each waits until the other holds what it wants, but not when it runs again.
                texts(uow.global(), &SHOW).await?;
                while is_first && uow.global().reads().one(&SHOWN, &[], |row| row.get::<i64>(0)).await? < 2 {
                    sleep(uow.global(), &SLEEP, 10).await?;
                }
                if sends {
                    uow.scope(home()).send(&MORE, &values![second]).await
                } else {
                    uow.scope(home()).execute(&MORE, &values![second]).await.map(drop)
                }
            }
        })
    };
    // Once with the deadlock told to the closure, once with the COMMIT.
    for sends in [false, true] {
        let (one, other) = tokio::join!(crossing([ids[0], ids[1]], sends), crossing([ids[1], ids[0]], sends));
        assert!(one.is_ok() && other.is_ok(), "{one:?} {other:?}");
    }
    let runs = runs.load(Ordering::SeqCst);
    assert!(runs >= 6, "a deadlock each time");
    let gauges = f.db.gauges();
    assert_eq!(
        gauges
            .iter()
            .find(|gauge| gauge.name == "unit_reruns")
            .map(|gauge| gauge.value),
        Some(runs - 4)
    );
    let places = f.look("SELECT place::text FROM notes").await;
    assert_eq!(places, ["4", "4"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_commit_whose_answer_is_lost_is_unknown_and_not_repeated() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    f.goes_on(home()).await;
    let runs = Arc::new(AtomicUsize::new(0));
    let (db, counted) = (f.db.clone(), Arc::clone(&runs));
    let write = tokio::spawn(async move {
        db.write(unit(home()), move |uow| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                add(&uow, home(), "perhaps").await?;
                // The COMMIT is on the wire behind it.
                let slow = Sql::global("SELECT 'slept' FROM pg_sleep(5)");
                uow.global().send(&slow, &[]).await
            }
        })
        .await
    });
    let busy = "pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%' AND state = 'active' \
                AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(5), "it waits for its end", || async {
        f.count(busy).await == 1
    })
    .await;
    disconnect_everybody(&f).await;
    let unknown = write.await.unwrap();
    assert!(matches!(unknown, Err(DbError::CommitUnknown(_))), "{unknown:?}");
    assert_eq!(runs.load(Ordering::SeqCst), 1);
    f.goes_on(home()).await;
    f.whole(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_that_stays_locked_is_told_as_busy() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    f.goes_on(home()).await;
    const LOCK: Sql = Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 FOR UPDATE");
    let db = f.db.clone();
    let holder = tokio::spawn(async move {
        db.write(unit(home()), |uow| async move {
            texts(uow.scope(home()), &LOCK).await?;
            sleep(uow.global(), &SLEEP, 3_000).await
        })
        .await
    });
    let locked =
        "pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(5), "the row is locked", || async {
        f.count(locked).await == 1
    })
    .await;
    let refused = f.db.write(unit(home()), |uow| async move {
        texts(
            uow.global(),
            &Sql::global("SELECT set_config('lock_timeout', '50ms', true)"),
        )
        .await?;
        texts(uow.scope(home()), &LOCK).await
    });
    assert!(matches!(refused.await, Err(DbError::Busy { .. })));
    holder.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_falls_silent_lets_go_before_those_that_wait_give_up() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    f.goes_on(home()).await;
    const LOCK: Sql = Sql::tenant("SELECT text FROM notes WHERE organization_id = $1 FOR UPDATE");
    let proxy = Arc::new(Proxy::before(f.url()).await);
    let cut = through(&proxy, &f, pooled(1, Duration::from_secs(5)));
    let fallen = Arc::new(Notify::new());
    let falls = Arc::clone(&fallen);
    let silent = cut.write(unit(home()), move |uow| {
        let (proxy, falls) = (Arc::clone(&proxy), Arc::clone(&falls));
        async move {
            texts(uow.scope(home()), &LOCK).await?;
            proxy.stall();
            falls.notify_one();
            // Never answered.
            texts(uow.scope(home()), &LOCK).await
        }
    });
    let others = async {
        fallen.notified().await;
        f.db.write(unit(home()), |uow| async move { texts(uow.scope(home()), &LOCK).await })
            .await
    };
    tokio::select! {
        ended = silent => panic!("it ended first: {ended:?}"),
        got = others => assert_eq!(got.unwrap().len(), 1),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_exhausted_pool_is_told_as_busy_after_the_wait() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let small = f.another(pooled(1, Duration::from_millis(150)));
    let holding = |work: std::pin::Pin<Box<dyn Future<Output = Result<(), DbError>> + Send>>| tokio::spawn(work);
    let (writer, reader) = (small.clone(), small.clone());
    let write = holding(Box::pin(async move {
        writer
            .write(
                unit(home()),
                |uow| async move { sleep(uow.global(), &SLEEP, 3_000).await },
            )
            .await
    }));
    let read = holding(Box::pin(async move { sleep(reader.global(), &SLEEP, 3_000).await }));
    let busy =
        "pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_sleep(%' AND pid <> pg_backend_pid()";
    eventually(Duration::from_secs(5), "both are in use", || async {
        f.count(busy).await == 2
    })
    .await;
    assert!(matches!(
        small.write(unit(home()), adding(home(), "milk")).await,
        Err(DbError::Busy { .. })
    ));
    assert!(matches!(
        sleep(small.global(), &SLEEP, 1).await,
        Err(DbError::Busy { .. })
    ));
    let gauges = small.gauges();
    let gauge = |name| gauges.iter().find(|gauge| gauge.name == name).unwrap().value;
    assert_eq!(
        (gauge("write_connections_in_use"), gauge("read_connections_in_use")),
        (1, 1)
    );
    // Point reads have a lane of their own.
    assert!(small.scope(home()).all(&TEXTS, &[], text).await.unwrap().is_empty());
    write.await.unwrap().unwrap();
    read.await.unwrap().unwrap();
    small.write(unit(home()), adding(home(), "milk")).await.unwrap();
    f.whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_point_reads_than_have_a_place_wait_for_one() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let reads = |wait: Duration, count: usize| {
        let narrow = f.another(pooled(1, wait));
        async move {
            let reads = (0..count).map(|_| async { sleep(narrow.global(), &TEXTS, 4).await });
            join_all(reads).await
        }
    };
    let patient = reads(Duration::from_secs(30), 300).await;
    assert!(patient.iter().all(Result::is_ok), "{patient:?}");
    let hasty = reads(Duration::from_millis(20), 300).await;
    let served = hasty.iter().filter(|read| read.is_ok()).count();
    let busy = hasty
        .iter()
        .filter(|read| matches!(read, Err(DbError::Busy { .. })))
        .count();
    assert!(
        served >= 128 && busy > 0 && served + busy == 300,
        "{served} served, {busy} refused"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_that_takes_too_long_is_ended() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    assert!(matches!(
        sleep(f.db.global(), &TEXTS, 3_000).await,
        Err(DbError::Timeout)
    ));
    f.goes_on(home()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_session_stays_in_a_transaction_however_a_unit_ends() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let small = f.another(pooled(2, Duration::from_secs(5)));
    for number in 0..10 {
        let ends = move |uow: UnitOfWork| async move {
            add(&uow, home(), &format!("note {number}")).await?;
            match number % 5 {
                0 => Ok(()),
                1 => Err(DbError::Timeout),
                2 => spill(),
                3 => std::future::pending().await,
                _ => {
                    // A statement that is left before its answer.
                    let mut reading = Box::pin(sleep(uow.global(), &SLEEP, 50));
                    let _unanswered = futures_util::poll!(&mut reading);
                    Ok(())
                }
            }
        };
        let result = small.write(unit(home()), ends).await;
        assert_eq!(result.is_ok(), number % 5 == 0, "{number}: {result:?}");
    }
    let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    assert_eq!(f.count(open).await, 0);
    f.whole(2).await;
    let sessions = "pg_stat_activity WHERE datname = current_database() AND application_name = 'lastro'";
    assert!(f.count(sessions).await <= 2 + 4 + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_runs_as_the_lesser_role_with_its_own_bounds() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let name = f.database().name();
    let altered = format!("ALTER DATABASE {name} SET default_transaction_isolation = 'serializable'");
    db::admin::execute(f.url(), &altered).await.unwrap();
    const SETTINGS: Sql = Sql::global(
        "SELECT concat_ws(' ', current_user, current_setting('transaction_isolation'), \
         current_setting('idle_in_transaction_session_timeout'), current_setting('lock_timeout'), \
         current_setting('statement_timeout'), current_setting('transaction_read_only'), current_setting('enable_seqscan'), \
         current_setting('jit'))",
    );
    let inside =
        f.db.write(unit(home()), |uow| async move { texts(uow.global(), &SETTINGS).await });
    assert_eq!(
        inside.await.unwrap(),
        ["lastro_write read committed 2s 5s 10s off off off"]
    );
    let pooled = texts(f.db.global(), &SETTINGS).await.unwrap();
    assert_eq!(pooled, ["lastro_read serializable 0 0 30s on off off"]);
    let point = texts(f.db.global(), &SETTINGS.point()).await.unwrap();
    assert_eq!(point, ["lastro_read serializable 0 0 1s on off off"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_is_told_to_notice_dead_peers_on_every_connection() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    // What the server does, which on a connection over TCP is what its kernel told.
    const PEERS: &str = "concat_ws(' ', current_setting('tcp_keepalives_idle'), \
         current_setting('tcp_keepalives_interval'), current_setting('tcp_keepalives_count'), \
         current_setting('tcp_user_timeout'))";
    let shown = format!("SELECT {PEERS}");
    let settings = Sql::global(&shown);
    assert_eq!(texts(f.db.global(), &settings).await.unwrap(), ["10 5 3 10000"]);
    assert_eq!(texts(f.db.global(), &settings.point()).await.unwrap(), ["10 5 3 10000"]);
    let inside = f.db.write(unit(home()), |uow| async move {
        let shown = format!("SELECT {PEERS}");
        texts(uow.global(), &Sql::global(&shown)).await
    });
    assert_eq!(inside.await.unwrap(), ["10 5 3 10000"]);
    assert_eq!(f.look(&shown).await, ["10 5 3 10000"]);
    // An operator knows the network better.
    let separator = if f.url().contains('?') { '&' } else { '?' };
    let own = format!("{}{separator}options=-c%20tcp_keepalives_idle%3D77", f.url());
    let rows = db::admin::query(&own, &shown).await.unwrap();
    assert_eq!(rows, [[Some("77 5 3 10000".to_owned())]]);
    let served = Db::open(DbConfig::new(&own), generators(&f.clock)).unwrap();
    assert_eq!(texts(served.global(), &settings).await.unwrap(), ["77 5 3 10000"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_owner_works_with_bounds_too() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    f.goes_on(home()).await;
    const BOUNDS: Sql = Sql::tenant(
        "UPDATE notes SET text = concat_ws(' ', current_setting('lock_timeout'), \
         current_setting('idle_in_transaction_session_timeout')) WHERE organization_id = $1",
    );
    let bounds = db::Maintenance {
        sql: BOUNDS,
        values: Vec::new(),
    };
    assert_eq!(f.db.maintain(home(), vec![bounds]).await.unwrap(), [1]);
    assert_eq!(f.notes(home()).await, ["5s 10s"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_may_lag_go_to_the_replica() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    // Another database stands in for a replica: that it answers shows by what it holds.
    let replica = Fixture::start(Engine::Postgres).await.unwrap();
    f.db.write(unit(home()), adding(home(), "primary")).await.unwrap();
    replica.db.write(unit(home()), adding(home(), "replica")).await.unwrap();
    let both = f.another(|mut config| {
        config.replica_url = Some(replica.url().to_owned());
        config
    });
    const POOLED: Sql = Sql::tenant("SELECT text FROM notes WHERE organization_id = $1");
    for sql in [TEXTS, POOLED] {
        assert_eq!(texts(both.scope(home()), &sql).await.unwrap(), ["primary"]);
        assert_eq!(texts(both.scope(home()), &sql.may_lag()).await.unwrap(), ["replica"]);
    }
    // A unit reads what it is about to change.
    let inside = both.write(unit(home()), |uow| async move {
        texts(uow.scope(home()), &TEXTS.may_lag()).await
    });
    assert_eq!(inside.await.unwrap(), ["primary"]);
    // Without a replica the primary answers all.
    assert_eq!(texts(f.db.scope(home()), &TEXTS.may_lag()).await.unwrap(), ["primary"]);
}

fn through(proxy: &Proxy, f: &Fixture, change: impl FnOnce(DbConfig) -> DbConfig) -> Db {
    Db::open(change(DbConfig::new(proxy.url())), generators(&f.clock)).unwrap()
}

/// Each of them waits for seconds, so they wait together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_peers_are_noticed() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    tokio::join!(
        a_stalled_shared_connection_is_replaced(&f),
        a_stalled_shared_connection_is_replaced_though_its_callers_give_up(&f),
        a_caller_that_leaves_costs_no_connection(&f),
        a_server_that_accepts_and_stays_silent_is_given_up(&f),
    );
}

async fn a_stalled_shared_connection_is_replaced(f: &Fixture) {
    let proxy = Proxy::before(f.url()).await;
    let db = through(&proxy, f, pooled(2, Duration::from_secs(5)));
    let read = || async { db.scope(home()).all(&TEXTS, &[], text).await };
    for _ in 0..4 {
        read().await.unwrap();
    }
    let before = proxy.connections();
    proxy.stall();
    // Those who wait are answered in the end: a read is repeated on the new connection.
    let waiting = join_all((0..4).map(|_| read()));
    for answer in tokio::time::timeout(Duration::from_secs(8), waiting).await.unwrap() {
        answer.unwrap();
    }
    assert_eq!(proxy.connections(), before + 2);
}

async fn a_stalled_shared_connection_is_replaced_though_its_callers_give_up(f: &Fixture) {
    let proxy = Proxy::before(f.url()).await;
    let db = through(&proxy, f, pooled(1, Duration::from_secs(5)));
    let read = || db.scope(home()).all(&TEXTS, &[], text);
    read().await.unwrap();
    proxy.stall();
    let hasty = || async {
        tokio::time::timeout(Duration::from_millis(200), read())
            .await
            .is_ok_and(|read| read.is_ok())
    };
    eventually(Duration::from_secs(8), "a read is answered within its patience", hasty).await;
}

async fn a_caller_that_leaves_costs_no_connection(f: &Fixture) {
    let proxy = Proxy::before(f.url()).await;
    let db = through(&proxy, f, pooled(1, Duration::from_secs(5)));
    let left = tokio::time::timeout(Duration::from_millis(100), sleep(db.global(), &TEXTS, 300));
    assert!(left.await.is_err());
    // Longer than it takes to call a connection stalled.
    tokio::time::sleep(Duration::from_millis(3_800)).await;
    db.scope(home()).all(&TEXTS, &[], text).await.unwrap();
    assert_eq!(proxy.connections(), 1);
}

async fn a_server_that_accepts_and_stays_silent_is_given_up(f: &Fixture) {
    let proxy = Proxy::before(f.url()).await;
    let db = through(&proxy, f, pooled(1, Duration::from_secs(1)));
    proxy.fall_silent();
    let read = async { db.scope(home()).all(&TEXTS, &[], text).await.map(drop) };
    let write = async { db.write(unit(home()), adding(home(), "milk")).await.map(drop) };
    let answers = tokio::time::timeout(Duration::from_secs(8), async { tokio::join!(read, write) })
        .await
        .unwrap();
    assert!(
        matches!(answers, (Err(DbError::Unavailable(_)), Err(DbError::Unavailable(_)))),
        "{answers:?}"
    );
    proxy.recover();
    db.scope(home()).all(&TEXTS, &[], text).await.unwrap();
    db.write(unit(home()), adding(home(), "milk")).await.unwrap();
    f.whole(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unreachable_server_is_unavailable() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let nobody = db::admin::sibling(f.url(), "no_such_database").unwrap();
    let wrong = f.url().replacen("://", "://nobody:wrong@", 1);
    let wrong = match wrong.rsplit_once('@') {
        // Whatever login the address had is dropped.
        Some((_, rest)) => format!("postgresql://nobody:wrong@{rest}"),
        None => wrong,
    };
    for url in [nobody, wrong, "postgresql://lastro@127.0.0.1:1/lastro".to_owned()] {
        let db = Db::open(DbConfig::new(&url), generators(&f.clock)).unwrap();
        assert!(matches!(
            db.ping(Duration::from_secs(5)).await,
            Err(DbError::Unavailable(_))
        ));
        assert!(matches!(
            db.write(unit(home()), adding(home(), "milk")).await,
            Err(DbError::Unavailable(_))
        ));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_simple_write_waits_twice() {
    let Some(f) = Fixture::start(Engine::Postgres).await else {
        return;
    };
    let proxy = Proxy::before(f.url()).await;
    let db = through(&proxy, &f, pooled(1, Duration::from_secs(5)));
    let mut waits = Vec::new();
    for number in 0..20 {
        proxy.take_waits();
        db.write(unit(home()), adding(home(), &format!("note {number}")))
            .await
            .unwrap();
        waits.push(proxy.take_waits());
    }
    // BEGIN goes with the first statement; audit entry, event and COMMIT go together.
    assert_eq!(waits.iter().skip(2).min(), Some(&2), "{waits:?}");
    let mut once = Vec::new();
    for number in 0..20 {
        proxy.take_waits();
        let request = crate::support::key(&format!("k{number}"), 1);
        let work = move |uow: UnitOfWork| async move {
            add(&uow, home(), &format!("once {number}")).await?;
            Ok::<_, crate::support::Refusal>(crate::support::Told::new("made"))
        };
        db.write_once(unit(home()), request, work).await.unwrap();
        once.push(proxy.take_waits());
    }
    // The key's turn and its record are one more.
    assert_eq!(once.iter().skip(2).min(), Some(&3), "{once:?}");
}
