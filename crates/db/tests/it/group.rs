//! SQLite's writer: units share a COMMIT and nothing else.

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use db::{Db, DbError, Engine, Sql, UnitOfWork};
use futures_util::FutureExt;
use futures_util::future::join_all;
use kernel::OrganizationId;
use lastro_db as db;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use crate::support::{Fixture, add, adding, eventually, organization, spill, unit};

const HOME: u128 = 0xa;

async fn fixture() -> (Fixture, OrganizationId) {
    (Fixture::start(Engine::Sqlite).await.unwrap(), organization(HOME))
}

/// The writer's thread, held by a unit until this is dropped: what is submitted meanwhile waits together behind it.
struct Held {
    release: Option<mpsc::Sender<()>>,
    unit: JoinHandle<Result<(), DbError>>,
}

impl Held {
    async fn new(db: &Db, home: OrganizationId) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (begun, mut running) = tokio::sync::mpsc::unbounded_channel();
        let released = Arc::new(Mutex::new(released));
        let db = db.clone();
        let unit = tokio::spawn(async move {
            db.write(unit(home), move |uow| {
                let (released, begun) = (Arc::clone(&released), begun.clone());
                async move {
                    // Nobody listens when it runs again. It blocks the thread, as a slow statement would.
                    let _begun = begun.send(());
                    let _released = released.lock().recv();
                    add(&uow, home, "held").await.map(drop)
                }
            })
            .await
        });
        running.recv().await.unwrap();
        Self {
            release: Some(release),
            unit,
        }
    }

    async fn release(mut self) {
        drop(self.release.take());
        self.unit.await.unwrap().unwrap();
    }
}

/// Submits without waiting, and returns once it is in the queue.
async fn queued<T: Send + 'static>(
    db: &Db,
    work: impl Future<Output = T> + Send + 'static,
    place: usize,
) -> JoinHandle<T> {
    let submitted = tokio::spawn(work);
    eventually(Duration::from_secs(5), "the unit is queued", || async {
        waiting(db) == place
    })
    .await;
    submitted
}

fn waiting(db: &Db) -> usize {
    db.gauges()
        .iter()
        .find(|gauge| gauge.name == "writer_queue")
        .unwrap()
        .value
}

/// What another connection sees committed while the unit runs.
fn committed(url: &str) -> usize {
    let rows = db::admin::query(url, "SELECT text FROM notes").now_or_never();
    rows.expect("SQLite answers in place").unwrap().len()
}

/// A unit that adds a note and tells how many notes were committed when it ran.
async fn looking(
    db: Db,
    home: OrganizationId,
    url: String,
    name: String,
    long: bool,
) -> Result<(usize, &'static str), DbError> {
    let context = if long { unit(home).long() } else { unit(home) };
    let seen = db.write(context, move |uow| {
        let (url, name) = (url.clone(), name.clone());
        async move {
            add(&uow, home, &name).await?;
            Ok::<_, DbError>(committed(&url))
        }
    });
    seen.await.map(|seen| (seen, if long { "long" } else { "short" }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_together_is_committed_together_and_long_units_alone() {
    let (f, home) = fixture().await;
    let held = Held::new(&f.db, home).await;
    let mut units = Vec::new();
    for (place, long) in [false, false, true, false, true, true, false].into_iter().enumerate() {
        let (db, url) = (f.db.clone(), f.url().to_owned());
        let work = looking(db, home, url, format!("note {place}"), long);
        units.push(queued(&f.db, work, place + 1).await);
    }
    held.release().await;
    let seen: Vec<_> = join_all(units)
        .await
        .into_iter()
        .map(|seen| seen.unwrap().unwrap())
        .collect();
    // The first two shared the COMMIT of the held one; a long one begins after what was before it is committed, and what is
    // after it begins after its own COMMIT.
    let expected = [
        (0, "short"),
        (0, "short"),
        (3, "long"),
        (4, "short"),
        (5, "long"),
        (6, "long"),
        (7, "short"),
    ];
    assert_eq!(seen, expected);
    f.whole(8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_unit_that_fails_or_panics_does_not_touch_its_neighbours() {
    let (f, home) = fixture().await;
    f.db.write(unit(home), adding(home, "milk")).await.unwrap();
    for _ in 0..5 {
        let before = f.count("notes").await;
        let held = Held::new(&f.db, home).await;
        let mut units = Vec::new();
        for place in 0..60_usize {
            let db = f.db.clone();
            let work = async move {
                db.write(unit(home), move |uow: UnitOfWork| async move {
                    let name = format!("note {before} {place}");
                    add(&uow, home, &name).await?;
                    match place % 4 {
                        0 => Ok(()),
                        // In the middle of what it does: a violation, a panic, a refusal.
                        1 => add(&uow, home, "milk").await.map(drop),
                        2 => spill(),
                        _ => Err(DbError::Timeout),
                    }
                })
                .await
            };
            units.push(queued(&f.db, work, place + 1).await);
        }
        held.release().await;
        for (place, answer) in join_all(units).await.into_iter().enumerate() {
            let answer = answer.unwrap();
            let expected = match place % 4 {
                0 => answer.is_ok(),
                1 => matches!(answer, Err(DbError::Unique { .. })),
                2 => matches!(answer, Err(DbError::Internal(_))),
                _ => matches!(answer, Err(DbError::Timeout)),
            };
            assert!(expected, "{place}: {answer:?}");
        }
        f.whole(before + 15 + 1).await;
        // The held unit's note is in the way of the next round's.
        db::admin::execute(
            f.url(),
            "DELETE FROM outbox_events WHERE data LIKE '%held%'; DELETE FROM notes WHERE text = 'held'",
        )
        .await
        .unwrap();
        db::admin::execute(
            f.url(),
            "DROP TRIGGER tr_audit_entries__no_delete; DELETE FROM audit_entries WHERE changes LIKE '%held%'; \
             CREATE TRIGGER tr_audit_entries__no_delete BEFORE DELETE ON audit_entries \
             BEGIN SELECT raise(ABORT, 'audit entries are append-only'); END",
        )
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_engine_gives_up_the_transaction_the_neighbours_run_again() {
    let (f, home) = fixture().await;
    f.db.write(unit(home), adding(home, "milk")).await.unwrap();
    // A full disk makes SQLite do this; the statement test refuses texts that ask for it.
    const GIVE_UP: Sql = Sql::tenant(
        "INSERT OR ROLLBACK INTO notes (organization_id, id, text, text_folded, place) VALUES ($1, $2, 'milk', '', 0)",
    );
    let held = Held::new(&f.db, home).await;
    let mut units = Vec::new();
    for place in 0..30_usize {
        let db = f.db.clone();
        let work = async move {
            db.write(unit(home), move |uow: UnitOfWork| async move {
                add(&uow, home, &format!("note {place}")).await?;
                if place == 15 {
                    let id = crate::support::new_id(&uow);
                    let _swallowed = uow.scope(home).execute(&GIVE_UP, &db::values![id]).await;
                    // Were this to run, it would commit by itself.
                    let _refused = add(&uow, home, "stray").await;
                }
                Ok::<_, DbError>(())
            })
            .await
        };
        units.push(queued(&f.db, work, place + 1).await);
    }
    held.release().await;
    for (place, answer) in join_all(units).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        if place == 15 {
            assert!(matches!(answer, Err(DbError::Unavailable(_))), "{answer:?}");
        } else {
            answer.unwrap();
        }
    }
    // "milk", "held", and every one but the cause.
    f.whole(2 + 29).await;
    assert!(!f.notes(home).await.contains(&"stray".to_owned()));
    f.goes_on(home).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_the_commit_fails_each_runs_again_alone_and_the_cause_is_told() {
    let (f, home) = fixture().await;
    // A constraint that is looked at only by the COMMIT: the schema has none, but a disk that is full fails there too.
    let table =
        "CREATE TABLE late (id INTEGER PRIMARY KEY, other INTEGER REFERENCES late (id) DEFERRABLE INITIALLY DEFERRED)";
    db::admin::execute(f.url(), table).await.unwrap();
    let held = Held::new(&f.db, home).await;
    let mut units = Vec::new();
    for place in 0..20_usize {
        let db = f.db.clone();
        let work = async move {
            db.write(unit(home), move |uow: UnitOfWork| async move {
                add(&uow, home, &format!("note {place}")).await?;
                if place % 10 == 5 {
                    let dangling = Sql::global("INSERT INTO late (other) VALUES (7)");
                    uow.global().execute(&dangling, &[]).await?;
                }
                Ok::<_, DbError>(())
            })
            .await
        };
        units.push(queued(&f.db, work, place + 1).await);
    }
    held.release().await;
    for (place, answer) in join_all(units).await.into_iter().enumerate() {
        match answer.unwrap() {
            Ok(()) => assert_ne!(place % 10, 5),
            Err(error) => assert!(
                place % 10 == 5 && matches!(error, DbError::ForeignKey(_)),
                "{place}: {error:?}"
            ),
        }
    }
    f.whole(1 + 18).await;
    assert_eq!(f.count("late").await, 0);
    f.goes_on(home).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_told_after_the_wait() {
    let wait = Duration::from_millis(100);
    let change = |mut config: db::DbConfig| {
        config.queue = 2;
        config.wait = wait;
        config
    };
    let f = Fixture::with(Engine::Sqlite, change).await.unwrap();
    let home = organization(HOME);
    let held = Held::new(&f.db, home).await;
    let mut units = Vec::new();
    for place in 0..2 {
        let db = f.db.clone();
        let work = async move { db.write(unit(home), adding(home, &format!("note {place}"))).await };
        units.push(queued(&f.db, work, place + 1).await);
    }
    let refused = tokio::time::timeout(wait * 10, f.db.write(unit(home), adding(home, "too much")));
    assert!(matches!(
        refused.await.unwrap(),
        Err(DbError::Busy {
            what: "the writer's queue",
            ..
        })
    ));
    held.release().await;
    assert!(join_all(units).await.into_iter().all(|answer| answer.unwrap().is_ok()));
    f.whole(3).await;
    assert_eq!(waiting(&f.db), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_left_is_skipped_in_the_queue_and_completed_once_started() {
    let (f, home) = fixture().await;
    let held = Held::new(&f.db, home).await;
    let mut units = Vec::new();
    for place in 0..6 {
        let db = f.db.clone();
        let work = async move { db.write(unit(home), adding(home, &format!("note {place}"))).await };
        units.push(queued(&f.db, work, place + 1).await);
    }
    for (place, unit) in units.iter().enumerate() {
        if place % 2 == 0 {
            unit.abort();
        }
    }
    eventually(Duration::from_secs(5), "the callers are gone", || async {
        units.iter().step_by(2).all(JoinHandle::is_finished)
    })
    .await;
    // The one that runs has left as well: it goes on all the same.
    held.unit.abort();
    eventually(Duration::from_secs(5), "the held unit's caller is gone", || async {
        held.unit.is_finished()
    })
    .await;
    drop(held);
    for unit in units.into_iter().skip(1).step_by(2) {
        unit.await.unwrap().unwrap();
    }
    assert_eq!(f.notes(home).await, ["held", "note 1", "note 3", "note 5"]);
    f.whole(4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_panics_takes_no_answer_along() {
    let (f, home) = fixture().await;
    f.db.feed().subscribe(|_| spill());
    for _ in 0..3 {
        f.db.write(unit(home), move |uow| async move {
            uow.access_changed(db::AccessChange {
                organization_id: Some(home),
                kind: db::ChangeKind::User,
                subject: None,
                until: None,
            });
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
    }
    assert_eq!(f.count("access_changes").await, 3);
    f.goes_on(home).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_file_wait_for_each_other() {
    let (f, home) = fixture().await;
    let other = f.another(|config| config);
    let units = (0..200).map(|number| {
        let db = if number % 2 == 0 { f.db.clone() } else { other.clone() };
        async move { db.write(unit(home), adding(home, &format!("note {number}"))).await }
    });
    for answer in join_all(units).await {
        answer.unwrap();
    }
    f.whole(200).await;
}
