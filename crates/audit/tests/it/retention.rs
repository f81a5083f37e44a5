//! Entries past their time, and persons who want to be forgotten.

use std::sync::Arc;
use std::time::Duration;

use http::Module;
use serde_json::{Value, json};
use testkit::{Engine, TestApp};
use uuid::Uuid;

fn modules() -> Vec<Module> {
    vec![organization::module(), audit::module(), settings::module()]
}

async fn start(engine: Engine) -> Option<TestApp> {
    let archives = tempfile::tempdir().unwrap().keep();
    TestApp::start_with(engine, modules(), |ports| {
        ports.provide(Arc::new(audit::Config { archives }));
    })
    .await
}

async fn run(app: &TestApp, name: &str) -> u64 {
    let jobs = http::Jobs::of(&modules());
    (jobs.find(name).unwrap().run)(app.edge().app().clone()).await.unwrap()
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

testkit::behaviours! {
    with start;

    async fn entries_past_their_time_move_to_a_signed_file_and_the_chain_goes_on(app: TestApp) {
        let id = app.organization("padaria").await;
        let administrator = app.administrator(id);
        administrator.patch("/settings").json(&json!({ "auditRetentionDays": 90 })).send().await.expect(200);
        run(&app, "audit-sealing").await;
        app.clock().advance(DAY * 60);
        administrator.patch("/organizations/current").json(&json!({ "name": "Young" })).send().await.expect(200);
        run(&app, "audit-sealing").await;
        assert_eq!(run(&app, "audit-retention").await, 0, "nothing is past its time yet");

        app.clock().advance(DAY * 40);
        assert_eq!(run(&app, "audit-retention").await, 2);
        let left = administrator.get("/audit-logs").send().await.expect(200);
        let actions: Vec<&str> = left.data().as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(actions, ["organization.updated"]);
        let verdict = administrator.get("/audit-logs/verify").send().await.expect(200);
        assert_eq!((&verdict.data()["valid"], &verdict.data()["checked"]), (&json!(true), &json!(1)));

        let folder = app.edge().app().port::<audit::Config>().unwrap().archives.clone();
        let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        assert_eq!(files.len(), 2, "{files:?}");
        let archived: Vec<Value> = std::fs::read_to_string(&files[0]).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(archived.len(), 2);
        assert_eq!(archived[0]["action"], "organization.created");
        assert!(std::fs::read_to_string(&files[1]).unwrap().starts_with("sha256 "));
        assert_eq!(run(&app, "audit-retention").await, 0, "once");
        // The trail goes on as before, and stays closed to everybody else.
        administrator.patch("/organizations/current").json(&json!({ "name": "Younger" })).send().await.expect(200);
        let refused = db::admin::execute(app.url(), "DELETE FROM audit_entries").await;
        assert!(app.db().engine() == Engine::Postgres || refused.is_err());
    }

    async fn a_person_is_taken_out_of_the_trail_and_the_chain_still_holds(app: TestApp) {
        let id = app.organization("padaria").await;
        let administrator = app.administrator(id);
        administrator.patch("/organizations/current").json(&json!({ "name": "Padaria da Ana" })).send().await.expect(200);
        run(&app, "audit-sealing").await;
        let entries = administrator.get("/audit-logs?action=organization.updated").send().await.expect(200);
        let person: Uuid = entries.data()[0]["actor"]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(entries.data()[0]["actor"]["name"], "Ana Souza");

        assert_eq!(audit::erase(app.db(), id, person, "ana@example.com").await.unwrap(), 1);
        let entries = administrator.get("/audit-logs?action=organization.updated").send().await.expect(200);
        assert_eq!(entries.data()[0]["actor"]["name"], format!("erased {person}"));
        assert_eq!(entries.data()[0]["changes"]["name"]["to"], "Padaria da Ana", "no personal field");
        let verdict = administrator.get("/audit-logs/verify").send().await.expect(200);
        assert_eq!(verdict.data()["valid"], true);
        assert_eq!(audit::erase(app.db(), id, Uuid::nil(), "nobody@example.com").await.unwrap(), 0);
    }
}
