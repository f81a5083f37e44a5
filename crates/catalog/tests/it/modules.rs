//! Modules of the installation: made, changed, switched for everybody.

use std::time::Duration;

use futures_util::future::join_all;
use kernel::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::{module, package, put_on, standing, start};

testkit::behaviours! {
    with start;

    async fn a_module_is_made_listed_read_and_changed(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "code": "FINANCE", "name": "Financeiro", "description": "Contas", "icon": "wallet", "sortOrder": 10 });
        let made = operator.post("/modules").json(&body).send().await.expect(201);
        let path = format!("/modules/{}", made.id());
        assert_eq!(made.header("location"), format!("/api/v1{path}"));
        assert_eq!(
            made.data(),
            &json!({
                "id": made.id(), "code": "FINANCE", "name": "Financeiro", "description": "Contas", "icon": "wallet",
                "isActive": true, "isCore": false, "sortOrder": 10,
                "createdAt": "2026-11-21T12:00:00.000000Z", "updatedAt": "2026-11-21T12:00:00.000000Z",
            })
        );
        assert_eq!(operator.get(&path).send().await.expect(200).data(), made.data());
        let change = json!({ "name": "Finanças", "description": null });
        let changed = operator.patch(&path).json(&change).send().await.expect(200);
        assert_eq!((&changed.data()["name"], &changed.data()["description"]), (&json!("Finanças"), &Value::Null));
        operator.patch(&path).header("If-Match", made.header("etag")).json(&change).send().await.refused(412, "CONFLICT_VERSION");
        operator.patch(&path).json(&json!({ "code": "OTHER" })).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
        operator.patch(&path).json(&json!({ "name": null })).send().await.refused(400, "VALIDATION_FAILED");

        let found = operator.get("/modules?q=FINANCAS").send().await.expect(200);
        assert_eq!(found.meta()["total"], 1);
        let trail = operator.get("/audit-logs?targetType=module").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["module.updated", "module.created"]);
    }

    async fn lists_are_ordered_narrowed_and_paged(app: TestApp) {
        let operator = app.operator();
        for (order, code) in [(30, "CRM"), (10, "SALES"), (20, "HR")] {
            let body = json!({ "code": code, "name": code, "sortOrder": order });
            operator.post("/modules").json(&body).send().await.expect(201);
        }
        for sort in ["sortOrder", "-sortOrder", "code", "-name", "createdAt"] {
            let whole = operator.get(&format!("/modules?sort={sort}")).send().await.expect(200);
            let codes = |reply: &testkit::Reply| -> Vec<String> {
                reply.data().as_array().unwrap().iter().map(|module| module["code"].as_str().unwrap().to_owned()).collect()
            };
            let (mut by_cursor, mut by_page, mut cursor) = (Vec::new(), Vec::new(), String::new());
            loop {
                let part = operator.get(&format!("/modules?sort={sort}&limit=2{cursor}")).send().await.expect(200);
                by_cursor.extend(codes(&part));
                match &part.meta()["nextCursor"] {
                    Value::String(next) => cursor = format!("&cursor={next}"),
                    _ => break,
                }
            }
            for page in 1..=3 {
                by_page.extend(codes(&operator.get(&format!("/modules?sort={sort}&limit=2&page={page}")).send().await.expect(200)));
            }
            assert_eq!((by_cursor, by_page), (codes(&whole), codes(&whole)), "{sort}");
        }
        let inactive = operator.get("/modules?isActive=false").send().await.expect(200);
        assert_eq!(inactive.meta()["total"], 0);
        assert!(operator.get("/modules?page=9").send().await.expect(200).data().as_array().unwrap().is_empty());
    }

    async fn malformed_and_repeated_modules_are_refused(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "code": "finance", "name": "", "sortOrder": "1", "isCore": true });
        let refused = operator.post("/modules").json(&body).send().await.refused(400, "VALIDATION_FAILED");
        let mut problems = refused.problems();
        problems.sort();
        assert_eq!(
            problems,
            ["code: INVALID_FORMAT", "isCore: UNKNOWN_FIELD", "name: TOO_SHORT", "sortOrder: INVALID_TYPE"]
        );
        let body = json!({ "code": "FINANCE", "name": "Financeiro" });
        let replies = join_all((0..6).map(|_| operator.post("/modules").json(&body).send())).await;
        assert_eq!(replies.iter().filter(|reply| reply.status.as_u16() == 201).count(), 1);
        let taken = replies.iter().filter(|reply| reply.code() == "CONFLICT_DUPLICATE");
        assert_eq!(taken.inspect(|reply| assert_eq!(reply.json["error"]["details"][0]["field"], "code")).count(), 5);
        operator.get("/modules/not-an-id").send().await.refused(404, "NOT_FOUND");
    }

    async fn a_core_module_cannot_be_switched_off(app: TestApp) {
        let operator = app.operator();
        let modules = operator.get("/modules?sort=code").send().await.expect(200);
        let core = modules.data().as_array().unwrap().iter().find(|module| module["code"] == "MODULE_MANAGEMENT").unwrap();
        assert_eq!(core["isCore"], true);
        let id = core["id"].as_str().unwrap();
        operator.post(&format!("/modules/{id}/deactivate")).send().await.refused(409, "CONFLICT_STATE");
        let organization = app.organization("padaria").await;
        let path = format!("/organizations/{organization}/modules/{id}");
        operator.post(&format!("{path}/deactivate")).send().await.refused(409, "CONFLICT_STATE");
        operator.post(&format!("{path}/activate")).send().await.expect(200);
        assert_eq!(standing(&app, organization, "MODULE_MANAGEMENT").await, (true, "core".to_owned()));
    }

    /// Global deactivation reaches everybody; global reactivation switches nobody on, however the module had been switched on.
    async fn switching_for_everybody_beats_everything_and_brings_nothing_back(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        package(&app, "starter", &["FINANCE"]).await;
        let (by_package, by_hand, by_override) =
            (app.organization("pacote").await, app.organization("manual").await, app.organization("excecao").await);
        put_on(&app, by_package, "starter").await.expect(200);
        operator.post(&format!("/organizations/{by_hand}/modules/{finance}/activate")).send().await.expect(200);
        let grant = json!({ "modules": [{ "code": "FINANCE", "effect": "grant" }] });
        operator.put(&format!("/organizations/{by_override}/overrides")).json(&grant).send().await.expect(200);
        for (organization, source) in [(by_package, "package"), (by_hand, "manual"), (by_override, "override")] {
            assert_eq!(standing(&app, organization, "FINANCE").await, (true, source.to_owned()));
        }

        let off = operator.post(&format!("/modules/{finance}/deactivate")).send().await.expect(200);
        assert_eq!(off.data()["isActive"], false);
        for organization in [by_package, by_hand, by_override] {
            assert_eq!(standing(&app, organization, "FINANCE").await, (false, "global".to_owned()));
        }
        operator.post(&format!("/organizations/{by_hand}/modules/{finance}/activate")).send().await.refused(409, "CONFLICT_STATE");
        // Put on the package while the module is off: it does not get it by the module's coming back either.
        let late = app.organization("tardia").await;
        put_on(&app, late, "starter").await.expect(200);

        operator.post(&format!("/modules/{finance}/activate")).send().await.expect(200);
        for organization in [by_package, by_hand, by_override, late] {
            assert_eq!(standing(&app, organization, "FINANCE").await, (false, "default".to_owned()));
            let listed = operator.get(&format!("/organizations/{organization}/modules")).send().await.expect(200);
            assert_eq!(listed.data()[0]["isActive"], false);
            assert_eq!(listed.data()[0]["deactivatedAt"], "2026-11-21T12:00:00.000000Z");
        }
        // Each comes back by an act of its own.
        put_on(&app, by_package, "starter").await.expect(200);
        operator.post(&format!("/organizations/{by_hand}/modules/{finance}/activate")).send().await.expect(200);
        operator.put(&format!("/organizations/{by_override}/overrides")).json(&grant).send().await.expect(200);
        for (organization, source) in [(by_package, "package"), (by_hand, "manual"), (by_override, "override")] {
            assert_eq!(standing(&app, organization, "FINANCE").await, (true, source.to_owned()));
        }
        assert_eq!(standing(&app, late, "FINANCE").await, (false, "default".to_owned()));
        let trail = operator.get("/audit-logs?targetType=module").send().await.expect(200);
        let switched = trail.data().as_array().unwrap().iter().filter(|entry| entry["changes"]["isActive"].is_object());
        assert!(switched.count() >= 2);
    }

    /// However many organizations there are, it is one row and takes no longer.
    async fn a_switch_for_ten_thousand_organizations_is_one_row(app: TestApp) {
        const ORGANIZATIONS: &str = "INSERT INTO organizations (id, name, name_folded, slug, is_active, created_at, updated_at)";
        const ON_IT: &str = "INSERT INTO organization_packages (organization_id, package_id, on_epoch, assigned_at)";
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let starter = package(&app, "starter", &["FINANCE"]).await;
        let fill = if app.url().starts_with("sqlite") {
            format!(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000) \
                 {ORGANIZATIONS} SELECT randomblob(16), 'O' || i, 'o' || i, 'o-' || i, 1, 0, 0 FROM n; \
                 {ON_IT} SELECT o.id, p.id, 1, 0 FROM organizations o, packages p WHERE o.slug LIKE 'o-%'"
            )
        } else {
            format!(
                "{ORGANIZATIONS} SELECT gen_random_uuid(), 'O' || i, 'o' || i, 'o-' || i, true, now(), now() \
                 FROM generate_series(1, 10000) i; \
                 {ON_IT} SELECT o.id, p.id, 1, now() FROM organizations o, packages p WHERE o.slug LIKE 'o-%'"
            )
        };
        db::admin::execute(app.url(), &fill).await.unwrap();
        let none = json!({ "modules": [] });
        let preview = operator.post(&format!("/packages/{starter}/preview")).json(&none).send().await.expect(200);
        assert_eq!(preview.data(), &json!({ "on": [], "off": ["FINANCE"], "organizations": 10_000, "users": 0 }));
        let clock = SystemClock::new();
        operator.post(&format!("/modules/{finance}/deactivate")).send().await.expect(200);
        let took = clock.monotonic();
        // Each of the 10,000 by itself would take longer, also where a commit waits for the disk.
        assert!(took < Duration::from_secs(5), "{took:?}");
        let some = operator.get("/organizations?q=o-7777").send().await.expect(200).data()[0]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(standing(&app, some, "FINANCE").await, (false, "global".to_owned()));
    }

    async fn switching_for_everybody_is_idempotent(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        for _ in 0..2 {
            operator.post(&format!("/modules/{finance}/deactivate")).send().await.expect(200);
        }
        for _ in 0..2 {
            operator.post(&format!("/modules/{finance}/activate")).send().await.expect(200);
        }
        let trail = operator.get(&format!("/audit-logs?targetId={finance}")).send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["module.activated", "module.deactivated", "module.created"]);
    }

    async fn a_customers_administrator_sees_the_own_modules_and_nothing_of_the_platforms(app: TestApp) {
        let finance = module(&app, "FINANCE").await;
        package(&app, "starter", &["FINANCE"]).await;
        let (mine, other) = (app.organization("padaria").await, app.organization("outra").await);
        put_on(&app, mine, "starter").await.expect(200);
        let administrator = app.administrator(mine);
        let listed = administrator.get("/modules/current").send().await.expect(200);
        assert_eq!(listed.meta()["total"], 1);
        assert_eq!((&listed.data()[0]["module"]["code"], &listed.data()[0]["source"]), (&json!("FINANCE"), &json!("package")));
        assert_eq!(app.administrator(other).get("/modules/current").send().await.expect(200).meta()["total"], 0);
        let current = administrator.get("/entitlements/current").send().await.expect(200);
        let permissions = current.data()["permissions"].as_array().unwrap();
        assert!(permissions.iter().all(|permission| permission["code"] != "MODULE_MANAGEMENT_MODULE_READ"));
        for organization in [mine, other] {
            for path in ["modules", "entitlements", "overrides"] {
                let path = format!("/organizations/{organization}/{path}");
                administrator.get(&path).send().await.refused(403, "RBAC_FORBIDDEN");
            }
            let path = format!("/organizations/{organization}/modules/{finance}");
            administrator.post(&format!("{path}/activate")).send().await.refused(403, "RBAC_FORBIDDEN");
            administrator.post(&format!("{path}/deactivate")).send().await.refused(403, "RBAC_FORBIDDEN");
            administrator.delete(&format!("{path}/manual")).send().await.refused(403, "RBAC_FORBIDDEN");
            let body = json!({ "packageCode": "enterprise" });
            administrator.put(&format!("/organizations/{organization}/package")).json(&body).send().await.refused(403, "RBAC_FORBIDDEN");
            administrator.put(&format!("/organizations/{organization}/overrides")).json(&json!({})).send().await.refused(403, "RBAC_FORBIDDEN");
        }
        administrator.post(&format!("/modules/{finance}/deactivate")).send().await.refused(403, "RBAC_FORBIDDEN");
        administrator.get("/packages").send().await.refused(403, "RBAC_FORBIDDEN");
    }
}
