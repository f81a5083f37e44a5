//! Registering, changing and removing endpoints, and who may.

use serde_json::{Value, json};

use crate::start;
use crate::world::{customer, eventually, register};

testkit::behaviours! {
    with start;

    async fn an_endpoint_is_registered_with_its_secret_once(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let body = json!({ "url": "http://127.0.0.1:9/hook?token=x", "eventTypes": ["webhook.*", "organization.updated"] });
        let made = ana.post("/webhooks").json(&body).send().await.expect(201);
        let data = made.data();
        assert_eq!(made.header("location"), format!("/api/v1/webhooks/{}", made.id()));
        assert!(data["secret"].as_str().unwrap().starts_with("whsec_"));
        assert_eq!(data["eventTypes"], json!(["webhook.*", "organization.updated"]));
        assert_eq!((&data["isActive"], &data["description"]), (&json!(true), &Value::Null));

        let got = ana.get(&format!("/webhooks/{}", made.id())).send().await.expect(200);
        assert_eq!(got.data()["secret"], Value::Null);
        assert_eq!(got.header("etag"), made.header("etag"));
        let listed = ana.get("/webhooks").send().await.expect(200);
        assert_eq!(listed.data(), &json!([got.data()]));
        assert_eq!(listed.meta()["total"], 1);
        let trail = ana.get("/audit-logs?action=webhook.created").send().await.expect(200);
        assert_eq!(trail.data()[0]["target"]["id"], made.id());
        assert!(!String::from_utf8_lossy(&trail.bytes).contains("whsec_"));
    }

    async fn everything_wrong_with_an_endpoint_is_told_at_once(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let post = async |body: Value| ana.post("/webhooks").json(&body).send().await;
        let refused = post(json!({ "url": "ftp://example.com/", "eventTypes": ["role.eaten", "webhook.*"] })).await;
        let refused = refused.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["url: FORBIDDEN_URL", "eventTypes[0]: UNKNOWN_NAME"]);
        assert!(String::from_utf8_lossy(&refused.bytes).contains("role.eaten"));
        let refused = post(json!({ "url": "hook", "eventTypes": "webhook.*", "description": "" })).await;
        assert_eq!(
            refused.refused(400, "VALIDATION_FAILED").problems(),
            ["url: INVALID_FORMAT", "eventTypes: INVALID_TYPE", "description: TOO_SHORT"]
        );
        post(json!({ "url": "http://127.0.0.1/", "eventTypes": ["*"], "secret": "x" }))
            .await
            .refused(400, "VALIDATION_UNKNOWN_FIELD");
        let refused = post(json!({ "url": "http://127.0.0.1/", "eventTypes": [] })).await;
        assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["eventTypes: TOO_FEW_ITEMS"]);
    }

    async fn an_endpoint_is_changed_and_removed(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, "http://127.0.0.1:9/", &["webhook.*"]).await;
        let path = format!("/webhooks/{}", made.id());
        let change = json!({ "description": "Books", "eventTypes": ["*"], "isActive": false });
        let changed = ana.patch(&path).header("If-Match", made.header("etag")).json(&change).send().await.expect(200);
        assert_eq!(changed.data()["isActive"], false);
        assert_eq!(changed.data()["eventTypes"], json!(["*"]));
        ana.patch(&path).header("If-Match", made.header("etag")).json(&change).send().await
            .refused(412, "CONFLICT_VERSION");
        let refused = ana.patch(&path).json(&json!({ "url": null, "eventTypes": ["cake.*"] })).send().await;
        assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["url: NOT_NULLABLE"]);
        let refused = ana.patch(&path).json(&json!({ "url": "http://169.254.169.254/" })).send().await;
        assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["url: FORBIDDEN_URL"]);
        ana.delete(&path).send().await.expect(204);
        ana.get(&path).send().await.refused(404, "NOT_FOUND");
        ana.get(&format!("{path}/deliveries")).send().await.refused(404, "NOT_FOUND");
    }

    async fn another_organizations_endpoints_are_missing_ones(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let (_, eve) = customer(&app, "mercado").await;
        let made = register(&ana, "http://127.0.0.1:9/", &["webhook.*"]).await;
        let path = format!("/webhooks/{}", made.id());
        let tested = ana.post(&format!("{path}/test")).send().await.expect(202);
        for path in [path.clone(), format!("{path}/deliveries"), format!("/webhooks/deliveries/{}", tested.id())] {
            eve.get(&path).send().await.refused(404, "NOT_FOUND");
        }
        let change = json!({ "isActive": false });
        eve.patch(&path).json(&change).send().await.refused(404, "NOT_FOUND");
        eve.delete(&path).send().await.refused(404, "NOT_FOUND");
        for act in ["rotate-secret", "test"] {
            eve.post(&format!("{path}/{act}")).send().await.refused(404, "NOT_FOUND");
        }
        eve.post(&format!("/webhooks/deliveries/{}/retry", tested.id())).send().await.refused(404, "NOT_FOUND");
        let replay = json!({ "webhookId": made.id() });
        eve.post("/webhooks/dead-letters/replay").json(&replay).send().await.refused(404, "NOT_FOUND");
        assert_eq!(eve.get("/webhooks").send().await.expect(200).data(), &json!([]));
        let seen = eve.get("/events").send().await.expect(200);
        assert!(!String::from_utf8_lossy(&seen.bytes).contains("webhook."));
    }

    async fn one_names_only_event_types_that_one_may_read(app: TestApp) {
        let (organization, ana) = customer(&app, "padaria").await;
        // `job.requested` is the platform's to read.
        let body = |types: Value| json!({ "url": "http://127.0.0.1:9/", "eventTypes": types });
        for types in [json!(["job.requested"]), json!(["job.*"]), json!(["*", "job.requested"])] {
            let refused = ana.post("/webhooks").json(&body(types)).send().await.refused(403, "RBAC_FORBIDDEN");
            assert_eq!(refused.json["error"]["details"]["permission"], "ORGANIZATION_JOB_READ");
        }
        ana.post("/webhooks").json(&body(json!(["*"]))).send().await.expect(201);
        ana.get("/events?types=job.requested").send().await.refused(403, "RBAC_FORBIDDEN");
        app.operator().get("/events?types=job.requested").send().await.expect(200);
        app.stranger(organization).post("/webhooks").json(&json!({})).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn every_kind_of_event_has_a_schema_and_an_example(app: TestApp) {
        let (organization, _) = customer(&app, "padaria").await;
        let types = app.stranger(organization).get("/event-types").send().await.expect(200);
        let types = types.data().as_array().unwrap().clone();
        assert!(types.iter().any(|one| one["type"] == "organization.created"));
        for one in &types {
            assert_eq!(one["schema"]["properties"]["type"]["const"], one["type"]);
            assert_eq!(one["example"]["type"], one["type"]);
            let properties = one["schema"]["properties"]["data"]["properties"].as_object().unwrap();
            for field in one["example"]["data"].as_object().unwrap().keys() {
                assert!(properties.contains_key(field), "{} has no {field} in {}", one["example"], one["schema"]);
            }
        }
        app.nobody().get("/event-types").send().await.refused(401, "AUTH_REQUIRED");
    }

    async fn events_are_listed_newest_first_part_by_part(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        for name in ["Um", "Dois", "Três"] {
            crate::world::rename(&ana, &format!("Padaria {name}")).await;
        }
        let names = |reply: &testkit::Reply| -> Vec<Value> {
            reply.data().as_array().unwrap().iter().map(|event| event["data"]["name"].clone()).collect()
        };
        let first = ana.get("/events?types=organization.updated&limit=2").send().await.expect(200);
        assert_eq!(names(&first), ["Padaria Três", "Padaria Dois"]);
        let event = &first.data()[0];
        assert_eq!(event["type"], "organization.updated");
        assert_eq!(event["timestamp"], "2026-11-21T12:00:00.000000Z");
        assert_eq!(event.as_object().unwrap().len(), 4);
        let cursor = first.meta()["nextCursor"].as_str().unwrap();
        let path = format!("/events?types=organization.updated&limit=2&cursor={cursor}");
        let second = ana.get(&path).send().await.expect(200);
        assert_eq!(names(&second), ["Padaria Um"]);
        assert_eq!(second.meta()["nextCursor"], Value::Null);
        let whole = ana.get("/events?types=organization.*").send().await.expect(200);
        assert_eq!(whole.data().as_array().unwrap().len(), 4);
        for several in ["types=organization.updated,organization.created", "types=organization.updated&types=organization.created"] {
            assert_eq!(ana.get(&format!("/events?{several}")).send().await.expect(200).data(), whole.data(), "{several}");
        }
        let refused = ana.get("/events?types=organization.updated,cake.eaten").send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["types[1]: UNKNOWN_NAME"]);
    }

    async fn a_repeated_registration_makes_one_endpoint(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let body = json!({ "url": "http://127.0.0.1:9/", "eventTypes": ["webhook.*"] });
        let post = || ana.post("/webhooks").header("Idempotency-Key", "one").json(&body).send();
        let (first, second) = (post().await.expect(201), post().await.expect(201));
        assert_eq!(first.data(), second.data());
        assert_eq!(second.header("idempotency-replayed"), "true");
        eventually(&ana, "/webhooks", |all| all.as_array().unwrap().len() == 1).await;
    }
}
