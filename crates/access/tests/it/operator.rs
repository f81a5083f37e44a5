//! What the operator asks on the command line.

use access::operator::{Finding, NotExplained, explain, lint};
use serde_json::{Value, json};

use crate::start;
use crate::world::{Bakery, assign, bakery, inherit, role};

testkit::behaviours! {
    with start;

    async fn a_decision_is_explained_with_the_ways_to_it(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let top = role(&boss.client, "TOP", &[("FINANCE_INVOICE_APPROVE", json!({ "amount": { "$lte": 100 } }))]).await;
        let clerk = role(&boss.client, "CLERK", &[]).await;
        inherit(&boss.client, &clerk, &top).await.expect(201);
        assign(&boss.client, &ana, &clerk).await.expect(201);
        let (db, parts) = (app.db(), app.edge().app());
        let ask = |user: String, object: Value| async move {
            explain(db, parts.ports(), parts.generators(), &user, "FINANCE_INVOICE_APPROVE", &object).await
        };
        let small = ask(ana.email.to_uppercase(), json!({ "amount": 100 })).await.unwrap();
        assert!(small.allowed);
        assert_eq!(
            small.text,
            "FINANCE_INVOICE_APPROVE is granted.\nheld by: role CLERK < role TOP, if {\"amount\":{\"$lte\":100}}\n"
        );
        let large = ask(ana.id.to_string(), json!({ "amount": 101 })).await.unwrap();
        assert!(!large.allowed);
        assert!(large.text.starts_with("The condition of FINANCE_INVOICE_APPROVE does not hold: amount.$lte (101)."));
        let nobody = ask("nobody@example.com".to_owned(), Value::Null).await;
        assert!(matches!(nobody, Err(NotExplained::NoUser)));
        let unknown = explain(db, parts.ports(), parts.generators(), &ana.email, "NOT_THERE", &Value::Null).await;
        assert!(matches!(unknown, Err(NotExplained::NoPermission(code)) if code == "NOT_THERE"));
    }

    async fn what_is_of_no_use_is_found(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let (db, parts) = (app.db(), app.edge().app());
        let never = json!({ "amount": { "$gt": 5, "$lt": 3 } });
        let used = role(&boss.client, "USED", &[("FINANCE_INVOICE_READ", never), ("FINANCE_INVOICE_CREATE", Value::Null)]).await;
        assign(&boss.client, &ana, &used).await.expect(201);
        let parent = role(&boss.client, "PARENT", &[]).await;
        inherit(&boss.client, &used, &parent).await.expect(201);
        role(&boss.client, "IDLE", &[]).await;
        let overrides = json!({
            "modules": [],
            "permissions": [{ "code": "FINANCE_INVOICE_CREATE", "effect": "withhold", "reason": "not yet" }],
            "quotas": [],
        });
        app.operator().put(&format!("/organizations/{id}/overrides")).json(&overrides).send().await.expect(200);
        let findings = lint(db, parts.ports(), parts.generators(), id).await.unwrap();
        let mut told: Vec<String> = findings.iter().map(Finding::to_string).collect();
        told.sort();
        assert_eq!(
            told,
            [
                "nobody has the role IDLE",
                "role USED holds FINANCE_INVOICE_CREATE, which is withheld (override)",
                "role USED holds FINANCE_INVOICE_READ under a condition that never holds: {\"amount\":{\"$gt\":5,\"$lt\":3}}",
            ]
        );
    }
}
