//! Idempotency keys: one change for one key, whatever the network does.

use futures_util::future::join_all;
use serde_json::json;

use crate::start;

testkit::behaviours! {
    with start;

    async fn a_repeated_request_gets_the_first_answer(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "name": "Padaria", "slug": "padaria" });
        let first = operator.post("/organizations").header("Idempotency-Key", "k1").json(&body).send().await.expect(201);
        assert_eq!(first.header("idempotency-replayed"), "");
        app.clock().advance(std::time::Duration::from_secs(3600));
        let again = operator.post("/organizations").header("Idempotency-Key", "k1").json(&body).send().await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.bytes, first.bytes);
        assert_eq!(again.header("location"), first.header("location"));
        let other = json!({ "name": "Outra", "slug": "outra" });
        let mismatch = operator.post("/organizations").header("Idempotency-Key", "k1").json(&other).send().await;
        mismatch.refused(422, "VALIDATION_IDEMPOTENCY_MISMATCH");
        let somebody_else = app.operator().post("/organizations").header("Idempotency-Key", "k1").json(&other);
        somebody_else.send().await.expect(201);
    }

    async fn a_refusal_is_kept_too_and_a_day_later_forgotten(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "name": "Padaria", "slug": "padaria" });
        let id = app.organization("padaria").await;
        let send = || operator.post("/organizations").header("Idempotency-Key", "k1").json(&body).send();
        let first = send().await.refused(409, "CONFLICT_DUPLICATE");
        let moved = json!({ "slug": "mudou" });
        operator.patch(&format!("/organizations/{id}")).json(&moved).send().await.expect(200);
        let again = send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(again.header("idempotency-replayed"), "true");
        assert_eq!(again.bytes, first.bytes);
        app.clock().advance(std::time::Duration::from_secs(24 * 3600));
        send().await.expect(201);
    }

    async fn of_parallel_requests_with_one_key_one_changes_something(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "name": "Padaria", "slug": "padaria" });
        let sends = (0..8).map(|_| operator.post("/organizations").header("Idempotency-Key", "k1").json(&body).send());
        for reply in join_all(sends).await {
            match reply.status.as_u16() {
                201 => {}
                _ => drop(reply.refused(409, "CONFLICT_IDEMPOTENCY_IN_PROGRESS")),
            }
        }
        let listed = operator.get("/organizations?q=padaria").send().await.expect(200);
        assert_eq!(listed.meta()["total"], 1);
    }

    async fn a_malformed_key_is_refused_before_anything_happens(app: TestApp) {
        let body = json!({ "name": "Padaria", "slug": "padaria" });
        for key in ["", &"k".repeat(256)] {
            let send = app.operator().post("/organizations").header("Idempotency-Key", key).json(&body).send();
            send.await.refused(400, "VALIDATION_FAILED");
        }
        let listed = app.operator().get("/organizations?q=padaria").send().await.expect(200);
        assert_eq!(listed.meta()["total"], 0);
    }
}
