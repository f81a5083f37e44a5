//! Packages: what they hold, what an edit reaches, and what previews tell.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::{module, package, put_on, standing, start};

testkit::behaviours! {
    with start;

    async fn a_package_lives_from_creation_to_deletion(app: TestApp) {
        let operator = app.operator();
        module(&app, "SALES").await;
        module(&app, "FINANCE").await;
        let body = json!({
            "code": "starter", "name": "Starter", "description": "Para começar",
            "modules": ["SALES", "FINANCE"],
            "withheldPermissions": ["ORGANIZATION_PROFILE_UPDATE"],
            "quotas": [
                { "metric": "users.active", "limit": 5, "period": "total" },
                { "metric": "api.requests", "limit": 1000, "period": "day", "mode": "soft" },
            ],
        });
        let made = operator.post("/packages").json(&body).send().await.expect(201);
        let path = format!("/packages/{}", made.id());
        assert_eq!(
            made.data(),
            &json!({
                "id": made.id(), "code": "starter", "name": "Starter", "description": "Para começar",
                "modules": ["FINANCE", "SALES"],
                "withheldPermissions": ["ORGANIZATION_PROFILE_UPDATE"],
                "quotas": [
                    { "metric": "api.requests", "limit": 1000, "period": "day", "mode": "soft" },
                    { "metric": "users.active", "limit": 5, "period": "total", "mode": "hard" },
                ],
                "createdAt": "2026-11-21T12:00:00.000000Z", "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        assert_eq!(operator.get(&path).send().await.expect(200).data(), made.data());
        assert_eq!(operator.get("/packages?q=START").send().await.expect(200).data()[0], *made.data());
        let changed = operator.patch(&path).json(&json!({ "modules": ["SALES"], "quotas": [] })).send().await.expect(200);
        assert_eq!((&changed.data()["modules"], &changed.data()["quotas"]), (&json!(["SALES"]), &json!([])));
        assert_eq!(changed.data()["withheldPermissions"], json!(["ORGANIZATION_PROFILE_UPDATE"]));
        assert_eq!(operator.get(&path).send().await.expect(200).data(), changed.data());
        operator.delete(&path).header("If-Match", made.header("etag")).send().await.refused(412, "CONFLICT_VERSION");
        operator.delete(&path).send().await.expect(204);
        operator.get(&path).send().await.refused(404, "NOT_FOUND");
        let trail = operator.get("/audit-logs?targetType=package").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["package.deleted", "package.updated", "package.created"]);
    }

    async fn what_a_package_names_must_be_there_and_once(app: TestApp) {
        let operator = app.operator();
        module(&app, "FINANCE").await;
        let body = json!({
            "code": "starter", "name": "Starter",
            "modules": ["FINANCE", "NOTHING", "FINANCE"],
            "withheldPermissions": ["NOTHING_AT_ALL"],
            "quotas": [
                { "metric": "a", "limit": 1, "period": "day" },
                { "metric": "a", "limit": 2, "period": "day", "mode": "soft" },
            ],
        });
        let mut problems = operator.post("/packages").json(&body).send().await.refused(400, "VALIDATION_FAILED").problems();
        problems.sort();
        assert_eq!(
            problems,
            [
                "modules[1]: UNKNOWN_CODE", "modules[2]: DUPLICATE_FIELD", "quotas[1].metric: DUPLICATE_FIELD",
                "withheldPermissions[0]: UNKNOWN_CODE",
            ]
        );
        for (quota, problem) in [
            (json!({ "metric": "a", "limit": -1, "period": "day" }), "quotas[0].limit: OUT_OF_RANGE"),
            (json!({ "metric": "a", "limit": 1, "period": "week" }), "quotas[0].period: NOT_ALLOWED"),
            (json!({ "metric": "A", "limit": 1, "period": "day" }), "quotas[0].metric: INVALID_FORMAT"),
            (json!({ "metric": "a", "limit": 1.5, "period": "day" }), "quotas[0].limit: INVALID_TYPE"),
            (json!({ "metric": "a", "limit": 1, "period": "day", "mode": "firm" }), "quotas[0].mode: NOT_ALLOWED"),
        ] {
            let body = json!({ "code": "starter", "name": "Starter", "quotas": [quota] });
            let refused = operator.post("/packages").json(&body).send().await.refused(400, "VALIDATION_FAILED");
            assert_eq!(refused.problems(), [problem]);
        }
        assert_eq!(operator.get("/packages").send().await.expect(200).meta()["total"], 0);
        package(&app, "starter", &[]).await;
        let body = json!({ "code": "starter", "name": "Other" });
        let taken = operator.post("/packages").json(&body).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(taken.json["error"]["details"][0]["field"], "code");
    }

    async fn a_whole_number_is_one_however_it_is_written(app: TestApp) {
        let operator = app.operator();
        let quota = json!({ "metric": "a", "limit": 1000.0, "period": "day" });
        let body = json!({ "code": "starter", "name": "Starter", "quotas": [quota] });
        assert!(body.to_string().contains("1000.0"));
        let made = operator.post("/packages").json(&body).send().await.expect(201);
        assert_eq!(made.data()["quotas"][0]["limit"], json!(1000));
    }

    async fn an_edit_reaches_every_organization_on_the_package(app: TestApp) {
        let operator = app.operator();
        for code in ["FINANCE", "SALES", "CRM"] {
            module(&app, code).await;
        }
        let starter = package(&app, "starter", &["FINANCE", "SALES"]).await;
        package(&app, "other", &["SALES"]).await;
        let (one, two, away) =
            (app.organization("uma").await, app.organization("duas").await, app.organization("fora").await);
        for (organization, code) in [(one, "starter"), (two, "starter"), (away, "other")] {
            let put = put_on(&app, organization, code).await.expect(200);
            assert_eq!((&put.data()["id"], &put.data()["packageCode"]), (&json!(organization.to_string()), &json!(code)));
        }
        // For one of them something else decides.
        let crm = operator.get("/modules?q=crm").send().await.expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        operator.post(&format!("/organizations/{two}/modules/{crm}/deactivate")).send().await.expect(200);

        let edit = json!({ "modules": ["FINANCE", "CRM"] });
        let preview = operator.post(&format!("/packages/{starter}/preview")).json(&edit).send().await.expect(200);
        assert_eq!(preview.data(), &json!({ "on": ["CRM"], "off": ["SALES"], "organizations": 2, "users": 0 }));
        assert!(standing(&app, one, "SALES").await.0, "a preview changes nothing");
        let only_crm = json!({ "modules": ["FINANCE", "SALES", "CRM"] });
        let preview = operator.post(&format!("/packages/{starter}/preview")).json(&only_crm).send().await.expect(200);
        assert_eq!(preview.data(), &json!({ "on": ["CRM"], "off": [], "organizations": 1, "users": 0 }));
        let nothing = operator.post(&format!("/packages/{starter}/preview")).json(&json!({})).send().await.expect(200);
        assert_eq!(nothing.data(), &json!({ "on": [], "off": [], "organizations": 0, "users": 0 }));

        operator.patch(&format!("/packages/{starter}")).json(&edit).send().await.expect(200);
        assert_eq!(standing(&app, one, "CRM").await, (true, "package".to_owned()));
        assert_eq!(standing(&app, one, "SALES").await, (false, "default".to_owned()));
        assert_eq!(standing(&app, two, "CRM").await, (false, "manual".to_owned()));
        assert_eq!(standing(&app, away, "SALES").await, (true, "package".to_owned()));
        assert!(!standing(&app, away, "CRM").await.0);
        operator.post("/packages/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40/preview").json(&json!({})).send().await.refused(404, "NOT_FOUND");
    }

    async fn another_package_switches_modules_on_and_off(app: TestApp) {
        let operator = app.operator();
        for code in ["FINANCE", "SALES"] {
            module(&app, code).await;
        }
        package(&app, "starter", &["FINANCE"]).await;
        package(&app, "sales", &["SALES"]).await;
        let mine = app.organization("padaria").await;
        let path = format!("/organizations/{mine}/package");
        let preview = |code: &str| {
            let body = json!({ "packageCode": code });
            let call = operator.post(&format!("{path}/preview")).json(&body);
            async move { call.send().await }
        };
        assert_eq!(preview("starter").await.expect(200).data(), &json!({ "on": ["FINANCE"], "off": [], "organizations": 1, "users": 0 }));
        put_on(&app, mine, "starter").await.expect(200);
        assert_eq!(preview("starter").await.expect(200).data(), &json!({ "on": [], "off": [], "organizations": 0, "users": 0 }));
        assert_eq!(
            preview("sales").await.expect(200).data(),
            &json!({ "on": ["SALES"], "off": ["FINANCE"], "organizations": 1, "users": 0 })
        );
        put_on(&app, mine, "sales").await.expect(200);
        assert_eq!(operator.get(&format!("/organizations/{mine}")).send().await.expect(200).data()["packageCode"], "sales");
        assert_eq!((standing(&app, mine, "FINANCE").await.0, standing(&app, mine, "SALES").await.0), (false, true));
        // Again is the same, and no second entry in the trail.
        put_on(&app, mine, "sales").await.expect(200);
        let trail = app.administrator(mine).get("/audit-logs?action=package.assigned").send().await.expect(200);
        let entries = trail.data().as_array().unwrap();
        assert_eq!(entries.len(), 2);
        assert_eq!(entries[0]["changes"]["packageCode"], json!({ "from": "starter", "to": "sales" }));
        assert_eq!(entries[1]["changes"]["packageCode"], json!({ "from": Value::Null, "to": "starter" }));
        let refused = put_on(&app, mine, "nothing").await.refused(400, "VALIDATION_FAILED");
        assert_eq!(refused.problems(), ["packageCode: UNKNOWN_CODE"]);
        assert_eq!(preview("nothing").await.refused(400, "VALIDATION_FAILED").problems(), ["packageCode: UNKNOWN_CODE"]);
        let nobody = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40".parse().unwrap();
        put_on(&app, nobody, "sales").await.refused(404, "NOT_FOUND");
    }

    async fn a_package_in_use_cannot_be_deleted(app: TestApp) {
        let operator = app.operator();
        let starter = package(&app, "starter", &[]).await;
        package(&app, "other", &[]).await;
        let mine = app.organization("padaria").await;
        put_on(&app, mine, "starter").await.expect(200);
        operator.delete(&format!("/packages/{starter}")).send().await.refused(409, "CONFLICT_STATE");
        put_on(&app, mine, "other").await.expect(200);
        operator.delete(&format!("/packages/{starter}")).send().await.expect(204);
    }

    /// One that is put on a package while the package is being deleted: one of the two is refused, and never both happen.
    async fn deleting_and_assigning_at_once_leave_nobody_without(app: TestApp) {
        let operator = app.operator();
        for round in 0..4 {
            let code = format!("race-{round}");
            let id = package(&app, &code, &[]).await;
            let mine = app.organization(&format!("org-{round}")).await;
            let path = format!("/packages/{id}");
            let (deleted, put) = futures_util::join!(operator.delete(&path).send(), put_on(&app, mine, &code));
            let shown = operator.get(&format!("/organizations/{mine}")).send().await.expect(200).data()["packageCode"].clone();
            match (deleted.status.as_u16(), put.status.as_u16()) {
                (204, 400 | 409) => assert_eq!(shown, Value::Null),
                (409, 200) => assert_eq!(shown, json!(code)),
                other => panic!("{other:?}"),
            }
        }
    }

    async fn of_simultaneous_assignments_the_last_counts_everywhere(app: TestApp) {
        let operator = app.operator();
        for code in ["A1", "B1"] {
            module(&app, code).await;
        }
        package(&app, "pa", &["A1"]).await;
        package(&app, "pb", &["B1"]).await;
        let mine = app.organization("padaria").await;
        let replies = join_all((0..6).map(|number| put_on(&app, mine, if number % 2 == 0 { "pa" } else { "pb" }))).await;
        for reply in replies {
            reply.expect(200);
        }
        let shown = operator.get(&format!("/organizations/{mine}")).send().await.expect(200).data()["packageCode"].clone();
        assert_eq!(standing(&app, mine, "A1").await.0, shown == "pa");
        assert_eq!(standing(&app, mine, "B1").await.0, shown == "pb");
    }
}
