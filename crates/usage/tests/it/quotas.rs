//! Quotas: by reported events and through the port.

use std::time::Duration;

use contracts::catalog::{QuotaMode, QuotaPeriod};
use contracts::usage::{QuotaExceeded, Quotas, ReserveError, STORAGE_BYTES, USERS_ACTIVE};
use db::{DbError, UnitContext};
use futures_util::future::join_all;
use kernel::{Actor, OrganizationId};
use serde_json::{Value, json};
use testkit::TestApp;

use crate::{Heads, Stored, contract, event, post, quota, start, use_of_quotas, used};

/// Reserves through the port in a unit of its own, which then goes on or fails.
async fn reserve(
    app: &TestApp,
    organization: OrganizationId,
    metric: &'static str,
    quantity: i64,
    fails: bool,
) -> Result<(), ReserveError> {
    let quotas = app.edge().app().ports().get::<dyn Quotas>().unwrap();
    let context = UnitContext::tenant(Actor::system("test"), organization).unaudited("a test");
    app.db()
        .write(context, move |uow| {
            let quotas = quotas.clone();
            async move {
                quotas.reserve(&uow, organization, metric, quantity).await?;
                if fails {
                    return Err(DbError::Internal("the change failed".to_owned()).into());
                }
                Ok(())
            }
        })
        .await
}

fn exceeded(outcome: Result<(), ReserveError>) -> QuotaExceeded {
    match outcome {
        Err(ReserveError::Exceeded(exceeded)) => exceeded,
        other => panic!("{other:?}"),
    }
}

/// The shares that were told, in their order: the one told before, and this one.
async fn told(app: &TestApp, organization: OrganizationId) -> Vec<(Value, Value)> {
    let trail = app
        .administrator(organization)
        .get("/audit-logs?action=quota.threshold_reached&limit=100")
        .send()
        .await;
    let entries = trail.expect(200).data().as_array().unwrap().clone();
    entries
        .iter()
        .rev()
        .map(|entry| {
            (
                entry["changes"]["percent"]["from"].clone(),
                entry["changes"]["percent"]["to"].clone(),
            )
        })
        .collect()
}

testkit::behaviours! {
    with start;

    async fn beyond_a_hard_quota_nothing_of_a_batch_is_recorded(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 100, QuotaPeriod::Hour, QuotaMode::Hard)]).await;
        post(&app, mine, &[event("documents.signed", 98)]).await.expect(202);
        let keyed = json!({ "metric": "pages.printed", "quantity": 4, "idempotencyKey": "kept" });
        let batch = [keyed.clone(), event("documents.signed", 1), event("documents.signed", 2)];
        let refused = post(&app, mine, &batch).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(
            refused.json["error"]["details"],
            json!({
                "metric": "documents.signed", "limit": 100, "used": 98, "period": "hour",
                "resetsAt": "2026-11-21T13:00:00.000000Z",
            })
        );
        assert_eq!(refused.header("retry-after"), "3600");
        assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), ("100", "2"));
        let today = "from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!(used(&app, mine, &format!("metric=pages.printed&{today}")).await, []);
        assert_eq!(use_of_quotas(&app, mine).await, [("documents.signed".to_owned(), "hour".to_owned(), 98)]);
        assert_eq!(post(&app, mine, &[keyed]).await.expect(202).data()["accepted"], 1, "nor is its key");

        post(&app, mine, &[event("documents.signed", 2)]).await.expect(202);
        post(&app, mine, &[event("documents.signed", 0)]).await.expect(202);
        post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        app.clock().advance(Duration::from_secs(60 * 60));
        post(&app, mine, &[event("documents.signed", 100)]).await.expect(202);
        post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
    }

    async fn a_batch_larger_than_a_quota_is_refused_at_the_first(app: TestApp) {
        let mine = app.organization("padaria").await;
        let quotas = vec![
            quota("documents.signed", 5, QuotaPeriod::Total, QuotaMode::Hard),
            quota("pages.printed", 0, QuotaPeriod::Day, QuotaMode::Hard),
        ];
        contract(&app, mine, quotas).await;
        let refused = post(&app, mine, &[event("documents.signed", 6)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        let details = json!({ "metric": "documents.signed", "limit": 5, "used": 0, "period": "total", "resetsAt": null });
        assert_eq!(refused.json["error"]["details"], details);
        post(&app, mine, &[event("pages.printed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        post(&app, mine, &[event("pages.printed", 0)]).await.expect(202);
    }

    async fn every_quota_of_a_metric_has_to_reach(app: TestApp) {
        let mine = app.organization("padaria").await;
        let quotas = vec![
            quota("documents.signed", 10, QuotaPeriod::Hour, QuotaMode::Hard),
            quota("documents.signed", 15, QuotaPeriod::Day, QuotaMode::Hard),
            quota("documents.signed", 12, QuotaPeriod::Month, QuotaMode::Soft),
        ];
        contract(&app, mine, quotas).await;
        post(&app, mine, &[event("documents.signed", 10)]).await.expect(202);
        let by_hour = post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(by_hour.json["error"]["details"]["period"], "hour");
        app.clock().advance(Duration::from_secs(60 * 60));
        let by_day = post(&app, mine, &[event("documents.signed", 6)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(by_day.json["error"]["details"]["period"], "day");
        post(&app, mine, &[event("documents.signed", 5)]).await.expect(202);
        let line = |period: &str, used| ("documents.signed".to_owned(), period.to_owned(), used);
        assert_eq!(use_of_quotas(&app, mine).await, [line("day", 15), line("hour", 5), line("month", 15)]);
    }

    async fn a_quota_finds_what_was_used_before_it(app: TestApp) {
        let mine = app.organization("padaria").await;
        post(&app, mine, &[event("documents.signed", 7)]).await.expect(202);
        contract(&app, mine, vec![quota("documents.signed", 10, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 7);
        post(&app, mine, &[event("documents.signed", 4)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        contract(&app, mine, vec![quota("documents.signed", 11, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        post(&app, mine, &[event("documents.signed", 4)]).await.expect(202);
        contract(&app, mine, Vec::new()).await;
        post(&app, mine, &[event("documents.signed", 100)]).await.expect(202);
        contract(&app, mine, vec![quota("documents.signed", 50, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 111, "also what was used while there was none");
        post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
    }

    async fn shares_are_told_once_a_period(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 10, QuotaPeriod::Hour, QuotaMode::Soft)]).await;
        for _ in 0..12 {
            post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        }
        assert_eq!(told(&app, mine).await, [(json!(0), json!(80)), (json!(80), json!(100))]);
        let events = app.administrator(mine).get("/audit-logs?targetType=quota").send().await.expect(200);
        assert_eq!(events.data()[0]["actor"]["type"], "user");

        app.clock().advance(Duration::from_secs(60 * 60));
        post(&app, mine, &[event("documents.signed", 25)]).await.expect(202);
        assert_eq!(told(&app, mine).await[2..], [(json!(0), json!(80)), (json!(0), json!(100))], "one step over both");

        contract(&app, mine, vec![quota("documents.signed", 100, QuotaPeriod::Hour, QuotaMode::Soft)]).await;
        post(&app, mine, &[event("documents.signed", 54)]).await.expect(202);
        assert_eq!(told(&app, mine).await.len(), 4);
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        assert_eq!(told(&app, mine).await[4..], [(json!(0), json!(80))], "anew for a limit that was raised");
    }

    async fn of_500_that_reserve_at_once_as_many_succeed_as_the_limit_allows(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 100, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        let outcomes = join_all((0..500).map(|_| reserve(&app, mine, "documents.signed", 1, false))).await;
        let succeeded = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        let refused = outcomes.iter().filter(|outcome| matches!(outcome, Err(ReserveError::Exceeded(_)))).count();
        assert_eq!((succeeded, refused), (100, 400));
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 100);
        assert_eq!(told(&app, mine).await, [(json!(0), json!(80)), (json!(80), json!(100))]);
    }

    async fn of_many_batches_at_once_as_many_succeed_as_the_limit_allows(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 50, QuotaPeriod::Day, QuotaMode::Hard)]).await;
        let app = &app;
        let batch = async || {
            let events = [event("documents.signed", 1), event("pages.printed", 1)];
            post(app, mine, &events).await.status.as_u16()
        };
        let replies = join_all((0..100).map(|_| batch())).await;
        let count = |status| replies.iter().filter(|reply| **reply == status).count();
        assert_eq!((count(202), count(429)), (50, 50));
        let today = "metric=pages.printed&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!(used(app, mine, today).await[0].1, 50);
    }

    async fn what_is_rolled_back_was_not_reserved(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 3, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        for _ in 0..5 {
            assert!(matches!(
                reserve(&app, mine, "documents.signed", 3, true).await,
                Err(ReserveError::Storage(DbError::Internal(_)))
            ));
        }
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 0);
        reserve(&app, mine, "documents.signed", 3, false).await.unwrap();
        reserve(&app, mine, "documents.signed", 1, false).await.unwrap_err();
    }

    async fn a_level_counts_until_it_is_given_back(app: TestApp) {
        let mine = app.organization("padaria").await;
        reserve(&app, mine, USERS_ACTIVE, 2, false).await.unwrap();
        contract(&app, mine, vec![quota(USERS_ACTIVE, 3, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        reserve(&app, mine, USERS_ACTIVE, 1, false).await.unwrap();
        let by = exceeded(reserve(&app, mine, USERS_ACTIVE, 1, false).await);
        assert_eq!((by.limit, by.used, by.resets_at), (3, 3, None));
        app.clock().advance(Duration::from_secs(40 * 24 * 60 * 60));
        exceeded(reserve(&app, mine, USERS_ACTIVE, 1, false).await);
        reserve(&app, mine, USERS_ACTIVE, -2, false).await.unwrap();
        reserve(&app, mine, USERS_ACTIVE, 1, false).await.unwrap();
        let quotas = app.administrator(mine).get("/usage/quotas").send().await.expect(200);
        assert_eq!(
            quotas.data(),
            &json!([{ "metric": "users.active", "limit": 3, "used": 2, "period": "month", "mode": "hard", "resetsAt": null }])
        );
        let months = "metric=users.active&from=2026-11-01T00:00:00Z&to=2027-02-01T00:00:00Z&granularity=month";
        let levels: Vec<i64> = used(&app, mine, months).await.into_iter().map(|(_, level)| level).collect();
        assert_eq!(levels, [3, 2, 2], "what it was at the end of each month");

        reserve(&app, mine, STORAGE_BYTES, -5, false).await.unwrap();
        reserve(&app, mine, STORAGE_BYTES, 9, false).await.unwrap();
        contract(&app, mine, vec![quota(STORAGE_BYTES, 10, QuotaPeriod::Total, QuotaMode::Hard)]).await;
        assert_eq!(use_of_quotas(&app, mine).await[0].2, 9, "below nothing there is nothing to give back");
    }

    async fn a_level_that_does_not_agree_with_the_heads_is_put_right(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("mercado").await);
        let heads = app.edge().app().ports().get::<Heads>().unwrap();
        reserve(&app, mine, USERS_ACTIVE, 4, false).await.unwrap();
        reserve(&app, other, USERS_ACTIVE, 2, false).await.unwrap();
        heads.0.lock().extend([(mine, 7), (other, 2)]);
        let jobs = usage::module().jobs;
        let job = jobs.iter().find(|job| job.name == "usage-recount").unwrap();
        let run = async || (job.run)(app.edge().app().clone()).await.unwrap();
        assert_eq!((run().await, run().await), (1, 0), "once, for the one organization");
        contract(&app, mine, vec![quota(USERS_ACTIVE, 8, QuotaPeriod::Total, QuotaMode::Hard)]).await;
        reserve(&app, mine, USERS_ACTIVE, 1, false).await.unwrap();
        exceeded(reserve(&app, mine, USERS_ACTIVE, 1, false).await);
        let today = "metric=users.active&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!((used(&app, mine, today).await[0].1, used(&app, other, today).await[0].1), (8, 2));
    }

    async fn what_is_stored_is_counted_anew_by_the_job_and_by_a_rebuild(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("mercado").await);
        let ports = app.edge().app().ports();
        let stored = ports.get::<Stored>().unwrap();
        reserve(&app, mine, STORAGE_BYTES, 1_000, false).await.unwrap();
        reserve(&app, other, STORAGE_BYTES, 5, false).await.unwrap();
        stored.0.lock().extend([(mine, 400), (other, 5)]);
        let found = usage::rebuild(app.db(), ports, Some(mine), false).await.unwrap();
        assert_eq!((found.wrong_levels, found.agrees()), (1, false), "looked at alone it stays wrong");
        assert_eq!(usage::rebuild(app.db(), ports, None, true).await.unwrap().wrong_levels, 1);
        let proved = usage::rebuild(app.db(), ports, None, false).await.unwrap();
        assert!(proved.agrees() && proved.levels == 4, "{proved:?}");

        stored.0.lock().insert(other, 0);
        let jobs = usage::module().jobs;
        let job = jobs.iter().find(|job| job.name == "usage-recount").unwrap();
        assert_eq!((job.run)(app.edge().app().clone()).await.unwrap(), 1);
        contract(&app, mine, vec![quota(STORAGE_BYTES, 401, QuotaPeriod::Total, QuotaMode::Hard)]).await;
        reserve(&app, mine, STORAGE_BYTES, 1, false).await.unwrap();
        exceeded(reserve(&app, mine, STORAGE_BYTES, 1, false).await);
        let today = "metric=storage.bytes&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";
        assert_eq!(used(&app, mine, today).await[0].1, 401);
        assert_eq!(used(&app, other, today).await, []);
    }

    async fn a_quota_ends_with_the_override_that_made_it(app: TestApp) {
        let mine = app.organization("padaria").await;
        let mut ending = quota("documents.signed", 1, QuotaPeriod::Total, QuotaMode::Hard);
        ending.in_force.until = Some(app.edge().app().generators().now().plus(Duration::from_secs(60)));
        contract(&app, mine, vec![ending]).await;
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        app.clock().advance(Duration::from_secs(60));
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        assert_eq!(use_of_quotas(&app, mine).await, []);
    }
}
