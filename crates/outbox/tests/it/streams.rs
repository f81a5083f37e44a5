//! Server-sent events.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use http_body_util::BodyExt as _;
use serde_json::Value;
use testkit::{Engine, TestApp};
use tower::ServiceExt as _;

use crate::start;
use crate::world::{Node, customer, eventually_stored, rename, start_with};

/// With room for two streams of an organization on a node.
async fn start_narrow(engine: Engine) -> Option<TestApp> {
    let config = outbox::Config {
        streams_per_organization: 2,
        ..outbox::Config::for_tests()
    };
    start_with(engine, config).await
}

/// A client's open stream.
struct Following {
    body: Body,
    read: String,
}

impl Following {
    /// Opens a stream with the client's credential, going on after an event.
    async fn open(app: &TestApp, credential: &str, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("/api/v1/events/stream{query}"))
            .header(header::AUTHORIZATION, format!("Bearer {credential}"));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let request = request.body(Body::empty()).unwrap();
        let Ok(response) = app.edge().clone().oneshot(request).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        Self {
            body: response.into_body(),
            read: String::new(),
        }
    }

    /// The next block that is an event: its id, its type and its data.
    async fn next(&mut self) -> (String, String, Value) {
        loop {
            while let Some((block, rest)) = self.read.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.read = rest;
                let field = |name: &str| {
                    let line = block.lines().find_map(|line| line.strip_prefix(name));
                    line.map(str::to_owned)
                };
                if let Some(id) = field("id: ") {
                    let data = serde_json::from_str(&field("data: ").unwrap()).unwrap();
                    return (id, field("event: ").unwrap(), data);
                }
            }
            assert!(self.more().await, "the stream ended");
        }
    }

    /// Reads more; false when the stream ended.
    async fn more(&mut self) -> bool {
        let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame())
            .await
            .unwrap();
        match frame {
            Some(frame) => {
                let data = frame.unwrap().into_data().unwrap();
                self.read.push_str(std::str::from_utf8(&data).unwrap());
                true
            }
            None => false,
        }
    }
}

testkit::behaviours! {
    with start;

    async fn a_stream_tells_what_happens_and_resumes_where_it_was_left(app: TestApp) {
        let (organization, ana) = customer(&app, "padaria").await;
        let credential = app.credential(&ana);
        let node = Node::start(&app);
        rename(&ana, "Antes").await;
        // What was handed on before the stream began is not told.
        eventually_stored(&app, "SELECT 'waits' FROM outbox_queue LIMIT 1", &[]).await;
        let mut following = Following::open(&app, &credential, "?types=organization.updated", None).await;
        for name in ["Um", "Dois", "Três"] {
            rename(&ana, &format!("Padaria {name}")).await;
        }
        let mut told = Vec::new();
        for _ in 0..3 {
            told.push(following.next().await);
        }
        let names: Vec<_> = told.iter().map(|(_, _, data)| data["data"]["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["Padaria Um", "Padaria Dois", "Padaria Três"]);
        let (id, kind, data) = &told[0];
        assert_eq!(kind, "organization.updated");
        assert_eq!((data["id"].as_str().unwrap(), data["data"]["id"].as_str().unwrap()), (id.as_str(), &*organization.to_string()));
        // The same as the list shows.
        let listed = ana.get("/events?types=organization.updated&limit=3").send().await.expect(200);
        assert_eq!(&listed.data()[2], data);
        drop(following);

        // What happened while nobody followed is told to whoever comes again.
        rename(&ana, "Padaria Quatro").await;
        let mut again = Following::open(&app, &credential, "?types=organization.updated", Some(id)).await;
        let mut names = Vec::new();
        for _ in 0..3 {
            names.push(again.next().await.2["data"]["name"].as_str().unwrap().to_owned());
        }
        assert_eq!(names, ["Padaria Dois", "Padaria Três", "Padaria Quatro"]);
        node.stop().await;
    }

    async fn a_stream_says_that_it_is_there_and_ends_with_the_server(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let mut following = Following::open(&app, &app.credential(&ana), "", None).await;
        assert!(following.more().await);
        assert!(following.read.starts_with("retry: "));
        while !following.read.contains(": still here\n\n") {
            assert!(following.more().await);
        }
        app.edge().app().ending().cancel();
        while following.more().await {}
    }

    async fn a_stream_ends_with_its_credential(app: TestApp) {
        let (_, ana) = customer(&app, "padaria").await;
        let credential = app.credential(&ana);
        let mut following = Following::open(&app, &credential, "", None).await;
        app.forget(&credential);
        while following.more().await {}
    }

    async fn a_stream_is_of_what_one_may_read(app: TestApp) {
        let (organization, ana) = customer(&app, "padaria").await;
        ana.get("/events/stream?types=job.requested").send().await.refused(403, "RBAC_FORBIDDEN");
        ana.get("/events/stream?types=cake.eaten").send().await.refused(400, "VALIDATION_FAILED");
        ana.get("/events/stream").header("Last-Event-ID", "yesterday").send().await.refused(400, "VALIDATION_FAILED");
        app.stranger(organization).get("/events/stream").send().await.refused(403, "RBAC_FORBIDDEN");
    }
}

mod narrow {
    use super::*;

    testkit::behaviours! {
        with start_narrow;

        async fn an_organization_has_so_many_streams_and_no_more(app: TestApp) {
            let (_, ana) = customer(&app, "padaria").await;
            let (_, eve) = customer(&app, "mercado").await;
            let first = Following::open(&app, &app.credential(&ana), "", None).await;
            let _second = Following::open(&app, &app.credential(&ana), "", None).await;
            let refused = ana.get("/events/stream").send().await.refused(429, "RATE_LIMIT_EXCEEDED");
            assert_eq!(refused.header("retry-after"), "10");
            // Another organization's are its own, and one that ended makes room.
            let _others = Following::open(&app, &app.credential(&eve), "", None).await;
            drop(first);
            let _third = Following::open(&app, &app.credential(&ana), "", None).await;
        }
    }
}
