//! The idempotency record: one key, one answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use db::{Db, DbError, UnitContext, UnitOfWork};
use futures_util::future::join_all;
use kernel::OrganizationId;
use lastro_db as db;

use crate::support::{Fixture, Refusal, Told, actor, add, key, on_both, organization, send, spill, system_unit, unit};

const HOME: u128 = 0xa;

/// Adds a note once per key, and counts how often it was really done.
async fn add_once(
    db: &Db,
    context: UnitContext,
    request: db::IdempotencyRequest,
    runs: &Arc<AtomicUsize>,
) -> Result<Told, Refusal> {
    let runs = Arc::clone(runs);
    let home = organization(HOME);
    let work = move |uow: UnitOfWork| {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        async move {
            add(&uow, home, &format!("note {run}")).await?;
            Ok(Told::new(format!("note {run}")))
        }
    };
    db.write_once(context, request, work).await
}

on_both! {
    async fn the_first_answer_is_given_again(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        let first = add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap();
        assert_eq!(first, Told::new("note 0"));
        // At once: whoever has the answer may ask again, and another node knows it too.
        for db in [f.db.clone(), f.another(|config| config)] {
            for _ in 0..20 {
                let again = add_once(&db, unit(home), key("k", 1), &runs).await.unwrap();
                assert_eq!((again.body.as_str(), again.replayed), ("201 note 0", true));
            }
        }
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        f.whole(1).await;
    }

    async fn what_is_over_is_removed_and_what_is_not_stays(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        add_once(&f.db, unit(home), key("old", 1), &runs).await.unwrap();
        f.db.write(unit(home).unaudited("a test's own change"), move |uow| async move {
            for (subject, until) in [(1, None), (2, Some(uow.now().plus(Duration::from_secs(7 * 24 * 3600))))] {
                uow.access_changed(db::AccessChange {
                    organization_id: Some(home),
                    kind: db::ChangeKind::Session,
                    subject: Some(uuid::Uuid::from_u128(subject)),
                    until,
                });
            }
            Ok::<_, DbError>(())
        })
        .await
        .unwrap();
        assert_eq!(f.db.clean_up(home).await.unwrap(), 0);
        f.clock.advance(Duration::from_secs(25 * 3600));
        add_once(&f.db, unit(home), key("new", 1), &runs).await.unwrap();
        // The old record, and the change that nobody has to remember.
        assert_eq!(f.db.clean_up(home).await.unwrap(), 2);
        assert_eq!(f.count("idempotency_records").await, 1);
        assert_eq!(f.count("access_changes").await, 1);
    }

    async fn a_key_belongs_to_one_actor_in_one_organization(f: Fixture) {
        let (home, away) = (organization(HOME), organization(0xb));
        let runs = Arc::new(AtomicUsize::new(0));
        let mut other_actor = actor();
        other_actor.id = uuid::Uuid::from_u128(0xad);
        let mut same_id = actor();
        same_id.kind = kernel::ActorKind::ApiKey;
        for context in [
            system_unit(home),
            system_unit(away),
            UnitContext::tenant(other_actor, home),
            UnitContext::tenant(same_id, home),
        ] {
            assert!(!add_once(&f.db, context, key("k", 1), &runs).await.unwrap().replayed);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 4);
    }

    async fn a_key_used_for_another_request_is_refused(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap();
        let other = add_once(&f.db, unit(home), key("k", 2), &runs).await;
        assert!(matches!(other, Err(Refusal::Storage(DbError::IdempotencyMismatch))));
        // Which spoils nothing for the first.
        assert!(add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap().replayed);
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        f.whole(1).await;
    }

    async fn of_requests_at_the_same_time_one_is_done(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        for round in 0..10 {
            let request = key(&format!("k{round}"), 1);
            let requests = (0..8).map(|_| add_once(&f.db, unit(home), request.clone(), &runs));
            let mut done = 0;
            for answer in join_all(requests).await {
                match answer {
                    Ok(told) => done += usize::from(!told.replayed),
                    Err(refusal) => assert!(
                        matches!(refusal, Refusal::Storage(DbError::IdempotencyInProgress)),
                        "{refusal:?}"
                    ),
                }
            }
            assert_eq!(done, 1);
        }
        assert_eq!(runs.load(Ordering::SeqCst), 10);
        f.whole(10).await;
    }

    async fn a_refusal_is_kept_and_its_rows_are_gone(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        let refuse = |db: Db| {
            let runs = Arc::clone(&runs);
            async move {
                db.write_once(unit(home), key("k", 1), move |uow| {
                    runs.fetch_add(1, Ordering::SeqCst);
                    async move {
                        add(&uow, home, "milk").await?;
                        send(&uow, home, "bread").await?;
                        Err::<Told, _>(Refusal::Own("not in the mood"))
                    }
                })
                .await
            }
        };
        assert!(matches!(refuse(f.db.clone()).await, Err(Refusal::Own("not in the mood"))));
        f.whole(0).await;
        assert_eq!(refuse(f.db.clone()).await.unwrap().body, "409 not in the mood");
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        f.whole(0).await;
    }

    async fn a_violation_is_a_refusal_too_however_late_it_shows(f: Fixture) {
        let home = organization(HOME);
        f.goes_on(home).await;
        let taken = f.notes(home).await.remove(0);
        let cold = f.another(|mut config| { config.pool_size = 1; config });
        for (name, sends, answers) in [("k1", true, true), ("k2", true, false), ("k3", false, false)] {
            let request = || {
                let taken = taken.clone();
                cold.write_once(unit(home), key(name, 1), move |uow| {
                    let taken = taken.clone();
                    async move {
                        add(&uow, home, "milk").await?;
                        if sends {
                            send(&uow, home, &taken).await?;
                        } else {
                            add(&uow, home, &taken).await?;
                        }
                        if !answers {
                            add(&uow, home, "bread").await?;
                        }
                        Ok::<_, Refusal>(Told::new("made"))
                    }
                })
            };
            let first = request().await;
            assert!(matches!(first, Err(Refusal::Storage(DbError::Unique { .. }))), "{name}: {first:?}");
            assert_eq!(request().await.unwrap().body, "409 duplicate", "{name}");
        }
        f.whole(1).await;
        assert_eq!(f.count("idempotency_records").await, 3);
    }

    async fn a_failure_of_the_server_is_not_kept(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        let broken = f.db.write_once(unit(home), key("k", 1), move |uow| async move {
            add(&uow, home, "milk").await?;
            Err::<Told, _>(Refusal::Broken)
        });
        assert!(matches!(broken.await, Err(Refusal::Broken)));
        let panicked = f.db.write_once(unit(home), key("k", 1), move |uow| async move {
            add(&uow, home, "milk").await?;
            spill::<Result<Told, Refusal>>()
        });
        assert!(matches!(panicked.await, Err(Refusal::Storage(DbError::Internal(_)))));
        let silent = f.db.write_once(unit(home), key("k", 1), move |uow| async move {
            // A change nobody is told of.
            let row = db::values![crate::support::new_id(&uow), "milk", "milk", 0_i64];
            uow.scope(home).execute(&crate::support::ADD, &row).await?;
            Ok::<_, Refusal>(Told::new("made"))
        });
        assert!(matches!(silent.await, Err(Refusal::Storage(DbError::Internal(_)))));
        assert_eq!(f.count("idempotency_records").await, 0);
        // The key is free for another try, and for another request.
        assert!(!add_once(&f.db, unit(home), key("k", 2), &runs).await.unwrap().replayed);
        f.whole(1).await;
    }

    async fn an_answer_is_kept_for_a_day(f: Fixture) {
        let home = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap();
        f.clock.advance(Duration::from_secs(24 * 60 * 60 - 1));
        assert!(add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap().replayed);
        f.clock.advance(Duration::from_secs(1));
        // Forgotten: it may even name another request now, whose answer takes the place of the first.
        assert!(!add_once(&f.db, unit(home), key("k", 2), &runs).await.unwrap().replayed);
        assert_eq!(add_once(&f.db, unit(home), key("k", 2), &runs).await.unwrap().body, "201 note 1");
        assert_eq!(f.count("idempotency_records").await, 1);
        f.whole(2).await;
    }

    async fn an_unkept_answer_is_done_again(f: Fixture) {
        /// An answer that is not the unit's own.
        #[derive(Debug)]
        struct Passing;
        impl db::Answerable for Passing {
            fn store(&self) -> Option<db::StoredAnswer> {
                None
            }
        }
        impl db::Replayable for Passing {
            fn replay(_: db::StoredAnswer) -> Self {
                Self
            }
        }
        let home: OrganizationId = organization(HOME);
        for number in 0..2 {
            f.db.write_once(unit(home), key("k", 1), move |uow| async move {
                add(&uow, home, &format!("note {number}")).await?;
                Ok::<_, Refusal>(Passing)
            })
            .await
            .unwrap();
        }
        f.whole(2).await;
    }

    async fn a_store_that_panics_keeps_nothing_and_frees_the_key(f: Fixture) {
        #[derive(Debug)]
        struct Unstorable;
        impl db::Answerable for Unstorable {
            fn store(&self) -> Option<db::StoredAnswer> {
                panic!("cannot be told")
            }
        }
        impl db::Replayable for Unstorable {
            fn replay(_: db::StoredAnswer) -> Self {
                Self
            }
        }
        let home: OrganizationId = organization(HOME);
        let runs = Arc::new(AtomicUsize::new(0));
        for _ in 0..20 {
            let refused = f.db.write_once(unit(home), key("k", 1), move |uow| async move {
                add(&uow, home, "milk").await?;
                Ok::<_, Refusal>(Unstorable)
            });
            assert!(matches!(refused.await, Err(Refusal::Storage(DbError::Internal(_)))));
        }
        f.whole(0).await;
        add_once(&f.db, unit(home), key("k", 1), &runs).await.unwrap();
        f.whole(1).await;
    }
}
