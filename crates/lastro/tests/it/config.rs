//! Configuration: precedence, defaults, every problem at once, strictness, and secrets that never show.

use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;

use lastro::config::keys::KEYS;
use lastro::config::{
    Config, CorsOrigins, Environment, InvalidConfig, Loaded, LogFormat, MailServer, Origin, Sources, documentation,
    report,
};

const MASTER_KEY: &str = "3q2+796tvu/erb7v3q2+796tvu/erb7v3q2+796tvu8=";

fn sources(folder: &Path, variables: &[(&str, &str)]) -> Sources {
    Sources {
        variables: variables
            .iter()
            .map(|(name, value)| (OsString::from(name), OsString::from(value)))
            .collect(),
        file: None,
        working_folder: folder.to_owned(),
    }
}

fn load(variables: &[(&str, &str)]) -> Result<Loaded, InvalidConfig> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    Config::load(&sources(folder.path(), variables))
}

fn config(variables: &[(&str, &str)]) -> Config {
    load(variables).expect("a valid configuration").config
}

fn problems(variables: &[(&str, &str)]) -> Vec<String> {
    load(variables)
        .expect_err("an invalid configuration")
        .problems
        .iter()
        .map(ToString::to_string)
        .collect()
}

fn shown(loaded: &Loaded, name: &str) -> (Option<String>, Origin) {
    let entry = loaded
        .effective
        .iter()
        .find(|entry| entry.key.name == name)
        .expect("a known key");
    (entry.shown.clone(), entry.origin.clone())
}

#[test]
fn nothing_needs_to_be_configured() {
    let folder = tempfile::tempdir().unwrap();
    let loaded = Config::load(&sources(folder.path(), &[])).unwrap();
    let config = &loaded.config;
    assert_eq!(config.environment, Environment::Development);
    assert_eq!(config.database.url.expose(), "sqlite://data/lastro.db");
    assert_eq!(config.database.migration_url.expose(), "sqlite://data/lastro.db");
    assert_eq!(config.data_folder, folder.path().join("data"));
    assert_eq!(config.server.bind.to_string(), "127.0.0.1:8080");
    assert_eq!(config.server.base_url.as_str(), "http://127.0.0.1:8080/");
    assert_eq!(config.server.cors_origins, CorsOrigins::Listed(vec![]));
    assert!(config.server.trusted_proxies.is_empty());
    assert_eq!(config.tokens.access_lifetime, Duration::from_secs(15 * 60));
    assert_eq!(config.tokens.refresh_lifetime, Duration::from_secs(7 * 24 * 3600));
    assert_eq!(config.tokens.refresh_grace, Duration::from_secs(10));
    let requests = config.limits.requests.unwrap();
    assert_eq!((requests.count, requests.per), (6000, Duration::from_secs(60)));
    let logins = config.limits.logins.unwrap();
    assert_eq!((logins.count, logins.per), (60, Duration::from_secs(60)));
    assert_eq!(config.observability.log_filter, "info");
    assert_eq!(config.observability.log_format, None);
    assert!(matches!(config.mail, MailServer::Files));
    assert_eq!(config.webhooks.retry_schedule.len(), 7);
    assert!(!config.webhooks.allow_private);
    assert!(config.master_key.is_none());
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
}

#[test]
fn every_key_is_read_and_reported_once() {
    let loaded = load(&[]).unwrap();
    let reported: Vec<_> = loaded.effective.iter().map(|entry| entry.key.name).collect();
    let known: Vec<_> = KEYS.iter().map(|key| key.name).collect();
    assert_eq!(reported, known);
}

#[test]
fn the_environment_wins_over_the_file_which_wins_over_the_default() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lastro.toml");
    std::fs::write(
        &file,
        "LASTRO_BIND = \"127.0.0.1:1111\"\nlastro_access_token_ttl = \"5m\"\nLASTRO_ENV = \"staging\"\n",
    )
    .unwrap();
    let loaded = Config::load(&sources(
        folder.path(),
        &[
            ("LASTRO_BIND", "127.0.0.1:2222"),
            ("LASTRO_ENV", "development"),
            ("LASTRO_ACCESS_TOKEN_TTL", ""),
        ],
    ))
    .unwrap();
    assert_eq!(loaded.config.server.bind.port(), 2222);
    assert_eq!(loaded.config.environment, Environment::Development);
    assert_eq!(loaded.config.tokens.access_lifetime, Duration::from_secs(300));
    assert_eq!(
        shown(&loaded, "LASTRO_BIND"),
        (Some("127.0.0.1:2222".into()), Origin::Environment)
    );
    assert_eq!(
        shown(&loaded, "LASTRO_ACCESS_TOKEN_TTL"),
        (Some("5m".into()), Origin::File(file))
    );
    assert_eq!(
        shown(&loaded, "LASTRO_REFRESH_TOKEN_TTL"),
        (Some("7d".into()), Origin::Default)
    );
}

#[test]
fn a_file_that_somebody_named_must_exist_and_replaces_the_one_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lastro.toml"), "LASTRO_BIND = \"127.0.0.1:1111\"").unwrap();
    let mut sources = sources(folder.path(), &[]);
    sources.file = Some("other.toml".into());
    let error = Config::load(&sources).unwrap_err();
    assert!(error.problems[0].subject.ends_with("other.toml"), "{error}");
    assert!(error.problems[0].message.starts_with("cannot be read"), "{error}");

    std::fs::write(folder.path().join("other.toml"), "LASTRO_BIND = \"127.0.0.1:3333\"").unwrap();
    assert_eq!(Config::load(&sources).unwrap().config.server.bind.port(), 3333);
}

#[test]
fn all_problems_of_file_and_environment_are_listed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("lastro.toml"),
        "LASTRO_PORT = 80\nLASTRO_ACCESS_TOKEN_TTL = \"15 minutes\"\n",
    )
    .unwrap();
    let error = Config::load(&sources(
        folder.path(),
        &[
            ("DATABASE_URL", "mysql://root:hunter2@db/lastro"),
            ("LASTRO_BIND", "8080"),
            ("LASTRO_TRUSTED_PROXIES", "10.0.0.0/8, 10.0.0.0/64"),
            ("LASTRO_RATE_LIMIT", "0/min"),
            ("LASTRO_MASTER_KEY", "too-short"),
        ],
    ))
    .unwrap_err();
    let file = folder.path().join("lastro.toml");
    let file = file.display();
    assert_eq!(
        error.to_string(),
        format!(
            "the configuration has 7 problems:\n  \
             - {file}, line 1: unknown key \"LASTRO_PORT\"\n  \
             - DATABASE_URL (environment): is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST:PORT/NAME\n  \
             - LASTRO_BIND (environment): \"8080\" is not an address and port, such as 127.0.0.1:8080 or [::1]:8080\n  \
             - LASTRO_TRUSTED_PROXIES (environment): \"10.0.0.0/8, 10.0.0.0/64\" holds \"10.0.0.0/64\", which is neither an \
             address nor a network such as 10.0.0.0/8\n  \
             - LASTRO_ACCESS_TOKEN_TTL ({file}): \"15 minutes\" is not a duration, such as 10s, 15m, 1h or 7d\n  \
             - LASTRO_MASTER_KEY (environment): is not 32 bytes in base64 or hexadecimal; make one with: \
             openssl rand -base64 32\n  \
             - LASTRO_RATE_LIMIT (environment): \"0/min\" allows nothing; to lift the limit, say off"
        )
    );
}

#[test]
fn each_kind_of_value_refuses_what_it_cannot_be() {
    for (name, value) in [
        ("LASTRO_ENV", "prod"),
        ("LASTRO_BIND", "localhost"),
        ("LASTRO_ADMIN_BIND", "127.0.0.1:8080"),
        ("LASTRO_BASE_URL", "erp.example.com"),
        ("LASTRO_BASE_URL", "https://erp.example.com/?a=b"),
        ("LASTRO_CORS_ORIGINS", "https://app.example.com/path"),
        ("LASTRO_CORS_ORIGINS", "https://app.example.com, *"),
        ("LASTRO_JWT_ALGORITHM", "HS256"),
        ("LASTRO_ACCESS_TOKEN_TTL", "0s"),
        ("LASTRO_REFRESH_TOKEN_TTL", "1m"),
        ("LASTRO_REFRESH_GRACE", "10"),
        ("LASTRO_ADMIN_EMAIL", "not an address"),
        ("LASTRO_METRICS_TOKEN", "two words"),
        ("LASTRO_LOG", "info,lastro_http=loud"),
        ("LASTRO_LOG_FORMAT", "xml"),
        ("SENTRY_DSN", "https://sentry.example.com/1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318"),
        ("LASTRO_SMTP_URL", "https://mail.example.com"),
        ("LASTRO_LOGIN_RATE_LIMIT", "60"),
        ("LASTRO_MAX_CONNECTIONS", "0"),
        ("LASTRO_MAX_CONNECTIONS_PER_ADDRESS", "many"),
        ("LASTRO_WEBHOOK_RETRY_SCHEDULE", "1s,soon"),
        ("LASTRO_WEBHOOK_RETRY_SCHEDULE", ","),
        ("LASTRO_WEBHOOK_ALLOW_PRIVATE", "maybe"),
        ("DATABASE_URL", "sqlite://"),
        ("DATABASE_URL", "sqlite::memory:"),
        ("DATABASE_URL", "sqlite://lastro.db?mode=ro"),
        ("DATABASE_URL", "postgres:lastro"),
        ("DATABASE_REPLICA_URL", "postgres://replica/lastro"),
    ] {
        let found = problems(&[(name, value)]);
        assert!(
            found.iter().all(|problem| problem.starts_with(name)),
            "{name}={value}: {found:?}"
        );
    }
}

#[test]
fn each_kind_of_value_is_read() {
    let config = config(&[
        ("DATABASE_URL", "postgres://app@db/lastro"),
        ("DATABASE_MIGRATION_URL", "postgresql://owner@db/lastro"),
        ("DATABASE_REPLICA_URL", "postgres://app@replica/lastro"),
        ("LASTRO_BIND", "[::]:9000"),
        ("LASTRO_TRUSTED_PROXIES", "10.0.0.0/8, ::1"),
        ("LASTRO_CORS_ORIGINS", "https://app.example.com,http://localhost:5173"),
        ("LASTRO_STOP_GRACE", "5s"),
        ("LASTRO_JWT_ALGORITHM", "EdDSA"),
        ("LASTRO_REFRESH_GRACE", "0"),
        ("LASTRO_MASTER_KEY", &"0f".repeat(32)),
        ("LASTRO_RATE_LIMIT", "off"),
        ("LASTRO_LOGIN_RATE_LIMIT", "5/s"),
        ("LASTRO_MAX_CONNECTIONS", "500"),
        ("LASTRO_MAX_CONNECTIONS_PER_ADDRESS", "50"),
        ("LASTRO_LOG_FORMAT", "pretty"),
        ("LASTRO_SMTP_URL", "smtp://localhost:1025"),
        ("LASTRO_WEBHOOK_RETRY_SCHEDULE", "1s,2s,4s"),
        ("LASTRO_WEBHOOK_ALLOW_PRIVATE", "on"),
        ("LASTRO_ADMIN_EMAIL", "root@example.com"),
        ("LASTRO_ADMIN_PASSWORD", "correct horse 1"),
    ]);
    assert_eq!(config.database.migration_url.expose(), "postgresql://owner@db/lastro");
    assert_eq!(config.data_folder.file_name().unwrap(), "data");
    assert_eq!(config.server.base_url.as_str(), "http://127.0.0.1:9000/");
    assert_eq!(config.server.stop_grace, Duration::from_secs(5));
    let proxies: Vec<_> = config.server.trusted_proxies.iter().map(ToString::to_string).collect();
    assert_eq!(proxies, ["10.0.0.0/8", "::1/128"]);
    assert_eq!(
        config.server.cors_origins,
        CorsOrigins::Listed(vec!["https://app.example.com".into(), "http://localhost:5173".into()])
    );
    assert_eq!(config.tokens.refresh_grace, Duration::ZERO);
    assert_eq!(config.master_key.unwrap().id(), vault::MasterKey::new([0x0f; 32]).id());
    assert!(config.limits.requests.is_none());
    assert_eq!(config.limits.logins.unwrap().per, Duration::from_secs(1));
    assert_eq!(
        (config.limits.connections, config.limits.connections_per_address),
        (500, 50)
    );
    assert_eq!(config.observability.log_format, Some(LogFormat::Pretty));
    assert!(matches!(config.mail, MailServer::Smtp { tls: false, .. }));
    assert_eq!(config.webhooks.retry_schedule, [1, 2, 4].map(Duration::from_secs));
    assert!(config.webhooks.allow_private);
    assert_eq!(config.first_admin.unwrap().email, "root@example.com");
}

#[test]
fn mail_is_encrypted_from_the_start_or_by_starttls() {
    let is_encrypted = |url: &str| match config(&[("LASTRO_SMTP_URL", url)]).mail {
        MailServer::Smtp { tls, .. } => tls,
        other => panic!("{other:?}"),
    };
    for url in [
        "smtps://mail.example.com",
        "smtp://mail.example.com:587?from=a%40b.example&tls=required",
    ] {
        assert!(is_encrypted(url), "{url}");
    }
    for url in ["smtp://mail.example.com", "smtp://mail.example.com?tls=opportunistic"] {
        assert!(!is_encrypted(url), "{url}");
    }
}

#[test]
fn a_master_key_is_read_in_every_common_spelling() {
    let hexadecimal = "deadbeef".repeat(8);
    let url_safe = MASTER_KEY.replace('+', "-").replace('/', "_");
    let expected = config(&[("LASTRO_MASTER_KEY", MASTER_KEY)]).master_key.unwrap();
    for spelling in [hexadecimal.as_str(), &url_safe, url_safe.trim_end_matches('=')] {
        let key = config(&[("LASTRO_MASTER_KEY", spelling)]).master_key.unwrap();
        assert_eq!(key.id(), expected.id(), "{spelling}");
    }
    for wrong in ["x".repeat(43), "0f".repeat(31), format!("{}é", "0f".repeat(31))] {
        assert_eq!(problems(&[("LASTRO_MASTER_KEY", &wrong)]).len(), 1, "{wrong}");
    }
}

#[test]
fn staging_and_production_ask_for_what_development_makes_up() {
    for environment in ["staging", "production"] {
        assert_eq!(
            problems(&[("LASTRO_ENV", environment)]),
            [
                "LASTRO_SMTP_URL: is required in staging and production; without a mail server, say off",
                "LASTRO_MASTER_KEY: is required in staging and production; make one with: openssl rand -base64 32",
            ]
        );
        assert_eq!(
            problems(&[
                ("LASTRO_ENV", environment),
                ("LASTRO_MASTER_KEY", MASTER_KEY),
                ("LASTRO_SMTP_URL", "smtp://mail:25"),
            ]),
            ["LASTRO_SMTP_URL (environment): is without TLS, which staging and production refuse; use smtps://"]
        );
        let loaded = load(&[
            ("LASTRO_ENV", environment),
            ("LASTRO_MASTER_KEY", MASTER_KEY),
            ("LASTRO_SMTP_URL", "off"),
            ("LASTRO_BASE_URL", "https://erp.example.com"),
        ])
        .unwrap();
        assert!(loaded.config.environment.is_strict());
        assert!(matches!(loaded.config.mail, MailServer::Off));
        assert_eq!(loaded.config.observability.log_format, Some(LogFormat::Json));
        assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    }
}

#[test]
fn the_first_administrator_needs_both_address_and_password() {
    assert_eq!(
        problems(&[("LASTRO_ADMIN_EMAIL", "root@example.com")]),
        ["LASTRO_ADMIN_EMAIL (environment): needs LASTRO_ADMIN_PASSWORD"]
    );
    assert_eq!(
        problems(&[("LASTRO_ADMIN_PASSWORD", "correct horse 1")]),
        ["LASTRO_ADMIN_PASSWORD (environment): needs LASTRO_ADMIN_EMAIL"]
    );
}

#[test]
fn the_data_folder_is_the_one_of_the_file_unless_named() {
    for (url, folder) in [
        ("sqlite:///var/lib/lastro/lastro.db", "/var/lib/lastro"),
        ("sqlite://other/lastro.db", "/work-folder/other"),
        ("sqlite://lastro.db", "/work-folder/."),
        ("postgres://db/lastro", "/work-folder/data"),
    ] {
        let loaded = Config::load(&sources(Path::new("/work-folder"), &[("DATABASE_URL", url)])).unwrap();
        assert_eq!(loaded.config.data_folder, Path::new(folder), "{url}");
    }
    let loaded = Config::load(&sources(Path::new("/work-folder"), &[("LASTRO_DATA_DIR", "elsewhere")])).unwrap();
    assert_eq!(loaded.config.data_folder, Path::new("/work-folder/elsewhere"));
}

#[test]
fn an_unknown_variable_with_our_prefix_is_a_warning_that_suggests_the_right_one() {
    let loaded = load(&[
        ("LASTRO_BIMD", "127.0.0.1:1"),
        ("LASTRO_TEST_POSTGRES_URL", "x"),
        ("PATH", "/bin"),
    ])
    .unwrap();
    assert_eq!(
        loaded.warnings,
        ["the environment variable LASTRO_BIMD is not known; did you mean LASTRO_BIND?"]
    );
}

#[test]
fn the_report_shows_values_and_who_decided_them_but_no_secret() {
    let loaded = load(&[
        ("DATABASE_URL", "postgres://app:hunter2@db:5432/lastro?sslmode=require"),
        ("LASTRO_MASTER_KEY", MASTER_KEY),
        ("LASTRO_METRICS_TOKEN", "hunter2-metrics"),
        ("LASTRO_ADMIN_EMAIL", "root@example.com"),
        ("LASTRO_ADMIN_PASSWORD", "hunter2-password"),
        ("SENTRY_DSN", "https://hunter2@sentry.example.com/1"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hunter2@localhost:4318"),
        ("LASTRO_SMTP_URL", "smtps://mailer:hunter2@mail.example.com"),
    ])
    .unwrap();
    let text = report(&loaded);
    let debugged = format!("{loaded:?} {:?}", loaded.config);
    for secret in ["hunter2", MASTER_KEY] {
        assert!(!text.contains(secret), "{text}");
        assert!(!debugged.contains(secret), "{debugged}");
    }
    let line = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        line("DATABASE_URL"),
        [
            "DATABASE_URL",
            "postgres://[redacted]@db:5432/lastro?sslmode=require",
            "environment"
        ]
    );
    assert_eq!(
        line("LASTRO_MASTER_KEY"),
        ["LASTRO_MASTER_KEY", "[redacted]", "environment"]
    );
    assert_eq!(line("LASTRO_BIND"), ["LASTRO_BIND", "127.0.0.1:8080", "default"]);
    assert_eq!(line("LASTRO_ADMIN_BIND"), ["LASTRO_ADMIN_BIND", "-", "default"]);
}

/// `docs/configuration.md` is generated: `cargo run -p lastro -- config docs > docs/configuration.md`.
#[test]
fn the_documentation_is_the_table_of_keys() {
    let committed = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md"))
        .expect("docs/configuration.md");
    assert!(
        committed == documentation(),
        "docs/configuration.md is stale; write it anew with: cargo run -p lastro -- config docs > docs/configuration.md"
    );
}
