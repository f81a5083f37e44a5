//! Settings: typed, with defaults, one set an organization.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::start;

fn defaults() -> Value {
    json!({
        "locale": "pt-BR",
        "timeZone": "America/Sao_Paulo",
        "currency": "BRL",
        "registration": "closed",
        "registrationDomains": [],
        "sessionTtl": null,
        "passwordMinLength": 8,
        "mfaRequired": false,
        "auditRetentionDays": 1825,
        "rateLimit": null,
        "supportAccess": true,
    })
}

testkit::behaviours! {
    with start;

    async fn an_organization_begins_with_the_defaults_and_changes_what_it_names(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        assert_eq!(administrator.get("/settings").send().await.expect(200).data(), &defaults());
        let change = json!({
            "locale": "en",
            "timeZone": "europe/lisbon",
            "currency": "EUR",
            "registration": "domains",
            "registrationDomains": ["Padaria.com.br", "a.example.com", "padaria.com.br"],
            "sessionTtl": "12h",
            "passwordMinLength": 12,
            "mfaRequired": true,
            "auditRetentionDays": 30,
            "rateLimit": "600/min",
            "supportAccess": false,
        });
        let changed = administrator.patch("/settings").json(&change).send().await.expect(200);
        let mut expected = change;
        expected["timeZone"] = json!("Europe/Lisbon");
        expected["registrationDomains"] = json!(["a.example.com", "padaria.com.br"]);
        assert_eq!(changed.data(), &expected);
        let read = administrator.get("/settings").send().await.expect(200);
        assert_eq!((read.data(), read.header("etag")), (&expected, changed.header("etag")));
        // What is absent stays, what is optional is cleared by null.
        let cleared = json!({ "sessionTtl": null, "rateLimit": null });
        administrator.patch("/settings").json(&cleared).send().await.expect(200);
        expected["sessionTtl"] = Value::Null;
        expected["rateLimit"] = Value::Null;
        assert_eq!(administrator.get("/settings").send().await.expect(200).data(), &expected);
    }

    async fn one_organizations_settings_are_not_anothers(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let change = json!({ "mfaRequired": true });
        app.administrator(mine).patch("/settings").json(&change).send().await.expect(200);
        assert_eq!(app.administrator(other).get("/settings").send().await.expect(200).data(), &defaults());
        let elsewhere = json!({ "mfaRequired": true, "organizationId": other.to_string() });
        app.administrator(mine).patch("/settings").json(&elsewhere).send().await.refused(400, "TENANT_IN_PAYLOAD");
    }

    async fn an_unknown_setting_is_named(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let refused = administrator
            .patch("/settings")
            .json(&json!({ "theme": "dark", "mfaRequired": true }))
            .send()
            .await
            .refused(400, "VALIDATION_UNKNOWN_FIELD");
        assert_eq!(refused.problems(), ["theme: UNKNOWN_FIELD"]);
        assert_eq!(administrator.get("/settings").send().await.expect(200).data(), &defaults());
    }

    async fn each_setting_refuses_what_it_cannot_be(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (name, value, code) in [
            ("locale", json!("pt"), "NOT_ALLOWED"),
            ("locale", Value::Null, "NOT_NULLABLE"),
            ("timeZone", json!("Mars/Olympus"), "UNKNOWN_CODE"),
            ("timeZone", json!("-03:00"), "UNKNOWN_CODE"),
            ("timeZone", Value::Null, "NOT_NULLABLE"),
            ("currency", json!("XYZ"), "UNKNOWN_CODE"),
            ("currency", Value::Null, "NOT_NULLABLE"),
            ("registration", json!("sometimes"), "NOT_ALLOWED"),
            ("registration", Value::Null, "NOT_NULLABLE"),
            ("registrationDomains", json!("example.com"), "INVALID_TYPE"),
            ("registrationDomains", Value::Null, "NOT_NULLABLE"),
            ("registrationDomains", json!(vec!["example.com"; 101]), "TOO_MANY_ITEMS"),
            ("sessionTtl", json!("forever"), "INVALID_FORMAT"),
            ("sessionTtl", json!("0s"), "INVALID_FORMAT"),
            ("sessionTtl", json!("366d"), "INVALID_FORMAT"),
            ("sessionTtl", json!(3600), "INVALID_TYPE"),
            ("passwordMinLength", json!(7), "OUT_OF_RANGE"),
            ("passwordMinLength", json!(65), "OUT_OF_RANGE"),
            ("passwordMinLength", json!(8.5), "INVALID_TYPE"),
            ("passwordMinLength", json!("8"), "INVALID_TYPE"),
            ("mfaRequired", json!(1), "INVALID_TYPE"),
            ("auditRetentionDays", json!(0), "OUT_OF_RANGE"),
            ("auditRetentionDays", json!(36_501), "OUT_OF_RANGE"),
            ("rateLimit", json!("fast"), "INVALID_FORMAT"),
            ("rateLimit", json!("0/min"), "INVALID_FORMAT"),
            ("rateLimit", json!("off"), "INVALID_FORMAT"),
            ("supportAccess", json!("no"), "INVALID_TYPE"),
        ] {
            let refused = administrator
                .patch("/settings")
                .json(&json!({ name: value }))
                .send()
                .await
                .refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [format!("{name}: {code}")], "{value}");
        }
        let several = json!({ "registrationDomains": ["fine.com", "not a domain"], "currency": "?", "theme": 1 });
        let refused = administrator.patch("/settings").json(&several).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            ["currency: UNKNOWN_CODE", "registrationDomains[1]: INVALID_FORMAT", "theme: UNKNOWN_FIELD"]
        );
        assert_eq!(administrator.get("/settings").send().await.expect(200).data(), &defaults());
    }

    async fn a_stale_version_changes_nothing(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let first = administrator.get("/settings").send().await.expect(200);
        let change = |zone: &str| json!({ "timeZone": zone });
        let patch = |body: &Value| administrator.patch("/settings").header("If-Match", first.header("etag")).json(body);
        patch(&change("America/Manaus")).send().await.expect(200);
        patch(&change("America/Recife")).send().await.refused(412, "CONFLICT_VERSION");
        assert_eq!(administrator.get("/settings").send().await.expect(200).data()["timeZone"], "America/Manaus");
        let known = administrator.get("/settings").send().await.expect(200);
        administrator.get("/settings").header("If-None-Match", known.header("etag")).send().await.expect(304);
    }

    async fn of_changes_at_once_none_is_lost(app: TestApp) {
        let mine = app.organization("padaria").await;
        let changes = [
            json!({ "locale": "en" }),
            json!({ "currency": "EUR" }),
            json!({ "mfaRequired": true }),
            json!({ "passwordMinLength": 10 }),
            json!({ "auditRetentionDays": 400 }),
            json!({ "supportAccess": false }),
        ];
        let client = app.administrator(mine);
        let replies = join_all(changes.iter().map(|change| client.patch("/settings").json(change).send())).await;
        for reply in replies {
            reply.expect(200);
        }
        let settings = client.get("/settings").send().await.expect(200);
        for change in &changes {
            for (name, value) in change.as_object().unwrap() {
                assert_eq!(&settings.data()[name], value);
            }
        }
    }

    async fn the_trail_tells_each_field_that_changed(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let change = json!({ "mfaRequired": true, "registrationDomains": ["padaria.com.br"], "currency": "BRL" });
        administrator.patch("/settings").json(&change).send().await.expect(200);
        administrator.patch("/settings").json(&change).send().await.expect(200);
        let trail = administrator.get("/audit-logs?action=settings.updated").send().await.expect(200);
        let entries = trail.data().as_array().unwrap();
        assert_eq!(entries.len(), 1, "the second changed nothing");
        assert_eq!(
            (&entries[0]["target"], &entries[0]["changes"]),
            (
                &json!({ "type": "settings", "id": mine.to_string() }),
                &json!({
                    "registrationDomains": { "from": [], "to": ["padaria.com.br"] },
                    "mfaRequired": { "from": false, "to": true },
                })
            )
        );
    }

    async fn strangers_and_foreign_parameters_are_refused(app: TestApp) {
        let mine = app.organization("padaria").await;
        app.nobody().get("/settings").send().await.refused(401, "AUTH_REQUIRED");
        app.stranger(mine).get("/settings").send().await.refused(403, "RBAC_FORBIDDEN");
        let invalid = json!({ "nonsense": true });
        app.stranger(mine).patch("/settings").json(&invalid).send().await.refused(403, "RBAC_FORBIDDEN");
        let administrator = app.administrator(mine);
        administrator.get("/settings?verbose=1").send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }
}
