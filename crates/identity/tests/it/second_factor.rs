//! The second factor: set up, asked for, lost, enforced.

use std::time::Duration;

use identity::domain::{TotpSecret, TotpStep};
use kernel::{Id as _, Timestamp};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestApp};

use crate::people::{LoggedIn, PASSWORD, ana, change, login, sql, try_login, user};
use crate::settings::{Trail, choose, mailed_token, start, subjects};

/// An authenticator.
pub(crate) struct Authenticator(TotpSecret);

impl Authenticator {
    /// One with a secret as a person types it.
    pub(crate) fn new(base32: &str) -> Self {
        let mut bytes = Vec::new();
        let (mut waiting, mut bits) = (0_u32, 0);
        for character in base32.bytes() {
            let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
                .iter()
                .position(|known| *known == character);
            waiting = (waiting << 5) | u32::try_from(value.unwrap()).unwrap();
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                bytes.push(u8::try_from((waiting >> bits) & 0xff).unwrap());
            }
        }
        Self(TotpSecret::from_bytes(&bytes).unwrap())
    }

    /// The code that it shows so many seconds from now.
    pub(crate) fn code(&self, app: &TestApp, seconds: i64) -> String {
        let now = app.edge().app().generators().now();
        let then = Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
        self.0.code(TotpStep::at(then))
    }

    /// A code that it will not show for a while.
    fn wrong(&self, app: &TestApp) -> String {
        self.code(app, 3_600)
    }
}

/// Sets an authenticator up, up to its confirmation.
pub(crate) async fn enrol(app: &TestApp, client: &Client) -> (Authenticator, Vec<String>) {
    let made = client.post("/auth/me/mfa/totp").send().await.expect(200);
    let authenticator = Authenticator::new(made.data()["secret"].as_str().unwrap());
    let body = json!({ "code": authenticator.code(app, 0) });
    let confirmed = client
        .post("/auth/me/mfa/totp/confirm")
        .json(&body)
        .send()
        .await
        .expect(200);
    let codes = confirmed.data()["recoveryCodes"].as_array().unwrap().iter();
    let codes = codes.map(|code| code.as_str().unwrap().to_owned()).collect();
    app.clock().advance(Duration::from_secs(60));
    (authenticator, codes)
}

async fn challenge(app: &TestApp) -> String {
    let reply = try_login(app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
    assert_eq!(reply.data()["mfaRequired"], true);
    reply.data()["challenge"].as_str().unwrap().to_owned()
}

async fn verify(app: &TestApp, challenge: &str, code: &str) -> Reply {
    let body = json!({ "challenge": challenge, "code": code });
    app.nobody().post("/auth/mfa/verify").json(&body).send().await
}

async fn recover(app: &TestApp, challenge: &str, code: &str) -> Reply {
    let body = json!({ "challenge": challenge, "recoveryCode": code });
    app.nobody().post("/auth/mfa/verify").json(&body).send().await
}

testkit::behaviours! {
    with start;

    async fn a_second_factor_is_set_up_and_asked_for(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let client = ana.client(&app);
        let made = client.post("/auth/me/mfa/totp").send().await.expect(200);
        let secret = made.data()["secret"].as_str().unwrap();
        let uri = made.data()["otpauthUri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/Organization%20padaria:ana%40example.com?secret="), "{uri}");
        assert!(uri.contains(secret));
        // Not confirmed, it protects nothing.
        login(&app, "padaria", "ana@example.com").await;
        let authenticator = Authenticator::new(secret);
        let confirm = |code: String| client.post("/auth/me/mfa/totp/confirm").json(&json!({ "code": code })).send();
        assert_eq!(confirm(authenticator.wrong(&app)).await.expect(400).problems(), ["code: INVALID"]);
        let code = authenticator.code(&app, 0);
        let (first, second) = code.split_at(3);
        let confirmed = confirm(format!("{first} {second}")).await.expect(200);
        assert_eq!(confirmed.data()["recoveryCodes"].as_array().unwrap().len(), 10);
        confirm(authenticator.code(&app, 30)).await.refused(409, "CONFLICT_STATE");
        client.post("/auth/me/mfa/totp").send().await.refused(409, "CONFLICT_STATE");
        assert_eq!(client.get("/auth/me").send().await.data()["mfaEnabled"], true);

        let reply = try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
        assert!(reply.data().get("accessToken").is_none() && reply.data().get("user").is_none());
        assert_eq!((&reply.data()["mfaRequired"], &reply.data()["expiresIn"]), (&json!(true), &json!(300)));
        let challenge = reply.data()["challenge"].as_str().unwrap();
        // The code of the confirmation was used up by it.
        verify(&app, challenge, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let opened = verify(&app, challenge, &authenticator.code(&app, 30)).await.expect(200);
        assert_eq!(opened.headers["cache-control"], "no-store");
        let session = LoggedIn::of(&opened);
        session.client(&app).get("/auth/me").send().await.expect(200);
        verify(&app, challenge, &authenticator.code(&app, 60)).await.refused(401, "AUTH_INVALID_TOKEN");
        // Nothing of it can be read from the database.
        let length = sql(&app, "SELECT CAST(length(sealed_secret) AS text) FROM user_mfa").await;
        assert_eq!(length[0][0].as_deref(), Some("57"), "version, key, nonce, 20 bytes, tag");
    }

    async fn a_code_works_once_and_one_step_before_and_after(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let one = challenge(&app).await;
        verify(&app, &one, &authenticator.code(&app, -60)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        verify(&app, &one, &authenticator.code(&app, 60)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        verify(&app, &one, &authenticator.code(&app, -30)).await.expect(200);
        let two = challenge(&app).await;
        verify(&app, &two, &authenticator.code(&app, -30)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        verify(&app, &two, &authenticator.code(&app, 30)).await.expect(200);
        let three = challenge(&app).await;
        // What comes before the last accepted step is over too.
        verify(&app, &three, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
    }

    async fn of_one_code_used_twice_at_once_one_gets_in(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let (one, two) = (challenge(&app).await, challenge(&app).await);
        let code = authenticator.code(&app, 0);
        let (first, second) = tokio::join!(verify(&app, &one, &code), verify(&app, &two, &code));
        let mut statuses = [first.status.as_u16(), second.status.as_u16()];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 401]);
    }

    async fn a_challenge_counts_for_five_tries_and_five_minutes(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let tired = challenge(&app).await;
        for _ in 0..5 {
            verify(&app, &tired, &authenticator.wrong(&app)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        }
        verify(&app, &tired, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_TOKEN");
        let old = challenge(&app).await;
        app.clock().advance(Duration::from_secs(5 * 60));
        verify(&app, &old, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_TOKEN");
        for forged in ["x", "lastro_mfa_x", &ana.access, &ana.refresh, &old.replace("mfa", "reset")] {
            verify(&app, forged, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_TOKEN");
        }
        // A challenge is no credential.
        let fresh = challenge(&app).await;
        app.with_credential(&fresh).get("/auth/me").send().await.refused(401, "AUTH_INVALID_TOKEN");
        app.with_credential(&fresh).post("/auth/me/mfa/totp").send().await.refused(401, "AUTH_INVALID_TOKEN");
        app.nobody().get("/auth/me").header("X-API-Key", &fresh).send().await.refused(401, "AUTH_INVALID_TOKEN");
    }

    async fn new_challenges_are_no_way_to_go_on_guessing(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        for _ in 0..2 {
            let challenge = challenge(&app).await;
            for _ in 0..5 {
                verify(&app, &challenge, &authenticator.wrong(&app)).await.expect(401);
            }
        }
        let locked = try_login(&app, "padaria", "ana@example.com", PASSWORD).await;
        // Codes and passwords of this test come from different addresses, and either way guessing has ended.
        let ended = if locked.status.as_u16() == 200 {
            let challenge = locked.data()["challenge"].as_str().unwrap().to_owned();
            verify(&app, &challenge, &authenticator.code(&app, 0)).await
        } else {
            locked
        };
        ended.refused(429, "AUTH_ACCOUNT_LOCKED");
        assert_eq!(sql(&app, "SELECT action FROM audit_entries WHERE action = 'user.locked'").await.len(), 1);
    }

    async fn wrong_codes_are_told_to_the_security_trail(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let open = challenge(&app).await;
        let trail = Trail::listen(&app);
        verify(&app, &open, &authenticator.wrong(&app)).await.expect(401);
        assert_eq!(trail.told(), [("login.failed", ana.id().as_uuid())]);
        verify(&app, &open, &authenticator.code(&app, 0)).await.expect(200);
        assert_eq!(trail.told().len(), 1);
    }

    async fn a_recovery_code_works_once_however_it_is_typed(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, codes) = enrol(&app, &ana.client(&app)).await;
        let one = challenge(&app).await;
        recover(&app, &one, "0000-0000-0000-0000").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        recover(&app, &one, "no code").await.refused(401, "AUTH_INVALID_CREDENTIALS");
        recover(&app, &one, &codes[0].to_uppercase().replace('-', " ")).await.expect(200);
        let two = challenge(&app).await;
        recover(&app, &two, &codes[0]).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        recover(&app, &two, &codes[1]).await.expect(200);
        let three = challenge(&app).await;
        let both = json!({ "challenge": three, "code": authenticator.code(&app, 0), "recoveryCode": codes[2] });
        let refused = app.nobody().post("/auth/mfa/verify").json(&both).send().await.expect(400);
        assert_eq!(refused.problems(), ["recoveryCode: INVALID"]);
        let neither = app.nobody().post("/auth/mfa/verify").json(&json!({ "challenge": three })).send().await.expect(400);
        assert_eq!(neither.problems(), ["code: REQUIRED"]);
    }

    async fn another_password_does_not_skip_it(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let body = json!({ "organizationSlug": "padaria", "email": "ana@example.com" });
        app.nobody().post("/auth/password/forgot").json(&body).send().await.expect(202);
        let token = mailed_token(&app, "ana@example.com").await;
        let reset = json!({ "token": token, "password": "cinco corvos 5" });
        app.nobody().post("/auth/password/reset").json(&reset).send().await.expect(200);
        let reply = try_login(&app, "padaria", "ana@example.com", "cinco corvos 5").await.expect(200);
        assert!(reply.data().get("accessToken").is_none());
        let challenge = reply.data()["challenge"].as_str().unwrap().to_owned();
        verify(&app, &challenge, &authenticator.code(&app, 0)).await.expect(200);
    }

    async fn half_a_login_ends_with_the_password_it_began_with(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let client = ana.client(&app);
        let (authenticator, _) = enrol(&app, &client).await;
        let by_whoever_knew_it = challenge(&app).await;
        let change = json!({ "currentPassword": PASSWORD, "newPassword": "cinco corvos 5" });
        client.patch("/auth/me/password").json(&change).send().await.expect(200);
        verify(&app, &by_whoever_knew_it, &authenticator.code(&app, 30)).await.refused(401, "AUTH_INVALID_TOKEN");
    }

    async fn one_removes_it_with_ones_password(app: TestApp) {
        let (_, ana) = ana(&app).await;
        let client = ana.client(&app);
        client.delete("/auth/me/mfa/totp").json(&json!({ "currentPassword": PASSWORD })).send().await.refused(404, "NOT_FOUND");
        enrol(&app, &client).await;
        let open = challenge(&app).await;
        let remove = |password: &'static str| {
            client.delete("/auth/me/mfa/totp").json(&json!({ "currentPassword": password })).send()
        };
        assert_eq!(remove("tres tigres 4").await.expect(400).problems(), ["currentPassword: INVALID"]);
        choose(&app, |settings| settings.mfa_required = true);
        remove(PASSWORD).await.refused(409, "CONFLICT_STATE");
        choose(&app, |settings| settings.mfa_required = false);
        let body = json!({ "currentPassword": PASSWORD });
        client.delete("/auth/me/mfa/totp").header("If-Match", "\"1\"").json(&body).send().await.refused(412, "CONFLICT_VERSION");
        client.delete("/auth/me/mfa/totp").header("If-Match", "*").json(&body).send().await.expect(204);
        assert_eq!(subjects(&app, "ana@example.com").await, ["Your second factor was removed"]);
        assert_eq!(client.get("/auth/me").send().await.data()["mfaEnabled"], false);
        verify(&app, &open, "123456").await.refused(401, "AUTH_INVALID_TOKEN");
        login(&app, "padaria", "ana@example.com").await;
        assert!(sql(&app, "SELECT digest FROM mfa_recovery_codes").await.is_empty());
    }

    async fn where_it_is_enforced_a_login_sets_it_up_first(app: TestApp) {
        let organization = app.organization("padaria").await;
        user(&app, organization, "ana@example.com").await;
        choose(&app, |settings| settings.mfa_required = true);
        let reply = try_login(&app, "padaria", "ana@example.com", PASSWORD).await.expect(200);
        assert!(reply.data().get("accessToken").is_none());
        assert_eq!(reply.data()["mfaEnrollmentRequired"], true);
        let challenge = reply.data()["challenge"].as_str().unwrap().to_owned();
        let waiting = app.with_credential(&challenge);
        // It opens the two routes that set a second factor up, and nothing else.
        for path in ["/auth/me", "/auth/sessions", "/users", "/auth/me/permissions"] {
            let refused = waiting.get(path).send().await;
            assert!(matches!(refused.status.as_u16(), 401 | 404), "{path}: {}", refused.status);
        }
        waiting.patch("/auth/me").json(&json!({ "name": "Eve" })).send().await.refused(401, "AUTH_INVALID_TOKEN");
        waiting.post("/auth/logout-all").send().await.refused(401, "AUTH_INVALID_TOKEN");
        let none = json!({ "currentPassword": PASSWORD });
        waiting.delete("/auth/me/mfa/totp").json(&none).send().await.refused(401, "AUTH_INVALID_TOKEN");
        verify(&app, &challenge, "123456").await.refused(401, "AUTH_INVALID_TOKEN");

        let made = waiting.post("/auth/me/mfa/totp").send().await.expect(200);
        let authenticator = Authenticator::new(made.data()["secret"].as_str().unwrap());
        let body = json!({ "code": authenticator.code(&app, 0) });
        waiting.post("/auth/me/mfa/totp/confirm").json(&body).send().await.expect(200);
        // The login goes on with the next code, and the challenge is no credential any more.
        waiting.post("/auth/me/mfa/totp").send().await.refused(401, "AUTH_INVALID_TOKEN");
        verify(&app, &challenge, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let opened = verify(&app, &challenge, &authenticator.code(&app, 30)).await.expect(200);
        assert_eq!(opened.data()["user"]["mfaEnabled"], true);
        LoggedIn::of(&opened).client(&app).get("/auth/me").send().await.expect(200);
    }

    async fn a_challenge_dies_with_who_may_not_enter_any_more(app: TestApp) {
        let (organization, ana) = ana(&app).await;
        let (authenticator, _) = enrol(&app, &ana.client(&app)).await;
        let open = challenge(&app).await;
        change(&app, "UPDATE users SET is_active = false").await;
        verify(&app, &open, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_TOKEN");
        change(&app, "UPDATE users SET is_active = true").await;
        app.operator().delete(&format!("/organizations/{organization}")).send().await.expect(204);
        verify(&app, &open, &authenticator.code(&app, 0)).await.refused(401, "AUTH_INVALID_TOKEN");
    }

    async fn a_repeated_request_shows_the_secret_to_nobody_else(app: TestApp) {
        let (organization, ana) = ana(&app).await;
        let client = ana.client(&app);
        let keyed = |client: &Client| client.post("/auth/me/mfa/totp").header("Idempotency-Key", "once").send();
        let first = keyed(&client).await.expect(200);
        let again = keyed(&client).await.expect(200);
        assert_eq!((first.data(), again.header("idempotency-replayed")), (again.data(), "true"));
        user(&app, organization, "bruno@example.com").await;
        let bruno = login(&app, "padaria", "bruno@example.com").await.client(&app);
        assert_ne!(keyed(&bruno).await.expect(200).data()["secret"], first.data()["secret"]);
        assert_ne!(first.data()["secret"], Value::Null);
    }
}

/// What an administrator does for who lost the authenticator.
mod reset {
    use super::*;
    use crate::governed;

    testkit::behaviours! {
        with governed;

        async fn an_administrator_removes_a_lost_one(app: TestApp) {
            let (mine, ana) = ana(&app).await;
            let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
            enrol(&app, &ana.client(&app)).await;
            let open = challenge(&app).await;
            let path = format!("/users/{}/mfa/reset", ana.id());
            let other = app.organization("outra").await;
            let intruder = app.member(other, Some("ORG_ADMIN")).await.client;
            intruder.post(&path).send().await.refused(404, "NOT_FOUND");
            app.member(mine, None).await.client.post(&path).send().await.refused(403, "RBAC_FORBIDDEN");
            let user = administrator.post(&path).send().await.expect(200);
            assert_eq!(user.data()["mfaEnabled"], false);
            administrator.post(&path).send().await.expect(200);
            let told = subjects(&app, "ana@example.com").await;
            assert_eq!(told, ["Seu segundo fator foi removido"], "once, in the organization's language");
            verify(&app, &open, "123456").await.refused(401, "AUTH_INVALID_TOKEN");
            login(&app, "padaria", "ana@example.com").await;
        }

        async fn who_holds_less_removes_nobodys(app: TestApp) {
            let mine = app.organization("padaria").await;
            let administrator = app.member(mine, Some("ORG_ADMIN")).await;
            let body = json!({ "name": "Keeper", "code": "KEEPER" });
            let made = administrator.client.post("/roles").json(&body).send().await.expect(201).id();
            let permission = json!({ "permissionCode": "IDENTITY_USER_UPDATE" });
            let path = format!("/roles/{made}/permissions");
            administrator.client.post(&path).json(&permission).send().await.expect(201);
            let keeper = app.member(mine, None).await;
            let path = format!("/users/{}/roles", keeper.id);
            administrator.client.post(&path).json(&json!({ "roleId": made })).send().await.expect(201);
            let path = format!("/users/{}/mfa/reset", administrator.id);
            keeper.client.post(&path).send().await.refused(403, "RBAC_ESCALATION");
        }
    }
}
