//! Customers: onboarded by the route, on both engines; and by the command line, as a person runs it.

use std::sync::Arc;
use std::time::Duration;

use contracts::Ports;
use futures_util::future::join_all;
use serde_json::{Value, json};
use testkit::{Engine, TestApp};

use crate::binary::Installation;

/// Everything that onboarding needs, with the catalogue seeded.
async fn start(engine: Engine) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            access::module(),
            audit::module(),
            usage::module(),
            lastro::onboarding::module(),
        ]
    };
    let provide = |ports: &Ports| ports.provide(Arc::new(identity::Config::for_tests()));
    let app = TestApp::start_with(engine, modules(), provide).await?;
    let contexts = modules().into_iter().map(|module| module.manifest);
    // Onboarding lends itself the organizations' declaration.
    let manifests = contexts.take(6).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    catalog::seed_catalogue(app.db(), app.platform(), None).await.unwrap();
    access::seed_system_roles(app.db(), app.platform()).await.unwrap();
    Some(app)
}

fn tenant(slug: &str) -> Value {
    json!({
        "organization": { "name": "Padaria Central", "slug": slug },
        "packageCode": "starter",
        "admin": { "name": "Ana Souza", "email": "ana@padaria.example", "password": "Trigo-Integral-26" },
    })
}

async fn login(app: &TestApp, slug: &str, email: &str, password: &str) -> testkit::Client {
    let body = json!({ "organizationSlug": slug, "email": email, "password": password });
    let tokens = app.nobody().post("/auth/login").json(&body).send().await.expect(200);
    app.with_credential(tokens.data()["accessToken"].as_str().unwrap())
}

testkit::behaviours! {
    with start;

    /// The flow of the tasks: contracted, used, switched off, refused; for one organization and for all.
    async fn a_customer_is_onboarded_let_in_and_kept_out(app: TestApp) {
        let operator = app.operator();
        let mut body = tenant("padaria");
        body["organization"]["document"] = json!("12.abc.345/01de-35");
        let made = operator.post("/tenants").json(&body).send().await.expect(201);
        let id = made.data()["organization"]["id"].as_str().unwrap().to_owned();
        assert_eq!(made.header("location"), format!("/api/v1/organizations/{id}"));
        assert_eq!(made.data()["organization"]["document"], "12ABC34501DE35");
        assert_eq!(made.data()["organization"]["packageCode"], "starter");
        assert_eq!(made.data()["modules"], json!(["FINANCE", "SALES"]));
        assert_eq!((&made.data()["admin"]["email"], &made.data()["admin"]["organizationId"]), (&json!("ana@padaria.example"), &json!(id)));

        let administrator = login(&app, "padaria", "ana@padaria.example", "Trigo-Integral-26").await;
        let codes = |reply: &testkit::Reply| -> Vec<String> {
            reply.data().as_array().unwrap().iter().map(|row| row["code"].as_str().unwrap().to_owned()).collect()
        };
        let groups = administrator.get("/groups?sort=code").send().await.expect(200);
        assert_eq!(codes(&groups), ["ADM_CLIENTE", "FINANCE_READERS", "SALES_READERS"]);
        let require = |client: &testkit::Client, permission: &str| {
            let call = client.post("/access/require").json(&json!({ "permission": permission }));
            async move { call.send().await }
        };
        require(&administrator, "FINANCE_INVOICE_CREATE").await.expect(204);
        require(&administrator, "CRM_LEAD_READ").await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");

        let finance = operator.get("/modules?q=FINANCE").send().await.expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        let switch = format!("/organizations/{id}/modules/{finance}");
        operator.post(&format!("{switch}/deactivate")).send().await.expect(200);
        let refused = require(&administrator, "FINANCE_INVOICE_CREATE").await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");
        assert_eq!(refused.json["error"]["code"], "RBAC_MODULE_NOT_CONTRACTED");
        operator.post(&format!("{switch}/activate")).send().await.expect(200);
        require(&administrator, "FINANCE_INVOICE_CREATE").await.expect(204);
        operator.post(&format!("/modules/{finance}/deactivate")).send().await.expect(200);
        require(&administrator, "FINANCE_INVOICE_CREATE").await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");
        operator.post(&format!("/modules/{finance}/activate")).send().await.expect(200);
        require(&administrator, "FINANCE_INVOICE_CREATE").await.refused(403, "RBAC_MODULE_NOT_CONTRACTED");
        operator.post(&format!("{switch}/activate")).send().await.expect(200);
        require(&administrator, "FINANCE_INVOICE_CREATE").await.expect(204);
        let withhold = json!({ "permissions": [{ "code": "FINANCE_INVOICE_CREATE", "effect": "withhold" }] });
        operator.put(&format!("/organizations/{id}/overrides")).json(&withhold).send().await.expect(200);
        require(&administrator, "FINANCE_INVOICE_CREATE").await.refused(403, "RBAC_FORBIDDEN");
        require(&administrator, "FINANCE_INVOICE_READ").await.expect(204);

        // Another package: what it has is on at once.
        let package = json!({ "packageCode": "business" });
        operator.put(&format!("/organizations/{id}/package")).json(&package).send().await.expect(200);
        require(&administrator, "CRM_LEAD_READ").await.expect(204);
        assert!(codes(&administrator.get("/groups").send().await.expect(200)).contains(&"CRM_READERS".to_owned()));
        administrator.post("/tenants").json(&tenant("outra")).send().await.refused(403, "RBAC_FORBIDDEN");
    }

    async fn onboarding_is_in_both_trails_and_happens_once_for_one_key(app: TestApp) {
        let operator = app.operator();
        let send = || operator.post("/tenants").header("Idempotency-Key", "padaria-1").json(&tenant("padaria")).send();
        let (first, second) = (send().await.expect(201), send().await.expect(201));
        assert_eq!(first.data(), second.data());
        assert_eq!(second.header("idempotency-replayed"), "true");
        let id = first.id().parse().unwrap();
        for trail in [
            operator.get(&format!("/audit-logs?targetId={id}")).send().await.expect(200),
            app.administrator(id).get(&format!("/audit-logs?targetId={id}")).send().await.expect(200),
        ] {
            let entries = trail.data().as_array().unwrap();
            let actions: Vec<_> = entries.iter().map(|entry| entry["action"].as_str().unwrap()).collect();
            assert!(actions.contains(&"organization.created") && actions.contains(&"package.assigned"), "{actions:?}");
        }
    }

    async fn what_comes_with_a_module_is_made_for_every_organization_whose_package_gets_it(app: TestApp) {
        let operator = app.operator();
        let mut ids = Vec::new();
        for slug in ["padaria", "mercado", "oficina"] {
            ids.push(operator.post("/tenants").json(&tenant(slug)).send().await.expect(201).id());
        }
        // One is excepted, until tomorrow: what comes with the module is there when the exception ends.
        let tomorrow = app.edge().app().generators().now().plus(Duration::from_secs(24 * 60 * 60)).to_string();
        let withhold = json!({ "modules": [{ "code": "CRM", "effect": "withhold", "expiresAt": tomorrow }] });
        operator.put(&format!("/organizations/{}/overrides", ids[2])).json(&withhold).send().await.expect(200);
        let packages = operator.get("/packages?q=starter").send().await.expect(200);
        let starter = format!("/packages/{}", packages.data()[0]["id"].as_str().unwrap());
        let edit = json!({ "modules": ["FINANCE", "SALES", "CRM"] });
        operator.patch(&starter).json(&edit).send().await.expect(200);

        let roll_out = async || {
            let jobs = catalog::module().jobs;
            let job = jobs.iter().find(|job| job.name == "package-rollout").unwrap();
            (job.run)(app.edge().app().clone()).await.unwrap()
        };
        assert_eq!(roll_out().await, 3, "organizations");
        let groups = async |id: &str| {
            let groups = app.administrator(id.parse().unwrap()).get("/groups?sort=code").send().await.expect(200);
            let groups = groups.data().as_array().unwrap().clone();
            groups.iter().map(|group| group["code"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        for id in &ids {
            assert_eq!(groups(id).await, ["ADM_CLIENTE", "CRM_READERS", "FINANCE_READERS", "SALES_READERS"]);
        }
        let administrator = login(&app, "padaria", "ana@padaria.example", "Trigo-Integral-26").await;
        let roles = administrator.get("/roles?q=CRM_READERS").send().await.expect(200);
        let role = roles.data()[0]["id"].as_str().unwrap();
        let held = administrator.get(&format!("/roles/{role}/permissions")).send().await.expect(200);
        let mut held: Vec<_> = held.data().as_array().unwrap().iter().map(|row| row["permissionCode"].as_str().unwrap()).collect();
        held.sort_unstable();
        assert_eq!(held, ["CRM_CONTACT_READ", "CRM_LEAD_READ"]);
        let trail = administrator.get("/audit-logs?action=group.created&limit=1").send().await.expect(200);
        assert_eq!(trail.data()[0]["actor"]["type"], "system");

        // Once more for whoever was put on the package at that very moment, and then no more; twice is the same as once.
        app.clock().advance(Duration::from_secs(3 * 60));
        assert_eq!((roll_out().await, roll_out().await), (3, 0));
        assert_eq!(groups(&ids[0]).await.len(), 4);
        // Naming the same again asks for nothing.
        operator.patch(&starter).json(&edit).send().await.expect(200);
        assert_eq!(roll_out().await, 0);
    }

    async fn what_is_wrong_is_told_at_its_field_and_leaves_nothing(app: TestApp) {
        let operator = app.operator();
        let body = json!({
            "organization": { "name": "P", "slug": "Padaria", "document": "33000167000102" },
            "packageCode": "nothing",
            "admin": { "name": "", "email": "ana", "password": "short" },
        });
        let mut problems = operator.post("/tenants").json(&body).send().await.refused(400, "VALIDATION_FAILED").problems();
        problems.sort();
        assert_eq!(
            problems,
            [
                "admin.email: INVALID_FORMAT", "admin.name: TOO_SHORT", "organization.document: INVALID_CHECK_DIGITS",
                "organization.name: TOO_SHORT", "organization.slug: INVALID_FORMAT", "packageCode: UNKNOWN_CODE",
            ]
        );
        let mut weak = tenant("padaria");
        weak["admin"]["password"] = json!("curta");
        let refused = operator.post("/tenants").json(&weak).send().await.refused(400, "VALIDATION_FAILED");
        assert!(refused.problems().iter().all(|problem| problem.starts_with("admin.password: ")), "{:?}", refused.problems());
        let unknown = json!({ "organization": {}, "plan": "starter" });
        operator.post("/tenants").json(&unknown).send().await.refused(400, "VALIDATION_FAILED");
        assert_eq!(operator.get("/organizations?q=padaria").send().await.expect(200).meta()["total"], 0);
        operator.post("/tenants").json(&tenant("padaria")).send().await.expect(201);
        operator.post("/tenants").json(&tenant("padaria")).send().await.refused(409, "CONFLICT_DUPLICATE");
        assert_eq!(operator.get("/organizations?q=padaria").send().await.expect(200).meta()["total"], 1);
    }

    async fn of_simultaneous_onboardings_one_wins_and_the_others_leave_nothing(app: TestApp) {
        let operator = app.operator();
        let replies = join_all((0..5).map(|_| operator.post("/tenants").json(&tenant("padaria")).send())).await;
        let made: Vec<_> = replies.iter().filter(|reply| reply.status.as_u16() == 201).collect();
        assert_eq!(made.len(), 1);
        assert!(replies.iter().filter(|reply| reply.status.as_u16() != 201).all(|reply| reply.code() == "CONFLICT_DUPLICATE"));
        let administrator = login(&app, "padaria", "ana@padaria.example", "Trigo-Integral-26").await;
        assert_eq!(administrator.get("/users").send().await.expect(200).meta()["total"], 1);
    }

    async fn a_package_without_a_place_for_anybody_onboards_nobody(app: TestApp) {
        let operator = app.operator();
        let quotas = json!([{ "metric": "users.active", "limit": 0, "period": "total" }]);
        let package = json!({ "code": "nobody", "name": "Nobody", "modules": ["FINANCE"], "quotas": quotas });
        operator.post("/packages").json(&package).send().await.expect(201);
        let trail = || async { operator.get("/audit-logs?limit=100").send().await.expect(200).data().clone() };
        let before = trail().await;
        let mut body = tenant("padaria");
        body["packageCode"] = json!("nobody");
        for invited in [false, true] {
            if invited {
                body["admin"].as_object_mut().unwrap().remove("password");
            }
            let send = || operator.post("/tenants").header("Idempotency-Key", "padaria").json(&body).send();
            let refused = send().await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
            let details = json!({ "metric": "users.active", "limit": 0, "used": 0, "period": "total", "resetsAt": null });
            assert_eq!(refused.json["error"]["details"], details);
            assert_eq!((refused.header("ratelimit-limit"), refused.header("ratelimit-remaining")), ("0", "0"));
            assert!(!refused.header("retry-after").is_empty());
        }
        assert_eq!(operator.get("/organizations?q=padaria").send().await.expect(200).meta()["total"], 0);
        assert_eq!(trail().await, before);
        identity::deliver(app.edge().app()).await.unwrap();
        assert!(app.mails().all().is_empty());
        // Neither the slug nor the key is spent.
        body["packageCode"] = json!("starter");
        operator.post("/tenants").header("Idempotency-Key", "padaria").json(&body).send().await.expect(201);
    }

    async fn who_has_no_password_is_invited_and_administers_once_there_is_one(app: TestApp) {
        let mut body = tenant("padaria");
        body["admin"].as_object_mut().unwrap().remove("password");
        let made = app.operator().post("/tenants").json(&body).send().await.expect(201);
        assert_eq!(made.data()["admin"]["emailVerified"], false);
        let login = json!({ "organizationSlug": "padaria", "email": "ana@padaria.example", "password": "Trigo-Integral-26" });
        app.nobody().post("/auth/login").json(&login).send().await.refused(401, "AUTH_INVALID_CREDENTIALS");

        identity::deliver(app.edge().app()).await.unwrap();
        let token = app.mails().token("ana@padaria.example");
        let accepted = json!({ "token": token, "password": "Trigo-Integral-26" });
        app.nobody().post("/auth/invitations/accept").json(&accepted).send().await.expect(201);
        let administrator = self::login(&app, "padaria", "ana@padaria.example", "Trigo-Integral-26").await;
        let role = json!({ "name": "Clerk", "code": "CLERK" });
        administrator.post("/roles").json(&role).send().await.expect(201);
        let groups = administrator.get("/groups").send().await.expect(200);
        let chiefs = groups.data().as_array().unwrap().iter().find(|group| group["code"] == "ADM_CLIENTE").unwrap();
        let members = administrator.get(&format!("/groups/{}/members", chiefs["id"].as_str().unwrap())).send().await.expect(200);
        assert_eq!(members.data()[0]["id"], made.data()["admin"]["id"]);
    }

    async fn deactivating_a_module_tells_who_would_miss_it(app: TestApp) {
        let operator = app.operator();
        let made = operator.post("/tenants").json(&tenant("padaria")).send().await.expect(201);
        let finance = operator.get("/modules?q=FINANCE").send().await.expect(200).data()[0]["id"].as_str().unwrap().to_owned();
        let path = format!("/organizations/{}/modules/{finance}/deactivate", made.id());
        // What everybody begins with is no grant of anybody's.
        let dry = operator.post(&format!("{path}?dryRun=true")).send().await.expect(200);
        assert_eq!(dry.meta()["affected"], json!({ "users": 0, "roles": 0, "groups": 0, "apiKeys": 0 }));

        let administrator = login(&app, "padaria", "ana@padaria.example", "Trigo-Integral-26").await;
        let role = administrator.post("/roles").json(&json!({ "name": "Clerk", "code": "CLERK" })).send().await.expect(201);
        let grant = json!({ "permissionCode": "FINANCE_INVOICE_READ" });
        administrator.post(&format!("/roles/{}/permissions", role.id())).json(&grant).send().await.expect(201);
        let person = json!({ "name": "Bia Lima", "email": "bia@padaria.example", "password": "Fermento-Natural-26" });
        let user = administrator.post("/users").json(&person).send().await.expect(201);
        let assignment = json!({ "roleId": role.id() });
        administrator.post(&format!("/users/{}/roles", user.id())).json(&assignment).send().await.expect(201);
        let key = json!({ "name": "Reports", "permissions": ["FINANCE_INVOICE_READ"] });
        administrator.post("/api-keys").json(&key).send().await.expect(201);

        let affected = json!({ "users": 1, "roles": 1, "groups": 0, "apiKeys": 1 });
        let dry = operator.post(&format!("{path}?dryRun=true")).send().await.expect(200);
        assert_eq!((&dry.meta()["affected"], &dry.data()["isActive"]), (&affected, &json!(true)));
        let refused = operator.post(&format!("{path}?ifUnused=true")).send().await.refused(409, "CONFLICT_STATE");
        assert_eq!(refused.json["error"]["details"]["affected"], affected);
        let off = operator.post(&path).send().await.expect(200);
        assert_eq!((&off.meta()["affected"], &off.data()["isActive"]), (&affected, &json!(false)));

        // Previews count the people whom a change reaches.
        let body = json!({ "packageCode": "business" });
        let preview = format!("/organizations/{}/package/preview", made.id());
        let told = operator.post(&preview).json(&body).send().await.expect(200);
        assert_eq!(told.data(), &json!({ "on": ["CRM", "FISCAL", "INVENTORY", "PURCHASE"], "off": [], "organizations": 1, "users": 2 }));
    }

    async fn a_purge_waits_thirty_days_and_leaves_the_trail(app: TestApp) {
        let operator = app.operator();
        let made = operator.post("/tenants").json(&tenant("padaria")).send().await.expect(201);
        let other = operator.post("/tenants").json(&tenant("outra")).send().await.expect(201);
        let path = format!("/organizations/{}", made.id());
        let app = &app;
        let tables = &db::schema::describe(app.url()).await.unwrap();
        let purge = || async {
            let organization = organization::find(app.db(), "padaria").await.unwrap().unwrap();
            lastro::onboarding::purge(app.db(), tables, app.platform(), &organization).await
        };
        let count = |table: &'static str| {
            let text = format!("SELECT count(*)::text FROM {table}");
            let text = if app.url().starts_with("sqlite") { text.replace("count(*)::text", "CAST(count(*) AS TEXT)") } else { text };
            async move { db::admin::query(app.url(), &text).await.unwrap()[0][0].clone().unwrap() }
        };
        let jobs = audit::module().jobs;
        let sealing = jobs.iter().find(|job| job.name == "audit-sealing").unwrap();
        let verdict = async || {
            (sealing.run)(app.edge().app().clone()).await.unwrap();
            let (id, now) = (made.id().parse().unwrap(), app.edge().app().generators().now());
            audit::verify(app.db(), app.edge().app().ports(), id, now).await.unwrap()
        };
        let sealed = verdict().await.checked;
        assert!(sealed > 0);
        assert!(matches!(purge().await, Err(lastro::onboarding::NotPurged::Active)));
        operator.delete(&path).send().await.expect(204);
        app.clock().advance(Duration::from_secs(29 * 24 * 3600));
        // What is changed about it meanwhile does not begin the time anew.
        operator.patch(&path).json(&json!({ "name": "Padaria Antiga" })).send().await.expect(200);
        assert!(matches!(purge().await, Err(lastro::onboarding::NotPurged::TooEarly)));
        assert_eq!(count("users").await, "2");
        app.clock().advance(Duration::from_secs(24 * 3600));
        let trail = count("audit_entries").await;
        assert!(purge().await.unwrap() > 5);
        assert_eq!(count("users").await, "1");
        assert_eq!(count("organization_packages").await, "1");
        assert!(count("audit_entries").await.parse::<u64>().unwrap() > trail.parse::<u64>().unwrap(), "the purge is told");
        let left = verdict().await;
        assert!(left.first_bad_id.is_none() && left.checked > sealed, "{left:?}");
        let left = operator.get(&path).send().await.expect(200);
        assert_eq!((&left.data()["name"], &left.data()["document"], &left.data()["packageCode"]), (&json!("Purged"), &Value::Null, &Value::Null));
        operator.get(&format!("/organizations/{}", other.id())).send().await.expect(200);
        login(app, "outra", "ana@padaria.example", "Trigo-Integral-26").await;
        // The slug is free again.
        operator.post("/tenants").json(&tenant("padaria")).send().await.expect(201);
        let platform = organization::find(app.db(), "platform").await.unwrap().unwrap();
        assert!(lastro::onboarding::purge(app.db(), tables, app.platform(), &platform).await.is_err());
    }

    async fn an_export_has_every_row_of_one_organization_alone(app: TestApp) {
        let operator = app.operator();
        let made = operator.post("/tenants").json(&tenant("padaria")).send().await.expect(201);
        operator.post("/tenants").json(&tenant("outra")).send().await.expect(201);
        let mut lines = Vec::new();
        let exported = lastro::onboarding::export(app.url(), made.id().parse().unwrap(), &mut lines).await.unwrap();
        let lines: Vec<Value> = String::from_utf8(lines).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(exported.rows, lines.len() as u64);
        let of = |table: &str| lines.iter().filter(|line| line["table"] == table).count();
        assert_eq!((of("organizations"), of("users"), of("organization_packages"), of("groups")), (1, 1, 1, 3));
        assert!(of("audit_entries") > 0);
        let id = made.id().to_owned();
        let is_of_it = |line: &&Value| {
            let row = &line["row"];
            [&row["organization_id"], &row["id"]].iter().any(|value| **value == json!(id))
        };
        assert_eq!(lines.iter().filter(is_of_it).count(), lines.len());
    }
}

testkit::conformance!(lastro::onboarding::module, crate::tenants::start);

const HEADER: &str = "name,slug,document,packageCode,adminName,adminEmail,adminPasswordHash\n";

/// An installation with its tables made.
fn migrated() -> Installation {
    let lastro = Installation::new();
    lastro.run(&["migrate"]).assert_code(0);
    lastro
}

#[test]
fn real_companies_are_imported_once_however_often_the_command_runs() {
    let lastro = migrated();
    let companies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/companies.csv");
    let first = lastro.run(&["tenant", "import", companies]);
    first.assert_code(0);
    assert!(
        first.stdout.ends_with("30 imported, 0 there already, 0 failed\n"),
        "{}",
        first.stdout
    );
    let again = lastro.run(&["tenant", "import", companies]);
    again.assert_code(0);
    assert!(
        again.stdout.ends_with("0 imported, 30 there already, 0 failed\n"),
        "{}",
        again.stdout
    );
    let listed = lastro.run(&["tenant", "list"]);
    assert_eq!(listed.assert_code(0).stdout.lines().count(), 31);
    let shown = lastro.run(&["tenant", "show", "weg"]);
    assert!(
        shown.assert_code(0).stdout.contains("\"document\": \"84429695000111\""),
        "{}",
        shown.stdout
    );
}

#[test]
fn customers_come_from_ndjson_as_from_csv() {
    let lastro = migrated();
    let lines = [
        json!({ "name": "Padaria", "slug": "padaria", "document": "33.000.167/0001-01", "packageCode": "starter",
            "adminName": "Ana", "adminEmail": "ana@padaria.example" }),
        json!({ "name": "Outra", "slug": "outra", "packageCode": "business", "adminName": "Bia", "adminEmail": "bia@outra.example" }),
    ];
    let write = |file: &str, lines: &[Value]| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        std::fs::write(lastro.path(file), text).unwrap();
    };
    write("customers.ndjson", &lines);
    let imported = lastro.run(&["tenant", "import", "customers.ndjson"]);
    let told = &imported.assert_code(0).stdout;
    assert!(told.ends_with("2 imported, 0 there already, 0 failed\n"), "{told}");
    let shown = lastro.run(&["tenant", "show", "padaria"]);
    let shown = &shown.assert_code(0).stdout;
    assert!(shown.contains("33000167000101") && shown.contains("starter"), "{shown}");

    write(
        "wrong.ndjson",
        &[
            lines[0].clone(),
            json!({ "name": "Nova", "slug": "nova", "colour": "red" }),
        ],
    );
    let refused = lastro.run(&["tenant", "import", "wrong.ndjson"]);
    let told = &refused.assert_code(1).stderr;
    assert!(told.contains("line 2") && !told.contains("line 1:"), "{told}");
    assert_eq!(lastro.run(&["tenant", "list"]).stdout.lines().count(), 3);
}

#[test]
fn a_file_with_a_wrong_line_imports_nothing() {
    let lastro = migrated();
    let file = lastro.path("customers.csv");
    let text = format!(
        "{HEADER}\
         Padaria,padaria,33.000.167/0001-01,starter,Ana,ana@padaria.example,\n\
         Outra,Outra,33.000.167/0001-02,nothing,Bia,bia,plain\n"
    );
    std::fs::write(&file, text).unwrap();
    let refused = lastro.run(&["tenant", "import", file.to_str().unwrap()]);
    refused.assert_code(1);
    for part in [
        "line 3: organization.slug",
        "line 3: organization.document",
        "line 3: packageCode",
        "line 3: admin.email",
        "line 3: admin.passwordHash",
    ] {
        assert!(refused.stderr.contains(part), "no {part} in {}", refused.stderr);
    }
    assert_eq!(lastro.run(&["tenant", "list"]).stdout.lines().count(), 1);
    lastro.run(&["tenant", "import", "missing.csv"]).assert_code(1);
}

#[test]
fn a_customer_is_made_exported_deactivated_and_not_purged_too_early() {
    let lastro = migrated();
    let made = lastro.create_tenant("padaria");
    assert!(made.assert_code(0).stdout.contains("padaria ("), "{}", made.stdout);
    assert!(!made.stdout.contains("Trigo"), "{}", made.stdout);
    let taken = lastro.create_tenant("padaria");
    assert!(
        taken.assert_code(1).stderr.contains("slug is taken"),
        "{}",
        taken.stderr
    );
    lastro.run(&["tenant", "create", "--name", "X"]).assert_code(2);

    lastro
        .run(&["tenant", "export", "padaria", "padaria.ndjson"])
        .assert_code(0);
    let exported = std::fs::read_to_string(lastro.path("padaria.ndjson")).unwrap();
    assert!(
        exported
            .lines()
            .any(|line| line.starts_with(r#"{"table":"users","row":{"#)),
        "{exported}"
    );
    // What is there already is not overwritten.
    lastro
        .run(&["tenant", "export", "padaria", "padaria.ndjson"])
        .assert_code(1);

    lastro.run(&["tenant", "purge", "padaria"]).assert_code(2);
    let active = lastro.run(&["tenant", "purge", "padaria", "--confirm"]);
    assert!(active.assert_code(1).stderr.contains("is active"), "{}", active.stderr);
    lastro.run(&["tenant", "deactivate", "padaria"]).assert_code(0);
    let early = lastro.run(&["tenant", "purge", "padaria", "--confirm"]);
    assert!(early.assert_code(1).stderr.contains("30 days"), "{}", early.stderr);
    lastro.run(&["tenant", "deactivate", "platform"]).assert_code(1);
    lastro.run(&["tenant", "show", "nobody"]).assert_code(1);
}

#[test]
fn a_quota_that_has_no_place_for_an_administrator_is_told_by_its_name() {
    let lastro = migrated();
    let catalog = "actions = [\"READ\"]\n[[packages]]\ncode = \"starter\"\nname = \"Starter\"\nmodules = []\n\
        quotas = [{ metric = \"users.active\", limit = 0, period = \"total\" }]\n";
    std::fs::write(lastro.path("catalog.toml"), catalog).unwrap();
    lastro.run(&["seed", "--catalog", "catalog.toml"]).assert_code(0);
    let refused = lastro.create_tenant("padaria");
    assert!(
        refused
            .assert_code(1)
            .stderr
            .contains("the quota of users.active is used up: 0 of 0"),
        "{}",
        refused.stderr
    );
    lastro.run(&["tenant", "show", "padaria"]).assert_code(1);
}

#[test]
fn the_catalogue_file_can_be_replaced() {
    let lastro = migrated();
    std::fs::write(
        lastro.path("catalog.toml"),
        "actions = [\"READ\"]\n[[modules]]\ncode = \"CLINIC\"\nname = \"Clínica\"\nresources = [\"PATIENT\"]\n",
    )
    .unwrap();
    lastro.run(&["seed"]).assert_code(0);
    let replaced = lastro.run(&["seed", "--catalog", "catalog.toml"]);
    replaced.assert_code(0);
    assert!(
        replaced.stdout.contains("1 entries were written") && replaced.stdout.contains("package starter"),
        "{}",
        replaced.stdout
    );
    let invalid = lastro.run(&["seed", "--catalog", "missing.toml"]);
    assert!(
        invalid.assert_code(1).stderr.contains("missing.toml"),
        "{}",
        invalid.stderr
    );
    std::fs::write(lastro.path("catalog.toml"), "actions = [\"read\"]\n").unwrap();
    lastro.run(&["seed", "--catalog", "catalog.toml"]).assert_code(0);
    std::fs::write(lastro.path("catalog.toml"), "actions = 1\n").unwrap();
    lastro.run(&["seed", "--catalog", "catalog.toml"]).assert_code(1);
}
