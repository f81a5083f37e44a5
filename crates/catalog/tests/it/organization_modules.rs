//! Modules of one organization: switched by hand, and given back.

use futures_util::future::join_all;
use serde_json::json;

use crate::{module, package, put_on, standing, start};

const NOBODY: &str = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40";

testkit::behaviours! {
    with start;

    async fn a_module_is_switched_on_and_off_by_hand(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let mine = app.organization("padaria").await;
        let path = format!("/organizations/{mine}/modules/{finance}");
        let on = operator.post(&format!("{path}/activate")).send().await.expect(200);
        assert_eq!(on.data()["module"]["code"], "FINANCE");
        assert_eq!(
            (&on.data()["isActive"], &on.data()["source"], &on.data()["deactivatedAt"]),
            (&json!(true), &json!("manual"), &json!(null))
        );
        // Again is the same, and no second entry in the trail.
        let again = operator.post(&format!("{path}/activate")).send().await.expect(200);
        assert_eq!(again.data(), on.data());
        app.clock().advance(std::time::Duration::from_secs(60));
        let dry = operator.post(&format!("{path}/deactivate?dryRun=true")).send().await.expect(200);
        assert_eq!(dry.data(), on.data());
        assert_eq!(dry.meta()["affected"], json!({ "users": 0, "roles": 0, "groups": 0, "apiKeys": 0 }));
        let off = operator.post(&format!("{path}/deactivate?ifUnused=true")).send().await.expect(200);
        assert_eq!(
            (&off.data()["isActive"], &off.data()["activatedAt"], &off.data()["deactivatedAt"]),
            (&json!(false), &json!("2026-11-21T12:00:00.000000Z"), &json!("2026-11-21T12:01:00.000000Z"))
        );
        operator.post(&format!("{path}/deactivate")).send().await.expect(200);
        for (filter, total) in [("", 1), ("?isActive=true", 0), ("?isActive=false", 1)] {
            let listed = operator.get(&format!("/organizations/{mine}/modules{filter}")).send().await.expect(200);
            assert_eq!(listed.meta()["total"], total, "{filter}");
        }
        let trail = app.administrator(mine).get("/audit-logs?targetType=module").send().await.expect(200);
        let actions: Vec<_> = trail.data().as_array().unwrap().iter().map(|entry| &entry["action"]).collect();
        assert_eq!(actions, ["module.deactivated", "module.activated"]);
        operator.post(&format!("{path}/deactivate?dryRun=maybe")).send().await.refused(400, "VALIDATION_FAILED");
        operator.post(&format!("{path}/deactivate?force=true")).send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
    }

    async fn what_is_switched_by_hand_stays_so_until_it_is_given_back(app: TestApp) {
        let operator = app.operator();
        let (finance, sales) = (module(&app, "FINANCE").await, module(&app, "SALES").await);
        package(&app, "starter", &["FINANCE"]).await;
        package(&app, "business", &["FINANCE", "SALES"]).await;
        let mine = app.organization("padaria").await;
        put_on(&app, mine, "starter").await.expect(200);
        let path = |id: &str, act: &str| format!("/organizations/{mine}/modules/{id}/{act}");
        operator.post(&path(&finance, "deactivate")).send().await.expect(200);
        operator.post(&path(&sales, "activate")).send().await.expect(200);
        for code in ["business", "starter"] {
            put_on(&app, mine, code).await.expect(200);
            assert_eq!(standing(&app, mine, "FINANCE").await, (false, "manual".to_owned()), "{code}");
            assert_eq!(standing(&app, mine, "SALES").await, (true, "manual".to_owned()), "{code}");
        }
        for id in [&finance, &sales] {
            operator.delete(&path(id, "manual")).send().await.expect(204);
            operator.delete(&path(id, "manual")).send().await.expect(204);
        }
        assert_eq!(standing(&app, mine, "FINANCE").await, (true, "package".to_owned()));
        assert_eq!(standing(&app, mine, "SALES").await, (false, "default".to_owned()));
    }

    async fn what_is_not_there_is_not_found(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let mine = app.organization("padaria").await;
        for path in [format!("/organizations/{NOBODY}/modules/{finance}"), format!("/organizations/{mine}/modules/{NOBODY}")] {
            operator.post(&format!("{path}/activate")).send().await.refused(404, "NOT_FOUND");
            operator.post(&format!("{path}/deactivate")).send().await.refused(404, "NOT_FOUND");
            operator.delete(&format!("{path}/manual")).send().await.refused(404, "NOT_FOUND");
        }
        for path in ["modules", "entitlements", "overrides"] {
            operator.get(&format!("/organizations/{NOBODY}/{path}")).send().await.refused(404, "NOT_FOUND");
        }
    }

    async fn of_simultaneous_activations_one_is_told(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let mine = app.organization("padaria").await;
        let path = format!("/organizations/{mine}/modules/{finance}/activate");
        let replies = join_all((0..8).map(|_| operator.post(&path).send())).await;
        for reply in replies {
            assert_eq!(reply.expect(200).data()["isActive"], true);
        }
        let trail = app.administrator(mine).get("/audit-logs?targetType=module").send().await.expect(200);
        assert_eq!(trail.data().as_array().unwrap().len(), 1);
    }

    /// However a switch for everybody and switches for one interleave: where the module is off for everybody, it is off; and nothing
    /// that was on before comes back.
    async fn switches_for_one_and_for_everybody_at_once_agree(app: TestApp) {
        let operator = app.operator();
        let finance = module(&app, "FINANCE").await;
        let mine = app.organization("padaria").await;
        for _ in 0..4 {
            let (on, off) = (format!("/organizations/{mine}/modules/{finance}/activate"), format!("/modules/{finance}/deactivate"));
            let (one, _) = futures_util::join!(operator.post(&on).send(), operator.post(&off).send());
            assert!([200, 409].contains(&one.status.as_u16()), "{}", one.status);
            assert_eq!(standing(&app, mine, "FINANCE").await, (false, "global".to_owned()));
            operator.post(&format!("/modules/{finance}/activate")).send().await.expect(200);
            assert!(!standing(&app, mine, "FINANCE").await.0);
        }
    }
}
