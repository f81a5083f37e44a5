//! One unit of work: everything or nothing, and nothing but the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use db::{AccessChange, ChangeKind, DbError, Origin, Sql, UnitOfWork, values};
use futures_util::future::{join_all, try_join_all};
use lastro_db as db;
use parking_lot::Mutex;
use uuid::Uuid;

use crate::support::{
    ADD, BEGINNING, Fixture, MOVE, Refusal, TEXTS, actor, add, adding, event, new_id, on_both, organization, send,
    spill, system_unit, text, texts, unit,
};

const HOME: u128 = 0xa;
const AWAY: u128 = 0xb;

fn is_internal<T>(result: &Result<T, DbError>, words: &str) -> bool {
    matches!(result, Err(DbError::Internal(text)) if text.contains(words))
}

on_both! {
    async fn a_commit_keeps_everything_that_belongs_to_the_change(f: Fixture) {
        let home = organization(HOME);
        let context = unit(home).from_origin(Origin {
            request_id: Some("request-1".to_owned()),
            ip: Some("203.0.113.7".parse().unwrap()),
            user_agent: Some("curl/8".to_owned()),
        });
        let subject = Uuid::from_u128(0x5e);
        f.db.write(context, move |uow| async move {
            let id = Uuid::from_u128(1);
            uow.scope(home).execute(&ADD, &values![id, "milk", "milk", 3_i64]).await?;
            uow.record(home, event(id, "milk"), r#"{"text":"milk"}"#.to_owned());
            uow.access_changed(AccessChange {
                organization_id: Some(home),
                kind: ChangeKind::User,
                subject: Some(subject),
                until: Some(uow.now().plus(Duration::from_secs(60))),
            });
            uow.access_changed(AccessChange {
                organization_id: None,
                kind: ChangeKind::Catalogue,
                subject: None,
                until: None,
            });
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();

        assert_eq!(f.notes(home).await, ["milk"]);
        let audit = Sql::tenant(
            "SELECT id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, \
             request_id, ip, user_agent, count FROM audit_entries WHERE organization_id = $1",
        );
        let entry = f.db.scope(home).one(&audit, &[], |row| {
            assert_eq!(row.get::<kernel::Timestamp>(1)?, BEGINNING.parse().unwrap());
            assert_eq!(row.get::<Uuid>(0)?.get_version_num(), 7);
            assert_eq!(row.get::<Uuid>(3)?, actor().id);
            assert_eq!(row.get::<Uuid>(7)?, Uuid::from_u128(1));
            assert_eq!(row.get::<i64>(12)?, 1);
            [2, 4, 5, 6, 8, 9, 10, 11].into_iter().map(|column| row.get::<String>(column)).collect::<Result<Vec<_>, _>>()
        });
        let changes = r#"{"text":{"from":null,"to":"milk"}}"#;
        let expected = ["user", "Ana", "note.created", "note", changes, "request-1", "203.0.113.7", "curl/8"];
        assert_eq!(entry.await.unwrap(), expected);

        let outbox = Sql::tenant("SELECT type, data, subject_kind FROM outbox_events WHERE organization_id = $1");
        let told = f.db.scope(home).one(&outbox, &[], |row| {
            Ok((row.get::<String>(0)?, row.get::<String>(1)?, row.get::<String>(2)?))
        });
        assert_eq!(told.await.unwrap(), ("note.created".into(), r#"{"text":"milk"}"#.into(), "note".into()));

        let version = Sql::tenant("SELECT version FROM access_versions WHERE organization_id = $1");
        assert_eq!(f.db.scope(home).one(&version, &[], |row| row.get::<i64>(0)).await.unwrap(), 1);
        let changes = Sql::global("SELECT kind, subject, until, organization_id FROM access_changes ORDER BY seq");
        let changes = f.db.global().all(&changes, &[], |row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<Option<Uuid>>(1)?,
                row.get::<Option<kernel::Timestamp>>(2)?,
                row.optional_id::<kernel::OrganizationId>(3)?,
            ))
        });
        let until = "2026-11-21T12:01:00Z".parse().unwrap();
        assert_eq!(
            changes.await.unwrap(),
            [
                ("user".to_owned(), Some(subject), Some(until), Some(home)),
                ("catalogue".to_owned(), None, None, None),
            ]
        );
    }

    async fn an_event_is_queued_and_told_once_it_is_committed(f: Fixture) {
        let home = organization(HOME);
        let mut committed = f.db.events_committed();
        let refused = f.db.write(unit(home), move |uow| async move {
            add(&uow, home, "bread").await?;
            Err::<(), _>(Refusal::Own("not today"))
        });
        assert!(refused.await.is_err());
        assert!(!committed.has_changed().unwrap());
        assert_eq!(f.count("outbox_queue").await, 0);

        let added = f.db.write(unit(home), move |uow| async move { add(&uow, home, "milk").await });
        added.await.unwrap();
        assert!(committed.has_changed().unwrap());
        committed.mark_unchanged();
        let queued = Sql::tenant(
            "SELECT q.event_id FROM outbox_queue q JOIN outbox_events e ON e.organization_id = q.organization_id \
             AND e.id = q.event_id WHERE q.organization_id = $1",
        );
        assert_eq!(f.db.scope(home).all(&queued, &[], |row| row.get::<Uuid>(0)).await.unwrap().len(), 1);

        // A unit without an event has nothing to tell.
        let silent = unit(home).unaudited("a test's own rows");
        f.db.write(silent, |_| async { Ok::<_, DbError>(()) }).await.unwrap();
        assert!(!committed.has_changed().unwrap());
    }

    async fn access_versions_count_units_and_not_changes(f: Fixture) {
        let home = organization(HOME);
        for _ in 0..3 {
            f.db.write(unit(home), move |uow| async move {
                for kind in [ChangeKind::Role, ChangeKind::User] {
                    uow.access_changed(AccessChange { organization_id: Some(home), kind, subject: None, until: None });
                }
                Ok::<_, DbError>(())
            })
            .await
            .unwrap();
        }
        let version = Sql::tenant("SELECT version FROM access_versions WHERE organization_id = $1");
        assert_eq!(f.db.scope(home).one(&version, &[], |row| row.get::<i64>(0)).await.unwrap(), 3);
        assert_eq!(f.count("access_changes").await, 6);
    }

    async fn a_refusal_keeps_nothing(f: Fixture) {
        let home = organization(HOME);
        let refused = f.db.write(unit(home), move |uow| async move {
            add(&uow, home, "milk").await?;
            send(&uow, home, "bread").await?;
            uow.access_changed(AccessChange { organization_id: Some(home), kind: ChangeKind::User, subject: None, until: None });
            Err::<(), _>(Refusal::Own("enough notes"))
        });
        assert!(matches!(refused.await, Err(Refusal::Own("enough notes"))));
        f.whole(0).await;
        assert_eq!(f.count("access_versions").await + f.count("access_changes").await, 0);
        f.goes_on(home).await;
    }

    async fn a_panic_keeps_nothing_and_the_next_unit_runs(f: Fixture) {
        let home = organization(HOME);
        // More often than there are connections, so that one lost at each would show.
        for _ in 0..20 {
            let panicked = f.db.write(unit(home), move |uow| async move {
                add(&uow, home, "milk").await?;
                spill::<Result<(), DbError>>()
            });
            assert!(is_internal(&panicked.await, "spilt"));
        }
        // Before the first await, and while a row is being read.
        let at_once = f.db.write::<(), DbError, _, _>(unit(home), |uow| {
            drop(uow);
            let never = async { Ok(()) };
            spill::<()>();
            never
        });
        assert!(is_internal(&at_once.await, "spilt"));
        f.whole(0).await;
        f.goes_on(home).await;
        let reading = f.db.write(unit(home), move |uow| async move {
            let unreadable = |_: &db::Row<'_>| -> Result<(), DbError> { panic!("unreadable") };
            uow.scope(home).reads().all(&TEXTS, &[], unreadable).await.map(drop)
        });
        assert!(is_internal(&reading.await, "unreadable"));
        f.goes_on(home).await;
    }

    async fn waiting_for_something_else_keeps_nothing(f: Fixture) {
        let home = organization(HOME);
        let runtime = tokio::runtime::Handle::current();
        let asleep = f.db.write(unit(home), move |uow| {
            let runtime = runtime.clone();
            async move {
                add(&uow, home, "milk").await?;
                let sleep = { let _inside = runtime.enter(); tokio::time::sleep(Duration::from_millis(1)) };
                sleep.await;
                Ok::<_, DbError>(())
            }
        });
        assert!(is_internal(&asleep.await, "not the database"));

        let (sender, receiver) = tokio::sync::watch::channel(0);
        let listening = f.db.write(unit(home), move |uow| {
            let mut receiver = receiver.clone();
            async move {
                add(&uow, home, "milk").await?;
                receiver.changed().await.map_err(|error| DbError::Internal(error.to_string()))
            }
        });
        assert!(is_internal(&listening.await, "not the database"));
        drop(sender);

        let beside = f.db.write(unit(home), move |uow| async move {
            let forever = async { std::future::pending::<Result<(), DbError>>().await };
            let own = async { add(&uow, home, "milk").await.map(drop) };
            try_join_all([Box::pin(own) as std::pin::Pin<Box<dyn Future<Output = _> + Send>>, Box::pin(forever)]).await
        });
        assert!(is_internal(&beside.await, "not the database"));
        f.whole(0).await;
        f.goes_on(home).await;
    }

    async fn many_statements_may_be_waited_for_together(f: Fixture) {
        let home = organization(HOME);
        f.goes_on(home).await;
        let found = f.db.write(unit(home), move |uow| async move {
            // Past thirty, they are polled only when each is woken.
            let reads = (0..64).map(|_| uow.scope(home).reads().all(&TEXTS, &[], text));
            let found = try_join_all(reads).await?;
            let adds = (0..64).map(|number| {
                let uow = &uow;
                async move { add(uow, home, &format!("note {number}")).await }
            });
            try_join_all(adds).await?;
            Ok::<_, DbError>(found.len())
        });
        assert_eq!(found.await.unwrap(), 64);
        f.whole(65).await;
    }

    async fn a_handle_that_escapes_does_nothing_and_keeps_no_connection(f: Fixture) {
        let home = organization(HOME);
        let small = f.another(|mut config| { config.pool_size = 1; config });
        let escaped = Arc::new(Mutex::new(Vec::new()));
        for number in 0..3 {
            let kept = Arc::clone(&escaped);
            small.write(unit(home), move |uow| {
                let kept = Arc::clone(&kept);
                async move {
                    add(&uow, home, &format!("note {number}")).await?;
                    kept.lock().push(uow);
                    Ok::<_, DbError>(())
                }
            })
            .await
            .unwrap();
        }
        let escaped: Vec<UnitOfWork> = std::mem::take(&mut *escaped.lock());
        for uow in &escaped {
            assert!(matches!(add(uow, home, "late").await, Err(DbError::Aborted)));
            assert!(matches!(send(uow, home, "late").await, Err(DbError::Aborted)));
            assert!(matches!(texts(uow.scope(home), &TEXTS).await, Err(DbError::Aborted)));
        }
        f.whole(3).await;
    }

    async fn a_statement_that_outlives_its_unit_is_part_of_it_or_never_happens(f: Fixture) {
        let home = organization(HOME);
        let runtime = tokio::runtime::Handle::current();
        let mut expected = 0;
        for round in 0..20 {
            let strays = Arc::new(AtomicUsize::new(0));
            let (runtime, counted) = (runtime.clone(), Arc::clone(&strays));
            let kept = f.db.write(unit(home), move |uow| {
                let (runtime, counted, uow) = (runtime.clone(), Arc::clone(&counted), Arc::new(uow));
                async move {
                    add(&uow, home, &format!("own {round}")).await?;
                    let elsewhere = Arc::clone(&uow);
                    runtime.spawn(async move {
                        for number in 0.. {
                            if add(&elsewhere, home, &format!("stray {round} {number}")).await.is_err() {
                                break;
                            }
                            counted.fetch_add(1, Ordering::SeqCst);
                        }
                    });
                    add(&uow, home, &format!("another {round}")).await?;
                    Ok::<_, DbError>(())
                }
            });
            match kept.await {
                Ok(()) => expected += 2 + strays.load(Ordering::SeqCst),
                Err(error) => assert!(is_internal(&Err::<(), _>(error), "elsewhere")),
            }
            f.goes_on(home).await;
            expected += 1;
            assert_eq!(f.count("notes").await, expected);
        }
    }

    async fn a_change_without_an_event_is_refused(f: Fixture) {
        let home = organization(HOME);
        let adding = |text: &'static str| move |uow: UnitOfWork| async move {
            let row = values![new_id(&uow), text, text, 0_i64];
            uow.scope(home).execute(&ADD, &row).await.map(drop)
        };
        assert!(is_internal(&f.db.write(unit(home), adding("executed")).await, "without recording"));
        let sent = f.db.write(unit(home), move |uow| async move {
            uow.scope(home).send(&ADD, &values![new_id(&uow), "sent", "sent", 0_i64]).await
        });
        assert!(is_internal(&sent.await, "without recording"));
        let returning = Sql::tenant(
            "INSERT INTO notes (organization_id, id, text, text_folded, place) VALUES ($1, $2, $3, $3, 0) RETURNING text",
        );
        let returned = f.db.write(unit(home), move |uow| async move {
            let row = values![new_id(&uow), "returned"];
            uow.scope(home).reads().one(&returning, &row, text).await.map(drop)
        });
        assert!(is_internal(&returned.await, "without recording"));
        f.whole(0).await;

        // Where no row was touched, nothing happened that anybody should be told of.
        let untouched = f.db.write(unit(home), move |uow| async move {
            uow.scope(home).execute(&MOVE, &values![Uuid::nil(), 1_i64]).await
        });
        assert_eq!(untouched.await.unwrap(), 0);
        f.db.write(unit(home).unaudited("a test"), adding("unaudited")).await.unwrap();
        assert_eq!(f.notes(home).await, ["unaudited"]);
        assert_eq!(f.count("audit_entries").await + f.count("outbox_events").await, 0);
    }

    async fn a_unit_runs_statements_on_rows_and_no_others(f: Fixture) {
        let home = organization(HOME);
        f.goes_on(home).await;
        for refused in ["ROLLBACK", "COMMIT", "END", "SAVEPOINT other", "DROP TABLE notes", "SELECT 1; ROLLBACK"] {
            let result = f.db.write(unit(home), move |uow| async move {
                add(&uow, home, "before").await?;
                uow.global().execute(&Sql::global(refused), &[]).await?;
                add(&uow, home, "after").await?;
                Ok::<_, DbError>(())
            });
            assert!(matches!(result.await, Err(DbError::Internal(_))), "{refused}");
            f.whole(1).await;
        }
        f.goes_on(home).await;
    }

    async fn a_failure_that_the_closure_swallows_still_fails_it(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        for context in [unit(home), unit(home).unaudited("a test")] {
            let swallowed = f.db.write(context.clone(), move |uow| async move {
                let _swallowed = add(&uow, home, "milk").await;
                Ok::<_, DbError>("all is well")
            });
            assert!(matches!(swallowed.await, Err(DbError::Unique { .. })));
            let gone_on = f.db.write(context, move |uow| async move {
                uow.record(home, event(Uuid::nil(), "x"), "{}".to_owned());
                let _swallowed = add(&uow, home, "milk").await;
                add(&uow, home, "bread").await.map(drop)
            });
            // Not that the second statement was refused: why.
            assert!(matches!(gone_on.await, Err(DbError::Unique { .. })));
        }
        f.whole(1).await;
        f.goes_on(home).await;
    }

    async fn a_failure_may_be_refused_in_the_closures_own_words(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        let refused = f.db.write(unit(home), move |uow| async move {
            match add(&uow, home, "milk").await {
                Err(DbError::Unique { .. }) => Err(Refusal::Own("there is milk")),
                other => other.map(drop).map_err(Refusal::from),
            }
        });
        assert!(matches!(refused.await, Err(Refusal::Own("there is milk"))));
        f.whole(1).await;
    }

    async fn an_event_of_another_organization_stands_in_both_trails(f: Fixture) {
        let (home, away) = (organization(HOME), organization(AWAY));
        f.db.write(system_unit(home), move |uow| async move {
            add(&uow, away, "theirs").await?;
            add(&uow, home, "ours").await?;
            assert_eq!(texts(uow.system()?, &Sql::system("SELECT text FROM notes ORDER BY text")).await?, ["ours", "theirs"]);
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        let trail = Sql::tenant("SELECT changes FROM audit_entries WHERE organization_id = $1 ORDER BY id");
        let said = |text: &str| format!(r#"{{"text":{{"from":null,"to":"{text}"}}}}"#);
        assert_eq!(texts(f.db.scope(home), &trail).await.unwrap(), [said("theirs"), said("ours")]);
        assert_eq!(texts(f.db.scope(away), &trail).await.unwrap(), [said("theirs")]);
        let events = Sql::tenant("SELECT data FROM outbox_events WHERE organization_id = $1");
        assert_eq!(texts(f.db.scope(home), &events).await.unwrap(), [r#"{"text":"ours"}"#]);
        assert_eq!(texts(f.db.scope(away), &events).await.unwrap(), [r#"{"text":"theirs"}"#]);
    }

    async fn a_unit_of_one_organization_touches_no_other(f: Fixture) {
        let (home, away) = (organization(HOME), organization(AWAY));
        f.db.write(unit(away), adding(away, "theirs")).await.unwrap();
        let other = "another";
        assert!(is_internal(&f.db.write(unit(home), adding(away, "ours")).await, other));
        let reading = f.db.write(unit(home), move |uow| async move { texts(uow.scope(away), &TEXTS).await });
        assert!(is_internal(&reading.await, other));
        let sending = f.db.write(unit(home), move |uow| async move { send(&uow, away, "ours").await.map(drop) });
        assert!(is_internal(&sending.await, other));
        let telling = f.db.write(unit(home), move |uow| async move {
            uow.record(away, event(Uuid::nil(), "x"), "{}".to_owned());
            Ok::<_, DbError>(())
        });
        assert!(is_internal(&telling.await, other));
        let changing = f.db.write(unit(home), move |uow| async move {
            uow.access_changed(AccessChange { organization_id: Some(away), kind: ChangeKind::User, subject: None, until: None });
            Ok::<_, DbError>(())
        });
        assert!(is_internal(&changing.await, other));
        let leaving = f.db.write(unit(home), |uow| async move { uow.system().map(drop) });
        assert!(is_internal(&leaving.await, "rows of all"));
        f.whole(1).await;
    }

    async fn a_statement_runs_only_in_its_own_reach(f: Fixture) {
        let home = organization(HOME);
        let system = Sql::system("SELECT text FROM notes");
        assert!(is_internal(&texts(f.db.scope(home), &system).await, "reach"));
        assert!(is_internal(&texts(f.db.global(), &TEXTS).await, "reach"));
        assert!(is_internal(&texts(f.db.system(db::SystemScope::new("a test")), &TEXTS).await, "reach"));
        let inside = f.db.write(unit(home), move |uow| async move { texts(uow.scope(home), &system).await });
        assert!(is_internal(&inside.await, "reach"));
        assert!(texts(f.db.system(db::SystemScope::new("a test")), &system).await.unwrap().is_empty());
    }

    async fn reads_outside_units_cannot_write(f: Fixture) {
        let home = organization(HOME);
        f.goes_on(home).await;
        for lane in [Sql::point as fn(Sql<'static>) -> Sql<'static>, |sql| sql] {
            let delete = lane(Sql::tenant("DELETE FROM notes WHERE organization_id = $1 RETURNING text"));
            assert!(texts(f.db.scope(home), &delete).await.is_err());
        }
        f.whole(1).await;
    }

    async fn units_in_parallel_are_all_kept(f: Fixture) {
        let home = organization(HOME);
        let units = (0..100).map(|number| f.db.write(unit(home), adding(home, &format!("note {number}"))));
        assert!(join_all(units).await.iter().all(Result::is_ok));
        f.whole(100).await;
    }
}
