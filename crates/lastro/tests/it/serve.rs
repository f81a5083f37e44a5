//! `lastro serve`: what keeps it from starting, what it does while it runs, and how it ends.

use std::io::Write as _;
use std::net::TcpListener;

use crate::binary::{Answer, Installation, folder_contains};

const ORGANIZATIONS: &str = "/api/v1/organizations";

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[test]
fn an_address_in_use_is_named_with_the_key_that_sets_it() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for key in ["LASTRO_BIND", "LASTRO_ADMIN_BIND"] {
        let lastro = Installation::new().with(key, &address);
        let refused = lastro.run(&["serve"]);
        refused.assert_code(1);
        assert!(
            refused.stderr.contains(&format!("{address} is in use")),
            "{}",
            refused.stderr
        );
        assert!(refused.stderr.contains(key), "{}", refused.stderr);
        assert!(!lastro.path("data/lastro.db").exists(), "the database was not touched");
    }
}

#[test]
fn a_data_folder_that_cannot_be_used_is_named() {
    let lastro = Installation::new().with("LASTRO_DATA_DIR", "file/below");
    std::fs::write(lastro.path("file"), "").unwrap();
    let refused = lastro.run(&["serve"]);
    refused.assert_code(1);
    assert!(
        refused.stderr.contains("file/below") && refused.stderr.contains("LASTRO_DATA_DIR"),
        "{}",
        refused.stderr
    );
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let lastro = Installation::new().with("DATABASE_URL", "postgres://lastro:hunter2@127.0.0.1:9/lastro");
    let refused = lastro.run(&["serve"]);
    refused.assert_code(1);
    assert!(
        refused.stderr.contains("127.0.0.1:9/lastro") && !refused.stderr.contains("hunter2"),
        "{}",
        refused.stderr
    );
}

#[test]
fn a_file_that_is_no_database_is_refused_and_kept() {
    let lastro = Installation::new();
    std::fs::create_dir(lastro.path("data")).unwrap();
    let text = "this is not a database, and long enough to be read as a header of one ".repeat(20);
    std::fs::write(lastro.path("data/lastro.db"), &text).unwrap();
    let refused = lastro.run(&["serve"]);
    refused.assert_code(1);
    assert!(refused.stderr.contains("data/lastro.db"), "{}", refused.stderr);
    assert_eq!(std::fs::read_to_string(lastro.path("data/lastro.db")).unwrap(), text);
}

#[test]
fn a_demo_is_refused_where_customers_are() {
    for environment in ["staging", "production"] {
        let lastro = Installation::new()
            .with("LASTRO_ENV", environment)
            .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
            .with("LASTRO_SMTP_URL", "off");
        let refused = lastro.run(&["serve", "--demo"]);
        refused.assert_code(2);
        assert!(refused.stderr.contains("--demo is refused"), "{}", refused.stderr);
    }
}

#[test]
fn a_demo_draws_passwords_once_and_keeps_its_people() {
    let lastro = Installation::new();
    let mut server = lastro.serve(&["--demo"]);
    let (email, password) = server.operator();
    let logged_in = server.log_in(&email, &password);
    assert_eq!(logged_in.status, 200, "{}", logged_in.body);
    let token = logged_in.json()["data"]["accessToken"].as_str().unwrap().to_owned();
    let listed = server.send(
        &format!("GET {ORGANIZATIONS}"),
        &[("authorization", &bearer(&token))],
        "",
    );
    assert_eq!(listed.status, 200, "{}", listed.body);
    let slugs: Vec<_> = listed.json()["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["slug"].clone())
        .collect();
    assert!(
        slugs.contains(&"padaria-modelo".into()) && slugs.contains(&"platform".into()),
        "{slugs:?}"
    );
    for credential in [None, Some("Bearer nonsense"), Some("Bearer lastro_key_")] {
        let headers: Vec<_> = credential.map(|value| ("authorization", value)).into_iter().collect();
        assert_eq!(server.send(&format!("GET {ORGANIZATIONS}"), &headers, "").status, 401);
    }
    assert_eq!(server.stop(), Some(0));
    for secret in [&token, &password] {
        assert!(
            !folder_contains(lastro.folder.path(), secret),
            "neither log nor database knows it"
        );
    }

    let again = lastro.serve(&["--demo"]);
    assert_eq!(again.log_in(&email, &password).status, 200);
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn the_first_start_makes_the_administrator_that_is_asked_for() {
    let lastro = Installation::new().administered();
    let server = lastro.serve(&[]);
    let token = server.token();
    let asked = server.send(
        &format!("GET {ORGANIZATIONS}"),
        &[("authorization", &bearer(&token))],
        "",
    );
    assert_eq!(asked.status, 200, "{}", asked.body);
    assert_eq!(server.stop(), Some(0));
    // Another wish makes nobody else, and the command line does.
    let other = [
        "admin",
        "create",
        "--email",
        "rui@example.com",
        "--password",
        "tres tigres 4",
    ];
    lastro.run(&other).assert_code(0);
    lastro.run(&other).assert_code(1);
    lastro
        .run(&[
            "admin",
            "reset-password",
            "--email",
            "rui@example.com",
            "--password",
            "tres tigres 5",
        ])
        .assert_code(0);
    let server = lastro.serve(&[]);
    assert_eq!(server.log_in("rui@example.com", "tres tigres 4").status, 401);
    assert_eq!(server.log_in("rui@example.com", "tres tigres 5").status, 200);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn without_a_wish_the_first_start_prints_a_link_that_works_once() {
    let lastro = Installation::new();
    let mut server = lastro.serve(&[]);
    let token = server.setup_token();
    let set = |password: &str| {
        let body = format!(r#"{{"token":"{token}","password":"{password}"}}"#);
        server.send("POST /api/v1/auth/password/reset", &[], &body).status
    };
    assert!((200..300).contains(&set("tres tigres 3")));
    assert_eq!(set("tres tigres 4"), 400);
    let logged_in = server.log_in("admin@lastro.example.com", "tres tigres 3");
    assert_eq!(logged_in.status, 200, "{}", logged_in.body);
    assert_eq!(logged_in.json()["data"]["user"]["email"], "admin@lastro.example.com");
    assert_eq!(server.stop(), Some(0));
    assert!(
        !folder_contains(lastro.folder.path(), &token),
        "the token is stored nowhere"
    );
}

#[test]
fn people_are_imported_all_or_nobody() {
    const HASH: &str = "$2b$04$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW";
    let lastro = Installation::new();
    lastro.run(&["migrate"]).assert_code(0);
    let import = |text: &str| {
        std::fs::write(lastro.path("people.csv"), text).unwrap();
        lastro.run(&["users", "import", "people.csv", "--organization", "platform"])
    };
    let good = format!("name,email,passwordHash\nAna Souza,ana@example.com,{HASH}\nRui Reis,rui@example.com,{HASH}\n");
    let bad = format!("{good}E,eva,{HASH}\n");
    let refused = import(&bad);
    refused.assert_code(1);
    assert!(
        refused.stderr.contains("line 4: name") && refused.stderr.contains("line 4: email"),
        "{}",
        refused.stderr
    );
    import(&good).assert_code(0);
    let again = import(&good);
    again.assert_code(1);
    assert!(
        again.stderr.contains("line 2: email") && again.stderr.contains("line 3: email"),
        "{}",
        again.stderr
    );
}

#[test]
fn without_a_demo_no_credential_is_accepted() {
    let lastro = Installation::new();
    let server = lastro.serve(&[]);
    let answer = server.send(
        &format!("GET {ORGANIZATIONS}"),
        &[("authorization", "Bearer anything")],
        "",
    );
    assert_eq!(
        (answer.status, answer.json()["error"]["code"].as_str()),
        (401, Some("AUTH_INVALID_TOKEN"))
    );
    assert_eq!(server.send("GET /health/ready", &[], "").status, 200);
    assert_eq!(server.stop(), Some(0));
}

/// What operators read the metrics with.
const METRICS_TOKEN: &str = "a-token-that-only-reads-the-metrics";

#[test]
fn what_runs_when_the_server_is_told_to_stop_is_finished() {
    let lastro = Installation::new()
        .administered()
        .with("LASTRO_METRICS_TOKEN", METRICS_TOKEN);
    let server = lastro.serve(&[]);
    let credential = bearer(&server.token());
    let body = r#"{"name":"Last Minute Ltda","slug":"last-minute"}"#;
    let mut connection = server.begin(
        &format!("POST {ORGANIZATIONS}"),
        &[("authorization", &credential)],
        body.len(),
    );
    connection.write_all(&body.as_bytes()[..10]).unwrap();
    // It has begun when it is counted beside the one that asks.
    let operator = format!("Bearer {METRICS_TOKEN}");
    while !server
        .send("GET /metrics", &[("authorization", &operator)], "")
        .body
        .contains("lastro_http_requests_in_flight 2")
    {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    server.signal("TERM");
    while !lastro.log().contains("finishing what runs") {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        std::net::TcpStream::connect(server.address).is_err(),
        "new connections are refused"
    );
    connection.write_all(&body.as_bytes()[10..]).unwrap();
    let answer = Answer::read(connection);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(server.end(), Some(0));

    let again = lastro.serve(&[]);
    let credential = bearer(&again.token());
    let found = again.send(
        &format!("GET {ORGANIZATIONS}?q=minute"),
        &[("authorization", &credential)],
        "",
    );
    assert_eq!(found.json()["meta"]["total"], 1, "{}", found.body);
    assert_eq!(again.stop(), Some(0));
}

#[test]
fn an_interrupt_from_the_terminal_stops_it_too() {
    let lastro = Installation::new();
    let server = lastro.serve(&[]);
    server.signal("INT");
    assert_eq!(server.end(), Some(0));
}

#[test]
fn the_log_has_one_json_line_a_request_without_what_it_must_not_say() {
    let lastro = Installation::new().administered();
    let server = lastro.serve(&[]);
    let token = server.token();
    let headers = [
        ("authorization", bearer(&token)),
        ("x-request-id", "my-request".to_owned()),
    ];
    let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let document = "11.444.777/0001-61";
    let body = format!(r#"{{"name":"Marcada Ltda","slug":"marcada","document":"{document}"}}"#);
    let made = server.send(&format!("POST {ORGANIZATIONS}"), &headers, &body);
    assert_eq!(made.status, 201, "{}", made.body);
    server.send(&format!("GET {ORGANIZATIONS}?q=ana%40example.com"), &headers, "");
    assert_eq!(server.stop(), Some(0));

    let log = lastro.log();
    for secret in [
        document,
        "11444777000161",
        "ana%40example.com",
        "ana@example.com",
        &token,
    ] {
        assert!(!log.contains(secret), "the log tells {secret}: {log}");
    }
    let lines: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let mine: Vec<_> = lines.iter().filter(|line| line["requestId"] == "my-request").collect();
    assert_eq!(mine.len(), 2, "{log}");
    let line = mine[0];
    assert_eq!(
        (line["status"].as_u64(), line["route"].as_str()),
        (Some(201), Some("/api/v1/organizations"))
    );
    assert!(
        line["tenantId"].is_string() && line["actor"].is_string() && line["latencyMicros"].is_number(),
        "{line}"
    );
}

#[test]
fn the_printed_document_is_the_one_that_is_served() {
    let lastro = Installation::new();
    let server = lastro.serve(&[]);
    let served = server.send("GET /openapi.json", &[], "").json();
    let printed: serde_json::Value = serde_json::from_str(&lastro.run(&["openapi"]).stdout).unwrap();
    assert_eq!(served, printed);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn metrics_need_the_token_or_the_address_of_the_operators() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let lastro = Installation::new()
        .with("LASTRO_ADMIN_BIND", &port.to_string())
        .with("LASTRO_METRICS_TOKEN", "scrape-me");
    let mut server = lastro.serve(&[]);
    assert_eq!(server.send("GET /metrics", &[], "").status, 401);
    let metrics = server.send("GET /metrics", &[("authorization", "Bearer scrape-me")], "");
    assert_eq!(metrics.status, 200);
    for name in ["lastro_build_info", "lastro_database", "lastro_access_age_milliseconds"] {
        assert!(metrics.body.contains(name), "no {name} in {}", metrics.body);
    }
    let api = std::mem::replace(&mut server.address, port);
    assert_eq!(server.send("GET /metrics", &[], "").status, 200);
    assert_eq!(server.send("GET /health/ready", &[], "").status, 200);
    assert_eq!(
        server.send(&format!("GET {ORGANIZATIONS}"), &[], "").status,
        404,
        "only what operators need"
    );
    server.address = api;
    assert_eq!(server.stop(), Some(0));

    let closed = Installation::new();
    let server = closed.serve(&[]);
    assert_eq!(server.send("GET /metrics", &[], "").status, 404);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn an_actor_who_asks_too_often_is_told_when_to_come_back() {
    let lastro = Installation::new().administered().with("LASTRO_RATE_LIMIT", "2/min");
    let server = lastro.serve(&[]);
    let credential = bearer(&server.token());
    let ask = || server.send(&format!("GET {ORGANIZATIONS}"), &[("authorization", &credential)], "");
    assert_eq!(ask().status, 200);
    assert_eq!(ask().status, 200);
    let refused = ask();
    assert_eq!(
        (refused.status, refused.json()["error"]["code"].as_str()),
        (429, Some("RATE_LIMIT_EXCEEDED"))
    );
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn on_postgresql_it_serves_with_a_role_that_may_not_change_tables() {
    let Some(server) = testkit::postgres::server().expect("PostgreSQL, or none") else {
        return;
    };
    let database = server.empty_database().expect("a database");
    let role = format!("{}_app", database.name());
    server
        .execute(&format!("CREATE ROLE {role} LOGIN PASSWORD 'app'"))
        .expect("a role");
    let serving_url = server.url_as(database.name(), &role, "app").expect("a URL");

    let owner = Installation::new()
        .with("DATABASE_URL", &serving_url)
        .with("DATABASE_MIGRATION_URL", &database.url());
    owner.run(&["migrate"]).assert_code(0);
    owner.run(&["seed"]).assert_code(0);
    let lastro = Installation::new().administered().with("DATABASE_URL", &serving_url);
    let running = lastro.serve(&[]);
    let credential = bearer(&running.token());
    let body = r#"{"name":"A Company","slug":"a-company"}"#;
    let made = running.send(
        &format!("POST {ORGANIZATIONS}"),
        &[("authorization", &credential)],
        body,
    );
    assert_eq!(made.status, 201, "{}", made.body);
    assert_eq!(running.stop(), Some(0));

    drop(database);
    server
        .execute(&format!("DROP OWNED BY {role}"))
        .expect("its rights are gone");
    server.execute(&format!("DROP ROLE {role}")).expect("the role is gone");
}
