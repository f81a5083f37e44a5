//! Tamper evidence: what was changed, removed or added around the program is found.

use std::sync::Arc;
use std::time::Duration;

use db::{Db, DbConfig, DbError, Note, UnitContext};
use kernel::{Actor, Clock as _, Generators, ManualClock, OrganizationId, Timestamp};
use serde_json::{Value, json};
use testkit::{Engine, TestApp};

use crate::{seal, start, try_seal};

/// An organization whose trail has some entries, and their ids, the oldest first.
async fn trail(app: &TestApp, slug: &str) -> (OrganizationId, Vec<String>) {
    let id = app.organization(slug).await;
    for name in ["One", "Two", "Three", "Four"] {
        let body = json!({ "name": format!("Name {name}") });
        app.administrator(id)
            .patch("/organizations/current")
            .json(&body)
            .send()
            .await
            .expect(200);
    }
    let listed = app
        .administrator(id)
        .get("/audit-logs?limit=100")
        .send()
        .await
        .expect(200);
    let mut ids: Vec<String> = listed
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["id"].as_str().unwrap().to_owned())
        .collect();
    ids.reverse();
    (id, ids)
}

async fn verify(app: &TestApp, id: OrganizationId) -> Value {
    app.administrator(id)
        .get("/audit-logs/verify")
        .send()
        .await
        .expect(200)
        .data()
        .clone()
}

/// Runs a statement as somebody who has the whole database in their hands.
async fn tamper(app: &TestApp, sqlite: &str, postgres: &str) {
    let statement = match app.db().engine() {
        Engine::Sqlite => {
            for trigger in [
                "tr_audit_entries__no_update",
                "tr_audit_entries__no_delete",
                "tr_audit_seals__no_update",
            ] {
                let drop = format!("DROP TRIGGER IF EXISTS {trigger}");
                db::admin::execute(app.url(), &drop).await.unwrap();
            }
            sqlite
        }
        Engine::Postgres => postgres,
    };
    db::admin::execute(app.url(), statement).await.unwrap();
}

/// Writes an entry as a node does that starts at this instant: it remembers no id that was made before.
async fn write_at(app: &TestApp, organization: OrganizationId, now: Timestamp) {
    let generators = Generators::seeded(Arc::new(ManualClock::new(now)), 7);
    let node = Db::open(DbConfig::new(app.url()), generators).unwrap();
    let context = UnitContext::tenant(Actor::system("test"), organization);
    let noted = node.write(context, move |uow| async move {
        let note = Note {
            at: now,
            action: "login.failed",
            target_kind: "user",
            target_id: uuid::Uuid::from_u128(1),
            count: 1,
        };
        uow.note(organization, &note).await?;
        Ok::<_, DbError>(())
    });
    noted.await.unwrap();
}

/// Puts a copy of an entry into the trail, under the id that follows it, and tells that id.
async fn forge(app: &TestApp, template: &str) -> String {
    let forged = uuid::Uuid::from_u128(template.parse::<uuid::Uuid>().unwrap().as_u128() + 1).to_string();
    let columns = "occurred_at, actor_kind, actor_id, actor_name, 'role.deleted', target_kind, target_id, changes, request_id, ip, user_agent, count, personal";
    let statement = |new: String, old: String| {
        format!(
            "INSERT INTO audit_entries SELECT organization_id, {new}, {columns} FROM audit_entries WHERE id = {old}"
        )
    };
    tamper(
        app,
        &statement(blob(&forged), blob(template)),
        &statement(format!("'{forged}'::uuid"), format!("'{template}'")),
    )
    .await;
    forged
}

fn blob(id: &str) -> String {
    format!("x'{}'", id.replace('-', ""))
}

testkit::behaviours! {
    with start;

    async fn a_trail_nobody_touched_is_valid_and_grows_from_seal_to_seal(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        let before = verify(&app, id).await;
        assert_eq!(before, json!({ "valid": true, "checked": 0, "unsealed": ids.len(), "firstBadId": null }));

        // Those of the platform's own trail are sealed beside them.
        assert!(seal(&app).await > ids.len() as u64);
        assert_eq!(verify(&app, id).await, json!({ "valid": true, "checked": ids.len(), "unsealed": 0, "firstBadId": null }));
        assert_eq!(seal(&app).await, 0, "nothing is sealed twice");

        let body = json!({ "name": "Another name" });
        app.administrator(id).patch("/organizations/current").json(&body).send().await.expect(200);
        assert_eq!(verify(&app, id).await["unsealed"], 1);
        assert_eq!(seal(&app).await, 1);
        assert_eq!(verify(&app, id).await["checked"], ids.len() + 1);
    }

    async fn a_changed_entry_is_found(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        seal(&app).await;
        let changed = &ids[2];
        for column in ["action", "actor_name", "changes", "ip"] {
            let after = match column {
                "changes" => r#"'{"name":{"from":"a","to":"b"}}'"#,
                _ => "'y'",
            };
            tamper(
                &app,
                &format!("UPDATE audit_entries SET {column} = {after} WHERE id = {}", blob(changed)),
                &format!("UPDATE audit_entries SET {column} = {after} WHERE id = '{changed}'"),
            )
            .await;
            let found = verify(&app, id).await;
            assert_eq!((&found["valid"], &found["firstBadId"]), (&json!(false), &json!(changed)), "{column}");
        }
    }

    async fn a_removed_entry_is_found(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        seal(&app).await;
        let removed = &ids[1];
        tamper(
            &app,
            &format!("DELETE FROM audit_entries WHERE id = {}", blob(removed)),
            &format!("DELETE FROM audit_entries WHERE id = '{removed}'"),
        )
        .await;
        let found = verify(&app, id).await;
        assert_eq!((&found["valid"], &found["firstBadId"]), (&json!(false), &json!(removed)));
    }

    async fn an_entry_that_was_put_in_between_is_found(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        app.clock().advance(Duration::from_secs(600));
        seal(&app).await;
        let forged = forge(&app, &ids[1]).await;
        let found = verify(&app, id).await;
        assert_eq!((&found["valid"], &found["firstBadId"]), (&json!(false), &json!(forged)));
        assert_eq!(seal(&app).await, 0, "and it is not sealed after the fact");
    }

    async fn a_seal_of_a_clock_that_ran_ahead_makes_nobody_an_intruder(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        app.clock().advance(Duration::from_secs(600));
        assert!(seal(&app).await > 0);
        let right = app.clock().now();

        // The database's clock is everybody's, and it is an hour ahead while somebody works.
        app.clock().advance(Duration::from_secs(3_600));
        write_at(&app, id, app.clock().now()).await;
        assert_eq!(seal(&app).await, 1);

        app.clock().set(right.plus(Duration::from_secs(60)));
        write_at(&app, id, app.clock().now()).await;
        let (sealed, known) = (ids.len() + 1, ids.len() + 2);
        assert_eq!(verify(&app, id).await, json!({ "valid": true, "checked": sealed, "unsealed": 1, "firstBadId": null }));
        assert_eq!(seal(&app).await, 1);
        let whole = json!({ "valid": true, "checked": known, "unsealed": 0, "firstBadId": null });
        assert_eq!(verify(&app, id).await, whole);

        // What is put behind a bound that a clock can have set is found now, and stays outside.
        let forged = forge(&app, &ids[1]).await;
        assert_eq!(verify(&app, id).await["firstBadId"], forged.as_str());
        assert_eq!(seal(&app).await, 0);
        tamper(
            &app,
            &format!("DELETE FROM audit_entries WHERE id = {}", blob(&forged)),
            &format!("DELETE FROM audit_entries WHERE id = '{forged}'"),
        )
        .await;

        // The time comes that the wrong clock told, with entries around it.
        app.clock().set(right.plus(Duration::from_secs(3_500)));
        write_at(&app, id, app.clock().now()).await;
        app.clock().set(right.plus(Duration::from_secs(7_200)));
        assert_eq!(verify(&app, id).await["unsealed"], 1);
        assert_eq!(seal(&app).await, 1);
        assert_eq!(verify(&app, id).await["checked"], known + 1);
        tamper(
            &app,
            &format!("UPDATE audit_entries SET action = 'x' WHERE id = {}", blob(&ids[0])),
            &format!("UPDATE audit_entries SET action = 'x' WHERE id = '{}'", ids[0]),
        )
        .await;
        assert_eq!(verify(&app, id).await["firstBadId"], ids[0].as_str());
    }

    async fn what_waited_long_and_in_numbers_is_sealed_all_the_same(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        // More than two batches, as when nobody sealed for a while.
        let copied = 2_500;
        let columns = "occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, request_id, ip, user_agent";
        let statement = |new: &str, old: String| {
            format!(
                "INSERT INTO audit_entries (organization_id, id, {columns}) \
                 WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {copied}) \
                 SELECT organization_id, {new}, {columns} FROM audit_entries CROSS JOIN n WHERE id = {old}"
            )
        };
        tamper(
            &app,
            &statement("unhex(substr(hex(id), 1, 12) || printf('%020d', i))", blob(&ids[0])),
            &statement(
                "(substr(replace(id::text, '-', ''), 1, 12) || lpad(i::text, 20, '0'))::uuid",
                format!("'{}'", ids[0]),
            ),
        )
        .await;
        app.clock().advance(Duration::from_secs(3_600));

        seal(&app).await;
        let expected = json!({ "valid": true, "checked": ids.len() + copied, "unsealed": 0, "firstBadId": null });
        assert_eq!(verify(&app, id).await, expected);
    }

    async fn each_organization_has_a_chain_of_its_own(app: TestApp) {
        let (one, ids) = trail(&app, "padaria").await;
        let (other, _) = trail(&app, "farmacia").await;
        seal(&app).await;
        tamper(
            &app,
            &format!("DELETE FROM audit_entries WHERE id = {}", blob(&ids[0])),
            &format!("DELETE FROM audit_entries WHERE id = '{}'", ids[0]),
        )
        .await;
        assert_eq!(verify(&app, one).await["valid"], false);
        assert_eq!(verify(&app, other).await["valid"], true);
    }

    async fn a_trail_that_cannot_be_sealed_keeps_no_other_from_it(app: TestApp) {
        let mut trails = Vec::new();
        for slug in ["padaria", "livraria", "farmacia"] {
            trails.push(trail(&app, slug).await.0);
        }
        seal(&app).await;
        // On whichever side of the one in the middle the sealer begins, there is one behind it.
        let damaged = trails[1];
        let to = |root: &str| {
            format!("UPDATE audit_seals SET root = {root} WHERE organization_id = (SELECT id FROM organizations WHERE slug = 'livraria')")
        };
        tamper(&app, &to("unhex(hex(root) || '00')"), &to("root || decode('00', 'hex')")).await;
        for id in &trails {
            let body = json!({ "name": "Another name" });
            app.administrator(*id).patch("/organizations/current").json(&body).send().await.expect(200);
        }
        for _ in 0..2 {
            let failure = try_seal(&app).await.unwrap_err().to_string();
            assert!(failure.contains("root"), "{failure}");
        }
        for id in &trails {
            if *id != damaged {
                let found = verify(&app, *id).await;
                assert_eq!((&found["valid"], &found["unsealed"]), (&json!(true), &json!(0)), "{found}");
            }
        }

        // Whole again, it is sealed as well.
        tamper(&app, &to("substr(root, 1, 32)"), &to("substr(root, 1, 32)")).await;
        assert_eq!(seal(&app).await, 1);
        let found = verify(&app, damaged).await;
        assert_eq!((&found["valid"], &found["unsealed"]), (&json!(true), &json!(0)), "{found}");
    }

    async fn sealers_on_several_nodes_make_one_chain(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        let sealing = (0..4).map(|_| seal(&app));
        let sealed: u64 = futures_util::future::join_all(sealing).await.into_iter().sum();
        let platform = app.operator().get("/audit-logs?limit=100").send().await.expect(200);
        assert_eq!(sealed, (ids.len() + platform.data().as_array().unwrap().len()) as u64);
        assert_eq!(verify(&app, id).await["checked"], ids.len());
    }

    async fn a_seal_under_a_key_that_is_gone_is_vouched_for_by_the_next(app: TestApp) {
        let (id, ids) = trail(&app, "padaria").await;
        seal(&app).await;
        let ports = app.edge().app().ports();
        let replaced = vault::MasterKey::new([8; 32]);
        ports.provide(std::sync::Arc::new(vault::Sealer::new(replaced.clone(), Vec::new())));
        ports.provide(std::sync::Arc::new(replaced));
        assert_eq!(verify(&app, id).await["firstBadId"], ids[0].as_str(), "nothing proves it yet");

        let body = json!({ "name": "Another name" });
        app.administrator(id).patch("/organizations/current").json(&body).send().await.expect(200);
        seal(&app).await;
        assert_eq!(verify(&app, id).await["valid"], true);
        tamper(
            &app,
            &format!("UPDATE audit_entries SET action = 'x' WHERE id = {}", blob(&ids[1])),
            &format!("UPDATE audit_entries SET action = 'x' WHERE id = '{}'", ids[1]),
        )
        .await;
        assert_eq!(verify(&app, id).await["firstBadId"], ids[1].as_str());
    }

    async fn checking_needs_the_permission(app: TestApp) {
        let id = app.organization("padaria").await;
        app.stranger(id).get("/audit-logs/verify").send().await.refused(403, "RBAC_FORBIDDEN");
        app.nobody().get("/audit-logs/verify").send().await.refused(401, "AUTH_REQUIRED");
    }
}
