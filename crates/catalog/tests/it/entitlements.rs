//! Exceptions for one organization, and what everything comes to.

use std::time::Duration;

use serde_json::{Value, json};
use testkit::{BEGINNING, TestApp};

use crate::{module, package, put_on, standing, start};

fn in_an_hour() -> String {
    BEGINNING.plus(Duration::from_secs(3600)).to_string()
}

async fn entitlements(app: &TestApp, organization: kernel::OrganizationId) -> Value {
    let path = format!("/organizations/{organization}/entitlements");
    app.operator().get(&path).send().await.expect(200).data().clone()
}

fn of<'e>(entitlements: &'e Value, list: &str, code: &str) -> &'e Value {
    let mut found = entitlements[list].as_array().unwrap().iter();
    found.find(|entry| entry["code"] == code).unwrap()
}

testkit::behaviours! {
    with start;

    async fn exceptions_go_before_everything_and_end_by_themselves(app: TestApp) {
        let operator = app.operator();
        let (finance, _sales, _crm) = (module(&app, "FINANCE").await, module(&app, "SALES").await, module(&app, "CRM").await);
        package(&app, "starter", &["FINANCE", "SALES"]).await;
        let mine = app.organization("padaria").await;
        put_on(&app, mine, "starter").await.expect(200);
        operator.post(&format!("/organizations/{mine}/modules/{finance}/deactivate")).send().await.expect(200);
        let path = format!("/organizations/{mine}/overrides");
        let empty = operator.get(&path).send().await.expect(200);
        assert_eq!(empty.data(), &json!({ "modules": [], "permissions": [], "quotas": [] }));
        let body = json!({
            "modules": [
                { "code": "SALES", "effect": "withhold", "reason": "Unpaid" },
                { "code": "FINANCE", "effect": "grant", "expiresAt": in_an_hour() },
                { "code": "CRM", "effect": "grant", "reason": "Trial", "expiresAt": in_an_hour() },
            ],
            "quotas": [{ "metric": "users.active", "limit": 25, "period": "total", "reason": "Contract 42", "expiresAt": in_an_hour() }],
        });
        let put = operator.put(&path).json(&body).send().await.expect(200);
        assert_eq!(
            put.data()["modules"],
            json!([
                { "code": "CRM", "effect": "grant", "reason": "Trial", "expiresAt": "2026-11-21T13:00:00.000000Z" },
                { "code": "FINANCE", "effect": "grant", "reason": null, "expiresAt": "2026-11-21T13:00:00.000000Z" },
                { "code": "SALES", "effect": "withhold", "reason": "Unpaid", "expiresAt": null },
            ])
        );
        assert_eq!(operator.get(&path).send().await.expect(200).data(), put.data());
        for (code, expected) in [("FINANCE", true), ("SALES", false), ("CRM", true)] {
            assert_eq!(standing(&app, mine, code).await, (expected, "override".to_owned()), "{code}");
        }
        let now = entitlements(&app, mine).await;
        assert_eq!(of(&now, "modules", "CRM")["because"], "override: granted, Trial");
        assert_eq!(
            now["quotas"],
            json!([{
                "metric": "users.active", "limit": 25, "period": "total", "mode": "hard", "source": "override",
                "because": "override: Contract 42",
            }])
        );
        // The same again changes nothing.
        operator.put(&path).json(&body).send().await.expect(200);
        let trail = app.administrator(mine).get("/audit-logs?action=overrides.updated").send().await.expect(200);
        assert_eq!(trail.data().as_array().unwrap().len(), 1);

        app.clock().advance(Duration::from_secs(3600));
        assert_eq!(standing(&app, mine, "FINANCE").await, (false, "manual".to_owned()));
        assert_eq!(standing(&app, mine, "CRM").await, (false, "default".to_owned()));
        assert_eq!(standing(&app, mine, "SALES").await, (false, "override".to_owned()));
        assert_eq!(entitlements(&app, mine).await["quotas"], json!([]));
        let left = operator.get(&path).send().await.expect(200);
        assert_eq!(left.data()["modules"].as_array().unwrap().len(), 1);
        operator.put(&path).header("If-Match", put.header("etag")).json(&json!({})).send().await.refused(412, "CONFLICT_VERSION");
        operator.put(&path).header("If-Match", left.header("etag")).json(&json!({})).send().await.expect(200);
        assert_eq!(standing(&app, mine, "SALES").await, (true, "package".to_owned()));
    }

    async fn a_permission_is_withheld_by_the_package_unless_an_exception_says_otherwise(app: TestApp) {
        let operator = app.operator();
        let body = json!({
            "code": "starter", "name": "Starter",
            "withheldPermissions": ["ORGANIZATION_PROFILE_UPDATE", "ORGANIZATION_ORGANIZATION_READ"],
            "quotas": [
                { "metric": "users.active", "limit": 5, "period": "total" },
                { "metric": "api.requests", "limit": 10, "period": "hour", "mode": "soft" },
            ],
        });
        operator.post("/packages").json(&body).send().await.expect(201);
        let mine = app.organization("padaria").await;
        put_on(&app, mine, "starter").await.expect(200);
        let now = entitlements(&app, mine).await;
        let update = of(&now, "permissions", "ORGANIZATION_PROFILE_UPDATE");
        assert_eq!((&update["allowed"], &update["because"]), (&json!(false), &json!("package: withheld by starter")));
        assert_eq!(of(&now, "permissions", "ORGANIZATION_PROFILE_READ")["allowed"], true);
        let path = format!("/organizations/{mine}/overrides");
        let body = json!({
            "permissions": [
                { "code": "ORGANIZATION_PROFILE_UPDATE", "effect": "grant" },
                { "code": "ORGANIZATION_PROFILE_READ", "effect": "withhold", "reason": "Audit" },
            ],
            "quotas": [{ "metric": "users.active", "limit": 0, "period": "total", "mode": "soft" }],
        });
        operator.put(&path).json(&body).send().await.expect(200);
        let now = entitlements(&app, mine).await;
        assert_eq!(of(&now, "permissions", "ORGANIZATION_PROFILE_UPDATE")["allowed"], true);
        let read = of(&now, "permissions", "ORGANIZATION_PROFILE_READ");
        assert_eq!((&read["allowed"], &read["because"]), (&json!(false), &json!("override: withheld, Audit")));
        let quotas = now["quotas"].as_array().unwrap();
        assert_eq!((&quotas[0]["metric"], &quotas[0]["source"]), (&json!("api.requests"), &json!("package")));
        assert_eq!((&quotas[1]["limit"], &quotas[1]["mode"], &quotas[1]["source"]), (&json!(0), &json!("soft"), &json!("override")));

        // What only the platform can hold cannot be withheld from it.
        put_on(&app, app.platform(), "starter").await.expect(200);
        let platform = entitlements(&app, app.platform()).await;
        assert_eq!(of(&platform, "permissions", "ORGANIZATION_ORGANIZATION_READ")["allowed"], true);
    }

    async fn exceptions_that_make_no_sense_are_refused(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let mine = app.organization("padaria").await;
        let path = format!("/organizations/{mine}/overrides");
        let refusal = |body: Value| {
            let call = operator.put(&path).json(&body);
            async move { call.send().await.refused(400, "VALIDATION_FAILED").problems() }
        };
        let grant = json!({ "code": "FINANCE", "effect": "grant" });
        for (body, problem) in [
            (json!({ "modules": [grant, { "code": "FINANCE", "effect": "withhold" }] }), "modules[1].code: DUPLICATE_FIELD"),
            (json!({ "modules": [{ "code": "NOTHING", "effect": "grant" }] }), "modules[0].code: UNKNOWN_CODE"),
            (json!({ "permissions": [{ "code": "NOTHING", "effect": "grant" }] }), "permissions[0].code: UNKNOWN_CODE"),
            (json!({ "modules": [{ "code": "FINANCE", "effect": "allow" }] }), "modules[0].effect: NOT_ALLOWED"),
            (
                json!({ "modules": [{ "code": "FINANCE", "effect": "grant", "expiresAt": "2026-11-21T12:00:00Z" }] }),
                "modules[0].expiresAt: IN_PAST",
            ),
            (json!({ "quotas": [{ "metric": "a", "limit": -1, "period": "day" }] }), "quotas[0].limit: OUT_OF_RANGE"),
            (json!({ "quotas": [{ "metric": "a", "limit": 1, "period": "year" }] }), "quotas[0].period: NOT_ALLOWED"),
            (
                json!({ "quotas": [
                    { "metric": "a", "limit": 1, "period": "day" },
                    { "metric": "a", "limit": 2, "period": "day", "expiresAt": in_an_hour() },
                ] }),
                "quotas[1].metric: DUPLICATE_FIELD",
            ),
        ] {
            assert_eq!(refusal(body).await, [problem]);
        }
        let core = json!({ "modules": [{ "code": "ORGANIZATION", "effect": "withhold" }] });
        operator.put(&path).json(&core).send().await.refused(409, "CONFLICT_STATE");
        operator.post(&format!("/modules/{finance}/deactivate")).send().await.expect(200);
        operator.put(&path).json(&json!({ "modules": [grant] })).send().await.refused(409, "CONFLICT_STATE");
        operator.put("/organizations/01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40/overrides").json(&json!({})).send().await.refused(404, "NOT_FOUND");
        assert_eq!(operator.get(&path).send().await.expect(200).data()["modules"], json!([]));
    }
}
