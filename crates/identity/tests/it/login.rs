//! Logging in: who gets in, and what the others learn.

use std::time::Duration;

use kernel::secret::SecretString;
use serde_json::json;

use crate::people::{LoggedIn, PASSWORD, ana, change, login, sql, try_login, try_login_from, user, user_with_hash};
use crate::start;

testkit::behaviours! {
    with start;

    async fn a_login_opens_a_session(app: TestApp) {
        let organization = app.organization("padaria").await;
        let made = user(&app, organization, "ana@example.com").await;
        let by_slug = try_login(&app, "padaria", " ANA@Example.com ", PASSWORD).await.expect(200);
        assert_eq!(by_slug.headers["cache-control"], "no-store");
        let data = by_slug.data();
        assert_eq!((data["tokenType"].as_str(), data["expiresIn"].as_u64()), (Some("Bearer"), Some(900)));
        assert_eq!(data["user"]["id"], made.id.to_string());
        assert_eq!(data["user"]["email"], "ana@example.com");
        assert_eq!(data["user"]["lastLoginAt"], "2026-11-21T12:00:00.000000Z");
        assert!(!by_slug.json.to_string().contains("argon2"), "never a hash");
        let by_id = json!({ "organizationId": organization, "email": "ana@example.com", "password": PASSWORD });
        app.nobody().post("/auth/login").json(&by_id).send().await.expect(200);

        let ana = LoggedIn::of(&by_slug);
        let me = ana.client(&app).get("/auth/me").send().await.expect(200);
        assert_eq!(me.data(), &ana.user);
        let entries = sql(&app, "SELECT action, actor_kind, ip FROM audit_entries WHERE action = 'session.created'").await;
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0][1].as_deref(), Some("user"));
    }

    async fn an_access_token_says_what_the_contract_says(app: TestApp) {
        let (organization, ana) = ana(&app).await;
        let claims = ana.claims();
        let mut names: Vec<&str> = claims.as_object().unwrap().keys().map(String::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["aud", "exp", "iat", "iss", "jti", "role", "sid", "sub", "tenantId", "type"]);
        assert_eq!(claims["iss"], "http://127.0.0.1:8080");
        assert_eq!(claims["sub"], ana.user["id"]);
        assert_eq!(claims["tenantId"], organization.to_string());
        assert_eq!((&claims["type"], &claims["role"]), (&json!("user"), &json!(null)));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 900);
    }

    async fn whoever_may_not_enter_learns_nothing(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        user(&app, organization, "gone@example.com").await;
        let closed = app.organization("closed").await;
        user(&app, closed, "ana@example.com").await;
        change(&app, "UPDATE users SET is_active = false WHERE email = 'gone@example.com'").await;
        app.operator().delete(&format!("/organizations/{closed}")).send().await.expect(204);
        let mut answers = Vec::new();
        for (slug, email, password) in [
            ("padaria", "ana@example.com", "tres tigres 4"),
            ("padaria", "nobody@example.com", PASSWORD),
            ("padaria", "gone@example.com", PASSWORD),
            ("closed", "ana@example.com", PASSWORD),
            ("nowhere", "ana@example.com", PASSWORD),
            ("Not A Slug", "ana@example.com", PASSWORD),
        ] {
            let reply = try_login(&app, slug, email, password).await.refused(401, "AUTH_INVALID_CREDENTIALS");
            assert_eq!(reply.headers["www-authenticate"], "Bearer realm=\"lastro\"");
            answers.push(reply.json["error"]["message"].clone());
        }
        let unknown = json!({
            "organizationId": "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40", "email": "ana@example.com", "password": PASSWORD
        });
        let reply = app.nobody().post("/auth/login").json(&unknown).send().await;
        answers.push(reply.refused(401, "AUTH_INVALID_CREDENTIALS").json["error"]["message"].clone());
        answers.dedup();
        assert_eq!(answers.len(), 1, "one answer for all: {answers:?}");
    }

    async fn a_malformed_login_is_told_all_its_problems(app: TestApp) {
        let reply = app.nobody().post("/auth/login").json(&json!({ "email": "ana", "password": "", "x": 1 })).send().await;
        let reply = reply.refused(400, "VALIDATION_FAILED");
        let details = reply.json["error"]["details"].to_string();
        for field in ["email", "password", "x"] {
            assert!(details.contains(&format!("\"field\":\"{field}\"")), "{details}");
        }
        let ok = json!({ "email": "ana@example.com", "password": PASSWORD });
        app.nobody().post("/auth/login").json(&ok).send().await.refused(400, "VALIDATION_FAILED");
        let both = json!({
            "organizationId": app.platform(), "organizationSlug": "platform", "email": "ana@example.com", "password": PASSWORD
        });
        app.nobody().post("/auth/login").json(&both).send().await.refused(400, "VALIDATION_FAILED");
    }

    async fn a_password_that_is_too_long_costs_no_hash(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        for length in [129, 5_000, 900_000] {
            let reply = try_login(&app, "padaria", "ana@example.com", &"a1".repeat(length / 2 + 1)).await;
            let reply = reply.refused(400, "VALIDATION_FAILED");
            assert_eq!(reply.json["error"]["details"][0]["code"], "TOO_LONG");
        }
        let none = sql(&app, "SELECT CAST(count(*) AS text) FROM login_failures").await;
        assert_eq!(none[0][0].as_deref(), Some("0"), "nothing was compared, so nothing failed");
    }

    async fn ten_failures_from_one_address_lock_it_out(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        // The same for an address that nobody has, and in an organization that does not exist.
        for (slug, email) in [
            ("padaria", "ana@example.com"),
            ("padaria", "nobody@example.com"),
            ("nowhere", "ana@example.com"),
        ] {
            for _ in 0..10 {
                try_login(&app, slug, email, "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
            }
            for password in ["wrong 1", PASSWORD] {
                let reply = try_login(&app, slug, email, password).await.refused(429, "AUTH_ACCOUNT_LOCKED");
                assert_eq!(reply.headers["retry-after"], "60", "{slug} {email}");
            }
        }
        // Not locked for another address, and again open here after the minute.
        try_login_from(&app, "203.0.113.8", "padaria", "ana@example.com", PASSWORD).await.expect(200);
        try_login_from(&app, "2001:db8::1", "padaria", "ana@example.com", PASSWORD).await.expect(200);
        app.clock().advance(Duration::from_secs(60));
        try_login(&app, "padaria", "ana@example.com", "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let reply = try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
        assert_eq!(reply.headers["retry-after"], "120", "twice as long");
        app.clock().advance(Duration::from_secs(120));
        login(&app, "padaria", "ana@example.com").await;
        try_login(&app, "padaria", "ana@example.com", "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        login(&app, "padaria", "ana@example.com").await;

        let events = sql(&app, "SELECT action FROM audit_entries WHERE action = 'user.locked'").await;
        assert_eq!(events.len(), 2, "each lock of a user, and none of who does not exist");
    }

    async fn a_hundred_failures_lock_the_account_for_all(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        for number in 0..100 {
            let address = format!("198.51.100.{number}");
            try_login_from(&app, &address, "padaria", "ana@example.com", "wrong 1")
                .await
                .refused(401, "AUTH_INVALID_CREDENTIALS");
        }
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
        user(&app, organization, "eva@example.com").await;
        login(&app, "padaria", "eva@example.com").await;
    }

    async fn guesses_at_once_are_counted_one_after_the_other(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        let guesses = (0..40).map(|_| try_login(&app, "padaria", "ana@example.com", "wrong 1"));
        let replies = futures_util::future::join_all(guesses).await;
        let refused = replies.iter().filter(|reply| reply.status == 401).count();
        assert_eq!(refused, 10, "those beyond were told of the lock");
        assert!(replies.iter().all(|reply| reply.status == 401 || reply.status == 429));
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
    }

    async fn ten_thousand_failures_take_two_rows(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        for _ in 0..200 {
            try_login(&app, "padaria", "ana@example.com", "wrong 1").await;
            app.clock().advance(Duration::from_secs(30));
        }
        let rows = sql(&app, "SELECT CAST(max(length(failures)) AS text) FROM login_failures").await;
        assert!(rows[0][0].as_deref().unwrap().parse::<usize>().unwrap() <= 800);
        let rows = sql(&app, "SELECT CAST(count(*) AS text) FROM login_failures").await;
        assert_eq!(rows[0][0].as_deref(), Some("2"));
    }

    async fn an_imported_hash_is_replaced_at_the_next_login(app: TestApp) {
        let organization = app.organization("padaria").await;
        // Of the same password, made by another program (Python's hashlib).
        let imported = "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$8OYLZALkv2az6aEhNIb8wyyajziKhT+YelHqHI5FpMw";
        user_with_hash(&app, organization, "ana@example.com", SecretString::from(imported)).await;
        try_login(&app, "padaria", "ana@example.com", "wrong 1").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let stored = sql(&app, "SELECT password_hash FROM users").await;
        assert!(stored[0][0].as_deref().unwrap().starts_with("$pbkdf2-sha256$"));
        login(&app, "padaria", "ana@example.com").await;
        let stored = sql(&app, "SELECT password_hash FROM users").await;
        assert!(stored[0][0].as_deref().unwrap().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        login(&app, "padaria", "ana@example.com").await;
    }

    async fn a_session_of_another_organization_is_another_session(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let other = app.organization("mercado").await;
        user(&app, other, "ana@example.com").await;
        let elsewhere = login(&app, "mercado", "ana@example.com").await;
        assert_ne!(ana.id(), elsewhere.id());
        let path = format!("/auth/sessions/{}", ana.session());
        elsewhere.client(&app).delete(&path).send().await.refused(404, "NOT_FOUND");
        let mine = ana.client(&app).get("/auth/me").header("X-Tenant-Id", &other.to_string()).send().await;
        mine.refused(400, "TENANT_MISMATCH");
    }
}

mod with_roles {
    use crate::governed;
    use crate::people::{LoggedIn, try_login};

    testkit::behaviours! {
        with governed;

        async fn a_token_tells_the_widest_system_role(app: TestApp) {
            let organization = app.organization("padaria").await;
            for (held, told) in [(Some("ORG_ADMIN"), "ORG_ADMIN".into()), (Some("VIEWER"), "VIEWER".into()), (None, serde_json::Value::Null)] {
                let member = app.member(organization, held).await;
                let reply = try_login(&app, "padaria", &member.email, "correct horse 1").await.expect(200);
                assert_eq!(LoggedIn::of(&reply).claims()["role"], told);
            }
        }
    }
}
