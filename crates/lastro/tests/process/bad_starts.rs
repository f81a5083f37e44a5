//! Starts that cannot go well: each ends with a word about why, with the right status, and without having changed anything.

use std::net::TcpListener;

use crate::client::ORGANIZATIONS;
use crate::installation::{Ended, Installation};
use crate::rows::{column, execute, pretend_to_be_newer, whole};
use crate::time::{SOON, Stopwatch};

/// Every command that reads the configuration.
const COMMANDS: [&[&str]; 9] = [
    &["serve"],
    &["serve", "--demo"],
    &["migrate"],
    &["migrate", "--dry-run"],
    &["seed"],
    &["config", "check"],
    &["doctor"],
    &["backup", "copy"],
    &["restore", "copy"],
];

/// What stands for a secret. It is long enough that no part of it is anywhere by chance.
const SECRET: &str = "hunter2AndNobodyElse";

/// The names of the tables.
fn tables(lastro: &Installation) -> Vec<String> {
    if lastro.url().starts_with("postgres") {
        column(
            lastro.url(),
            "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'",
        )
    } else if lastro.path("data/lastro.db").exists() {
        column(lastro.url(), "SELECT name FROM sqlite_schema WHERE type = 'table'")
    } else {
        Vec::new()
    }
}

#[track_caller]
fn assert_keeps_secrets(ended: &Ended) {
    assert!(!ended.all().contains(SECRET), "{}", ended.all());
}

on_both_engines! {
    fn an_address_in_use_ends_it_before_the_database_is_touched(lastro: Installation) {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap().to_string();
        for key in ["LASTRO_BIND", "LASTRO_ADMIN_BIND"] {
            let lastro = lastro.another().with(key, &address);
            let refused = lastro.run(&["serve"]);
            refused.assert_code(1).assert_says(&[&format!("{address} is in use"), key]);
            assert_eq!(tables(&lastro), Vec::<String>::new());
        }

        // Started a second time by mistake: the first does not notice.
        let server = lastro.serve(&["--demo"]);
        let mut client = server.operator();
        let lastro = lastro.with("LASTRO_BIND", &server.address.to_string());
        lastro.run(&["serve", "--demo"]).assert_code(1);
        client.get(ORGANIZATIONS).assert_status(200);
        assert_eq!(whole(lastro.url()).len(), 2);
        server.stop();
    }

    fn a_data_folder_that_cannot_be_written_to_is_named(lastro: Installation) {
        // Permissions do not bind who runs this as root; a file in the way and the kernel's own folders do.
        std::fs::write(lastro.path("file"), "").unwrap();
        let lastro = lastro.with("LASTRO_DATA_DIR", "file/below");
        let refused = lastro.run(&["serve"]);
        refused.assert_code(1).assert_says(&["file/below", "LASTRO_DATA_DIR"]);
        let lastro = lastro.with("LASTRO_DATA_DIR", "/proc/lastro");
        let refused = lastro.run(&["serve"]);
        refused.assert_code(1).assert_says(&["/proc/lastro", "LASTRO_DATA_DIR"]);
        assert_eq!(lastro.files(), ["file"]);
        assert_eq!(tables(&lastro), Vec::<String>::new());
    }

    fn a_database_newer_than_the_binary_is_left_alone(lastro: Installation) {
        lastro.run(&["migrate"]).assert_code(0);
        pretend_to_be_newer(lastro.url());
        let said = ["newer than this binary", "future/0001_future"];
        for command in [&["serve"][..], &["migrate"], &["migrate", "--dry-run"]] {
            lastro.run(command).assert_code(1).assert_says(&said);
        }
        let examined = lastro.run(&["doctor"]);
        examined.assert_code(1);
        assert!(said.iter().all(|part| examined.stdout.contains(part)), "{}", examined.stdout);
        assert_eq!(
            column(lastro.url(), "SELECT slug FROM organizations"),
            Vec::<String>::new(),
            "nothing was seeded"
        );
    }

    fn a_migration_that_was_altered_after_it_ran_is_refused(lastro: Installation) {
        lastro.run(&["migrate"]).assert_code(0);
        execute(lastro.url(), "UPDATE schema_migrations SET sha256 = 'x' WHERE context = 'core'");
        for command in [&["serve"][..], &["migrate"]] {
            lastro.run(command).assert_code(1).assert_says(&["core/0001_core"]);
        }
    }

    fn a_master_key_that_is_none_is_named_and_kept(lastro: Installation) {
        std::fs::create_dir(lastro.path("data")).unwrap();
        std::fs::write(lastro.path("data/master.key"), SECRET).unwrap();
        let refused = lastro.run(&["serve"]);
        refused.assert_code(1).assert_says(&["data/master.key"]);
        assert_keeps_secrets(&refused);
        assert_eq!(std::fs::read_to_string(lastro.path("data/master.key")).unwrap(), SECRET);
        assert_eq!(tables(&lastro), Vec::<String>::new());
    }

    fn where_customers_are_nothing_is_generated_and_no_demo_is_given(lastro: Installation) {
        let url = lastro.url().to_owned();
        for environment in ["staging", "production"] {
            let strict = Installation::at(&url).with("LASTRO_ENV", environment);
            strict
                .run(&["serve"])
                .assert_code(2)
                .assert_says(&["2 problems", "LASTRO_MASTER_KEY", "LASTRO_SMTP_URL"]);
            let complete = strict
                .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
                .with("LASTRO_SMTP_URL", "off");
            let refused = complete.run(&["serve", "--demo"]);
            refused.assert_code(2).assert_says(&["--demo is refused", environment]);
            assert_eq!(complete.files(), Vec::<String>::new(), "no key was made");
        }
        assert_eq!(tables(&lastro), Vec::<String>::new());
        let lastro = lastro
            .with("LASTRO_ENV", "production")
            .with("LASTRO_MASTER_KEY", &"0f".repeat(32))
            .with("LASTRO_SMTP_URL", "off");
        lastro.serve(&[]).stop();
        assert_eq!(
            whole(&url).into_keys().collect::<Vec<_>>(),
            ["platform"],
            "production gets no organization by itself"
        );
    }
}

#[test]
fn a_sqlite_file_that_cannot_be_one_is_named() {
    for (address, name) in [
        ("sqlite://file/below/lastro.db", "file/below"),
        ("sqlite://folder", "folder"),
    ] {
        let lastro = Installation::at(address);
        std::fs::write(lastro.path("file"), "").unwrap();
        std::fs::create_dir(lastro.path("folder")).unwrap();
        lastro.run(&["serve"]).assert_code(1).assert_says(&[name]);
    }
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    // One where nobody listens, and one that takes the connection and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = silent.local_addr().unwrap().to_string();
    for (command, place) in [
        ("serve", "127.0.0.1:9"),
        ("migrate", "127.0.0.1:9"),
        ("serve", &*silent),
    ] {
        let lastro = Installation::at(&format!("postgres://lastro:{SECRET}@{place}/erp"));
        let watch = Stopwatch::start();
        let refused = lastro.run(&[command]);
        refused.assert_code(1).assert_says(&[&format!("{place}/erp")]);
        assert_keeps_secrets(&refused);
        assert!(watch.elapsed() < SOON, "{:?} for {place}", watch.elapsed());
    }
}

#[test]
fn a_server_that_refuses_the_login_is_named_with_its_reason() {
    let Some(lastro) = Installation::on_postgres() else {
        return;
    };
    let wrong = |change: &dyn Fn(&mut url::Url)| {
        let mut url = url::Url::parse(lastro.url()).unwrap();
        change(&mut url);
        Installation::at(url.as_str())
    };
    for (lastro, reason) in [
        (
            wrong(&|url| url.set_password(Some(SECRET)).unwrap()),
            "password authentication failed",
        ),
        (wrong(&|url| url.set_path("/no_such_database")), "no_such_database"),
    ] {
        let refused = lastro.run(&["serve"]);
        refused.assert_code(1).assert_says(&[reason]);
        assert_keeps_secrets(&refused);
        let password = url::Url::parse(lastro.url()).unwrap().password().unwrap().to_owned();
        assert!(!refused.all().contains(&password), "{}", refused.all());
    }
}

#[test]
fn a_corrupt_configuration_file_is_refused_by_every_command() {
    for (text, place) in [
        (
            format!("lastro_env = \"staging\"\nlastro_master_key = \"{SECRET}\nrest\n").into_bytes(),
            "line 2",
        ),
        ([b"# ", SECRET.as_bytes(), b"\n\xff\xfe"].concat(), "lastro.toml"),
        (b"lastro_env = staging".to_vec(), "line 1"),
    ] {
        let lastro = Installation::on_sqlite();
        std::fs::write(lastro.path("lastro.toml"), text).unwrap();
        for command in COMMANDS {
            let refused = lastro.run(command);
            refused.assert_code(2).assert_says(&["lastro.toml", place]);
            assert_keeps_secrets(&refused);
        }
        assert_eq!(lastro.files(), ["lastro.toml"]);
    }
    let lastro = Installation::on_sqlite();
    let refused = lastro.run(&["serve", "--config", "no-such.toml"]);
    refused.assert_code(2).assert_says(&["no-such.toml"]);
}

#[test]
fn all_problems_of_file_and_environment_are_told_at_once() {
    let lastro = Installation::on_sqlite()
        .with("DATABASE_URL", &format!("mysql://lastro:{SECRET}@db/erp"))
        .with("DATABASE_REPLICA_URL", "nowhere")
        .with("LASTRO_ENV", "prod")
        .with("LASTRO_BIND", "localhost")
        .with("LASTRO_RATE_LIMIT", "often")
        .with("LASTRO_ACCESS_TOKEN_TTL", "soon")
        .with("LASTRO_MASTER_KEY", SECRET)
        .without("LASTRO_ADMIN_EMAIL")
        .with("LASTRO_ADMIN_PASSWORD", SECRET)
        .with("LASTRO_METRICS_TOKEN", &format!("{SECRET} and a space"))
        .with("SENTRY_DSN", SECRET)
        .with(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &format!("ftp://lastro:{SECRET}@collector"),
        )
        .with("LASTRO_SMTP_URL", &format!("http://lastro:{SECRET}@mail"));
    let file = format!("lastro_color = \"{SECRET}\"\nlastro_log = \"loud=x\"\n[tables]\nkey = \"{SECRET}\"\n");
    std::fs::write(lastro.path("lastro.toml"), file).unwrap();
    for command in COMMANDS {
        let refused = lastro.run(command);
        refused.assert_code(2).assert_says(&[
            "15 problems",
            "line 1: unknown key \"lastro_color\"",
            "line 3: unknown key \"tables\"",
            "LASTRO_LOG",
            "DATABASE_URL",
            "DATABASE_REPLICA_URL",
            "LASTRO_ENV",
            "LASTRO_BIND",
            "LASTRO_RATE_LIMIT",
            "LASTRO_ACCESS_TOKEN_TTL",
            "LASTRO_MASTER_KEY",
            "LASTRO_ADMIN_PASSWORD",
            "LASTRO_METRICS_TOKEN",
            "SENTRY_DSN",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "LASTRO_SMTP_URL",
        ]);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
        assert_keeps_secrets(&refused);
    }
    assert_eq!(lastro.files(), ["lastro.toml"]);
}

#[test]
fn secrets_that_are_valid_are_shown_nowhere() {
    let lastro = Installation::at(&format!("postgres://lastro:{SECRET}@127.0.0.1:9/erp"))
        .with(
            "DATABASE_MIGRATION_URL",
            &format!("postgres://owner:{SECRET}@127.0.0.1:9/erp?application_name=x"),
        )
        .with(
            "DATABASE_REPLICA_URL",
            &format!("postgres://lastro@127.0.0.1:9/erp?password={SECRET}"),
        )
        .with("LASTRO_MASTER_KEY", &"5eC2e7Ab".repeat(8))
        .with("LASTRO_ADMIN_EMAIL", "ana@example.com")
        .with("LASTRO_ADMIN_PASSWORD", SECRET)
        .with("LASTRO_METRICS_TOKEN", SECRET)
        .with("SENTRY_DSN", &format!("http://{SECRET}@127.0.0.1:9/1"))
        .with(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            &format!("http://lastro:{SECRET}@127.0.0.1:9"),
        )
        .with("LASTRO_SMTP_URL", &format!("smtps://lastro:{SECRET}@mail.example.com"))
        .with("LASTRO_LOG", "trace");
    for (command, code) in COMMANDS
        .into_iter()
        .map(|command| (command, i32::from(command != ["config", "check"])))
    {
        let ended = lastro.run(command);
        ended.assert_code(code);
        assert_keeps_secrets(&ended);
        assert!(!ended.all().contains("5eC2e7Ab"), "{}", ended.all());
    }
    let checked = lastro.run(&["config", "check"]);
    assert!(checked.stdout.contains("127.0.0.1:9/erp"), "{}", checked.stdout);
}
