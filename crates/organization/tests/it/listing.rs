//! Lists: pages, cursors, totals, orders, filters, and what they refuse.

use serde_json::{Value, json};
use testkit::Reply;

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
