//! How much one endpoint gets at once, and in a second.

use std::time::Duration;

use outbox::Config;
use testkit::{Engine, Hooks, Reaction, TestApp};

use crate::world::{Node, customer, eventually, register, rename, start_with};

const AT_ONCE: usize = 3;
const A_SECOND: u32 = 5;

async fn start_limited(engine: Engine) -> Option<TestApp> {
    let config = Config {
        concurrency: AT_ONCE,
        rate: A_SECOND,
        ..Config::for_tests()
    };
    start_with(engine, config).await
}

testkit::behaviours! {
    with start_limited;

    async fn an_endpoint_gets_so_much_at_once_and_in_a_second_and_no_more(app: TestApp) {
        let (hooks, other) = (Hooks::start().await, Hooks::start().await);
        hooks.react_always(Reaction::Slow(Duration::from_millis(150), 200));
        let (_, ana) = customer(&app, "padaria").await;
        let made = register(&ana, &hooks.url(), &["organization.updated"]).await;
        for number in 0..12 {
            rename(&ana, &format!("Padaria {number}")).await;
        }
        let node = Node::start(&app);
        // The test's clock stands, so the second does not end.
        for sent in [5, 10, 12] {
            hooks.until(sent).await;
            eventually(&ana, &format!("/webhooks/{}/deliveries?limit=100", made.id()), |all| {
                all.as_array().unwrap().iter().filter(|one| one["status"] == "delivered").count() == sent
            }).await;
            tokio::time::sleep(Duration::from_millis(200)).await;
            assert_eq!(hooks.count(), sent, "in this second");
            app.clock().advance(Duration::from_secs(1));
        }
        assert_eq!(hooks.most_at_once(), AT_ONCE);

        // Each endpoint has a share of its own.
        register(&ana, &other.url(), &["organization.updated"]).await;
        for number in 0..5 {
            rename(&ana, &format!("Confeitaria {number}")).await;
        }
        other.until(5).await;
        hooks.until(17).await;
        node.stop().await;
    }
}
