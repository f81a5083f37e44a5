//! API keys: made, used, limited, rotated, revoked.

use std::time::Duration;

use db::{Sql, Value as Bound};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestApp};

use crate::governed;
use crate::holders::{holder, strip};

fn ci(permissions: &[&str]) -> Value {
    json!({ "name": "CI", "permissions": permissions })
}

fn secret(reply: &Reply) -> String {
    reply.data()["key"].as_str().unwrap().to_owned()
}

async fn key(by: &Client, permissions: &[&str]) -> Reply {
    by.post("/api-keys").json(&ci(permissions)).send().await.expect(201)
}

async fn users(app: &TestApp, secret: &str) -> Reply {
    app.with_credential(secret).get("/users").send().await
}

testkit::behaviours! {
    with governed;

    async fn a_key_is_made_shown_once_and_used(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await;
        let body = json!({
            "name": "Shop",
            "permissions": ["IDENTITY_USER_READ", "IDENTITY_USER_READ"],
            "expiresAt": "2026-11-22T09:00:00-03:00",
            "ipAllowlist": ["10.1.2.3/8", "2001:db8::1"],
        });
        let made = boss.client.post("/api-keys").json(&body).send().await.expect(201);
        let path = format!("/api-keys/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        let secret = secret(&made);
        let shown = json!({
            "id": made.id(),
            "name": "Shop",
            "prefix": secret[..19],
            "permissions": ["IDENTITY_USER_READ"],
            "createdBy": { "type": "user", "id": boss.id.to_string(), "name": "Bia Lima" },
            "expiresAt": "2026-11-22T12:00:00.000000Z",
            "ipAllowlist": ["10.0.0.0/8", "2001:db8::1/128"],
            "lastUsedAt": null,
            "isActive": true,
            "createdAt": "2026-11-21T12:00:00.000000Z",
        });
        let seen = boss.client.get(&path).send().await.expect(200);
        assert_eq!((seen.data(), seen.header("etag")), (&shown, made.header("etag")));
        let listed = boss.client.get("/api-keys?q=shop").send().await.expect(200);
        assert_eq!((&listed.data()[0], &listed.meta()["total"]), (&shown, &json!(1)));

        let trail = boss.client.get("/audit-logs?targetType=api_key").send().await.expect(200);
        assert_eq!(trail.data()[0]["action"], "api_key.created");
        assert!(!trail.json.to_string().contains(&secret));
    }

    async fn a_key_does_what_it_lists_by_either_header(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let key = secret(&key(&boss, &["IDENTITY_USER_READ"]).await);
        users(&app, &key).await.expect(200);
        app.nobody().get("/users").header("X-API-Key", &key).send().await.expect(200);
        app.with_credential(&key).get("/users").header("X-API-Key", &key).send().await.refused(401, "AUTH_INVALID_TOKEN");
        app.with_credential(&key).get("/roles").send().await.refused(403, "RBAC_FORBIDDEN");
        let me = app.with_credential(&key).get("/auth/me").send().await.expect(200);
        assert!(me.json.to_string().contains("CI"), "{}", me.json);
        for forged in [&key[..key.len() - 1], &format!("{key}0"), "lastro_key_", &key.replace("lastro_key", "lastro_secret")] {
            users(&app, forged).await.refused(401, "AUTH_INVALID_TOKEN");
            app.nobody().get("/users").header("X-API-Key", forged).send().await.refused(401, "AUTH_INVALID_TOKEN");
        }
    }

    async fn a_revoked_key_is_out_at_once_and_stays_in_the_list(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = key(&boss, &["IDENTITY_USER_READ"]).await;
        let (path, key) = (format!("/api-keys/{}", made.id()), secret(&made));
        users(&app, &key).await.expect(200);
        boss.delete(&path).header("If-Match", "\"other\"").send().await.refused(412, "CONFLICT_VERSION");
        boss.delete(&path).send().await.expect(204);
        users(&app, &key).await.refused(401, "AUTH_INVALID_TOKEN");
        boss.delete(&path).send().await.expect(204);
        assert_eq!(boss.get(&path).send().await.expect(200).data()["isActive"], false);
        boss.patch(&path).json(&json!({ "name": "Other" })).send().await.refused(409, "CONFLICT_STATE");
        boss.post(&format!("{path}/rotate")).send().await.refused(409, "CONFLICT_STATE");
    }

    async fn a_rotation_ends_the_secret_before_at_once_or_after_its_overlap(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = key(&boss, &["IDENTITY_USER_READ"]).await;
        let rotate = format!("/api-keys/{}/rotate", made.id());
        let first = secret(&made);
        users(&app, &first).await.expect(200);
        let second = secret(&boss.post(&rotate).send().await.expect(200));
        users(&app, &first).await.refused(401, "AUTH_INVALID_TOKEN");
        users(&app, &second).await.expect(200);

        let third = boss.post(&rotate).json(&json!({ "overlap": "1h" })).send().await.expect(200);
        assert!(secret(&third).starts_with(third.data()["prefix"].as_str().unwrap()));
        users(&app, &second).await.expect(200);
        app.clock().advance(Duration::from_secs(3_599));
        users(&app, &second).await.expect(200);
        app.clock().advance(Duration::from_secs(1));
        assert_eq!(users(&app, &second).await.status, 401);
        users(&app, &secret(&third)).await.expect(200);
        for overlap in ["soon", "31d", "-1s", "5"] {
            let refused = boss.post(&rotate).json(&json!({ "overlap": overlap })).send().await;
            assert_eq!(refused.refused(400, "VALIDATION_FAILED").problems(), ["overlap: INVALID_FORMAT"]);
        }
    }

    async fn a_key_ends_with_its_time(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let mut body = ci(&["IDENTITY_USER_READ"]);
        body["expiresAt"] = json!("2026-11-21T12:00:00Z");
        let refused = boss.post("/api-keys").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["expiresAt: IN_PAST"]);
        body["expiresAt"] = json!("2026-11-21T13:00:00Z");
        let made = boss.post("/api-keys").json(&body).send().await.expect(201);
        let (path, key) = (format!("/api-keys/{}", made.id()), secret(&made));
        users(&app, &key).await.expect(200);
        app.clock().advance(Duration::from_secs(3_600));
        users(&app, &key).await.refused(401, "AUTH_TOKEN_EXPIRED");
        assert_eq!(boss.get(&path).send().await.expect(200).data()["isActive"], false);
        // Its end can be moved, and removed.
        boss.patch(&path).json(&json!({ "expiresAt": "2026-11-21T12:59:00Z" })).send().await.refused(400, "VALIDATION_FAILED");
        boss.patch(&path).json(&json!({ "expiresAt": null })).send().await.expect(200);
        users(&app, &key).await.expect(200);
    }

    async fn a_key_works_from_where_it_may(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let mut body = ci(&["IDENTITY_USER_READ"]);
        body["ipAllowlist"] = json!(["203.0.113.0/24"]);
        let made = boss.post("/api-keys").json(&body).send().await.expect(201);
        let (path, key) = (format!("/api-keys/{}", made.id()), secret(&made));
        let client = app.with_credential(&key);
        for (address, is_inside) in [("203.0.113.7", true), ("203.0.114.7", false), ("2001:db8::1", false), ("203.0.113.8", true)] {
            let reply = client.get("/users").from_ip(address.parse().unwrap()).send().await;
            if is_inside {
                reply.expect(200);
            } else {
                reply.refused(401, "AUTH_INVALID_TOKEN");
            }
        }
        boss.patch(&path).json(&json!({ "ipAllowlist": ["2001:db8::/32"] })).send().await.expect(200);
        client.get("/users").from_ip("203.0.113.7".parse().unwrap()).send().await.refused(401, "AUTH_INVALID_TOKEN");
        client.get("/users").from_ip("2001:db8::1".parse().unwrap()).send().await.expect(200);
        body["ipAllowlist"] = json!(["10.0.0.0/8", "everywhere"]);
        let refused = boss.post("/api-keys").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["ipAllowlist[1]: INVALID_FORMAT"]);
    }

    async fn a_list_names_permissions_that_there_are_and_its_maker_holds(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let refused = boss.post("/api-keys").json(&ci(&["NOTHING_AT_ALL", "IDENTITY_USER_READ", "identity_user_read"])).send().await;
        let refused = refused.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["permissions[0]: UNKNOWN_CODE", "permissions[2]: UNKNOWN_CODE"]);
        // The platform's permissions can be held by nobody here.
        boss.post("/api-keys").json(&ci(&["ORGANIZATION_ORGANIZATION_CREATE"])).send().await.refused(403, "RBAC_ESCALATION");

        let codes = ["IDENTITY_API_KEY_CREATE", "IDENTITY_API_KEY_UPDATE", "IDENTITY_USER_READ"];
        let clerk = holder(&app, &boss, mine, &codes).await.client;
        let escalation = clerk.post("/api-keys").json(&ci(&["IDENTITY_USER_CREATE"])).send().await;
        assert_eq!(escalation.refused(403, "RBAC_ESCALATION").json["error"]["details"]["permission"], "IDENTITY_USER_CREATE");
        let own = key(&clerk, &["IDENTITY_USER_READ"]).await.id();
        let change = json!({ "permissions": ["IDENTITY_USER_CREATE"] });
        clerk.patch(&format!("/api-keys/{own}")).json(&change).send().await.refused(403, "RBAC_ESCALATION");
        // Nor does one take over what is wider than oneself.
        let wide = key(&boss, &["IDENTITY_USER_CREATE"]).await.id();
        clerk.patch(&format!("/api-keys/{wide}")).json(&json!({ "name": "Mine" })).send().await.refused(403, "RBAC_ESCALATION");
        clerk.post(&format!("/api-keys/{wide}/rotate")).send().await.refused(403, "RBAC_ESCALATION");
    }

    async fn keys_are_not_made_by_keys(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let maker = secret(&key(&boss, &["IDENTITY_API_KEY_CREATE", "IDENTITY_USER_READ"]).await);
        let body = ci(&["IDENTITY_USER_READ"]);
        app.with_credential(&maker).post("/api-keys").json(&body).send().await.refused(403, "RBAC_ESCALATION");
    }

    async fn a_key_can_do_nothing_that_its_maker_cannot(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let clerk = holder(&app, &boss, mine, &["IDENTITY_API_KEY_CREATE", "IDENTITY_USER_READ"]).await;
        let made = key(&clerk.client, &["IDENTITY_USER_READ"]).await;
        let key = secret(&made);
        users(&app, &key).await.expect(200);
        strip(&boss, &clerk).await;
        users(&app, &key).await.refused(403, "RBAC_FORBIDDEN");
        // With its maker it is no credential any more, and with it again it is one.
        boss.delete(&format!("/users/{}", clerk.id)).send().await.expect(204);
        users(&app, &key).await.refused(401, "AUTH_INVALID_TOKEN");
        let seen = boss.get(&format!("/api-keys/{}", made.id())).send().await.expect(200);
        assert_eq!(seen.data()["isActive"], false);
        boss.post(&format!("/users/{}/activate", clerk.id)).send().await.expect(200);
        users(&app, &key).await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn another_organizations_key_is_a_missing_one(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let theirs = key(&app.member(other, Some("ORG_ADMIN")).await.client, &[]).await;
        for id in [theirs.id().as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "nonsense"] {
            let path = format!("/api-keys/{id}");
            boss.get(&path).send().await.refused(404, "NOT_FOUND");
            boss.patch(&path).json(&json!({ "name": "Mine" })).send().await.refused(404, "NOT_FOUND");
            boss.delete(&path).send().await.refused(404, "NOT_FOUND");
            boss.post(&format!("{path}/rotate")).send().await.refused(404, "NOT_FOUND");
        }
        assert_eq!(boss.get("/api-keys").send().await.expect(200).meta()["total"], 0);
        // Their key opens nothing here, whatever it says it wants.
        let intruder = app.with_credential(&secret(&theirs));
        intruder.get("/auth/me").header("X-Tenant-Id", &mine.to_string()).send().await.refused(400, "TENANT_MISMATCH");
    }

    async fn who_asks_twice_gets_the_same_key_for_ten_minutes(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ask = || boss.post("/api-keys").header("Idempotency-Key", "once").json(&ci(&[])).send();
        let first = ask().await.expect(201);
        let again = ask().await.expect(201);
        assert_eq!((secret(&first), again.header("idempotency-replayed")), (secret(&again), "true"));
        app.clock().advance(Duration::from_secs(600));
        ask().await.refused(409, "CONFLICT_STATE");
        assert_eq!(boss.get("/api-keys").send().await.expect(200).meta()["total"], 1);
    }

    async fn the_last_use_is_noted_at_most_once_a_minute(app: TestApp) {
        const LAST: Sql = Sql::tenant("SELECT last_used_at FROM api_keys WHERE organization_id = $1 AND id = $2");
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = key(&boss, &["IDENTITY_USER_READ"]).await;
        let (id, key) = (made.id().parse::<contracts::identity::ApiKeyId>().unwrap(), secret(&made));
        let last_used = async || {
            let read = |row: &db::Row<'_>| row.get::<Option<kernel::Timestamp>>(0);
            app.db().scope(mine).one(&LAST, &[Bound::id(id)], read).await.unwrap()
        };
        let start = testkit::BEGINNING;
        for (seconds, noted) in [(0, 0), (59, 0), (60, 60), (90, 60), (200, 200)] {
            let due = start.plus(Duration::from_secs(seconds));
            app.clock().set(due);
            users(&app, &key).await.expect(200);
            let expected = Some(start.plus(Duration::from_secs(noted)));
            // It is written beside the request, which does not wait for it.
            for _ in 0..2_000 {
                if last_used().await == expected {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            assert_eq!(last_used().await, expected, "after {seconds} s");
        }
        assert_eq!(boss.get("/audit-logs?targetType=api_key").send().await.expect(200).data().as_array().unwrap().len(), 1);
    }
}
