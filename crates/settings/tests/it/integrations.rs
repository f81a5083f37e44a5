//! Connections to other systems: declared, sealed, moved and deleted.

use std::sync::Arc;

use db::{Sql, SystemScope};
use futures_util::future::join_all;
use outbound::{Client, Dialer, Rules};
use serde_json::{Value, json};
use testkit::{Engine, TestApp};

const PASSWORD: &str = "marked-secret-correct-horse";

async fn start_by(engine: Engine, rules: Rules) -> Option<TestApp> {
    let modules = vec![organization::module(), audit::module(), settings::module()];
    TestApp::start_with(engine, modules, |ports| {
        ports.provide(Arc::new(Client::new(Dialer::new(rules))));
    })
    .await
}

pub(crate) async fn start(engine: Engine) -> Option<TestApp> {
    start_by(engine, Rules::strict()).await
}

fn smtp() -> Value {
    json!({
        "provider": "smtp",
        "name": "Correio",
        "config": { "host": "smtp.example.com", "username": "padaria", "from": "loja@padaria.com.br" },
        "secrets": { "password": PASSWORD },
    })
}

/// Every sealed secret of the database, as it is stored.
async fn stored(app: &TestApp) -> Vec<Vec<u8>> {
    const ALL: Sql = Sql::system("SELECT secrets FROM integrations WHERE secrets IS NOT NULL");
    let everywhere = SystemScope::new("a test looks at what is stored");
    app.db()
        .system(everywhere)
        .all(&ALL, &[], |row| row.get(0))
        .await
        .unwrap()
}

testkit::behaviours! {
    with start;

    async fn providers_tell_their_fields_and_a_schema(app: TestApp) {
        let stranger = app.stranger(app.organization("padaria").await);
        app.nobody().get("/integration-providers").send().await.refused(401, "AUTH_REQUIRED");
        let listed = stranger.get("/integration-providers").send().await.expect(200);
        let codes: Vec<_> = listed.data().as_array().unwrap().iter().map(|provider| &provider["code"]).collect();
        assert_eq!(codes, ["smtp", "http", "s3", "oidc"]);
        for provider in listed.data().as_array().unwrap() {
            for field in provider["fields"].as_array().unwrap() {
                let group = if field["secret"] == true { "secrets" } else { "config" };
                let schema = &provider["schema"]["properties"][group];
                let name = field["name"].as_str().unwrap();
                assert!(schema["properties"][name]["type"].is_string(), "{name}");
                let required = schema["required"].as_array().unwrap().contains(&field["name"]);
                assert_eq!(json!(required), field["required"], "{name}");
            }
        }
    }

    async fn an_integration_lives_from_creation_to_deletion(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        assert_eq!(
            made.data(),
            &json!({
                "id": made.id(),
                "provider": "smtp",
                "name": "Correio",
                "config": {
                    "from": "loja@padaria.com.br", "host": "smtp.example.com", "port": 587, "tls": "starttls",
                    "username": "padaria",
                },
                "secrets": { "password": "••••orse" },
                "isActive": true,
                "createdAt": "2026-11-21T12:00:00.000000Z",
                "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        let read = administrator.get(&path).send().await.expect(200);
        assert_eq!((read.data(), read.header("etag")), (made.data(), made.header("etag")));

        app.clock().advance(std::time::Duration::from_secs(1));
        let change = json!({ "name": "Mail", "config": { "from": null, "username": "loja" }, "isActive": false });
        let changed = administrator.patch(&path).json(&change).send().await.expect(200);
        assert_eq!(changed.data()["config"], json!({ "host": "smtp.example.com", "port": 587, "tls": "starttls", "username": "loja" }));
        assert_eq!(
            (&changed.data()["secrets"], &changed.data()["isActive"]),
            (&json!({ "password": "••••orse" }), &json!(false))
        );
        administrator.patch(&path).header("If-Match", made.header("etag")).json(&json!({ "name": "Old" })).send().await.refused(412, "CONFLICT_VERSION");
        administrator.delete(&path).header("If-Match", made.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        let same = administrator.patch(&path).json(&json!({})).send().await.expect(200);
        assert_eq!(same.data(), changed.data());

        administrator.delete(&path).send().await.expect(204);
        administrator.get(&path).send().await.refused(404, "NOT_FOUND");
        assert!(stored(&app).await.is_empty(), "the secrets went with it");
        let trail = administrator.get("/audit-logs?targetType=integration").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["integration.deleted", "integration.updated", "integration.created"]);
    }

    async fn secrets_are_nowhere_to_be_seen(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let key = ("Idempotency-Key", "once");
        let made = administrator.post("/integrations").header(key.0, key.1).json(&smtp()).send().await.expect(201);
        let again = administrator.post("/integrations").header(key.0, key.1).json(&smtp()).send().await.expect(201);
        assert_eq!(again.header("idempotency-replayed"), "true");
        let path = format!("/integrations/{}", made.id());
        let replaced = json!({ "secrets": { "password": format!("another-{PASSWORD}") } });
        let replies = [
            made,
            again,
            administrator.patch(&path).json(&replaced).send().await.expect(200),
            administrator.get(&path).send().await.expect(200),
            administrator.get("/integrations").send().await.expect(200),
            administrator.get("/audit-logs?targetType=integration").send().await.expect(200),
        ];
        for reply in &replies {
            assert!(!String::from_utf8_lossy(&reply.bytes).contains("marked-secret"));
        }
        let changes = &replies[5].data()[0]["changes"];
        assert_eq!(changes, &json!({ "secrets": { "from": ["password"], "to": ["password (replaced)"] } }));
        let [sealed] = stored(&app).await.try_into().unwrap();
        assert!(!sealed.windows(6).any(|window| window == b"marked"), "sealed at rest");
    }

    async fn another_place_is_not_told_the_secrets(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (config, keeps) in [
            (json!({ "host": "smtp.evil.example" }), false),
            (json!({ "port": 2525 }), false),
            (json!({ "tls": "implicit" }), false),
            (json!({ "host": "smtp.example.com", "port": 587, "tls": "starttls" }), true),
            (json!({ "username": "outra" }), true),
        ] {
            let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
            let path = format!("/integrations/{}", made.id());
            let moved = administrator.patch(&path).json(&json!({ "config": config })).send().await.expect(200);
            let expected = if keeps { json!({ "password": "••••orse" }) } else { json!({}) };
            assert_eq!(moved.data()["secrets"], expected, "{config}");
            assert_eq!(administrator.get(&path).send().await.expect(200).data(), moved.data());
        }
        let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
        let moved = json!({ "config": { "host": "smtp.example.org" }, "secrets": { "password": "told again" } });
        let path = format!("/integrations/{}", made.id());
        let moved = administrator.patch(&path).json(&moved).send().await.expect(200);
        assert_eq!(moved.data()["secrets"], json!({ "password": "••••gain" }));
        let removed = administrator.patch(&path).json(&json!({ "secrets": { "password": null } })).send().await.expect(200);
        assert_eq!(removed.data()["secrets"], json!({}));
    }

    async fn bodies_are_checked_by_their_provider(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (body, problems) in [
            (json!({}), vec!["config: REQUIRED", "name: REQUIRED", "provider: REQUIRED"]),
            (json!({ "provider": "ftp", "name": "x", "config": [] }), vec!["config: INVALID_TYPE", "name: TOO_SHORT", "provider: UNKNOWN_CODE"]),
            (
                json!({ "provider": "smtp", "name": "Mail", "config": { "port": 0, "colour": "red" }, "secrets": { "token": "x" } }),
                vec!["config.colour: UNKNOWN_FIELD", "config.host: REQUIRED", "config.port: OUT_OF_RANGE", "secrets.token: UNKNOWN_FIELD"],
            ),
            (
                json!({ "provider": "smtp", "name": "Mail", "config": { "host": ["x"], "tls": {} }, "secrets": { "password": 7 } }),
                vec!["config.host: INVALID_TYPE", "config.tls: INVALID_TYPE", "secrets.password: INVALID_TYPE"],
            ),
            (
                json!({ "provider": "s3", "name": "Files", "config": { "endpoint": "https://s3.example.com", "bucket": "Bad", "accessKeyId": "A" } }),
                vec!["config.bucket: INVALID_FORMAT", "secrets.secretAccessKey: REQUIRED"],
            ),
            (
                json!({ "provider": "smtp", "name": "Mail", "config": { "host": "smtp.example.com", "password": PASSWORD } }),
                vec!["config.password: UNKNOWN_FIELD"],
            ),
            (json!({ "provider": "oidc", "name": "SSO", "config": { "issuer": "ldap://x", "clientId": "" } }), vec!["config.clientId: TOO_SHORT", "config.issuer: INVALID_FORMAT"]),
        ] {
            let refused = administrator.post("/integrations").json(&body).send().await.expect(400);
            let mut told = refused.problems();
            told.sort();
            assert_eq!(told, problems, "{body}");
        }
        let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        for (body, problem) in [
            (json!({ "config": { "host": null } }), "config.host: NOT_NULLABLE"),
            (json!({ "config": null }), "config: NOT_NULLABLE"),
            (json!({ "name": null }), "name: NOT_NULLABLE"),
            (json!({ "provider": "http" }), "provider: UNKNOWN_FIELD"),
            (json!({ "secrets": { "password": "" } }), "secrets.password: TOO_SHORT"),
        ] {
            let refused = administrator.patch(&path).json(&body).send().await.expect(400);
            assert_eq!(refused.problems(), [problem]);
        }
        assert_eq!(administrator.get(&path).send().await.expect(200).data(), made.data());
    }

    async fn addresses_inside_are_refused(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (provider, field, address) in [
            ("http", "url", "https://127.0.0.1/"),
            ("http", "url", "http://example.com/"),
            ("http", "url", "https://169.254.169.254/latest/meta-data/"),
            ("http", "url", "https://[::1]/"),
            ("http", "url", "https://[::ffff:10.0.0.1]/"),
            ("http", "url", "https://localhost/"),
            ("oidc", "issuer", "https://10.1.2.3"),
            ("s3", "endpoint", "https://192.168.0.1:9000"),
            ("smtp", "host", "127.0.0.1"),
            ("smtp", "host", "localhost"),
            ("smtp", "host", "169.254.169.254"),
        ] {
            let mut config = json!({ field: address });
            let mut secrets = json!({});
            if provider == "s3" {
                config["bucket"] = json!("files");
                config["accessKeyId"] = json!("A");
                secrets["secretAccessKey"] = json!("secret");
            }
            if provider == "oidc" {
                config["clientId"] = json!("lastro");
            }
            let body = json!({ "provider": provider, "name": "Inside", "config": config, "secrets": secrets });
            let refused = administrator.post("/integrations").json(&body).send().await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [format!("config.{field}: INVALID")], "{address}");
        }
        let mut plain = smtp();
        plain["config"]["tls"] = json!("none");
        let refused = administrator.post("/integrations").json(&plain).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["config.tls: INVALID"]);
        let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        let moved = json!({ "config": { "host": "127.0.0.1" } });
        administrator.patch(&path).json(&moved).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(administrator.get(&path).send().await.expect(200).data(), made.data());
    }

    async fn another_organizations_integration_is_not_there(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let made = app.administrator(other).post("/integrations").json(&smtp()).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        let intruder = app.administrator(mine);
        intruder.get(&path).send().await.refused(404, "NOT_FOUND");
        intruder.patch(&path).json(&json!({ "name": "Mine" })).send().await.refused(404, "NOT_FOUND");
        intruder.delete(&path).send().await.refused(404, "NOT_FOUND");
        intruder.post(&format!("{path}/test")).send().await.refused(404, "NOT_FOUND");
        assert_eq!(intruder.get("/integrations").send().await.expect(200).meta()["total"], 0);
        let stranger = app.stranger(mine);
        stranger.post(&format!("{path}/test")).send().await.refused(403, "RBAC_FORBIDDEN");
        stranger.post("/integrations").json(&json!({ "nonsense": 1 })).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn integrations_are_filtered_searched_and_paged(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        for (name, active) in [("Área", true), ("Beta", false), ("Gama", true)] {
            let mut body = smtp();
            body["name"] = json!(name);
            body["isActive"] = json!(active);
            administrator.post("/integrations").json(&body).send().await.expect(201);
        }
        let http = json!({ "provider": "http", "name": "Delta", "config": { "url": "https://example.com/" } });
        administrator.post("/integrations").json(&http).send().await.expect(201);
        for (query, names) in [
            ("", vec!["Área", "Beta", "Delta", "Gama"]),
            ("?sort=-name&limit=2", vec!["Gama", "Delta"]),
            ("?sort=-name&limit=2&page=2", vec!["Beta", "Área"]),
            ("?provider=http", vec!["Delta"]),
            ("?isActive=false", vec!["Beta"]),
            ("?q=area", vec!["Área"]),
            ("?provider=smtp&isActive=true&q=a", vec!["Área", "Gama"]),
        ] {
            let listed = administrator.get(&format!("/integrations{query}")).send().await.expect(200);
            let told: Vec<_> = listed.data().as_array().unwrap().iter().map(|found| found["name"].clone()).collect();
            assert_eq!(told, names, "{query}");
        }
        administrator.get("/integrations?provider=ftp").send().await.refused(400, "VALIDATION_FAILED");
    }

    async fn of_changes_at_once_none_is_lost(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let made = administrator.post("/integrations").json(&smtp()).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        let changes = [
            json!({ "name": "Mail" }),
            json!({ "config": { "username": "loja" } }),
            json!({ "config": { "from": "outra@padaria.com.br" } }),
            json!({ "isActive": false }),
        ];
        let replies = join_all(changes.iter().map(|change| administrator.patch(&path).json(change).send())).await;
        for reply in replies {
            reply.expect(200);
        }
        let after = administrator.get(&path).send().await.expect(200);
        assert_eq!(
            (&after.data()["name"], &after.data()["config"]["username"], &after.data()["config"]["from"], &after.data()["isActive"]),
            (&json!("Mail"), &json!("loja"), &json!("outra@padaria.com.br"), &json!(false))
        );
        assert_eq!(after.data()["secrets"], json!({ "password": "••••orse" }));
    }
}
