//! Callers that go away in the middle of writes.

use std::time::Duration;

use db::{DbError, Engine, UnitOfWork};
use futures_util::future::join_all;
use kernel::{Clock, Random, SeededRandom, SystemClock};
use lastro_db as db;

use crate::support::{Fixture, Refusal, Told, add, eventually, key, on_both, organization, send, unit};

const HOME: u128 = 0xa;
const BURSTS: usize = 20;
const WRITES: usize = 40;

fn below(random: &SeededRandom, limit: u64) -> u64 {
    let mut bytes = [0; 8];
    random.fill(&mut bytes);
    u64::from_le_bytes(bytes) % limit
}

on_both! {
    async fn bursts_of_them_leave_nothing_half_done(f: Fixture) {
        let home = organization(HOME);
        let random = SeededRandom::new(20);
        let small = f.another(|mut config| { config.pool_size = 4; config });
        let mut answered = Vec::new();
        let clock = SystemClock::new();
        // Patience is drawn from what a burst takes here and now, so that some callers leave and some stay on every machine.
        let mut longest = Duration::from_secs(60);
        for burst in 0..=BURSTS {
            let began = clock.monotonic();
            let callers = (0..WRITES).map(|number| {
                let (db, name) = (small.clone(), format!("note {burst} {number}"));
                let patience = if burst == 0 { longest } else { longest.mul_f64(below(&random, 1_000) as f64 / 1_000.0) };
                let (told, keyed) = (name.clone(), number % 3 == 0);
                let writing = async move {
                    let work = move |uow: UnitOfWork| {
                        let name = name.clone();
                        async move {
                            add(&uow, home, &format!("{name} first")).await?;
                            send(&uow, home, &format!("{name} second")).await?;
                            Ok::<_, Refusal>(Told::new("made"))
                        }
                    };
                    if keyed {
                        db.write_once(unit(home), key(&format!("{burst} {number}"), 1), work).await
                    } else {
                        db.write(unit(home), work).await
                    }
                };
                tokio::spawn(async move {
                    match tokio::time::timeout(patience, writing).await {
                        Ok(answer) => answer.map(|_| Some(told)),
                        // Dropped where it stood.
                        Err(_) => Ok(None),
                    }
                })
            });
            for answer in join_all(callers).await {
                answered.extend(answer.unwrap().unwrap());
            }
            if burst == 0 {
                longest = clock.monotonic().saturating_sub(began);
            }
        }
        // Those whose caller left after they had begun are still being completed.
        let last = small.write(unit(home), move |uow| async move { add(&uow, home, "last").await });
        last.await.unwrap();
        if small.engine() == Engine::Postgres {
            let open = "pg_stat_activity WHERE datname = current_database() AND state LIKE '%in transaction%'";
            eventually(Duration::from_secs(5), "no session is in a transaction", || async { f.count(open).await == 0 }).await;
            assert!(f.count("pg_stat_activity WHERE datname = current_database()").await < 20);
        }
        let notes = f.notes(home).await;
        assert!(answered.len() > WRITES && answered.len() < (BURSTS + 1) * WRITES, "{} were answered", answered.len());
        for name in &answered {
            for part in ["first", "second"] {
                assert!(notes.contains(&format!("{name} {part}")), "{name} {part} was answered and is missing");
            }
        }
        for name in notes.iter().filter_map(|note| note.strip_suffix(" first")) {
            assert!(notes.contains(&format!("{name} second")), "{name} is half there");
        }
        f.whole(notes.len()).await;
        // A key is stored with its change or not at all.
        let stored = f.count("idempotency_records").await;
        let keyed = notes.iter().filter(|note| {
            let number = note.strip_suffix(" first").and_then(|name| name.rsplit(' ').next()?.parse::<usize>().ok());
            number.is_some_and(|number| number % 3 == 0)
        });
        assert_eq!(keyed.count(), stored);
        f.goes_on(home).await;
    }

    async fn a_caller_that_leaves_frees_its_key_in_the_end(f: Fixture) {
        let home = organization(HOME);
        for round in 0..20 {
            let request = key(&format!("k{round}"), 1);
            let work = move |uow: UnitOfWork| async move {
                add(&uow, home, &format!("note {round}")).await?;
                Ok::<_, Refusal>(Told::new("made"))
            };
            let patience = Duration::from_micros(200 * round);
            let _left = tokio::time::timeout(patience, f.db.write_once(unit(home), request.clone(), work)).await;
            let again = || async {
                match f.db.write_once(unit(home), request.clone(), work).await {
                    Ok(_) => true,
                    Err(Refusal::Storage(DbError::IdempotencyInProgress)) => false,
                    Err(other) => panic!("{other:?}"),
                }
            };
            eventually(Duration::from_secs(5), "the key is free", again).await;
        }
        f.whole(20).await;
    }
}
