//! The catalogue file: seeded at every start, replaceable, and respectful of what an operator changed.

use serde_json::json;

use crate::start;

const SMALLER: &str = r#"
    actions = ["READ"]
    [[modules]]
    code = "FINANCE"
    name = "Finanças"
    resources = ["INVOICE", "BUDGET"]
    [[packages]]
    code = "starter"
    name = "Starter"
    modules = ["FINANCE", "USAGE_FREE"]
"#;

testkit::behaviours! {
    with start;

    async fn the_catalogue_is_seeded_once_and_stays_the_same(app: TestApp) {
        let first = catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        assert_eq!((first.written, first.removed.len()), (11, 0));
        let operator = app.operator();
        let modules = operator.get("/modules?limit=100").send().await.expect(200);
        let packages = operator.get("/packages").send().await.expect(200);
        let names: Vec<_> = modules.data().as_array().unwrap().iter().map(|module| &module["name"]).collect();
        assert!(names.contains(&&json!("Recursos Humanos")) && names.contains(&&json!("Reservas")));
        assert_eq!(packages.meta()["total"], 3);
        let again = catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        assert_eq!(again, catalog::CatalogueSeeded::default());
        assert_eq!(operator.get("/modules?limit=100").send().await.expect(200).data(), modules.data());
        assert_eq!(operator.get("/packages").send().await.expect(200).data(), packages.data());
        let current = operator.get("/entitlements/current").send().await.expect(200);
        let permissions = current.data()["permissions"].as_array().unwrap();
        let business = permissions.iter().filter(|permission| permission["code"].as_str().unwrap().starts_with("CRM_"));
        assert_eq!(business.count(), 10);
    }

    async fn what_an_operator_changed_stays_until_the_file_changes(app: TestApp) {
        catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        let operator = app.operator();
        let starter = operator.get("/packages?q=starter").send().await.expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        let edit = json!({ "name": "Inicial", "modules": ["CRM"] });
        operator.patch(&format!("/packages/{starter}")).json(&edit).send().await.expect(200);
        catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        let kept = operator.get(&format!("/packages/{starter}")).send().await.expect(200);
        assert_eq!((&kept.data()["name"], &kept.data()["modules"]), (&json!("Inicial"), &json!(["CRM"])));

        // A package that names what there is not: nothing of the file is written.
        let error = catalog::seed_catalogue(app.db(), app.platform(), Some(SMALLER)).await.unwrap_err();
        assert!(error.to_string().contains("starter"), "{error}");
        let unknown = operator.get("/modules?q=finan").send().await.expect(200);
        assert_eq!(unknown.data()[0]["name"], "Financeiro");

        let smaller = SMALLER.replace(", \"USAGE_FREE\"", "");
        let seeded = catalog::seed_catalogue(app.db(), app.platform(), Some(&smaller)).await.unwrap();
        assert_eq!(seeded.written, 2);
        assert_eq!(seeded.removed.len(), 9);
        assert!(seeded.removed.contains(&"module CRM".to_owned()) && seeded.removed.contains(&"package business".to_owned()));
        let now = operator.get(&format!("/packages/{starter}")).send().await.expect(200);
        assert_eq!((&now.data()["name"], &now.data()["modules"]), (&json!("Starter"), &json!(["FINANCE"])));
        assert_eq!(operator.get("/modules?q=crm").send().await.expect(200).meta()["total"], 1, "nothing is deleted");
        // The file stays in the place of the built-in one.
        let again = catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        assert_eq!((again.written, again.removed), (0, seeded.removed));
    }

    async fn an_invalid_file_changes_nothing(app: TestApp) {
        let error = catalog::seed_catalogue(app.db(), app.platform(), Some("actions = [")).await.unwrap_err();
        assert!(matches!(error, catalog::SeedCatalogueError::Invalid(_)));
        let seeded = catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
        assert_eq!(seeded.written, 11);
    }
}
