//! The links of mails: another password, a confirmed address, one's organizations.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use testkit::{Reply, TestApp};

use crate::people::{LoggedIn, PASSWORD, ana, change, login, sql, try_login, try_refresh, user};
use crate::settings::{choose, deliver, mailed_token, start, subjects};

const OTHER: &str = "cinco corvos 5";

async fn forgot(app: &TestApp, slug: &str, email: &str) -> Reply {
    let body = json!({ "organizationSlug": slug, "email": email });
    app.nobody().post("/auth/password/forgot").json(&body).send().await
}

async fn reset(app: &TestApp, token: &str, password: &str) -> Reply {
    let body = json!({ "token": token, "password": password });
    app.nobody().post("/auth/password/reset").json(&body).send().await
}

async fn verify(app: &TestApp, token: &str) -> Reply {
    app.nobody()
        .post("/auth/email/verify")
        .json(&json!({ "token": token }))
        .send()
        .await
}

fn refused_token(reply: Reply) {
    assert_eq!(reply.refused(400, "VALIDATION_FAILED").problems(), ["token: INVALID"]);
}

testkit::behaviours! {
    with start;

    async fn a_forgotten_password_is_replaced_by_a_link(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let accepted = forgot(&app, "padaria", " ANA@example.com ").await.expect(202);
        assert_eq!(accepted.data(), &json!({}));
        let token = mailed_token(&app, "ana@example.com").await;
        let mail = app.mails().to("ana@example.com").remove(0);
        assert_eq!((mail.subject.as_str(), mail.to_name.as_deref()), ("Set a new password", Some("Ana Souza")));
        let link = format!("http://127.0.0.1:8080/password/reset?token={token}");
        assert!(mail.text.contains(&link) && mail.html.contains(&link), "{}", mail.text);
        let stored = sql(&app, "SELECT purpose FROM one_time_tokens").await;
        assert_eq!(stored, [[Some("reset".to_owned())]]);

        let user = reset(&app, &token, OTHER).await.expect(200);
        assert_eq!(user.data()["emailVerified"], true, "the mail reached the address");
        assert!(user.data().get("accessToken").is_none());
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        try_login(&app, "padaria", "ana@example.com", OTHER).await.expect(200);
        ana.client(&app).get("/auth/me").send().await.refused(401, "AUTH_SESSION_REVOKED");
        try_refresh(&app, &ana.refresh).await.expect(401);
        assert!(subjects(&app, "ana@example.com").await.contains(&"Your password was changed".to_owned()));
        refused_token(reset(&app, &token, "sete sapos 7").await);
    }

    async fn who_asks_learns_nothing_and_only_owners_get_mail(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        user(&app, organization, "gone@example.com").await;
        user(&app, organization, "sso@example.com").await;
        change(&app, "UPDATE users SET is_active = false WHERE email = 'gone@example.com'").await;
        change(
            &app,
            "INSERT INTO external_identities (organization_id, id, user_id, issuer, subject, created_at) \
             SELECT organization_id, id, id, 'https://id.example', 'sso', created_at FROM users WHERE email = 'sso@example.com'",
        )
        .await;
        let mut answers = Vec::new();
        for (slug, email) in [
            ("padaria", "ana@example.com"),
            ("padaria", "nobody@example.com"),
            ("padaria", "gone@example.com"),
            ("padaria", "sso@example.com"),
            ("nowhere", "ana@example.com"),
        ] {
            answers.push(forgot(&app, slug, email).await.expect(202).json);
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        // The same rows are written for every address of an organization: what differs happens when nobody waits.
        assert_eq!(sql(&app, "SELECT kind FROM mail_queue").await.len(), 4);
        deliver(&app).await;
        let to: Vec<String> = app.mails().all().into_iter().map(|mail| mail.to).collect();
        assert_eq!(to, ["ana@example.com"]);
        assert_eq!(sql(&app, "SELECT kind FROM mail_queue").await.len(), 1, "what was for nobody is forgotten");
        forgot(&app, "padaria", "no address").await.refused(400, "VALIDATION_FAILED");
        let body = json!({ "email": "ana@example.com" });
        app.nobody().post("/auth/password/forgot").json(&body).send().await.refused(400, "VALIDATION_FAILED");
    }

    async fn a_link_works_once_within_an_hour_and_only_where_it_belongs(app: TestApp) {
        ana(&app).await;
        let other = app.organization("outra").await;
        user(&app, other, "ana@example.com").await;
        forgot(&app, "padaria", "ana@example.com").await.expect(202);
        let token = mailed_token(&app, "ana@example.com").await;
        // A token carries its organization, but naming another one does not make it one of its tokens.
        change(&app, "UPDATE one_time_tokens SET purpose = 'verify'").await;
        refused_token(reset(&app, &token, OTHER).await);
        change(&app, "UPDATE one_time_tokens SET purpose = 'reset'").await;
        refused_token(verify(&app, &token).await);
        for forged in ["", "lastro_reset_x", "x", &token[..token.len() - 1], &format!("{token}x"), &token.replace("reset", "setup")] {
            let reply = reset(&app, forged, OTHER).await.expect(400);
            assert!(reply.problems()[0].starts_with("token: "), "{forged}: {:?}", reply.problems());
        }
        // A weak password does not spend it.
        assert_eq!(reset(&app, &token, "xqzwvk").await.expect(400).problems(), ["password: TOO_SHORT", "password: LETTER_AND_DIGIT_NEEDED"]);
        assert_eq!(reset(&app, &token, "xyz ana 123").await.expect(400).problems(), ["password: CONTAINS_EMAIL"]);
        choose(&app, |settings| settings.password_min_length = 15);
        assert_eq!(reset(&app, &token, OTHER).await.expect(400).problems(), ["password: TOO_SHORT"]);
        choose(&app, |settings| settings.password_min_length = 8);
        app.clock().advance(Duration::from_secs(60 * 60));
        refused_token(reset(&app, &token, OTHER).await);
        forgot(&app, "padaria", "ana@example.com").await.expect(202);
        let token = mailed_token(&app, "ana@example.com").await;
        let tries = join_all((0..6).map(|_| reset(&app, &token, OTHER))).await;
        let statuses: Vec<u16> = tries.iter().map(|reply| reply.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 5, "{statuses:?}");
    }

    async fn a_link_of_somebody_who_may_not_enter_any_more_is_worth_nothing(app: TestApp) {
        let (organization, _) = ana(&app).await;
        forgot(&app, "padaria", "ana@example.com").await.expect(202);
        let token = mailed_token(&app, "ana@example.com").await;
        change(&app, "UPDATE users SET is_active = false").await;
        refused_token(reset(&app, &token, OTHER).await);
        change(&app, "UPDATE users SET is_active = true").await;
        app.operator().delete(&format!("/organizations/{organization}")).send().await.expect(204);
        refused_token(reset(&app, &token, OTHER).await);
    }

    async fn a_mailbox_is_not_flooded(app: TestApp) {
        ana(&app).await;
        for _ in 0..12 {
            forgot(&app, "padaria", "ana@example.com").await.expect(202);
        }
        deliver(&app).await;
        assert_eq!(app.mails().to("ana@example.com").len(), 5);
        app.clock().advance(Duration::from_secs(60 * 60));
        forgot(&app, "padaria", "ana@example.com").await.expect(202);
        deliver(&app).await;
        assert_eq!(app.mails().to("ana@example.com").len(), 6);
    }

    async fn an_address_learns_its_organizations_by_mail(app: TestApp) {
        let (mine, closed) = (app.organization("padaria").await, app.organization("closed").await);
        let other = app.organization("outra").await;
        for organization in [mine, closed, other] {
            user(&app, organization, "ana@example.com").await;
        }
        app.operator().delete(&format!("/organizations/{closed}")).send().await.expect(204);
        let mut answers = Vec::new();
        for email in ["ana@example.com", "nobody@example.com"] {
            let reply = app.nobody().post("/auth/organizations").json(&json!({ "email": email })).send().await;
            answers.push(reply.expect(202).json);
        }
        assert_eq!(answers[0], answers[1]);
        deliver(&app).await;
        assert_eq!(app.mails().all().len(), 1);
        let mail = app.mails().to("ana@example.com").remove(0);
        assert!(mail.text.contains("http://127.0.0.1:8080/login?organization=padaria"), "{}", mail.text);
        assert!(mail.text.contains("login?organization=outra") && !mail.text.contains("closed"), "{}", mail.text);
    }

    async fn a_changed_address_counts_once_its_owner_confirms_it(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let client = ana.client(&app);
        let body = json!({ "name": "Ana Maria", "email": "ana.maria@example.com" });
        let changed = client.patch("/auth/me").json(&body).send().await.expect(200);
        assert_eq!((&changed.data()["name"], &changed.data()["email"]), (&json!("Ana Maria"), &json!("ana@example.com")));
        let token = mailed_token(&app, "ana.maria@example.com").await;
        assert_eq!(subjects(&app, "ana@example.com").await, ["A change of your e-mail address was asked for"]);
        login(&app, "padaria", "ana@example.com").await;

        // Links that were mailed to the old address open nothing once it is not theirs any more.
        forgot(&app, "padaria", "ana@example.com").await.expect(202);
        let old = mailed_token(&app, "ana@example.com").await;
        let user = verify(&app, &token).await.expect(200);
        assert_eq!((&user.data()["email"], &user.data()["emailVerified"]), (&json!("ana.maria@example.com"), &json!(true)));
        assert!(subjects(&app, "ana@example.com").await.contains(&"Your e-mail address was changed".to_owned()));
        refused_token(verify(&app, &token).await);
        refused_token(reset(&app, &old, OTHER).await);
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        login(&app, "padaria", "ana.maria@example.com").await;
        let actions = sql(&app, "SELECT action FROM audit_entries WHERE action LIKE 'user.%' ORDER BY occurred_at, id").await;
        let actions: Vec<String> = actions.into_iter().filter_map(|mut row| row.remove(0)).collect();
        assert!(actions.contains(&"user.email_change_requested".to_owned()), "{actions:?}");
    }

    async fn only_the_last_wish_for_an_address_counts_and_none_that_is_taken(app: TestApp) {
        let (organization, ana) = ana(&app).await;
        user(&app, organization, "bruno@example.com").await;
        let client = ana.client(&app);
        let wish = |email: &str| client.patch("/auth/me").json(&json!({ "email": email })).send();
        let taken = wish("Bruno@example.com").await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.problems(), ["email: ALREADY_TAKEN"]);
        wish("first@example.com").await.expect(200);
        let first = mailed_token(&app, "first@example.com").await;
        wish("second@example.com").await.expect(200);
        refused_token(verify(&app, &first).await);
        let second = mailed_token(&app, "second@example.com").await;
        user(&app, organization, "second@example.com").await;
        verify(&app, &second).await.refused(409, "CONFLICT_DUPLICATE");
        // A wish that was not mailed yet is replaced too.
        wish("third@example.com").await.expect(200);
        wish("fourth@example.com").await.expect(200);
        deliver(&app).await;
        assert!(app.mails().to("third@example.com").is_empty());
        assert_eq!(app.mails().to("fourth@example.com").len(), 1);
        app.clock().advance(Duration::from_secs(24 * 60 * 60));
        let fourth = app.mails().token("fourth@example.com");
        refused_token(verify(&app, &fourth).await);
    }

    async fn one_changes_oneself_by_the_rules(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let client = ana.client(&app);
        let problems = |reply: Reply| reply.expect(400).problems();
        let body = json!({ "name": null, "email": "no address", "isActive": false });
        let mut told = problems(client.patch("/auth/me").json(&body).send().await);
        told.sort();
        assert_eq!(told.len(), 3, "{told:?}");
        let me = client.get("/auth/me").send().await;
        client.patch("/auth/me").json(&json!({ "name": "Ana M." })).send().await.expect(200);
        let stale = client.patch("/auth/me").header("If-Match", me.header("etag"));
        stale.json(&json!({ "name": "Ana N." })).send().await.refused(412, "CONFLICT_VERSION");
        assert_eq!(client.patch("/auth/me").json(&json!({})).send().await.expect(200).data()["name"], "Ana M.");
        let same = client.patch("/auth/me").json(&json!({ "email": "ANA@example.com" })).send().await.expect(200);
        assert_eq!(same.data()["email"], "ana@example.com");
        deliver(&app).await;
        assert!(app.mails().all().is_empty(), "nothing was wished for");
        app.nobody().patch("/auth/me").json(&json!({})).send().await.refused(401, "AUTH_REQUIRED");
    }

    async fn people_are_told_of_new_devices_and_changed_passwords(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        let from = |agent: &'static str| {
            let body = json!({ "organizationSlug": "padaria", "email": "ana@example.com", "password": PASSWORD });
            let call = app.nobody().post("/auth/login").header("User-Agent", agent).json(&body);
            async move { LoggedIn::of(&call.send().await.expect(200)) }
        };
        from("Firefox").await;
        from("Firefox").await;
        assert!(subjects(&app, "ana@example.com").await.is_empty(), "the first device, twice");
        let ana = from("<b>Curl</b>").await;
        assert_eq!(subjects(&app, "ana@example.com").await, ["A login from a new device"]);
        let mail = app.mails().to("ana@example.com").remove(0);
        assert!(mail.text.contains("<b>Curl</b>") && !mail.html.contains("<b>Curl</b>"), "{}", mail.html);
        let body = json!({ "currentPassword": PASSWORD, "newPassword": OTHER });
        ana.client(&app).patch("/auth/me/password").json(&body).send().await.expect(200);
        assert_eq!(subjects(&app, "ana@example.com").await[1..], ["Your password was changed"]);
    }

}
