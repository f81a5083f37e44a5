//! Another master key: secrets come under it while the server runs, and are lost by nobody.

use db::{Sql, SystemScope};
use http::{Resealed, reseal};
use kernel::SeededRandom;
use serde_json::json;
use testkit::{Client, TestApp};
use vault::{MasterKey, Sealer};

use crate::integrations::start;

/// The key that the server under test seals under.
fn former() -> MasterKey {
    MasterKey::new([7; 32])
}

fn another(seed: u64) -> MasterKey {
    MasterKey::generate(&SeededRandom::new(seed))
}

/// Two organizations with so many secrets each; the administrator of one of them.
async fn with_integrations(app: &TestApp, count: usize) -> Client {
    let clients =
        [app.organization("padaria").await, app.organization("mercado").await].map(|id| app.administrator(id));
    for administrator in &clients {
        for number in 0..count {
            let body = json!({
                "provider": "smtp",
                "name": format!("Mail {number}"),
                "config": { "host": "smtp.example.com" },
                "secrets": { "password": "correct horse" },
            });
            administrator.post("/integrations").json(&body).send().await.expect(201);
        }
        let without = json!({ "provider": "http", "name": "Open", "config": { "url": "https://example.com/" } });
        administrator
            .post("/integrations")
            .json(&without)
            .send()
            .await
            .expect(201);
    }
    let [client, _] = clients;
    client
}

async fn resealed(app: &TestApp, sealer: &Sealer) -> Resealed {
    let [column] = settings::module().sealed.try_into().unwrap();
    let generators = app.edge().app().generators();
    reseal(app.db(), sealer, generators, app.platform(), &column)
        .await
        .unwrap()
}

async fn envelopes(app: &TestApp) -> Vec<Vec<u8>> {
    const ALL: Sql = Sql::system("SELECT secrets FROM integrations WHERE secrets IS NOT NULL");
    let everywhere = SystemScope::new("a test looks at what is stored");
    app.db()
        .system(everywhere)
        .all(&ALL, &[], |row| row.get(0))
        .await
        .unwrap()
}

testkit::behaviours! {
    with start;

    async fn everything_comes_under_the_new_key(app: TestApp) {
        // More than one page.
        let administrator = with_integrations(&app, 70).await;
        let during = Sealer::new(another(1), vec![former()]);
        assert_eq!(resealed(&app, &during).await, Resealed { sealed: 140, unreadable: 0 });
        assert_eq!(resealed(&app, &during).await, Resealed::default(), "twice is the same as once");
        let afterwards = Sealer::new(another(1), Vec::new());
        let envelopes = envelopes(&app).await;
        assert_eq!(envelopes.len(), 140);
        assert!(envelopes.iter().all(|envelope| afterwards.is_outdated(envelope) == Ok(false)));
        // And back, so that the server under test, which knows its own key alone, can tell that the secrets are what they were.
        assert_eq!(resealed(&app, &Sealer::new(former(), vec![another(1)])).await.sealed, 140);
        let listed = administrator.get("/integrations?provider=smtp&limit=100").send().await.expect(200);
        let secrets: Vec<_> = listed.data().as_array().unwrap().iter().map(|found| &found["secrets"]).collect();
        assert_eq!(secrets, vec![&json!({ "password": "••••orse" }); 70]);
    }

    async fn what_no_key_opens_is_counted_and_kept(app: TestApp) {
        with_integrations(&app, 1).await;
        let before = envelopes(&app).await;
        let strange = Sealer::new(another(2), vec![another(3)]);
        assert_eq!(resealed(&app, &strange).await, Resealed { sealed: 0, unreadable: 2 });
        assert_eq!(envelopes(&app).await, before);
    }

    async fn a_server_without_the_key_shows_no_secret_and_takes_a_new_one(app: TestApp) {
        let mine = app.organization("padaria").await;
        let administrator = app.administrator(mine);
        let body = json!({
            "provider": "smtp",
            "name": "Mail",
            "config": { "host": "smtp.example.com" },
            "secrets": { "password": "correct horse" },
        });
        let made = administrator.post("/integrations").json(&body).send().await.expect(201);
        let path = format!("/integrations/{}", made.id());
        assert_eq!(resealed(&app, &Sealer::new(another(1), vec![former()])).await.sealed, 1);
        assert_eq!(administrator.get(&path).send().await.expect(200).data()["secrets"], json!({}));
        let test = administrator.post(&format!("{path}/test")).send().await.expect(200);
        assert_eq!(test.data()["code"], "SECRET_UNREADABLE");
        let renamed = administrator.patch(&path).json(&json!({ "name": "Correio" })).send().await.expect(200);
        assert_eq!(renamed.data()["name"], "Correio");
        assert_eq!(resealed(&app, &Sealer::new(former(), vec![another(1)])).await.sealed, 1, "a change of the name kept them");
        assert_eq!(administrator.get(&path).send().await.expect(200).data()["secrets"], json!({ "password": "••••orse" }));
    }
}
