//! Inviting somebody, and coming in by an invitation.

use std::time::Duration;

use contracts::identity::{Accounts, Entry, FirstAdministrator};
use db::UnitContext;
use futures_util::future::join_all;
use kernel::{Actor, OrganizationId};
use serde_json::{Value, json};
use testkit::{Client, Reply, TestApp};

use crate::governed;
use crate::people::{LoggedIn, PASSWORD, change, login, sql, try_login, user};
use crate::settings::{deliver, mailed_token, use_up_quotas};

const OTHER: &str = "cinco corvos 5";

async fn accept(app: &TestApp, token: &str) -> Reply {
    let body = json!({ "token": token, "name": "Bruno Lima", "password": PASSWORD });
    app.nobody().post("/auth/invitations/accept").json(&body).send().await
}

fn refused_token(reply: Reply) {
    assert_eq!(reply.refused(400, "VALIDATION_FAILED").problems(), ["token: INVALID"]);
}

/// The id of a role by its code.
async fn role(client: &Client, code: &str) -> String {
    let roles = client.get("/roles?limit=100").send().await.expect(200);
    let found = roles
        .data()
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["code"] == code)
        .cloned();
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

/// Somebody who may invite and nothing else, and the id of the role that lets them.
async fn inviter(app: &TestApp, organization: OrganizationId) -> (Client, String, String) {
    let administrator = app.member(organization, Some("ORG_ADMIN")).await;
    let body = json!({ "name": "Inviter", "code": "INVITER" });
    let made = administrator
        .client
        .post("/roles")
        .json(&body)
        .send()
        .await
        .expect(201)
        .id();
    let permission = json!({ "permissionCode": "IDENTITY_USER_CREATE" });
    let path = format!("/roles/{made}/permissions");
    administrator
        .client
        .post(&path)
        .json(&permission)
        .send()
        .await
        .expect(201);
    let inviter = app.member(organization, None).await;
    let path = format!("/users/{}/roles", inviter.id);
    administrator
        .client
        .post(&path)
        .json(&json!({ "roleId": made }))
        .send()
        .await
        .expect(201);
    (inviter.client, made, inviter.id.to_string())
}

async fn invite(client: &Client, email: &str, roles: &[&str]) -> Reply {
    let body = json!({ "email": email, "roleIds": roles });
    client.post("/users/invitations").json(&body).send().await
}

testkit::behaviours! {
    with governed;

    async fn an_invited_person_comes_in_with_what_was_promised(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let viewer = role(&administrator, "VIEWER").await;
        let made = invite(&administrator, "Bruno@example.com", &[&viewer, &viewer]).await.expect(201);
        assert_eq!(made.header("location"), format!("/api/v1/users/invitations/{}", made.id()));
        assert_eq!(
            made.data(),
            &json!({
                "id": made.id(),
                "email": "bruno@example.com",
                "roleIds": [viewer],
                "expiresAt": "2026-11-28T12:00:00.000000Z",
                "createdAt": "2026-11-21T12:00:00.000000Z"
            })
        );
        let listed = administrator.get("/users/invitations").send().await.expect(200);
        assert_eq!((&listed.data()[0], &listed.meta()["total"]), (made.data(), &json!(1)));
        let token = mailed_token(&app, "bruno@example.com").await;
        assert!(token.starts_with("lastro_invite_"));
        assert!(!sql(&app, "SELECT params FROM mail_queue").await[0][0].as_deref().unwrap().contains("lastro_invite"));

        let user = accept(&app, &token).await.expect(201);
        assert_eq!(user.header("location"), format!("/api/v1/users/{}", user.id()));
        assert_eq!((&user.data()["name"], &user.data()["emailVerified"]), (&json!("Bruno Lima"), &json!(true)));
        let bruno = login(&app, "padaria", "bruno@example.com").await.client(&app);
        bruno.get("/users").send().await.expect(200);
        bruno.post("/users/invitations").json(&json!({ "email": "x@example.com" })).send().await.refused(403, "RBAC_FORBIDDEN");
        let path = format!("/users/{}/roles", user.id());
        let held = administrator.get(&path).send().await.expect(200);
        assert_eq!(held.data()[0]["role"]["code"], "VIEWER");

        refused_token(accept(&app, &token).await);
        assert_eq!(administrator.get("/users/invitations").send().await.meta()["total"], 0);
        let trail = sql(&app, "SELECT action FROM audit_entries WHERE action LIKE 'invitation.%' ORDER BY occurred_at, id").await;
        assert_eq!(trail.concat(), ["invitation.created", "invitation.accepted"].map(|action| Some(action.to_owned())));
    }

    async fn nobody_invites_to_more_than_they_hold(app: TestApp) {
        let mine = app.organization("padaria").await;
        let (inviter, own, _) = inviter(&app, mine).await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let admin_role = role(&administrator, "ORG_ADMIN").await;
        invite(&inviter, "bruno@example.com", &[&admin_role]).await.refused(403, "RBAC_ESCALATION");
        invite(&inviter, "bruno@example.com", &[&own, &admin_role]).await.refused(403, "RBAC_ESCALATION");
        let unknown = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40";
        invite(&administrator, "bruno@example.com", &[unknown]).await.refused(404, "NOT_FOUND");
        // The manager of one module, of which an invitation does not speak.
        let (viewer, manager) = (role(&administrator, "VIEWER").await, role(&administrator, "MODULE_MANAGER").await);
        let unfit = invite(&administrator, "bruno@example.com", &[&viewer, &manager]).await;
        assert_eq!(unfit.refused(400, "VALIDATION_FAILED").problems(), ["roleIds: INVALID"]);
        invite(&inviter, "bruno@example.com", &[&own]).await.expect(201);
        let stranger = app.member(mine, None).await.client;
        invite(&stranger, "carla@example.com", &[]).await.refused(403, "RBAC_FORBIDDEN");
        stranger.get("/users/invitations").send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn an_inviter_who_lost_the_right_lets_nobody_in(app: TestApp) {
        let mine = app.organization("padaria").await;
        let (inviter, own, id) = inviter(&app, mine).await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        invite(&inviter, "bruno@example.com", &[&own]).await.expect(201);
        invite(&inviter, "carla@example.com", &[]).await.expect(201);
        let bruno = mailed_token(&app, "bruno@example.com").await;
        let carla = app.mails().token("carla@example.com");
        administrator.delete(&format!("/users/{id}/roles/{own}")).send().await.expect(204);
        accept(&app, &bruno).await.refused(403, "RBAC_ESCALATION");
        accept(&app, &carla).await.refused(403, "RBAC_ESCALATION");
        // The invitation is still there: given the right back, it can be accepted.
        let path = format!("/users/{id}/roles");
        administrator.post(&path).json(&json!({ "roleId": own })).send().await.expect(201);
        accept(&app, &bruno).await.expect(201);
        administrator.delete(&format!("/users/{id}")).send().await.expect(204);
        accept(&app, &carla).await.refused(403, "RBAC_ESCALATION");
        assert_eq!(sql(&app, "SELECT id FROM users WHERE email = 'carla@example.com'").await.len(), 0);
    }

    async fn an_invitation_lives_for_seven_days_and_by_its_last_link(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let path = format!("/users/invitations/{}", made.id());
        let first = mailed_token(&app, "bruno@example.com").await;
        app.clock().advance(Duration::from_secs(7 * 24 * 60 * 60));
        refused_token(accept(&app, &first).await);
        let again = administrator.post(&format!("{path}/resend")).send().await.expect(200);
        assert_eq!(again.data()["expiresAt"], "2026-12-05T12:00:00.000000Z");
        let second = mailed_token(&app, "bruno@example.com").await;
        assert_ne!(first, second);
        refused_token(accept(&app, &first).await);
        // Somebody who is invited is not invited twice, until the invitation has expired.
        let twice = invite(&administrator, "bruno@example.com", &[]).await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(twice.problems(), ["email: ALREADY_TAKEN"]);
        app.clock().advance(Duration::from_secs(7 * 24 * 60 * 60));
        let anew = invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        assert_ne!(anew.id(), made.id());
        refused_token(accept(&app, &second).await);
        let third = mailed_token(&app, "bruno@example.com").await;
        let path = format!("/users/invitations/{}", anew.id());
        administrator.delete(&path).header("If-Match", "\"stale\"").send().await.refused(412, "CONFLICT_VERSION");
        administrator.delete(&path).send().await.expect(204);
        refused_token(accept(&app, &third).await);
        administrator.delete(&path).send().await.refused(404, "NOT_FOUND");
        administrator.post(&format!("{path}/resend")).send().await.refused(404, "NOT_FOUND");
    }

    async fn an_invitation_that_is_taken_back_before_its_mail_is_not_mailed(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        administrator.delete(&format!("/users/invitations/{}", made.id())).send().await.expect(204);
        deliver(&app).await;
        assert!(app.mails().all().is_empty());
    }

    async fn another_organizations_invitation_is_not_there(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let made = invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let path = format!("/users/invitations/{}", made.id());
        let intruder = app.member(other, Some("ORG_ADMIN")).await.client;
        intruder.delete(&path).send().await.refused(404, "NOT_FOUND");
        intruder.post(&format!("{path}/resend")).send().await.refused(404, "NOT_FOUND");
        assert_eq!(intruder.get("/users/invitations").send().await.expect(200).meta()["total"], 0);
        // A role of another organization is no role.
        let body = json!({ "name": "Clerk", "code": "CLERK" });
        let foreign = administrator.post("/roles").json(&body).send().await.expect(201).id();
        invite(&intruder, "carla@example.com", &[&foreign]).await.refused(404, "NOT_FOUND");
        // The same address may be invited by each.
        invite(&intruder, "bruno@example.com", &[]).await.expect(201);
        let in_payload = json!({ "email": "d@example.com", "organizationId": mine });
        intruder.post("/users/invitations").json(&in_payload).send().await.refused(400, "TENANT_IN_PAYLOAD");
    }

    async fn of_simultaneous_acceptances_one_makes_a_member(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        let replies = join_all((0..5).map(|_| accept(&app, &token))).await;
        let statuses: Vec<u16> = replies.iter().map(|reply| reply.status.as_u16()).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
        assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 4, "{statuses:?}");
    }

    async fn an_address_that_is_a_users_is_not_invited_and_does_not_come_in_twice(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        user(&app, mine, "ana@example.com").await;
        let taken = invite(&administrator, "ana@example.com", &[]).await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.problems(), ["email: ALREADY_TAKEN"]);
        invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        user(&app, mine, "bruno@example.com").await;
        accept(&app, &token).await.refused(409, "CONFLICT_DUPLICATE");
    }

    async fn a_role_that_is_gone_grants_nothing_and_keeps_nobody_out(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        let body = json!({ "name": "Clerk", "code": "CLERK" });
        let clerk = administrator.post("/roles").json(&body).send().await.expect(201).id();
        let viewer = role(&administrator, "VIEWER").await;
        invite(&administrator, "bruno@example.com", &[&clerk, &viewer]).await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        administrator.delete(&format!("/roles/{clerk}")).send().await.expect(204);
        let made = accept(&app, &token).await.expect(201);
        let held = administrator.get(&format!("/users/{}/roles", made.id())).send().await.expect(200);
        assert_eq!(held.data().as_array().unwrap().len(), 1);
    }

    async fn what_is_chosen_at_the_door_keeps_to_the_rules(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        let send = |body: Value| app.nobody().post("/auth/invitations/accept").json(&body).send();
        let weak = send(json!({ "token": token, "password": "xbrunox 123" })).await.expect(400);
        assert_eq!(weak.problems(), ["password: CONTAINS_EMAIL"]);
        let bad = send(json!({ "token": token, "name": "B", "password": "x", "roleIds": [] })).await.expect(400);
        assert!(bad.problems().len() >= 3, "{:?}", bad.problems());
        let (rest, end) = token.split_at(token.len() - 1);
        let another_end = format!("{rest}{}", if end == "x" { "y" } else { "x" });
        for forged in ["x", &token.replace("invite", "reset"), &another_end] {
            refused_token(send(json!({ "token": forged, "password": OTHER })).await);
        }
        // Without a name they are called by their address.
        let made = send(json!({ "token": token, "password": OTHER })).await.expect(201);
        assert_eq!(made.data()["name"], "bruno");
    }

    async fn nobody_comes_in_beyond_the_quota(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await.client;
        invite(&administrator, "bruno@example.com", &[]).await.expect(201);
        let token = mailed_token(&app, "bruno@example.com").await;
        use_up_quotas(&app);
        accept(&app, &token).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(administrator.get("/users/invitations").send().await.meta()["total"], 1);
    }

    async fn an_inviters_name_is_text_in_the_mail(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.member(mine, Some("ORG_ADMIN")).await;
        let name = "<script>alert(1)</script>";
        administrator.client.patch("/auth/me").json(&json!({ "name": name })).send().await.expect(200);
        change(&app, "UPDATE users SET password_hash = password_hash").await;
        let reply = try_login(&app, "padaria", &administrator.email, "correct horse 1").await.expect(200);
        let renamed = LoggedIn::of(&reply).client(&app);
        invite(&renamed, "bruno@example.com", &[]).await.expect(201);
        deliver(&app).await;
        let mail = app.mails().to("bruno@example.com").remove(0);
        assert!(mail.text.contains(name), "{}", mail.text);
        assert!(!mail.html.contains("<script") && mail.html.contains("&lt;script&gt;"), "{}", mail.html);
    }

    async fn the_first_administrator_comes_in_by_an_invitation(app: TestApp) {
        let mine = app.organization("padaria").await;
        let accounts = app.edge().app().port::<dyn Accounts>().unwrap();
        let person = FirstAdministrator {
            name: "Ana Souza".to_owned(),
            email: "ana@example.com".to_owned(),
            entry: Entry::Invitation,
        };
        app.db()
            .write(UnitContext::tenant(Actor::system("onboarding"), mine), move |uow| {
                let (accounts, person) = (accounts.clone(), person.clone());
                async move { accounts.add_first(&uow, mine, &person).await.map(|_| ()) }
            })
            .await
            .unwrap();
        try_login(&app, "padaria", "ana@example.com", PASSWORD).await.refused(401, "AUTH_INVALID_CREDENTIALS");
        let token = mailed_token(&app, "ana@example.com").await;
        let body = json!({ "token": token, "password": PASSWORD });
        let made = app.nobody().post("/auth/invitations/accept").json(&body).send().await.expect(201);
        assert_eq!((&made.data()["name"], &made.data()["emailVerified"]), (&json!("Ana Souza"), &json!(true)));
        login(&app, "padaria", "ana@example.com").await;
        refused_token(accept(&app, &token).await);
    }
}
