//! Registering oneself, as far as the organization lets people do so.

use contracts::settings::Registration;
use serde_json::{Value, json};
use testkit::{Reply, TestApp};

use crate::people::{PASSWORD, login, sql, try_login, user};
use crate::settings::{choose, deliver, mailed_token, open_to_domains, start, subjects, use_up_quotas};

fn body(slug: &str, email: &str) -> Value {
    json!({ "organizationSlug": slug, "name": "Bruno Lima", "email": email, "password": PASSWORD })
}

async fn register(app: &TestApp, slug: &str, email: &str) -> Reply {
    app.nobody()
        .post("/auth/register")
        .json(&body(slug, email))
        .send()
        .await
}

async fn verify(app: &TestApp, token: &str) -> Reply {
    app.nobody()
        .post("/auth/email/verify")
        .json(&json!({ "token": token }))
        .send()
        .await
}

testkit::behaviours! {
    with start;

    async fn nobody_registers_unless_the_organization_wants_it(app: TestApp) {
        app.organization("padaria").await;
        let closed = app.organization("closed").await;
        app.operator().delete(&format!("/organizations/{closed}")).send().await.expect(204);
        let mut answers = Vec::new();
        answers.push(register(&app, "padaria", "bruno@example.com").await);
        choose(&app, |settings| settings.registration = Registration::Open);
        answers.push(register(&app, "nowhere", "bruno@example.com").await);
        answers.push(register(&app, "closed", "bruno@example.com").await);
        open_to_domains(&app, &["padaria.example.com"]);
        for other in ["bruno@example.com", "bruno@sub.padaria.example.com", "bruno@padaria.example.com.evil.example"] {
            answers.push(register(&app, "padaria", other).await);
        }
        let told: Vec<Value> = answers
            .into_iter()
            .map(|reply| reply.refused(403, "AUTH_REGISTRATION_CLOSED").json["error"]["message"].clone())
            .collect();
        assert!(told.iter().all(|message| *message == told[0]), "{told:?}");
        assert!(sql(&app, "SELECT email FROM users").await.is_empty());
    }

    async fn an_open_organization_lets_people_in_at_once(app: TestApp) {
        let organization = app.organization("padaria").await;
        choose(&app, |settings| settings.registration = Registration::Open);
        let made = register(&app, "padaria", "Bruno@example.com").await.expect(201);
        assert_eq!(made.header("location"), format!("/api/v1/users/{}", made.id()));
        assert_eq!(
            (&made.data()["organizationId"], &made.data()["email"], &made.data()["emailVerified"]),
            (&json!(organization.to_string()), &json!("bruno@example.com"), &json!(false))
        );
        assert!(made.data().get("accessToken").is_none() && made.data().get("passwordHash").is_none());
        let bruno = login(&app, "padaria", "bruno@example.com").await;
        bruno.client(&app).get("/users").send().await.refused(403, "RBAC_FORBIDDEN");
        let taken = register(&app, "padaria", "BRUNO@example.com").await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.problems(), ["email: ALREADY_TAKEN"]);
        let trail = sql(&app, "SELECT actor_kind FROM audit_entries WHERE action = 'user.created'").await;
        assert_eq!(trail, [[Some("user".to_owned())]], "who registers is who did it");
    }

    async fn an_address_of_a_listed_domain_is_confirmed_first(app: TestApp) {
        app.organization("padaria").await;
        open_to_domains(&app, &["padaria.example.com"]);
        register(&app, "padaria", "bruno@PADARIA.example.com").await.expect(201);
        let email = "bruno@padaria.example.com";
        try_login(&app, "padaria", email, PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let token = mailed_token(&app, email).await;
        assert!(app.mails().to(email)[0].text.contains("/email/verify?token="));
        let user = verify(&app, &token).await.expect(200);
        assert_eq!((&user.data()["isActive"], &user.data()["emailVerified"]), (&json!(true), &json!(true)));
        login(&app, "padaria", email).await;
        assert_eq!(verify(&app, &token).await.expect(400).problems(), ["token: INVALID"]);
    }

    async fn whether_an_address_is_taken_only_its_owner_is_told(app: TestApp) {
        let organization = app.organization("padaria").await;
        open_to_domains(&app, &["example.com"]);
        user(&app, organization, "ana@example.com").await;
        let fresh = register(&app, "padaria", "bruno@example.com").await.expect(201);
        let taken = register(&app, "padaria", "ana@example.com").await.expect(201);
        let alike = |reply: &Reply| {
            let mut data = reply.data().clone();
            for field in ["id", "email"] {
                data[field] = Value::Null;
            }
            (data, reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(alike(&fresh), alike(&taken));
        assert_eq!(sql(&app, "SELECT email FROM users").await.len(), 2, "nothing was made for the taken one");
        assert_eq!(subjects(&app, "ana@example.com").await, ["You already have an account"]);
        login(&app, "padaria", "ana@example.com").await;
    }

    async fn nobody_confirms_somebody_elses_password(app: TestApp) {
        app.organization("padaria").await;
        open_to_domains(&app, &["example.com"]);
        register(&app, "padaria", "bruno@example.com").await.expect(201);
        let first = mailed_token(&app, "bruno@example.com").await;
        let mut intruder = body("padaria", "bruno@example.com");
        intruder["password"] = json!("cinco corvos 5");
        app.nobody().post("/auth/register").json(&intruder).send().await.expect(201);
        let second = mailed_token(&app, "bruno@example.com").await;
        assert_ne!(first, second);
        verify(&app, &second).await.expect(200);
        try_login(&app, "padaria", "bruno@example.com", "cinco corvos 5").await.expect(401);
        login(&app, "padaria", "bruno@example.com").await;
        assert_eq!(verify(&app, &first).await.expect(400).problems(), ["token: INVALID"]);
    }

    async fn nobody_registers_beyond_the_quota(app: TestApp) {
        app.organization("padaria").await;
        open_to_domains(&app, &["example.com"]);
        register(&app, "padaria", "bruno@example.com").await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        use_up_quotas(&app);
        verify(&app, &token).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        choose(&app, |settings| settings.registration = Registration::Open);
        register(&app, "padaria", "carla@example.com").await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(sql(&app, "SELECT email FROM users WHERE is_active").await.len(), 0);
        assert_eq!(sql(&app, "SELECT purpose FROM one_time_tokens").await.len(), 1, "the link was not spent");
    }

    async fn a_registration_is_told_all_its_problems(app: TestApp) {
        app.organization("padaria").await;
        choose(&app, |settings| settings.registration = Registration::Open);
        let bad = json!({ "organizationSlug": "padaria", "name": "B", "email": "x", "password": "xqzwvk", "isActive": true });
        let mut problems = app.nobody().post("/auth/register").json(&bad).send().await.expect(400).problems();
        problems.sort();
        assert_eq!(
            problems,
            [
                "email: INVALID_FORMAT",
                "isActive: UNKNOWN_FIELD",
                "name: TOO_SHORT",
                "password: LETTER_AND_DIGIT_NEEDED",
                "password: TOO_SHORT"
            ]
        );
        let named = json!({ "name": "Bruno", "email": "bruno@example.com", "password": PASSWORD });
        assert_eq!(app.nobody().post("/auth/register").json(&named).send().await.expect(400).problems(), ["organizationId: REQUIRED"]);
        choose(&app, |settings| settings.password_min_length = 20);
        let short = register(&app, "padaria", "bruno@example.com").await.expect(400);
        assert_eq!(short.problems(), ["password: TOO_SHORT"]);
        let mut long = body("padaria", "bruno@example.com");
        long["password"] = json!("a1".repeat(500_000));
        app.nobody().post("/auth/register").json(&long).send().await.expect(400);
        deliver(&app).await;
        assert!(app.mails().all().is_empty());
    }
}

mod decided {
    use super::{register, verify};
    use crate::people::sql;
    use crate::settings::{governed, mailed_token, open_to_domains, subjects};

    testkit::behaviours! {
        with governed;

        async fn a_link_does_not_undo_what_an_administrator_decided(app: TestApp) {
            let organization = app.organization("padaria").await;
            open_to_domains(&app, &["example.com"]);
            let made = register(&app, "padaria", "bruno@example.com").await.expect(201);
            let token = mailed_token(&app, "bruno@example.com").await;
            let administrator = app.member(organization, Some("ORG_ADMIN")).await.client;
            let path = format!("/users/{}", made.id());
            for _ in 0..2 {
                administrator.delete(&path).send().await.expect(204);
            }
            let told = sql(&app, "SELECT action FROM audit_entries WHERE action = 'user.deactivated'").await;
            assert_eq!(told.len(), 1, "once");
            assert_eq!(verify(&app, &token).await.expect(400).problems(), ["token: INVALID"]);
            assert_eq!(administrator.get(&path).send().await.expect(200).data()["isActive"], false);
            register(&app, "padaria", "bruno@example.com").await.expect(201);
            assert!(subjects(&app, "bruno@example.com").await.contains(&"You already have an account".to_owned()));
        }
    }
}
