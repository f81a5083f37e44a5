//! Quotas as they are contracted: by packages and overrides of the catalogue, held by people and requests.

use std::sync::Arc;

use contracts::access::ORG_ADMIN;
use identity::Config;
use kernel::OrganizationId;
use serde_json::{Value, json};
use testkit::{Client, Engine, Reply, TestApp};

use crate::{event, post, use_of_quotas};

async fn start(engine: Engine) -> Option<TestApp> {
    let modules = || {
        vec![
            organization::module(),
            catalog::module(),
            identity::module(),
            access::module(),
            audit::module(),
            usage::module(),
        ]
    };
    let app = TestApp::start_with(engine, modules(), |ports| ports.provide(Arc::new(Config::for_tests()))).await?;
    let manifests = modules().into_iter().map(|module| module.manifest).collect();
    catalog::seed(app.db(), app.platform(), manifests).await.unwrap();
    access::seed_system_roles(app.db(), app.platform()).await.unwrap();
    Some(app)
}

/// Puts the organization on a package with these quotas; its path.
async fn sell(app: &TestApp, organization: OrganizationId, quotas: &Value) -> String {
    let operator = app.operator();
    let package = json!({ "code": "METERED", "name": "Metered", "modules": [], "quotas": quotas });
    let made = operator.post("/packages").json(&package).send().await.expect(201);
    let assignment = json!({ "packageCode": "METERED" });
    operator
        .put(&format!("/organizations/{organization}/package"))
        .json(&assignment)
        .send()
        .await
        .expect(200);
    format!("/packages/{}", made.id())
}

async fn add_user(chief: &Client, name: &str) -> Reply {
    let user = json!({ "name": name, "email": format!("{name}@padaria.example"), "password": "cheiro de pao 4711" });
    chief.post("/users").json(&user).send().await
}

testkit::behaviours! {
    with start;

    async fn an_edited_package_and_an_override_count_at_once(app: TestApp) {
        let mine = app.organization("padaria").await;
        let quotas = json!([{ "metric": "documents.signed", "limit": 5, "period": "month" }]);
        let package = sell(&app, mine, &quotas).await;
        post(&app, mine, &[event("documents.signed", 6)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        post(&app, mine, &[event("documents.signed", 5)]).await.expect(202);

        let edit = json!({ "quotas": [{ "metric": "documents.signed", "limit": 7, "period": "month" }] });
        app.operator().patch(&package).json(&edit).send().await.expect(200);
        post(&app, mine, &[event("documents.signed", 2)]).await.expect(202);
        post(&app, mine, &[event("documents.signed", 1)]).await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");

        let exception = json!({ "quotas": [{ "metric": "documents.signed", "limit": 1, "period": "month", "mode": "soft" }] });
        let overrides = format!("/organizations/{mine}/overrides");
        app.operator().put(&overrides).json(&exception).send().await.expect(200);
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        let quotas = app.administrator(mine).get("/usage/quotas").send().await.expect(200);
        assert_eq!(
            quotas.data(),
            &json!([{
                "metric": "documents.signed", "limit": 1, "used": 8, "period": "month", "mode": "soft",
                "resetsAt": "2026-12-01T00:00:00.000000Z",
            }])
        );
    }

    async fn people_beyond_a_quota_are_refused_until_somebody_leaves(app: TestApp) {
        let mine = app.organization("padaria").await;
        let chief = app.member(mine, Some(ORG_ADMIN)).await.client;
        let first = add_user(&chief, "ana").await.expect(201).id();
        sell(&app, mine, &json!([{ "metric": "users.active", "limit": 3, "period": "total" }])).await;
        add_user(&chief, "bia").await.expect(201);
        let refused = add_user(&chief, "caio").await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(
            refused.json["error"]["details"],
            json!({ "metric": "users.active", "limit": 3, "used": 3, "period": "total", "resetsAt": null })
        );
        let line = |used| ("users.active".to_owned(), "total".to_owned(), used);
        assert_eq!(use_of_quotas(&app, mine).await, [line(3)]);
        chief.delete(&format!("/users/{first}")).send().await.expect(204);
        assert_eq!(use_of_quotas(&app, mine).await, [line(2)]);
        add_user(&chief, "caio").await.expect(201);
        let back = chief.post(&format!("/users/{first}/activate")).send().await;
        back.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        assert_eq!(use_of_quotas(&app, mine).await, [line(3)]);
        let recount = usage::module().jobs.into_iter().find(|job| job.name == "usage-recount").unwrap();
        assert_eq!((recount.run)(app.edge().app().clone()).await.unwrap(), 0, "heads and counter agree");
    }

    async fn requests_are_held_against_what_is_contracted(app: TestApp) {
        let mine = app.organization("padaria").await;
        let package = sell(&app, mine, &json!([{ "metric": "api.requests", "limit": 3, "period": "hour" }])).await;
        let client = app.administrator(mine);
        for _ in 0..3 {
            client.get("/organizations/current").send().await.expect(200);
        }
        client.get("/organizations/current").send().await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
        let edit = json!({ "quotas": [{ "metric": "api.requests", "limit": 4, "period": "hour" }] });
        app.operator().patch(&package).json(&edit).send().await.expect(200);
        client.get("/organizations/current").send().await.expect(200);
        client.get("/organizations/current").send().await.refused(429, "RATE_LIMIT_QUOTA_EXCEEDED");
    }

    async fn who_administers_is_told_by_mail_that_a_quota_is_nearly_used(app: TestApp) {
        let mine = app.organization("padaria").await;
        let (chief, deputy) = (app.member(mine, Some(ORG_ADMIN)).await, app.member(mine, Some(ORG_ADMIN)).await);
        app.member(mine, None).await;
        let quotas = json!([{ "metric": "documents.signed", "limit": 10, "period": "month", "mode": "soft" }]);
        sell(&app, mine, &quotas).await;
        let told = async || {
            identity::deliver(app.edge().app()).await.unwrap();
            let mails = app.mails().all().into_iter();
            let mut told: Vec<_> = mails.map(|mail| (mail.to, mail.subject)).collect();
            told.sort();
            told
        };
        post(&app, mine, &[event("documents.signed", 7)]).await.expect(202);
        assert_eq!(told().await, []);
        let all = |subjects: &[&str]| {
            let people = [&chief, &deputy].map(|person| person.email.clone());
            let mut all: Vec<_> = people
                .iter()
                .flat_map(|person| subjects.iter().map(|subject| (person.clone(), (*subject).to_owned())))
                .collect();
            all.sort();
            all
        };
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        assert_eq!(told().await, all(&["80 % de uma cota está em uso"]));
        post(&app, mine, &[event("documents.signed", 1)]).await.expect(202);
        assert_eq!(told().await.len(), 2, "once a period");
        chief.client.delete(&format!("/users/{}", deputy.id)).send().await.expect(204);
        post(&app, mine, &[event("documents.signed", 2)]).await.expect(202);
        assert_eq!(told().await.len(), 3, "who left is not told");
    }
}
