//! Support sessions, on both engines: people of the platform in a customer's organization.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::Ports;
use contracts::access::{ORG_ADMIN, SUPER_ADMIN};
use contracts::settings::{Branding, OrganizationSettings, Settings};
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::Module;
use kernel::OrganizationId;
use serde_json::{Value, json};
use testkit::{Client, Engine, Member, Reply, TestApp};

/// The settings of every organization: all but one as they begin.
#[derive(Default)]
struct Chosen {
    forbids: AtomicBool,
}

impl Chosen {
    fn settings(&self) -> Arc<OrganizationSettings> {
        Arc::new(OrganizationSettings {
            support_access: !self.forbids.load(Ordering::SeqCst),
            ..OrganizationSettings::default()
        })
    }
}

impl Settings for Chosen {
    fn of(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
        std::future::ready(Ok(self.settings())).boxed()
    }

    fn hold<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
    ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>> {
        std::future::ready(Ok(self.settings().as_ref().clone())).boxed()
    }

    fn known(&self, _: OrganizationId) -> Option<Arc<OrganizationSettings>> {
        Some(self.settings())
    }

    fn branding(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
        std::future::ready(Ok(Arc::default())).boxed()
    }
}

fn forbid(app: &TestApp, forbids: bool) {
    let chosen = app.edge().app().port::<Chosen>().unwrap();
    chosen.forbids.store(forbids, Ordering::SeqCst);
}

async fn start(engine: Engine) -> Option<TestApp> {
    let chosen = Arc::new(Chosen::default());
    start_with(engine, Vec::new(), |ports| {
        ports.provide::<dyn Settings>(Arc::clone(&chosen) as _);
        ports.provide(chosen);
    })
    .await
}

/// What support sessions need, with other contexts and what `provide` puts beside it.
async fn start_with(engine: Engine, others: Vec<Module>, provide: impl FnOnce(&Ports)) -> Option<TestApp> {
    let mut modules = vec![
        organization::module(),
        catalog::module(),
        identity::module(),
        access::module(),
        audit::module(),
    ];
    modules.extend(others);
    // The route lends itself the organizations' declaration.
    let manifests = modules.iter().map(|module| module.manifest).collect();
    modules.push(lastro::support::module());
    let app = TestApp::start_with(engine, modules, |ports| {
        ports.provide(Arc::new(identity::Config::for_tests()));
        provide(ports);
    })
    .await?;
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    access::seed_system_roles(app.db(), app.platform()).await.unwrap();
    Some(app)
}

/// Somebody of the platform who may do everything there, logged in.
async fn helper(app: &TestApp) -> (Member, Client) {
    let member = app.member(app.platform(), Some(SUPER_ADMIN)).await;
    let body = json!({ "organizationId": app.platform(), "email": member.email, "password": "correct horse 1" });
    let tokens = app.nobody().post("/auth/login").json(&body).send().await.expect(200);
    let client = app.with_credential(tokens.data()["accessToken"].as_str().unwrap());
    (member, client)
}

async fn open(helper: &Client, customer: &impl ToString, write: bool) -> Reply {
    let body = json!({ "reason": "Chamado 4711", "write": write });
    let path = format!("/organizations/{}/support-sessions", customer.to_string());
    helper.post(&path).json(&body).send().await
}

async fn guest(app: &TestApp, helper: &Client, customer: OrganizationId, write: bool) -> Client {
    let opened = open(helper, &customer, write).await.expect(201);
    app.with_credential(opened.data()["accessToken"].as_str().unwrap())
}

fn role(code: &str) -> Value {
    json!({ "name": "Caixa", "code": code })
}

testkit::behaviours! {
    with start;

    async fn a_guest_reads_and_is_refused_to_write_until_the_hour_is_over(app: TestApp) {
        let customer = app.organization("padaria").await;
        let (_, helper) = helper(&app).await;
        let opened = open(&helper, &customer, false).await.expect(201);
        assert_eq!(opened.data()["expiresIn"], 3600);
        let end = app.edge().app().generators().now().plus(Duration::from_secs(3600));
        assert_eq!(opened.data()["expiresAt"], json!(end));
        let guest = app.with_credential(opened.data()["accessToken"].as_str().unwrap());
        guest.get("/users").send().await.expect(200);
        let me = guest.get("/auth/me").send().await.expect(200);
        assert_eq!((&me.data()["type"], &me.data()["organizationId"]), (&json!("user"), &json!(customer)));
        guest.post("/roles").json(&role("CAIXA")).send().await.refused(403, "RBAC_FORBIDDEN");
        guest.get("/organizations").send().await.refused(403, "RBAC_FORBIDDEN");
        app.clock().advance(Duration::from_secs(3598));
        guest.get("/users").send().await.expect(200);
        app.clock().advance(Duration::from_secs(3));
        assert_eq!(guest.get("/users").send().await.status, 401);
    }

    async fn a_guest_who_may_write_grants_nothing_and_makes_no_keys(app: TestApp) {
        let customer = app.organization("padaria").await;
        let (_, helper) = helper(&app).await;
        let ana = app.member(customer, None).await;
        let guest = guest(&app, &helper, customer, true).await;
        let made = guest.post("/roles").json(&role("CAIXA")).send().await.expect(201).id();
        let end = app.edge().app().generators().now().plus(Duration::from_secs(60));
        let grant = json!({ "roleId": made, "expiresAt": end });
        guest.post(&format!("/users/{}/roles", ana.id)).json(&grant).send().await.refused(403, "RBAC_ESCALATION");
        let key = json!({ "name": "Loja", "permissions": ["IDENTITY_USER_READ"], "expiresAt": end });
        guest.post("/api-keys").json(&key).send().await.refused(403, "RBAC_ESCALATION");
    }

    async fn what_a_guest_does_is_in_the_customers_trail(app: TestApp) {
        let customer = app.organization("padaria").await;
        let (member, helper) = helper(&app).await;
        let guest = guest(&app, &helper, customer, true).await;
        guest.post("/roles").json(&role("CAIXA")).send().await.expect(201);
        let administrator = app.member(customer, Some(ORG_ADMIN)).await.client;
        for trail in [&administrator, &helper] {
            let opened = trail.get("/audit-logs?action=support_session.created").send().await.expect(200);
            assert_eq!(opened.data().as_array().unwrap().len(), 1);
            let entry = &opened.data()[0];
            assert_eq!(entry["actor"]["id"], json!(member.id));
            assert!(entry.to_string().contains("Chamado 4711"), "{entry}");
        }
        let done = administrator.get("/audit-logs?action=role.created").send().await.expect(200);
        assert_eq!(done.data()[0]["actor"]["name"], "Support: Bia Lima");
        assert_eq!(done.data()[0]["actor"]["type"], "user");
    }

    async fn a_support_session_ends_by_itself_with_its_login_and_by_the_customers_will(app: TestApp) {
        let customer = app.organization("padaria").await;
        let (_, helper) = helper(&app).await;
        let (left, kept) = (guest(&app, &helper, customer, false).await, guest(&app, &helper, customer, false).await);
        left.post("/auth/logout").send().await.expect(204);
        left.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
        kept.get("/users").send().await.expect(200);
        forbid(&app, true);
        kept.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
        open(&helper, &customer, false).await.refused(403, "RBAC_FORBIDDEN");
        forbid(&app, false);
        kept.get("/users").send().await.expect(200);
        helper.post("/auth/logout").send().await.expect(204);
        kept.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
    }

    async fn only_people_of_the_platform_open_them_where_a_customer_is(app: TestApp) {
        let customer = app.organization("padaria").await;
        let (_, helper) = helper(&app).await;
        let administrator = app.member(customer, Some(ORG_ADMIN)).await.client;
        open(&administrator, &customer, false).await.refused(403, "RBAC_FORBIDDEN");
        open(&app.service(app.platform()), &customer, false).await.refused(403, "RBAC_FORBIDDEN");
        open(&helper, &app.platform(), true).await.refused(403, "RBAC_FORBIDDEN");
        open(&helper, &"019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f", false).await.refused(404, "NOT_FOUND");
        let path = format!("/organizations/{customer}/support-sessions");
        helper.post(&path).json(&json!({ "reason": " " })).send().await.refused(400, "VALIDATION_FAILED");
        helper.delete(&format!("/organizations/{customer}")).send().await.expect(204);
        open(&helper, &customer, false).await.refused(403, "TENANT_INACTIVE");
    }
}

testkit::conformance!(lastro::support::module, crate::support::start);

mod with_the_customers_settings {
    use contracts::access::ORG_ADMIN;
    use futures_util::join;
    use serde_json::json;
    use testkit::{Engine, TestApp};

    use super::{guest, helper, open, start_with};

    async fn start(engine: Engine) -> Option<TestApp> {
        start_with(engine, vec![settings::module()], |_| {}).await
    }

    testkit::behaviours! {
        with start;

        async fn whoever_is_not_let_in_any_more_does_not_come_back_with_the_setting(app: TestApp) {
            let (customer, other) = (app.organization("padaria").await, app.organization("outra").await);
            let (_, helper) = helper(&app).await;
            let administrator = app.member(customer, Some(ORG_ADMIN)).await.client;
            let (here, elsewhere) = (guest(&app, &helper, customer, true).await, guest(&app, &helper, other, false).await);
            here.get("/users").send().await.expect(200);
            for lets_in in [false, false, true] {
                administrator.patch("/settings").json(&json!({ "supportAccess": lets_in })).send().await.expect(200);
                here.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
            }
            elsewhere.get("/users").send().await.expect(200);
            let ended = administrator.get("/audit-logs?action=support_session.ended").send().await.expect(200);
            assert_eq!(ended.data().as_array().unwrap().len(), 1);
        }

        async fn nobody_is_let_in_beside_the_change_that_forbids_it(app: TestApp) {
            let customer = app.organization("padaria").await;
            let (_, helper) = helper(&app).await;
            let administrator = app.member(customer, Some(ORG_ADMIN)).await.client;
            let change = |lets_in: bool| administrator.patch("/settings").json(&json!({ "supportAccess": lets_in })).send();
            for _ in 0..20 {
                let (first, second, forbidden) = join!(open(&helper, &customer, false), open(&helper, &customer, false), change(false));
                forbidden.expect(200);
                change(true).await.expect(200);
                for opened in [first, second] {
                    if opened.status.as_u16() == 201 {
                        let guest = app.with_credential(opened.data()["accessToken"].as_str().unwrap());
                        guest.get("/users").send().await.refused(401, "AUTH_SESSION_REVOKED");
                    } else {
                        opened.refused(403, "RBAC_FORBIDDEN");
                    }
                }
            }
        }
    }
}
