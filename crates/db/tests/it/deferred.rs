//! Statements whose answer the unit does not wait for, and violations, told alike on both engines.

use db::{DbError, Sql, UnitOfWork, values};
use lastro_db as db;
use uuid::Uuid;

use crate::support::{ADD, Fixture, Refusal, add, adding, event, on_both, organization, send, unit};

const HOME: u128 = 0xa;
const COMMENT: Sql = Sql::tenant("INSERT INTO comments (organization_id, id, note_id) VALUES ($1, $2, $3)");

fn told<T: std::fmt::Debug>(result: Result<T, DbError>) -> (String, Vec<String>) {
    match result {
        Err(DbError::Unique { table, columns }) => (table, columns),
        other => panic!("a unique violation was expected, not {other:?}"),
    }
}

fn by_text() -> (String, Vec<String>) {
    (
        "notes".to_owned(),
        vec!["organization_id".to_owned(), "text".to_owned()],
    )
}

on_both! {
    async fn a_violation_of_a_sent_statement_fails_a_closure_that_answered(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        // On a connection that has prepared none of the statements, on one that has prepared some, and on one that has all.
        let cold = f.another(|mut config| { config.pool_size = 1; config });
        for _ in 0..3 {
            let sent = cold.write(unit(home), move |uow| async move {
                send(&uow, home, "bread").await?;
                send(&uow, home, "milk").await?;
                Ok::<_, DbError>("all is well")
            });
            assert_eq!(told(sent.await), by_text());
        }
        f.whole(1).await;
        f.goes_on(home).await;
    }

    async fn the_cause_is_told_also_when_several_statements_were_under_way_after_it(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        for _ in 0..3 {
            let together = f.db.write(unit(home), move |uow| async move {
                send(&uow, home, "milk").await?;
                // The first to hear of the failure ends both.
                futures_util::try_join!(add(&uow, home, "bread"), add(&uow, home, "salt"))?;
                Ok::<_, DbError>(())
            });
            assert_eq!(told(together.await), by_text());
        }
        f.whole(1).await;
        f.goes_on(home).await;
    }

    async fn nothing_runs_on_after_it_and_the_cause_is_told(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        let cold = f.another(|mut config| { config.pool_size = 1; config });
        for _ in 0..3 {
            let passed_on = cold.write(unit(home), move |uow| async move {
                send(&uow, home, "milk").await?;
                add(&uow, home, "bread").await?;
                Ok::<_, DbError>(())
            });
            assert_eq!(told(passed_on.await), by_text());
            // Also when the closure thinks that it knows better.
            let refused = cold.write(unit(home), move |uow| async move {
                send(&uow, home, "milk").await?;
                let _second = add(&uow, home, "bread").await;
                Err::<(), _>(Refusal::Own("no bread"))
            });
            assert!(matches!(refused.await, Err(Refusal::Storage(DbError::Unique { .. }))));
            let unaware = cold.write(unit(home), move |uow| async move {
                send(&uow, home, "milk").await?;
                Err::<(), _>(Refusal::Own("no milk"))
            });
            assert!(matches!(unaware.await, Err(Refusal::Storage(DbError::Unique { .. }))));
        }
        f.whole(1).await;
        f.goes_on(home).await;
    }

    async fn the_first_of_several_violations_is_told(f: Fixture) {
        let home = organization(HOME);
        f.db.write(unit(home), adding(home, "milk")).await.unwrap();
        for _ in 0..2 {
            let sent = f.db.write(unit(home), move |uow| async move {
                send(&uow, home, "milk").await?;
                uow.scope(home).send(&COMMENT, &values![Uuid::from_u128(1), Uuid::from_u128(2)]).await?;
                Ok::<_, DbError>(())
            });
            let refused = sent.await;
            assert!(matches!(refused, Err(DbError::Unique { .. })), "{refused:?}");
        }
    }

    async fn violations_mean_the_same_on_both_engines(f: Fixture) {
        type Violating = fn(UnitOfWork, bool) -> std::pin::Pin<Box<dyn Future<Output = Result<(), DbError>> + Send>>;
        async fn run(uow: &UnitOfWork, waiting: bool, sql: &Sql<'_>, values: &[db::Value<'_>]) -> Result<(), DbError> {
            let home = organization(HOME);
            uow.record(home, event(Uuid::nil(), "x"), "{}".to_owned());
            if waiting {
                uow.scope(home).execute(sql, values).await.map(drop)
            } else {
                uow.scope(home).send(sql, values).await
            }
        }
        let home = organization(HOME);
        f.db.write(unit(home).unaudited("a test"), move |uow| async move {
            uow.scope(home).execute(&ADD, &values![Uuid::from_u128(7), "milk", "milk", 0_i64]).await.map(drop)
        })
        .await
        .unwrap();
        let primary: Violating = |uow, waiting| Box::pin(async move {
            run(&uow, waiting, &ADD, &values![Uuid::from_u128(7), "bread", "bread", 0_i64]).await
        });
        let reference: Violating = |uow, waiting| Box::pin(async move {
            run(&uow, waiting, &COMMENT, &values![Uuid::from_u128(1), Uuid::from_u128(2)]).await
        });
        let check: Violating = |uow, waiting| Box::pin(async move {
            run(&uow, waiting, &ADD, &values![Uuid::from_u128(8), "bread", "bread", -1_i64]).await
        });
        let missing: Violating = |uow, waiting| Box::pin(async move {
            run(&uow, waiting, &ADD, &values![Uuid::from_u128(8), "bread", Option::<&str>::None, 1_i64]).await
        });
        let referred: Violating = |uow, waiting| Box::pin(async move {
            run(&uow, true, &COMMENT, &values![Uuid::from_u128(1), Uuid::from_u128(7)]).await?;
            run(&uow, waiting, &Sql::tenant("DELETE FROM notes WHERE organization_id = $1"), &[]).await
        });
        for waiting in [true, false] {
            let unit_of = |violating: Violating| f.db.write(unit(home), move |uow| violating(uow, waiting));
            // A primary key's columns are not told: see `DbError::Unique`.
            assert_eq!(told(unit_of(primary).await), ("notes".to_owned(), Vec::new()));
            assert!(matches!(unit_of(reference).await, Err(DbError::ForeignKey(_))));
            assert!(matches!(unit_of(check).await, Err(DbError::Constraint(_))));
            assert!(matches!(unit_of(missing).await, Err(DbError::Constraint(_))));
            assert!(matches!(unit_of(referred).await, Err(DbError::ForeignKey(_))));
        }
        assert_eq!(f.notes(home).await, ["milk"]);
        assert_eq!(f.count("comments").await + f.count("audit_entries").await, 0);
    }

    async fn statements_sent_ahead_are_seen_by_those_that_follow(f: Fixture) {
        let home = organization(HOME);
        let cold = f.another(|config| config);
        let seen = cold.write(unit(home), move |uow| async move {
            // Many answers nobody waits for stand before the one that is waited for.
            for number in 0..200 {
                send(&uow, home, &format!("note {number}")).await?;
            }
            crate::support::texts(uow.scope(home), &crate::support::TEXTS).await
        });
        assert_eq!(seen.await.unwrap().len(), 200);
        f.whole(200).await;
    }
}
