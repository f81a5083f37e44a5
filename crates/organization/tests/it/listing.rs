//! Lists: pages, cursors, totals, orders, filters, and what they refuse.

use std::sync::Arc;

use db::{DbError, Sql, UnitContext};
use futures_util::future::join_all;
use kernel::Actor;
use serde_json::{Value, json};
use testkit::{Engine, Reply};
use tokio::sync::Notify;

use crate::start;

fn slugs(reply: &Reply) -> Vec<&str> {
    reply
        .data()
        .as_array()
        .unwrap()
        .iter()
        .map(|organization| organization["slug"].as_str().unwrap())
        .collect()
}

testkit::behaviours! {
    with start;

    async fn pages_and_cursors_show_every_organization_once(app: TestApp) {
        for slug in ["ana", "bia", "caio", "davi", "eva"] {
            app.organization(slug).await;
        }
        let operator = app.operator();
        let all = ["ana", "bia", "caio", "davi", "eva", "platform"];
        for sort in ["slug", "name", "createdAt"] {
            let mut paged = Vec::new();
            for page in 1..=3 {
                let reply =
                    operator.get(&format!("/organizations?sort={sort}&limit=2&page={page}")).send().await.expect(200);
                assert_eq!(reply.meta()["total"], 6);
                paged.extend(slugs(&reply).into_iter().map(str::to_owned));
            }
            let mut by_cursor = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!("/organizations?sort={sort}&limit=2{cursor}");
                let reply = operator.get(&path).send().await.expect(200);
                by_cursor.extend(slugs(&reply).into_iter().map(str::to_owned));
                match &reply.meta()["nextCursor"] {
                    Value::String(next) => cursor = format!("&cursor={next}"),
                    _ => break,
                }
            }
            assert_eq!(by_cursor, paged, "{sort}");
            let mut sorted = paged;
            sorted.sort();
            assert_eq!(sorted, all, "{sort}");
        }
        let reversed = operator.get("/organizations?sort=-slug").send().await.expect(200);
        assert_eq!(slugs(&reversed), ["platform", "eva", "davi", "caio", "bia", "ana"]);
    }

    async fn beyond_the_end_a_page_is_empty_and_knows_the_total(app: TestApp) {
        let reply = app.operator().get("/organizations?page=9&limit=100").send().await.expect(200);
        assert_eq!(reply.data(), &json!([]));
        assert_eq!(reply.meta(), &json!({ "page": 9, "limit": 100, "total": 1, "nextCursor": null }));
    }

    async fn all_are_counted_as_they_are_made_and_anew_where_they_were_not(app: TestApp) {
        let operator = app.operator();
        let total = async |query: &str| {
            let listed = operator.get(&format!("/organizations?{query}")).send().await.expect(200);
            listed.meta()["total"].as_u64().unwrap()
        };
        let made = join_all((0..16).map(|number| {
            let body = json!({ "name": "Padaria", "slug": format!("padaria-{}", number / 2) });
            operator.post("/organizations").json(&body).send()
        })).await;
        assert_eq!(made.iter().filter(|reply| reply.status.as_u16() == 201).count(), 8);
        for query in ["", "limit=1", "page=9", "isActive=true"] {
            assert_eq!(total(query).await, 9, "{query}");
        }
        let recount = async || {
            let job = organization::module().jobs.into_iter().find(|job| job.name == "organization-recount").unwrap();
            (job.run)(app.edge().app().clone()).await.unwrap()
        };
        assert_eq!(recount().await, 0);
        // As a node of an older version leaves it.
        db::admin::execute(app.url(), "UPDATE organization_counts SET count = count - 1").await.unwrap();
        assert!(total("").await < total("isActive=true").await);
        let missing = total("isActive=true").await - total("").await;
        assert_eq!(recount().await, missing);
        assert_eq!(total("").await, 9);
    }

    async fn who_holds_the_counter_holds_up_nobody(app: TestApp) {
        // There is one writer: everybody waits for it anyway.
        if app.db().engine() == Engine::Sqlite {
            return;
        }
        const HOLD: Sql = Sql::global("SELECT slot FROM organization_counts FOR UPDATE");
        const SLEEP: Sql = Sql::global("SELECT 1::bigint FROM pg_sleep(9)");
        let held = Arc::new(Notify::new());
        let holds = Arc::clone(&held);
        let context = UnitContext::tenant(Actor::system("test"), app.platform()).unaudited("a unit that takes its time");
        let unit = app.db().write::<_, DbError, _, _>(context, move |uow| {
            let holds = Arc::clone(&holds);
            async move {
                uow.global().reads().all(&HOLD, &[], |row| row.get::<i64>(0)).await?;
                holds.notify_one();
                uow.global().reads().one(&SLEEP, &[], |row| row.get::<i64>(0)).await
            }
        });
        let others = async {
            held.notified().await;
            for slug in ["ana", "bia", "caio"] {
                app.organization(slug).await;
            }
        };
        tokio::select! {
            ended = unit => panic!("it ended first: {ended:?}"),
            () = others => (),
        }
        let listed = app.operator().get("/organizations").send().await.expect(200);
        assert_eq!(listed.meta()["total"], 4);
    }

    async fn a_query_that_makes_no_sense_is_refused(app: TestApp) {
        let operator = app.operator();
        for query in [
            "page=0", "page=-1", "page=1000000000000", "page=x", "limit=0", "limit=101", "page=10001&limit=100",
            "sort=color", "sort=-", "cursor=forged", "document=123", "isActive=perhaps", "q=%00",
        ] {
            operator.get(&format!("/organizations?{query}")).send().await.refused(400, "VALIDATION_FAILED");
        }
        operator.get("/organizations?color=blue").send().await.refused(400, "VALIDATION_UNKNOWN_FIELD");
        operator.get("/organizations?page=10000&limit=100").send().await.expect(200);
    }

    async fn a_search_ignores_case_and_accents_and_takes_wildcards_literally(app: TestApp) {
        let operator = app.operator();
        let names = [("Pão de Açúcar", "pao"), ("100% Suco", "suco"), ("Açaí_da_Praia", "acai")];
        for (name, slug) in names {
            operator.post("/organizations").json(&json!({ "name": name, "slug": slug })).send().await.expect(201);
        }
        for (text, found) in [("ACUCAR", vec!["pao"]), ("açai", vec!["acai"]), ("100%25", vec!["suco"]), ("_da_", vec!["acai"])] {
            let reply = operator.get(&format!("/organizations?q={text}")).send().await.expect(200);
            assert_eq!(slugs(&reply), found, "{text}");
            assert_eq!(reply.meta()["total"], found.len());
        }
        let nothing = operator.get("/organizations?q=%25%25").send().await.expect(200);
        assert_eq!(slugs(&nothing), Vec::<&str>::new());
    }

    async fn a_document_is_found_however_it_is_written(app: TestApp) {
        let operator = app.operator();
        let body = json!({ "name": "Padaria", "slug": "padaria", "document": "12ABC34501DE35" });
        operator.post("/organizations").json(&body).send().await.expect(201);
        for document in ["12ABC34501DE35", "12.abc.345%2F01de-35"] {
            let reply = operator.get(&format!("/organizations?document={document}")).send().await.expect(200);
            assert_eq!(slugs(&reply), ["padaria"]);
        }
    }
}
