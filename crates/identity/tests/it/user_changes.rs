//! Changes of other people: by whom, and with what consequences.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::governed;
use crate::holders::holder;
use crate::people::{LoggedIn, PASSWORD, try_login, user};

testkit::behaviours! {
    with governed;

    async fn a_user_is_renamed_deactivated_and_activated(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ana = user(&app, mine, "ana@example.com").await;
        let path = format!("/users/{}", ana.id);
        let before = boss.get(&path).send().await.expect(200);

        let change = json!({ "name": "Ana Lima" });
        let changed = boss.patch(&path).header("If-Match", before.header("etag")).json(&change).send().await.expect(200);
        assert_eq!(changed.data()["name"], "Ana Lima");
        boss.patch(&path).header("If-Match", before.header("etag")).json(&change).send().await.refused(412, "CONFLICT_VERSION");
        // The same again changes nothing and leaves no trace.
        boss.patch(&path).json(&change).send().await.expect(200);
        boss.patch(&path).json(&json!({})).send().await.expect(200);
        boss.patch(&path).json(&json!({ "name": null })).send().await.refused(400, "VALIDATION_FAILED");

        boss.delete(&path).header("If-Match", before.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        boss.delete(&path).send().await.expect(204);
        boss.delete(&path).send().await.expect(204);
        assert_eq!(boss.get(&path).send().await.expect(200).data()["isActive"], false);
        let active = boss.post(&format!("{path}/activate")).send().await.expect(200);
        assert_eq!(active.data()["isActive"], true);
        boss.post(&format!("{path}/activate")).send().await.expect(200);

        let trail = boss.get(&format!("/audit-logs?targetId={}", ana.id)).send().await.expect(200);
        let actions: Vec<&Value> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["user.activated", "user.deactivated", "user.updated", "user.created"]);
    }

    async fn who_is_deactivated_is_out_at_once(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ana = user(&app, mine, "ana@example.com").await;
        let session = LoggedIn::of(&try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200));
        session.client(&app).get("/auth/me").send().await.expect(200);
        boss.delete(&format!("/users/{}", ana.id)).send().await.expect(204);
        assert_eq!(session.client(&app).get("/auth/me").send().await.status, 401);
        let body = json!({ "refreshToken": session.refresh });
        assert_eq!(app.nobody().post("/auth/refresh").json(&body).send().await.status, 401);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        // Activated again, one logs in; the old session stays ended.
        boss.post(&format!("/users/{}/activate", ana.id)).send().await.expect(200);
        assert_eq!(session.client(&app).get("/auth/me").send().await.status, 401);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
    }

    async fn an_administrator_ends_the_sessions_of_somebody(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ana = user(&app, mine, "ana@example.com").await;
        let mut sessions = Vec::new();
        for _ in 0..2 {
            sessions.push(LoggedIn::of(&try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200)));
        }
        boss.post(&format!("/users/{}/logout-all", ana.id)).send().await.expect(204);
        for session in &sessions {
            session.client(&app).get("/auth/me").send().await.refused(401, "AUTH_SESSION_REVOKED");
        }
        boss.post(&format!("/users/{}/logout-all", ana.id)).send().await.expect(204);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
    }

    async fn a_lock_is_ended(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ana = user(&app, mine, "ana@example.com").await;
        for _ in 0..11 {
            try_login(&app, "padaria", "ana@example.com", "wrong guess 1").await;
        }
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(429, "AUTH_ACCOUNT_LOCKED");
        boss.post(&format!("/users/{}/unlock", ana.id)).send().await.expect(200);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
        boss.post(&format!("/users/{}/unlock", ana.id)).send().await.expect(200);
    }

    async fn nobody_acts_on_who_holds_more(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await;
        let codes = ["IDENTITY_USER_READ", "IDENTITY_USER_UPDATE", "IDENTITY_USER_DELETE", "IDENTITY_SESSION_REVOKE"];
        let helper = holder(&app, &boss.client, mine, &codes).await.client;
        let (plain, other_boss) = (app.member(mine, None).await, app.member(mine, Some("ORG_ADMIN")).await);
        for (target, is_allowed) in [(&plain, true), (&other_boss, false)] {
            let path = format!("/users/{}", target.id);
            let replies = [
                helper.patch(&path).json(&json!({ "name": "Mine" })).send().await,
                helper.post(&format!("{path}/unlock")).send().await,
                helper.post(&format!("{path}/logout-all")).send().await,
                helper.delete(&path).send().await,
                helper.post(&format!("{path}/activate")).send().await,
            ];
            for reply in replies {
                if is_allowed {
                    assert!(reply.status.is_success(), "{}", reply.json);
                } else {
                    reply.refused(403, "RBAC_ESCALATION");
                }
            }
        }
        // What an inactive user would hold again counts like what an active one holds.
        boss.client.delete(&format!("/users/{}", other_boss.id)).send().await.expect(204);
        helper.post(&format!("/users/{}/activate", other_boss.id)).send().await.refused(403, "RBAC_ESCALATION");
    }

    async fn another_organizations_user_is_a_missing_one(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let theirs = user(&app, other, "ana@example.com").await.id.to_string();
        for id in [theirs.as_str(), "01890a5d-ac96-774b-bcce-b302099a8057", "nonsense"] {
            let path = format!("/users/{id}");
            boss.get(&path).send().await.refused(404, "NOT_FOUND");
            boss.patch(&path).json(&json!({ "name": "Mine" })).send().await.refused(404, "NOT_FOUND");
            boss.delete(&path).send().await.refused(404, "NOT_FOUND");
            for act in ["activate", "unlock", "logout-all"] {
                boss.post(&format!("{path}/{act}")).send().await.refused(404, "NOT_FOUND");
            }
        }
    }

    async fn the_last_administrator_stays(app: TestApp) {
        let mine = app.organization("padaria").await;
        let first = app.member(mine, Some("ORG_ADMIN")).await;
        first.client.delete(&format!("/users/{}", first.id)).send().await.refused(409, "CONFLICT_STATE");
        let second = app.member(mine, Some("ORG_ADMIN")).await;
        // Each ends the other at the same moment: one of them stays.
        let acts = [(&first, &second), (&second, &first)];
        let replies = join_all(acts.map(|(by, whom)| by.client.delete(&format!("/users/{}", whom.id)).send())).await;
        let ended = replies.iter().filter(|reply| reply.status.as_u16() == 204).count();
        assert_eq!(ended, 1, "{:?}", replies.iter().map(|reply| &reply.json).collect::<Vec<_>>());
    }

    async fn another_address_counts_once_its_owner_confirms_it(app: TestApp) {
        let mine = app.organization("padaria").await;
        let boss = app.member(mine, Some("ORG_ADMIN")).await.client;
        let ana = user(&app, mine, "ana@example.com").await;
        user(&app, mine, "rui@example.com").await;
        let path = format!("/users/{}", ana.id);
        let taken = boss.patch(&path).json(&json!({ "email": "RUI@example.com" })).send().await;
        assert_eq!(taken.refused(409, "CONFLICT_DUPLICATE").problems(), ["email: ALREADY_TAKEN"]);
        let changed = boss.patch(&path).json(&json!({ "email": "lima@example.com" })).send().await.expect(200);
        assert_eq!(changed.data()["email"], "ana@example.com");
        identity::deliver(app.edge().app()).await.unwrap();
        let mails = app.mails();
        assert_eq!(mails.to("ana@example.com").len(), 1, "the old address is told");
        let body = json!({ "token": mails.token("lima@example.com") });
        app.nobody().post("/auth/email/verify").json(&body).send().await.expect(200);
        assert_eq!(boss.get(&path).send().await.expect(200).data()["email"], "lima@example.com");
    }
}
