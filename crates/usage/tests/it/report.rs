//! Reports, in any time zone.

use std::time::Duration;

use serde_json::json;

use crate::{event, post, start, used};

testkit::behaviours! {
    with start;

    async fn a_report_goes_by_the_clock_of_its_zone(app: TestApp) {
        let mine = app.organization("padaria").await;
        // From 12:00 UTC on, one event each quarter of an hour for two days.
        for quarter in 0..192 {
            post(&app, mine, &[event("documents.signed", 1 << (quarter % 4))]).await.expect(202);
            app.clock().advance(Duration::from_secs(15 * 60));
        }
        let days = |zone: &str| format!("metric=documents.signed&from=2026-11-20T00:00:00Z&to=2026-11-25T00:00:00Z&timeZone={zone}");
        let day = |text: &str, sum| (format!("2026-11-{text}:00.000000Z"), sum);
        assert_eq!(
            used(&app, mine, &days("UTC")).await,
            [day("21T00:00", 180), day("22T00:00", 360), day("23T00:00", 180)]
        );
        assert_eq!(
            used(&app, mine, &days("America/Sao_Paulo")).await,
            [day("21T03:00", 225), day("22T03:00", 360), day("23T03:00", 135)]
        );
        // 5:45 ahead of UTC: the day begins at 18:15.
        assert_eq!(
            used(&app, mine, &days("Asia/Kathmandu")).await,
            [day("20T18:15", 91), day("21T18:15", 360), day("22T18:15", 269)]
        );
        let hour = "metric=documents.signed&from=2026-11-22T05:00:00Z&to=2026-11-22T06:00:00Z&granularity=hour";
        assert_eq!(used(&app, mine, hour).await, [day("22T05:00", 15)]);
        assert_eq!(
            used(&app, mine, &format!("{hour}&timeZone=Asia/Kathmandu")).await,
            [day("22T05:00", 1), day("22T05:15", 14)],
            "the first and the last hour as far as they were asked for"
        );
    }

    async fn every_interval_is_told_also_an_empty_one(app: TestApp) {
        let mine = app.organization("padaria").await;
        post(&app, mine, &[event("documents.signed", 3)]).await.expect(202);
        let reader = app.administrator(mine);
        let told = reader
            .get("/usage?metric=documents.signed&from=2026-11-21T11:00:00Z&to=2026-11-21T13:00:00Z&granularity=hour")
            .send()
            .await
            .expect(200);
        assert_eq!(
            told.data(),
            &json!([
                { "from": "2026-11-21T11:00:00.000000Z", "to": "2026-11-21T12:00:00.000000Z", "quantity": 0 },
                { "from": "2026-11-21T12:00:00.000000Z", "to": "2026-11-21T13:00:00.000000Z", "quantity": 3 },
            ])
        );
        let by_default = reader.get("/usage?metric=documents.signed").send().await.expect(200);
        let days = by_default.data().as_array().unwrap();
        assert_eq!((days.len(), &days[30]["quantity"]), (31, &json!(3)), "the last 30 days, until now");
    }

    async fn a_question_that_makes_no_sense_is_refused(app: TestApp) {
        let mine = app.organization("padaria").await;
        let reader = app.administrator(mine);
        for (query, problem) in [
            ("", "metric: REQUIRED"),
            ("metric=Documents", "metric: INVALID_FORMAT"),
            ("metric=a&timeZone=Mars/Olympus", "timeZone: INVALID_FORMAT"),
            ("metric=a&granularity=week", "granularity: NOT_ALLOWED"),
            ("metric=a&from=2026-11-21T12:00:00Z&to=2026-11-21T12:00:00Z", "to: INVALID"),
            ("metric=a&from=0001-01-01T00:00:00Z", "to: TOO_MANY_ITEMS"),
            ("metric=a&from=yesterday", "from: INVALID_FORMAT"),
        ] {
            let refused = reader.get(&format!("/usage?{query}")).send().await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [problem], "{query}");
        }
        reader.get("/usage?metric=a&page=1").send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }
}
