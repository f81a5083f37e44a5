//! Reporting events.

use std::time::Duration;

use contracts::catalog::{QuotaMode, QuotaPeriod};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{contract, event, post, quota, start, use_of_quotas, used};

const TODAY: &str = "metric=documents.signed&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z";

testkit::behaviours! {
    with start;

    async fn a_batch_is_recorded_and_reported(app: TestApp) {
        let mine = app.organization("padaria").await;
        let other = app.organization("mercado").await;
        let events = [
            json!({ "metric": "documents.signed", "quantity": 2 }),
            json!({ "metric": "documents.signed", "quantity": 3, "occurredAt": "2026-11-21T08:59:59-01:00" }),
            json!({ "metric": "pages.printed", "quantity": 9_007_199_254_740_991_i64 }),
            json!({ "metric": "documents.signed", "quantity": 0, "idempotencyKey": "nothing" }),
        ];
        let reply = post(&app, mine, &events).await.expect(202);
        assert_eq!(reply.data(), &json!({ "accepted": 4, "duplicates": 0, "rejected": [] }));
        assert_eq!(used(&app, mine, TODAY).await, [("2026-11-21T00:00:00.000000Z".to_owned(), 5)]);
        assert_eq!(
            used(&app, mine, &format!("{TODAY}&granularity=hour")).await,
            [("2026-11-21T09:00:00.000000Z".to_owned(), 3), ("2026-11-21T12:00:00.000000Z".to_owned(), 2)]
        );
        assert_eq!(used(&app, other, TODAY).await, [], "another organization sees nothing of it");

        let trail = app.administrator(mine).get("/audit-logs?targetType=usage_event").send().await.expect(200);
        assert_eq!(trail.data(), &json!([]), "usage is not audited");
    }

    async fn an_event_with_a_known_key_is_a_duplicate_for_32_days(app: TestApp) {
        let mine = app.organization("padaria").await;
        let other = app.organization("mercado").await;
        let keyed = |key: &str, quantity: i64| json!({ "metric": "documents.signed", "quantity": quantity, "idempotencyKey": key });
        let twice = post(&app, mine, &[keyed("a", 1), keyed("b", 10), keyed("a", 100)]).await.expect(202);
        assert_eq!(twice.data(), &json!({ "accepted": 2, "duplicates": 1, "rejected": [] }));
        let again = post(&app, mine, &[keyed("b", 1_000), keyed("c", 10_000), event("documents.signed", 100_000)]).await;
        assert_eq!(again.expect(202).data(), &json!({ "accepted": 2, "duplicates": 1, "rejected": [] }));
        let elsewhere = post(&app, other, &[keyed("a", 7)]).await.expect(202);
        assert_eq!(elsewhere.data()["accepted"], 1, "keys are the organization's own");
        assert_eq!(used(&app, mine, TODAY).await[0].1, 110_011);

        app.clock().advance(Duration::from_secs(32 * 24 * 60 * 60));
        let known = post(&app, mine, &[keyed("a", 1)]).await.expect(202);
        assert_eq!(known.data()["duplicates"], 1, "the last instant of the 32 days");
        app.clock().advance(Duration::from_micros(1));
        let forgotten = post(&app, mine, &[keyed("a", 1)]).await.expect(202);
        assert_eq!(forgotten.data()["accepted"], 1, "before any clean-up came by");
    }

    async fn a_key_is_recorded_once_however_many_send_it_at_once(app: TestApp) {
        let mine = app.organization("padaria").await;
        let batch = |turn: usize| {
            let keys = (0..20).map(|number| {
                // In another order each time: nobody waits for each other crosswise.
                let key = format!("key-{}", (number * 7 + turn) % 20);
                json!({ "metric": "documents.signed", "quantity": 1, "idempotencyKey": key })
            });
            keys.collect::<Vec<Value>>()
        };
        let app = &app;
        let replies = join_all((0..16).map(|turn| async move { post(app, mine, &batch(turn)).await.expect(202) })).await;
        let total = |field: &str| replies.iter().map(|reply| reply.data()[field].as_u64().unwrap()).sum::<u64>();
        assert_eq!((total("accepted"), total("duplicates")), (20, 300));
        assert_eq!(used(app, mine, TODAY).await[0].1, 20);
    }

    async fn of_what_is_reported_at_once_each_is_answered_for_itself(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 50, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        let app = &app;
        // Each third is not held to the quota, and each third comes too late.
        let batch = |turn: usize| match turn % 3 {
            0 => vec![event("documents.signed", 4)],
            1 => vec![event("pages.read", 1)],
            _ => vec![json!({ "metric": "pages.read", "quantity": 1, "occurredAt": "2026-01-01T00:00:00Z" })],
        };
        let replies = join_all((0..90).map(|turn| async move { (turn, post(app, mine, &batch(turn)).await) })).await;
        let mut signed = 0;
        for (turn, reply) in replies {
            let answer = (turn % 3, reply.status.as_u16());
            match answer {
                (0, 202) => signed += 1,
                (0, 429) => assert_eq!(reply.code(), "RATE_LIMIT_QUOTA_EXCEEDED"),
                (1, 202) => assert_eq!(reply.data()["accepted"], 1),
                (2, 202) => assert_eq!(reply.data()["rejected"][0]["code"], "TOO_OLD"),
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(signed, 12, "as many as fit, and no fewer");
        let metric = async |name: &str| {
            let query = format!("metric={name}&from=2026-11-21T00:00:00Z&to=2026-11-22T00:00:00Z");
            used(app, mine, &query).await[0].1
        };
        assert_eq!((metric("documents.signed").await, metric("pages.read").await), (48, 30));
        let rebuilt = usage::rebuild(app.db(), app.edge().app().ports(), Some(mine), false).await.unwrap();
        assert!(rebuilt.agrees(), "{rebuilt:?}");
    }

    async fn what_is_too_old_or_too_far_ahead_is_refused_alone(app: TestApp) {
        let mine = app.organization("padaria").await;
        let at = |text: &str| json!({ "metric": "documents.signed", "quantity": 1, "occurredAt": text, "idempotencyKey": text });
        let events = [
            at("2026-10-20T12:00:00Z"),
            at("2026-10-20T11:59:59.999999Z"),
            at("2026-11-21T12:05:00Z"),
            at("2026-11-21T12:05:00.000001Z"),
        ];
        let reporter = app.administrator(mine);
        let call = reporter.post("/usage/events").header("Accept-Language", "pt-BR").json(&json!({ "events": events }));
        let reply = call.send().await.expect(202);
        assert_eq!(
            reply.data(),
            &json!({
                "accepted": 2,
                "duplicates": 0,
                "rejected": [
                    { "index": 1, "code": "TOO_OLD", "message": "O evento ocorreu há mais de 32 dias." },
                    { "index": 3, "code": "IN_FUTURE", "message": "O evento está mais de 5 minutos à frente." },
                ],
            })
        );
        app.clock().advance(Duration::from_secs(60));
        let later = post(&app, mine, &[at("2026-11-21T12:05:00.000001Z")]).await.expect(202);
        assert_eq!(later.data()["accepted"], 1, "a refused event leaves no key");
    }

    async fn a_malformed_event_refuses_the_batch_with_every_problem(app: TestApp) {
        let mine = app.organization("padaria").await;
        let events = json!({ "events": [
            { "metric": "documents.signed", "quantity": 1 },
            { "metric": "Documents", "quantity": -1 },
            { "metric": "users.active", "quantity": 1.5 },
            { "metric": "api.requests", "quantity": 9_007_199_254_740_992_i64 },
            { "metric": "storage.bytes", "quantity": "1", "idempotencyKey": "", "occurredAt": "yesterday" },
            { "quantity": 1, "price": 3 },
        ] });
        let reporter = app.administrator(mine);
        let refused = reporter.post("/usage/events").json(&events).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            [
                "events[1].metric: INVALID_FORMAT",
                "events[1].quantity: OUT_OF_RANGE",
                "events[2].metric: RESERVED",
                "events[2].quantity: INVALID_TYPE",
                "events[3].metric: RESERVED",
                "events[3].quantity: OUT_OF_RANGE",
                "events[4].idempotencyKey: TOO_SHORT",
                "events[4].metric: RESERVED",
                "events[4].occurredAt: INVALID_FORMAT",
                "events[4].quantity: INVALID_TYPE",
                "events[5].metric: REQUIRED",
                "events[5].price: UNKNOWN_FIELD",
            ]
        );
        assert_eq!(used(&app, mine, TODAY).await, [], "nothing of it was recorded");

        for (events, code) in [(vec![], "TOO_FEW_ITEMS"), (vec![event("documents.signed", 1); 1_001], "TOO_MANY_ITEMS")] {
            let refused = post(&app, mine, &events).await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.json["error"]["details"][0]["field"], "events");
            assert_eq!(refused.json["error"]["details"][0]["code"], code);
        }
        assert_eq!(post(&app, mine, &vec![event("documents.signed", 1); 1_000]).await.expect(202).data()["accepted"], 1_000);
        let named = json!({ "events": [event("a", 1)], "organizationId": mine.to_string() });
        reporter.post("/usage/events").json(&named).send().await.refused(400, "TENANT_IN_PAYLOAD");
    }

    async fn a_late_event_counts_in_its_own_period(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 10, QuotaPeriod::Month, QuotaMode::Hard)]).await;
        let late = json!({ "metric": "documents.signed", "quantity": 8, "occurredAt": "2026-10-31T23:59:59Z" });
        post(&app, mine, std::slice::from_ref(&late)).await.expect(202);
        post(&app, mine, &[event("documents.signed", 9)]).await.expect(202);
        assert_eq!(use_of_quotas(&app, mine).await, [("documents.signed".to_owned(), "month".to_owned(), 9)]);
        assert_eq!(
            used(&app, mine, "metric=documents.signed&from=2026-10-01T00:00:00Z&to=2026-12-01T00:00:00Z&granularity=month").await,
            [("2026-10-01T00:00:00.000000Z".to_owned(), 8), ("2026-11-01T00:00:00.000000Z".to_owned(), 9)]
        );
        let refused = post(&app, mine, &[late]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(refused.json["error"]["details"]["used"], 8, "October's quota is used up, not November's");
    }

    async fn a_repeated_request_is_answered_as_before(app: TestApp) {
        let mine = app.organization("padaria").await;
        let reporter = app.administrator(mine);
        let body = json!({ "events": [event("documents.signed", 5)] });
        let send = || reporter.post("/usage/events").header("Idempotency-Key", "batch-1").json(&body).send();
        let (first, second) = (send().await.expect(202), send().await.expect(202));
        assert_eq!(first.data(), second.data());
        assert_eq!(second.header("idempotency-replayed"), "true");
        assert_eq!(used(&app, mine, TODAY).await[0].1, 5);
    }

    async fn sums_beyond_an_integer_stand_still(app: TestApp) {
        let mine = app.organization("padaria").await;
        contract(&app, mine, vec![quota("documents.signed", 10, QuotaPeriod::Month, QuotaMode::Soft)]).await;
        let full = vec![event("documents.signed", 9_007_199_254_740_991); 1_000];
        post(&app, mine, &full).await.expect(202);
        post(&app, mine, &full).await.expect(202);
        assert_eq!(used(&app, mine, TODAY).await[0].1, i64::MAX);
        assert_eq!(use_of_quotas(&app, mine).await[0].2, i64::MAX);
        let rebuilt = usage::rebuild(app.db(), app.edge().app().ports(), Some(mine), false).await.unwrap();
        assert!(rebuilt.agrees(), "{rebuilt:?}");
    }
}
