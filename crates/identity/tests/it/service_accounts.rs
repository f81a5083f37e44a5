//! Service accounts and the tokens that they get.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Client, Reply, TestApp};

use crate::governed;
use crate::holders::holder;
use crate::settings::mailed_token;

const FORM: &str = "application/x-www-form-urlencoded";

fn importer(permissions: &[&str]) -> Value {
    json!({ "name": "Importer", "permissions": permissions })
}

async fn account(by: &Client, permissions: &[&str]) -> Reply {
    by.post("/service-accounts")
        .json(&importer(permissions))
        .send()
        .await
        .expect(201)
}

fn text<'a>(reply: &'a Reply, field: &str) -> &'a str {
    reply.data()[field].as_str().unwrap()
}

/// Asks for a token with a form.
async fn ask(app: &TestApp, client_id: &str, secret: &str) -> Reply {
    let form = format!("grant_type=client_credentials&client_id={client_id}&client_secret={secret}");
    app.nobody().post("/auth/token").raw(FORM, form).send().await
}

/// The account with this secret, with a token.
async fn logged_in(app: &TestApp, client_id: &str, secret: &str) -> Client {
    let reply = ask(app, client_id, secret).await.expect(200);
    app.with_credential(reply.json["access_token"].as_str().unwrap())
}

testkit::behaviours! {
    with governed;

    async fn an_account_is_made_and_gets_tokens(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = account(&boss, &["IDENTITY_USER_READ"]).await;
        let path = format!("/service-accounts/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        let seen = boss.get(&path).send().await.expect(200);
        assert_eq!(
            seen.data(),
            &json!({
                "id": made.id(),
                "name": "Importer",
                "clientId": text(&made, "clientId"),
                "permissions": ["IDENTITY_USER_READ"],
                "isActive": true,
                "lastUsedAt": null,
                "createdAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        assert_eq!(seen.header("etag"), made.header("etag"));
        assert_eq!(&boss.get("/service-accounts?q=IMPORT").send().await.expect(200).data()[0], seen.data());

        let (id, secret) = (text(&made, "clientId"), text(&made, "clientSecret"));
        let reply = ask(&app, id, secret).await.expect(200);
        assert_eq!((&reply.json["token_type"], &reply.json["expires_in"]), (&json!("Bearer"), &json!(900)));
        assert_eq!((reply.header("cache-control"), reply.header("pragma")), ("no-store", "no-cache"));
        let machine = app.with_credential(reply.json["access_token"].as_str().unwrap());
        machine.get("/users").send().await.expect(200);
        machine.get("/roles").send().await.refused(403, "RBAC_FORBIDDEN");
        machine.get("/auth/me").send().await.expect(200);

        let body = json!({ "grant_type": "client_credentials", "client_id": id, "client_secret": secret });
        app.nobody().post("/auth/token").json(&body).send().await.expect(200);
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let call = app.nobody().post("/auth/token").header("Authorization", &format!("Basic {basic}"));
        call.raw(FORM, "grant_type=client_credentials").send().await.expect(200);

        let trail = boss.get("/audit-logs?targetType=service_account").send().await.expect(200);
        assert_eq!(trail.data()[0]["action"], "service_account.created");
        assert!(!trail.json.to_string().contains(secret));
    }

    async fn refusals_of_tokens_are_those_of_the_standard(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = account(&boss, &[]).await;
        let theirs = account(&app.member(other, Some("ORG_ADMIN")).await.client, &[]).await;
        let (id, secret) = (text(&made, "clientId"), text(&made, "clientSecret"));
        for (id, secret) in [
            (id, "wrong"),
            (id, text(&theirs, "clientSecret")),
            (text(&theirs, "clientId"), secret),
            ("nobody", secret),
            (id, ""),
        ] {
            let reply = ask(&app, id, secret).await.expect(401);
            assert_eq!(reply.json["error"], "invalid_client");
            assert!(reply.header("www-authenticate").starts_with("Basic "));
            assert_eq!(reply.header("cache-control"), "no-store");
        }
        let sent = |body: &'static str| app.nobody().post("/auth/token").raw(FORM, body).send();
        assert_eq!(sent("grant_type=password").await.expect(400).json["error"], "unsupported_grant_type");
        assert_eq!(sent("").await.expect(400).json["error"], "invalid_request");
        app.operator().delete(&format!("/organizations/{mine}")).send().await.expect(204);
        assert_eq!(ask(&app, id, secret).await.expect(401).json["error"], "invalid_client");
    }

    async fn a_token_dies_with_its_secret(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = account(&boss, &["IDENTITY_USER_READ"]).await;
        let (id, first) = (text(&made, "clientId"), text(&made, "clientSecret"));
        let rotate = format!("/service-accounts/{id}/rotate-secret");
        let of_first = logged_in(&app, id, first).await;
        of_first.get("/users").send().await.expect(200);

        let second = boss.post(&rotate).send().await.expect(200);
        of_first.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
        ask(&app, id, first).await.expect(401);
        let of_second = logged_in(&app, id, text(&second, "clientSecret")).await;
        of_second.get("/users").send().await.expect(200);

        let third = boss.post(&rotate).json(&json!({ "overlap": "5m" })).send().await.expect(200);
        of_second.get("/users").send().await.expect(200);
        let late = ask(&app, id, text(&second, "clientSecret")).await.expect(200);
        assert_eq!(late.json["expires_in"], 300, "no longer than the secret");
        app.clock().advance(Duration::from_secs(300));
        of_second.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
        ask(&app, id, text(&second, "clientSecret")).await.expect(401);
        logged_in(&app, id, text(&third, "clientSecret")).await.get("/users").send().await.expect(200);
    }

    async fn a_deactivated_account_is_out_with_its_tokens_and_keys(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = account(&boss, &["IDENTITY_USER_READ", "IDENTITY_API_KEY_CREATE"]).await;
        let (id, secret) = (text(&made, "clientId"), text(&made, "clientSecret"));
        let machine = logged_in(&app, id, secret).await;
        let body = json!({ "name": "Its own", "permissions": ["IDENTITY_USER_READ"] });
        let key = machine.post("/api-keys").json(&body).send().await.expect(201);
        assert_eq!(key.data()["createdBy"], json!({ "type": "service_account", "id": id, "name": "Importer" }));
        let with_key = app.with_credential(text(&key, "key"));
        with_key.get("/users").send().await.expect(200);

        let path = format!("/service-accounts/{id}");
        boss.delete(&path).send().await.expect(204);
        boss.delete(&path).send().await.expect(204);
        machine.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
        with_key.get("/users").send().await.refused(401, "AUTH_INVALID_TOKEN");
        ask(&app, id, secret).await.expect(401);
        assert_eq!(boss.get(&path).send().await.expect(200).data()["isActive"], false);
        boss.post(&format!("{path}/rotate-secret")).send().await.refused(409, "CONFLICT_STATE");
    }

    async fn an_account_holds_no_more_than_its_maker(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let codes = ["IDENTITY_SERVICE_ACCOUNT_CREATE", "IDENTITY_SERVICE_ACCOUNT_UPDATE", "IDENTITY_USER_READ"];
        let clerk = holder(&app, &boss, mine, &codes).await.client;
        account(&clerk, &["IDENTITY_USER_READ"]).await;
        let wider = importer(&["IDENTITY_USER_CREATE"]);
        clerk.post("/service-accounts").json(&wider).send().await.refused(403, "RBAC_ESCALATION");
        let of_boss = account(&boss, &["IDENTITY_USER_CREATE"]).await.id();
        clerk.post(&format!("/service-accounts/{of_boss}/rotate-secret")).send().await.refused(403, "RBAC_ESCALATION");
        let unknown = importer(&["IDENTITY_USER_READ", "NOTHING"]);
        let refused = boss.post("/service-accounts").json(&unknown).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["permissions[1]: UNKNOWN_CODE"]);
    }

    async fn another_organizations_account_is_a_missing_one(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let theirs = account(&app.member(other, Some("ORG_ADMIN")).await.client, &["IDENTITY_USER_READ"]).await;
        for id in [theirs.id().as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "nonsense"] {
            let path = format!("/service-accounts/{id}");
            boss.get(&path).send().await.refused(404, "NOT_FOUND");
            boss.delete(&path).send().await.refused(404, "NOT_FOUND");
            boss.post(&format!("{path}/rotate-secret")).send().await.refused(404, "NOT_FOUND");
        }
        let machine = logged_in(&app, text(&theirs, "clientId"), text(&theirs, "clientSecret")).await;
        machine.get("/users").header("X-Tenant-Id", &mine.to_string()).send().await.refused(400, "TENANT_MISMATCH");
    }

    async fn an_account_of_the_platform_invites_and_makes_no_keys(app: TestApp) {
        let mine = app.organization("padaria").await;
        app.member(mine, Some("ORG_ADMIN")).await;
        let operator = app.member(app.platform(), Some("SUPER_ADMIN")).await.client;
        let made = account(&operator, &["IDENTITY_USER_CREATE", "IDENTITY_API_KEY_CREATE", "IDENTITY_USER_READ"]).await;
        let machine = logged_in(&app, text(&made, "clientId"), text(&made, "clientSecret")).await;
        let post = |path: &str, body: Value| machine.post(path).header("X-Tenant-Id", &mine.to_string()).json(&body).send();
        // Such a key would be worth nothing: its maker is not of the organization.
        let key = json!({ "name": "CI", "permissions": ["IDENTITY_USER_READ"] });
        post("/api-keys", key).await.refused(403, "RBAC_ESCALATION");
        post("/users/invitations", json!({ "email": "bruno@example.com", "roleIds": [] })).await.expect(201);
        let accepted = json!({
            "token": mailed_token(&app, "bruno@example.com").await, "name": "Bruno Lima", "password": "tres tigres 3"
        });
        app.nobody().post("/auth/invitations/accept").json(&accepted).send().await.expect(201);
        // What the account may not do any more, its invitations do not do either.
        post("/users/invitations", json!({ "email": "carla@example.com", "roleIds": [] })).await.expect(201);
        operator.delete(&format!("/service-accounts/{}", made.id())).send().await.expect(204);
        let accepted = json!({
            "token": mailed_token(&app, "carla@example.com").await, "name": "Carla Reis", "password": "tres tigres 3"
        });
        app.nobody().post("/auth/invitations/accept").json(&accepted).send().await.refused(403, "RBAC_ESCALATION");
    }

    async fn an_account_of_the_platform_names_the_organization_to_act_in(app: TestApp) {
        let mine = app.organization("padaria").await;
        let operator = app.member(app.platform(), Some("SUPER_ADMIN")).await.client;
        let made = account(&operator, &["IDENTITY_USER_READ"]).await;
        let machine = logged_in(&app, text(&made, "clientId"), text(&made, "clientSecret")).await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await;
        machine.get("/users").send().await.refused(400, "TENANT_REQUIRED");
        let seen = machine.get("/users").header("X-Tenant-Id", &mine.to_string()).send().await.expect(200);
        assert_eq!(seen.data()[0]["id"], boss.id.to_string());
        machine.get("/roles").header("X-Tenant-Id", &mine.to_string()).send().await.refused(403, "RBAC_FORBIDDEN");
        let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
        machine.get("/users").header("X-Tenant-Id", unknown).send().await.refused(404, "NOT_FOUND");
    }
}
