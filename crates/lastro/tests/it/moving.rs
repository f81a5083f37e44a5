//! `lastro move`: from SQLite to PostgreSQL and back, everything as it was.

use testkit::postgres;

use crate::binary::Installation;

/// Every row of every table of an SQLite file, each value as its literal.
async fn contents(url: &str) -> Vec<(String, Vec<Vec<Option<String>>>)> {
    let mut contents = Vec::new();
    for (name, table) in db::schema::describe(url).await.unwrap() {
        if name == "schema_migrations" {
            continue;
        }
        let columns: Vec<String> = table
            .columns
            .keys()
            .map(|column| format!("quote(\"{column}\")"))
            .collect();
        let text = format!("SELECT {} FROM \"{name}\" ORDER BY 1", columns.join(" || ' ' || "));
        contents.push((name, db::admin::query(url, &text).await.unwrap()));
    }
    contents
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_as_it_was_after_going_to_postgresql_and_back() {
    let Some(server) = postgres::server().unwrap() else {
        return;
    };
    let lastro = Installation::new().administered();
    let demo = lastro.serve(&["--demo"]);
    let credential = format!("Bearer {}", demo.token());
    for number in 0..30 {
        let body = format!(r#"{{"name":"Café nº {number}","slug":"cafe-{number}"}}"#);
        let made = demo.send("POST /api/v1/organizations", &[("authorization", &credential)], &body);
        assert_eq!(made.status, 201, "{}", made.body);
    }
    assert_eq!(demo.stop(), Some(0));
    lastro.run(&["jobs", "run", "audit-sealing"]).assert_code(0);

    let exported = |lastro: &Installation, file: &str| {
        lastro.run(&["tenant", "export", "padaria-modelo", file]).assert_code(0);
        std::fs::read_to_string(lastro.path(file)).unwrap()
    };
    let on_sqlite = exported(&lastro, "export.ndjson");
    for part in [r#""is_active":true"#, r#":null"#, r#"Z""#, r#""table":"audit_seals""#] {
        assert!(on_sqlite.contains(part), "no {part} in {on_sqlite}");
    }

    let between = server.empty_database().unwrap();
    let planned = lastro.run(&["move", "--to", &between.url(), "--dry-run"]);
    assert!(
        planned.assert_code(0).stdout.contains("would be moved"),
        "{}",
        planned.stdout
    );
    let moved = lastro.run(&["move", "--to", &between.url()]);
    assert!(moved.assert_code(0).stdout.contains("were moved"), "{}", moved.stdout);
    let again = lastro.run(&["move", "--to", &between.url()]);
    assert!(again.assert_code(1).stderr.contains("is not empty"), "{}", again.stderr);

    let back = lastro.path("back.db");
    let back = format!("sqlite://{}", back.display());
    let there = Installation::new().administered().with("DATABASE_URL", &between.url());
    there.run(&["move", "--to", &back]).assert_code(0);
    there.run(&["audit", "verify"]).assert_code(0);
    // Both engines tell the same rows by the same lines.
    assert_eq!(exported(&there, "export.ndjson"), on_sqlite);

    let source = format!("sqlite://{}", lastro.path("data/lastro.db").display());
    assert_eq!(contents(&back).await, contents(&source).await);

    // And on the other engine people go on as before.
    let server = there.serve(&[]);
    let listed = server.send(
        "GET /api/v1/organizations?q=cafe&limit=100",
        &[("authorization", &format!("Bearer {}", server.token()))],
        "",
    );
    assert_eq!(listed.json()["meta"]["total"], 30, "{}", listed.body);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn what_does_not_fit_is_refused() {
    let lastro = Installation::new().administered();
    lastro.run(&["migrate"]).assert_code(0);
    let same = format!("sqlite://{}", lastro.path("other.db").display());
    let refused = lastro.run(&["move", "--to", &same]);
    assert!(
        refused.assert_code(1).stderr.contains("PostgreSQL"),
        "{}",
        refused.stderr
    );
}
