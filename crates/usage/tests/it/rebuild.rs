//! Rebuilding sums from events, exporting events, and forgetting what is old.

use std::time::Duration;

use contracts::catalog::{QuotaMode, QuotaPeriod};
use db::{DbError, Sql, UnitContext};
use futures_util::future::join_all;
use kernel::{Actor, OrganizationId, Timestamp};
use serde_json::json;
use testkit::TestApp;
use usage::{EventRecord, Rebuilt, export, rebuild};

use crate::{contract, event, post, quota, start, use_of_quotas, used};

const TODAY: &str = "metric=documents.signed&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
const SPOIL: Sql = Sql::tenant("UPDATE usage_aggregates SET quantity = quantity + 1 WHERE organization_id = $1");
const LOSE: Sql = Sql::tenant("DELETE FROM usage_aggregates WHERE organization_id = $1");
const LOSE_COUNTERS: Sql = Sql::tenant("DELETE FROM usage_counters WHERE organization_id = $1");

/// Changes rows behind the context's back.
async fn spoil(app: &TestApp, organization: OrganizationId, statements: &'static [Sql<'static>]) {
    let context = UnitContext::tenant(Actor::system("test"), organization).unaudited("a test");
    let spoilt: Result<(), DbError> = app
        .db()
        .write(context, move |uow| async move {
            for sql in statements {
                uow.scope(organization).execute(sql, &[]).await?;
            }
            Ok(())
        })
        .await;
    spoilt.unwrap();
}

/// Does a job of the context.
async fn run(app: &TestApp, name: &str) -> u64 {
    let jobs = usage::module().jobs;
    let job = jobs.iter().find(|job| job.name == name).unwrap();
    (job.run)(app.edge().app().clone()).await.unwrap()
}

async fn exported(app: &TestApp, organization: OrganizationId, metric: Option<&str>) -> Vec<EventRecord> {
    let mut events = Vec::new();
    let all = (Timestamp::MIN, Timestamp::MAX);
    let taken = export(app.db(), organization, metric, all, |event| {
        events.push(event.clone());
        Ok::<_, DbError>(())
    });
    assert_eq!(taken.await.unwrap(), events.len() as u64);
    events
}

testkit::behaviours! {
    with start;

    async fn a_rebuild_finds_that_sums_agree_and_mends_what_does_not(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("mercado").await);
        contract(&app, mine, vec![quota("documents.signed", 100, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        let earlier = json!({ "metric": "documents.signed", "quantity": 5, "occurredAt": "2026-10-31T10:10:00Z" });
        post(&app, mine, &[event("documents.signed", 2), event("documents.signed", 3), earlier]).await.expect(202);
        post(&app, other, &[event("pages.printed", 7)]).await.expect(202);
        let agreed = rebuild(app.db(), app.edge().app().ports(), None, true).await.unwrap();
        assert!(agreed.agrees());
        assert_eq!((agreed.organizations >= 2, agreed.events, agreed.sums), (true, 4, 3));

        for ways in [&[SPOIL][..], &[LOSE], &[LOSE, LOSE_COUNTERS]] {
            spoil(&app, mine, ways).await;
            let found = rebuild(app.db(), app.edge().app().ports(), Some(mine), false).await.unwrap();
            assert_eq!(found.wrong_sums, 2);
            let again = rebuild(app.db(), app.edge().app().ports(), Some(mine), false).await.unwrap();
            assert_eq!(again, found, "looking changes nothing");
            assert!(!rebuild(app.db(), app.edge().app().ports(), Some(mine), true).await.unwrap().agrees());
            assert!(rebuild(app.db(), app.edge().app().ports(), None, false).await.unwrap().agrees());
            assert_eq!(used(&app, mine, TODAY).await[0].1, 5);
            assert_eq!(use_of_quotas(&app, mine).await[0].2, 5);
        }
    }

    async fn a_rebuild_agrees_while_events_come_in(app: TestApp) {
        let mine = app.organization("padaria").await;
        let app = &app;
        let report = async |_: usize| {
            post(app, mine, &[event("documents.signed", 1), event("pages.printed", 2)]).await.expect(202);
        };
        let rebuilding = async {
            let mut found = Rebuilt::default();
            for _ in 0..10 {
                let rebuilt = rebuild(app.db(), app.edge().app().ports(), Some(mine), true).await.unwrap();
                found.wrong_sums += rebuilt.wrong_sums;
                found.wrong_counters += rebuilt.wrong_counters;
            }
            found
        };
        let (found, _) = futures_util::join!(rebuilding, join_all((0..100).map(report)));
        assert!(found.agrees(), "{found:?}");
        assert!(rebuild(app.db(), app.edge().app().ports(), Some(mine), false).await.unwrap().agrees());
        assert_eq!(used(app, mine, TODAY).await[0].1, 100);
    }

    async fn events_are_exported_in_the_order_in_which_they_occurred(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("mercado").await);
        post(&app, other, &[event("pages.printed", 1)]).await.expect(202);
        for batch in 0..6 {
            let events: Vec<_> = (0..1_000)
                .map(|number| {
                    let at = app.edge().app().generators().now().minus(Duration::from_secs((number * 7 + batch) % 1_000));
                    json!({ "metric": format!("m{}", number % 2), "quantity": number, "occurredAt": at.to_string() })
                })
                .collect();
            post(&app, mine, &events).await.expect(202);
        }
        let all = exported(&app, mine, None).await;
        assert_eq!(all.len(), 6_000);
        assert!(all.windows(2).all(|pair| (pair[0].occurred_at, pair[0].id) < (pair[1].occurred_at, pair[1].id)));
        assert_eq!(all.iter().map(|event| event.quantity).sum::<i64>(), 6 * 499_500);
        assert_eq!(exported(&app, mine, Some("m1")).await.len(), 3_000);
    }

    async fn old_events_go_and_their_sums_stay(app: TestApp) {
        let mine = app.organization("padaria").await;
        let keyed = json!({ "metric": "documents.signed", "quantity": 4, "idempotencyKey": "a" });
        post(&app, mine, &[keyed.clone(), event("documents.signed", 1)]).await.expect(202);
        assert_eq!((run(&app, "usage-key-expiry").await, run(&app, "usage-event-expiry").await), (0, 0));

        app.clock().advance(Duration::from_secs(33 * 24 * 60 * 60));
        assert_eq!(run(&app, "usage-key-expiry").await, 1);
        assert_eq!(post(&app, mine, &[keyed]).await.expect(202).data()["accepted"], 1);
        app.clock().advance(Duration::from_secs(368 * 24 * 60 * 60));
        assert_eq!(run(&app, "usage-event-expiry").await, 2);
        assert_eq!(exported(&app, mine, None).await.len(), 1);
        assert!(run(&app, "usage-key-expiry").await > 0, "the counters of old periods");
        assert_eq!(used(&app, mine, TODAY).await[0].1, 5);
        let rebuilt = rebuild(app.db(), app.edge().app().ports(), Some(mine), true).await.unwrap();
        assert!(rebuilt.agrees(), "what was before is left alone: {rebuilt:?}");
        assert_eq!(used(&app, mine, TODAY).await[0].1, 5);
    }
}
