//! Sessions: seeing them, ending them, and what ends with them.

use std::time::Duration;

use serde_json::json;
use testkit::TestApp;

use crate::people::{LoggedIn, PASSWORD, ana, login, sql, try_login, try_refresh, user};
use crate::start;

async fn is_refused(app: &TestApp, person: &LoggedIn) {
    person
        .client(app)
        .get("/auth/me")
        .send()
        .await
        .refused(401, "AUTH_SESSION_REVOKED");
    try_refresh(app, &person.refresh)
        .await
        .refused(401, "AUTH_SESSION_REVOKED");
}

testkit::behaviours! {
    with start;

    async fn one_sees_where_one_is_logged_in(app: TestApp) {
        let (organization, first) = ana(&app).await;
        user(&app, organization, "eva@example.com").await;
        login(&app, "padaria", "eva@example.com").await;
        app.clock().advance(Duration::from_secs(60));
        let second = login(&app, "padaria", "ana@example.com").await;
        let list = second.client(&app).get("/auth/sessions").send().await.expect(200);
        assert_eq!(list.meta()["total"], 2, "not those of others");
        let sessions = list.data().as_array().unwrap();
        assert_eq!(sessions[0]["id"], second.session(), "the newest first");
        assert_eq!((&sessions[0]["current"], &sessions[1]["current"]), (&json!(true), &json!(false)));
        assert_eq!(sessions[1]["id"], first.session());
        assert_eq!(sessions[0]["ip"], "203.0.113.7");
        let mut fields: Vec<&str> = sessions[0].as_object().unwrap().keys().map(String::as_str).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["createdAt", "current", "expiresAt", "id", "ip", "lastUsedAt", "userAgent"]);
        let page = second.client(&app).get("/auth/sessions?page=2&limit=1").send().await.expect(200);
        assert_eq!(page.data()[0]["id"], first.session());
    }

    async fn a_logout_ends_the_session_at_once(app: TestApp) {
        let (_, ana) = ana(&app).await;
        ana.client(&app).get("/auth/me").send().await.expect(200);
        ana.client(&app).post("/auth/logout").send().await.expect(204);
        is_refused(&app, &ana).await;
        let entries = sql(&app, "SELECT CAST(count(*) AS text) FROM audit_entries WHERE action = 'session.revoked'").await;
        assert_eq!(entries[0][0].as_deref(), Some("1"));
    }

    async fn a_logout_with_a_refresh_token_ends_that_session_if_it_is_ones_own(app: TestApp) {
        let (organization, first) = ana(&app).await;
        let second = login(&app, "padaria", "ana@example.com").await;
        user(&app, organization, "eva@example.com").await;
        let eva = login(&app, "padaria", "eva@example.com").await;
        let body = json!({ "refreshToken": second.refresh });
        for _ in ["once", "and again, because the answer got lost"] {
            first.client(&app).post("/auth/logout").json(&body).send().await.expect(204);
            is_refused(&app, &second).await;
            first.client(&app).get("/auth/me").send().await.expect(200);
        }
        // Another's token says nothing: the session that asks ends.
        let body = json!({ "refreshToken": eva.refresh });
        first.client(&app).post("/auth/logout").json(&body).send().await.expect(204);
        is_refused(&app, &first).await;
        eva.client(&app).get("/auth/me").send().await.expect(200);
    }

    async fn logout_all_ends_every_session(app: TestApp) {
        let (organization, first) = ana(&app).await;
        let second = login(&app, "padaria", "ana@example.com").await;
        user(&app, organization, "eva@example.com").await;
        let eva = login(&app, "padaria", "eva@example.com").await;
        first.client(&app).post("/auth/logout-all").send().await.expect(204);
        is_refused(&app, &first).await;
        is_refused(&app, &second).await;
        eva.client(&app).get("/auth/me").send().await.expect(200);
    }

    async fn one_ends_a_session_of_ones_own_only(app: TestApp) {
        let (organization, first) = ana(&app).await;
        let second = login(&app, "padaria", "ana@example.com").await;
        user(&app, organization, "eva@example.com").await;
        let eva = login(&app, "padaria", "eva@example.com").await;
        let end = |who: &LoggedIn, id: &str| who.client(&app).delete(&format!("/auth/sessions/{id}")).send();
        end(&first, &eva.session()).await.refused(404, "NOT_FOUND");
        end(&first, "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40").await.refused(404, "NOT_FOUND");
        end(&first, "x").await.refused(404, "NOT_FOUND");
        end(&first, &second.session()).await.expect(204);
        end(&first, &second.session()).await.refused(404, "NOT_FOUND");
        is_refused(&app, &second).await;
        eva.client(&app).get("/auth/me").send().await.expect(200);
    }

    async fn a_changed_password_ends_all_other_sessions(app: TestApp) {
        let (_, here) = ana(&app).await;
        let there = login(&app, "padaria", "ana@example.com").await;
        let body = json!({ "currentPassword": PASSWORD, "newPassword": "cinco corvos 5" });
        let reply = here.client(&app).patch("/auth/me/password").json(&body).send().await.expect(200);
        assert_eq!(reply.data()["id"], here.user["id"]);
        is_refused(&app, &there).await;
        here.client(&app).get("/auth/me").send().await.expect(200);
        try_refresh(&app, &here.refresh).await.expect(200);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        try_login(&app, "padaria", "ana@example.com", "cinco corvos 5").await.expect(200);
        let entries = sql(&app, "SELECT changes FROM audit_entries WHERE action = 'user.password_changed'").await;
        assert_eq!(entries.len(), 1);
        let text = entries[0][0].clone().unwrap_or_default();
        assert!(!text.contains("corvos") && !text.contains("argon2"), "{text}");
    }

    async fn a_new_password_is_held_to_the_policy(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let change = |current: &str, new: &str| {
            let body = json!({ "currentPassword": current, "newPassword": new });
            ana.client(&app).patch("/auth/me/password").json(&body).send()
        };
        for (new, code) in [
            ("short 1", "TOO_SHORT"),
            ("onlyletters", "LETTER_AND_DIGIT_NEEDED"),
            ("password1", "TOO_COMMON"),
            ("xx ana xx 12", "CONTAINS_EMAIL"),
            (&"a1".repeat(65), "TOO_LONG"),
        ] {
            let reply = change(PASSWORD, new).await.refused(400, "VALIDATION_FAILED");
            let details = &reply.json["error"]["details"];
            assert_eq!(details[0]["field"], "newPassword", "{details}");
            assert!(details.to_string().contains(code), "{new}: {details}");
        }
        let reply = change("wrong 1", "cinco corvos 5").await.refused(400, "VALIDATION_FAILED");
        assert_eq!(reply.json["error"]["details"][0]["field"], "currentPassword");
        change(PASSWORD, "cinco corvos 5").await.expect(200);
    }

    async fn a_stolen_session_cannot_guess_at_the_password(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let guess = |current: &str| {
            let body = json!({ "currentPassword": current, "newPassword": "cinco corvos 5" });
            let address = "203.0.113.7".parse().unwrap();
            ana.client(&app).patch("/auth/me/password").from_ip(address).json(&body).send()
        };
        for _ in 0..10 {
            guess("wrong 1").await.refused(400, "VALIDATION_FAILED");
        }
        let reply = guess(PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
        assert_eq!(reply.headers["retry-after"], "60");
    }

    async fn the_last_use_is_noted_once_a_minute(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let used = || async { sql(&app, "SELECT CAST(last_used_at AS text) FROM sessions").await };
        let opened = used().await;
        app.clock().advance(Duration::from_secs(59));
        ana.client(&app).get("/auth/me").send().await.expect(200);
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(used().await, opened);
        app.clock().advance(Duration::from_secs(1));
        ana.client(&app).get("/auth/me").send().await.expect(200);
        for _ in 0..100 {
            if used().await != opened {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the use was not noted");
    }

    async fn what_is_over_is_removed(app: TestApp) {
        let (_, ana) = ana(&app).await;
        try_login(&app, "padaria", "nobody@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let job = identity::module().jobs.into_iter().find(|job| job.name == "identity-clean-up").unwrap();
        assert_eq!((job.run)(app.edge().app().clone()).await.unwrap(), 0);
        app.clock().advance(Duration::from_secs(9 * 24 * 60 * 60));
        assert_eq!((job.run)(app.edge().app().clone()).await.unwrap(), 3, "a session, and two counts of failures");
        let left = sql(&app, "SELECT CAST(count(*) AS text) FROM sessions").await;
        assert_eq!(left[0][0].as_deref(), Some("0"));
        try_refresh(&app, &ana.refresh).await.refused(401, "AUTH_SESSION_REVOKED");
    }
}
