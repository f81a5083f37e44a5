//! What one node does, another learns from the change feed.

use std::sync::Arc;

use authz::{Decider, Decision, Permission as _};
use contracts::{Manifests, Ports};
use db::{Db, DbConfig};
use http::{Foundation, HttpConfig, Jobs, Metrics};
use kernel::{Actor, ActorKind, Generators, Id as _, ManualClock};
use serde_json::Value;
use testkit::{BEGINNING, Member, TestApp};
use vault::{MasterKey, Sealer};

use crate::world::{Bakery, assign, bakery, role};
use crate::{modules, start};

/// Another node on the same database. Its services hold its ports weakly, as the server's parts hold them.
async fn node(app: &TestApp) -> (Db, Arc<Ports>) {
    let clock = Arc::new(ManualClock::new(BEGINNING));
    let generators = Generators::seeded(Arc::clone(&clock), 2);
    let db = Db::open(DbConfig::new(app.url()), generators.clone()).unwrap();
    let ports = Arc::new(Ports::default());
    let key = MasterKey::new([7; 32]);
    ports.provide(Arc::new(Sealer::new(key.clone(), Vec::new())));
    ports.provide(Arc::new(key));
    ports.provide(Arc::new(identity::Config::for_tests()));
    ports.provide(Arc::new(audit::Config {
        archives: std::env::temp_dir(),
    }));
    ports.provide(Arc::new(Jobs::of(&modules())));
    ports.provide(Arc::new(Manifests::new(modules().iter().map(|module| module.manifest))));
    let foundation = Foundation {
        db: db.clone(),
        generators,
        ports: Arc::clone(&ports),
        platform: app.platform(),
        http: HttpConfig::default(),
        metrics: Metrics::new("test"),
    };
    for module in modules() {
        (module.start)(foundation.clone()).await.unwrap();
    }
    db.poll().await.unwrap();
    (db, ports)
}

fn actor(member: &Member) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: member.id.as_uuid(),
        name: "Bia Lima".to_owned(),
    }
}

testkit::behaviours! {
    with start;

    async fn a_revoked_role_is_denied_on_another_node_once_it_has_read_the_feed(app: TestApp) {
        let Bakery { id, boss } = bakery(&app).await;
        let ana = app.member(id, None).await;
        let clerk = role(&boss.client, "CLERK", &[("RBAC_ROLE_READ", Value::Null)]).await;
        let permission = access::RoleRead::INFO;
        let (db, ports) = node(&app).await;
        let decider = ports.get::<dyn Decider>().unwrap();
        let who = actor(&ana);
        assert!(decider.decide(&who, id, permission).is_none(), "nothing is read before somebody asks");
        let decided = decider.load_and_decide(&who, id, permission).await.unwrap();
        assert!(!decided.is_allowed());

        assign(&boss.client, &ana, &clerk).await.expect(201);
        db.poll().await.unwrap();
        assert!(decider.decide(&who, id, permission).is_none(), "what was read is outdated");
        assert!(decider.load_and_decide(&who, id, permission).await.unwrap().is_allowed());
        assert!(decider.decide(&who, id, permission).is_some_and(|decision: Decision| decision.is_allowed()));

        boss.client.delete(&format!("/users/{}/roles/{clerk}", ana.id)).send().await.expect(204);
        db.poll().await.unwrap();
        assert!(!decider.load_and_decide(&who, id, permission).await.unwrap().is_allowed());

        // What a role holds, and what a group holds, as well.
        assign(&boss.client, &ana, &clerk).await.expect(201);
        boss.client.delete(&format!("/roles/{clerk}")).send().await.expect(204);
        db.poll().await.unwrap();
        assert!(!decider.load_and_decide(&who, id, permission).await.unwrap().is_allowed());
    }
}
