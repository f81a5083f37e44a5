//! Users as administrators see and change them.

use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::Reply;

use crate::people::change;
use crate::start;

fn ana() -> Value {
    json!({ "name": "Ana Souza", "email": "Ana@Padaria.example.com", "password": "tres tigres 3" })
}

fn names(reply: &Reply) -> Vec<&str> {
    let users = reply.data().as_array().unwrap().iter();
    users.map(|user| user["name"].as_str().unwrap()).collect()
}

testkit::behaviours! {
    with start;

    async fn a_user_is_made_and_seen(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let created = administrator.post("/users").json(&ana()).send().await.expect(201);
        let path = format!("/users/{}", created.id());
        assert_eq!(created.header("location"), format!("/api/v1{path}"));
        assert_eq!(
            created.data(),
            &json!({
                "id": created.id(),
                "organizationId": mine.to_string(),
                "name": "Ana Souza",
                "email": "ana@padaria.example.com",
                "isActive": true,
                "emailVerified": false,
                "mfaEnabled": false,
                "lastLoginAt": null,
                "createdAt": "2026-11-21T12:00:00.000000Z",
                "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        let seen = administrator.get(&path).send().await.expect(200);
        assert_eq!((seen.data(), seen.header("etag")), (created.data(), created.header("etag")));

        let trail = administrator.get("/audit-logs?targetType=user").send().await.expect(200);
        let entry = &trail.data()[0];
        assert_eq!((&entry["action"], &entry["target"]["id"]), (&json!("user.created"), &json!(created.id())));
        assert_eq!(entry["changes"]["email"], json!({ "from": null, "to": "ana@padaria.example.com" }));
        assert!(!trail.json.to_string().contains("argon2"));
    }

    async fn an_address_is_unique_in_its_organization_whatever_its_case(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.administrator(mine);
        administrator.post("/users").json(&ana()).send().await.expect(201);
        let mut again = ana();
        again["email"] = json!("ANA@PADARIA.EXAMPLE.COM");
        let refused = administrator.post("/users").json(&again).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(refused.problems(), ["email: ALREADY_TAKEN"]);
        app.administrator(other).post("/users").json(&ana()).send().await.expect(201);
    }

    async fn of_simultaneous_users_with_one_address_there_is_one(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let replies = join_all((0..8).map(|_| administrator.post("/users").json(&ana()).send())).await;
        let made = replies.iter().filter(|reply| reply.status.as_u16() == 201).count();
        let taken = replies.iter().filter(|reply| reply.code() == "CONFLICT_DUPLICATE").count();
        assert_eq!((made, taken), (1, 7));
    }

    async fn what_is_wrong_with_a_user_is_told_at_once(app: TestApp) {
        let administrator = app.administrator(app.organization("padaria").await);
        let body = json!({ "name": "A", "email": "ana", "password": "zqw", "isActive": false });
        let refused = administrator.post("/users").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            [
                "email: INVALID_FORMAT",
                "isActive: UNKNOWN_FIELD",
                "name: TOO_SHORT",
                "password: LETTER_AND_DIGIT_NEEDED",
                "password: TOO_SHORT",
            ]
        );
        for (password, code) in [
            ("ana-souza-2026", "CONTAINS_EMAIL"),
            ("password1", "TOO_COMMON"),
            (&*"a1".repeat(500_000), "TOO_LONG"),
        ] {
            let body = json!({ "name": "Ana", "email": "ana-souza@example.com", "password": password });
            let refused = administrator.post("/users").json(&body).send().await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [format!("password: {code}")]);
        }
        let body = json!({ "name": "Ana", "email": "a@example.com", "password": "tres tigres 3", "organizationId": "x" });
        administrator.post("/users").json(&body).send().await.refused(400, "TENANT_IN_PAYLOAD");
    }

    async fn users_are_searched_filtered_ordered_and_paged(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        for (name, email) in [("Álvaro Dias", "a@example.com"), ("Bruna Lima", "c@example.com"), ("Caio Reis", "b@example.com")] {
            let body = json!({ "name": name, "email": email, "password": "tres tigres 3" });
            administrator.post("/users").json(&body).send().await.expect(201);
        }
        let listed = administrator.get("/users").send().await.expect(200);
        assert_eq!(names(&listed), ["Álvaro Dias", "Bruna Lima", "Caio Reis"]);
        let found = administrator.get("/users?q=alvaro").send().await.expect(200);
        assert_eq!(names(&found), ["Álvaro Dias"]);
        assert_eq!(names(&administrator.get("/users?q=B@EXAMPLE").send().await.expect(200)), ["Caio Reis"]);
        let by_email = administrator.get("/users?sort=-email").send().await.expect(200);
        assert_eq!(names(&by_email), ["Bruna Lima", "Caio Reis", "Álvaro Dias"]);
        assert_eq!(administrator.get("/users?isActive=false").send().await.expect(200).meta()["total"], 0);
        let first = administrator.get("/users?limit=2").send().await.expect(200);
        assert_eq!((names(&first).len(), &first.meta()["total"]), (2, &json!(3)));
        let next = first.meta()["nextCursor"].as_str().unwrap();
        let rest = administrator.get(&format!("/users?limit=2&cursor={next}")).send().await.expect(200);
        assert_eq!(names(&rest), ["Caio Reis"]);
        administrator.get("/users?active=true").send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }

    async fn all_users_are_counted_as_they_are_made_and_anew_where_they_were_not(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let administrator = app.administrator(mine);
        let total = async |query: &str| {
            let listed = administrator.get(&format!("/users?{query}")).send().await.expect(200);
            listed.meta()["total"].as_u64().unwrap()
        };
        assert_eq!(total("").await, 0);
        let made = join_all((0..8).map(|number| {
            let body = json!({ "name": "Ana", "email": format!("{}@example.com", number / 2), "password": "tres tigres 3" });
            administrator.post("/users").json(&body).send()
        })).await;
        assert_eq!(made.iter().filter(|reply| reply.status.as_u16() == 201).count(), 4);
        app.administrator(other).post("/users").json(&ana()).send().await.expect(201);
        for query in ["", "limit=1", "isActive=true", "q=ana", "page=9"] {
            assert_eq!(total(query).await, 4, "{query}");
        }
        // As a node of an older version leaves it.
        change(&app, "UPDATE user_counts SET count = count - 1").await;
        assert_eq!((total("").await, total("isActive=true").await), (3, 4));
        let job = identity::module().jobs.into_iter().find(|job| job.name == "user-recount").unwrap();
        (job.run)(app.edge().app().clone()).await.unwrap();
        assert_eq!(total("").await, 4);
    }

    async fn another_organizations_user_is_not_there(app: TestApp) {
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        let made = app.administrator(other).post("/users").json(&ana()).send().await.expect(201);
        let intruder = app.administrator(mine);
        intruder.get(&format!("/users/{}", made.id())).send().await.refused(404, "NOT_FOUND");
        assert_eq!(intruder.get("/users?q=ana").send().await.expect(200).meta()["total"], 0);
        app.stranger(mine).post("/users").json(&json!({})).send().await.refused(403, "RBAC_FORBIDDEN");
    }
}
