//! The command line: help, exit codes, and each command that ends by itself.

use std::net::TcpListener;

use crate::binary::Installation;

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    let lastro = Installation::new();
    for wrong in [
        &[][..],
        &["fly"],
        &["serve", "--fly"],
        &["backup"],
        &["config"],
        &["completions", "cobol"],
    ] {
        lastro.run(wrong).assert_code(2);
    }
    for right in [
        &["--help"][..],
        &["--version"],
        &["serve", "--help"],
        &["restore", "-h"],
        &["help", "backup"],
    ] {
        lastro.run(right).assert_code(0);
    }
}

#[test]
fn help_reads_like_a_manual() {
    let lastro = Installation::new();
    let manual = lastro.run(&["--help"]);
    for part in [
        "EXAMPLES",
        "CONFIGURATION",
        "EXIT STATUS",
        "serve",
        "migrate",
        "seed",
        "config",
        "openapi",
        "doctor",
        "backup",
        "restore",
        "completions",
    ] {
        assert!(manual.stdout.contains(part), "no {part} in {}", manual.stdout);
    }
    for command in ["serve", "migrate", "backup", "restore", "completions"] {
        let manual = lastro.run(&[command, "--help"]);
        assert!(manual.stdout.contains("EXAMPLES"), "{}", manual.stdout);
    }
}

#[test]
fn config_check_prints_every_key_and_who_decided_it() {
    let lastro = Installation::new().with("LASTRO_METRICS_TOKEN", "hunter2");
    std::fs::write(lastro.path("lastro.toml"), "lastro_rate_limit = \"10/s\"\n").unwrap();
    let checked = lastro.run(&["config", "check"]);
    checked.assert_code(0);
    let line = |key: &str| {
        checked
            .stdout
            .lines()
            .find(|line| line.starts_with(key))
            .unwrap()
            .to_owned()
    };
    assert!(line("LASTRO_BIND").ends_with("environment"), "{}", line("LASTRO_BIND"));
    assert!(
        line("LASTRO_RATE_LIMIT").ends_with("lastro.toml"),
        "{}",
        line("LASTRO_RATE_LIMIT")
    );
    assert!(line("LASTRO_ENV").ends_with("default"), "{}", line("LASTRO_ENV"));
    assert!(!checked.stdout.contains("hunter2"), "{}", checked.stdout);
}

#[test]
fn every_command_refuses_an_invalid_configuration_with_2_and_all_problems() {
    let lastro = Installation::new()
        .with("LASTRO_ENV", "prod")
        .with("LASTRO_LOG", "loud=x");
    std::fs::write(lastro.path("lastro.toml"), "lastro_color = \"blue\"\n").unwrap();
    for command in [
        &["config", "check"][..],
        &["serve"],
        &["migrate"],
        &["seed"],
        &["doctor"],
        &["backup", "x"],
    ] {
        let refused = lastro.run(command);
        refused.assert_code(2);
        assert!(refused.stdout.is_empty(), "{}", refused.stdout);
        for problem in [
            "3 problems",
            "line 1: unknown key \"lastro_color\"",
            "LASTRO_ENV",
            "LASTRO_LOG",
        ] {
            assert!(refused.stderr.contains(problem), "no {problem} in {}", refused.stderr);
        }
    }
}

#[test]
fn a_corrupt_configuration_file_is_named_and_not_quoted() {
    let lastro = Installation::new();
    std::fs::write(lastro.path("lastro.toml"), b"lastro_master_key = \"hunter2\n\xff\xfe").unwrap();
    let refused = lastro.run(&["serve"]);
    refused.assert_code(2);
    assert!(
        refused.stderr.contains("lastro.toml") && !refused.stderr.contains("hunter2"),
        "{}",
        refused.stderr
    );
}

#[test]
fn migrate_applies_once_and_a_dry_run_applies_nothing() {
    let lastro = Installation::new();
    let planned = lastro.run(&["migrate", "--dry-run"]);
    planned.assert_code(0);
    assert!(
        planned.stdout.contains("-- core/0001_core") && planned.stdout.contains("CREATE TABLE"),
        "{}",
        planned.stdout
    );
    assert!(!lastro.path("data/lastro.db").exists(), "a dry run makes nothing");
    let applied = lastro.run(&["migrate"]);
    assert!(
        applied.assert_code(0).stdout.contains("migrations applied"),
        "{}",
        applied.stdout
    );
    let again = lastro.run(&["migrate"]);
    assert_eq!(again.assert_code(0).stdout, "The database is up to date.\n");
    let planned = lastro.run(&["migrate", "--dry-run"]);
    assert_eq!(
        planned.assert_code(0).stdout,
        "-- nothing to do: the database is up to date\n"
    );
}

#[test]
fn seed_needs_the_tables_and_can_be_repeated() {
    let lastro = Installation::new();
    let early = lastro.run(&["seed"]);
    assert!(
        early.assert_code(1).stderr.contains("lastro migrate"),
        "{}",
        early.stderr
    );
    lastro.run(&["migrate"]).assert_code(0);
    let first = lastro.run(&["seed"]);
    let second = lastro.run(&["seed"]);
    assert_eq!(
        first.assert_code(0).stdout,
        second.assert_code(0).stdout,
        "the platform organization stays the same"
    );
}

#[tokio::test]
async fn a_database_newer_than_the_binary_is_refused() {
    let lastro = Installation::new();
    lastro.run(&["migrate"]).assert_code(0);
    let url = format!("sqlite://{}", lastro.path("data/lastro.db").display());
    let newer = "INSERT INTO schema_migrations (context, number, name, sha256, applied_at) \
                 VALUES ('future', 1, '0001_future', 'x', 0)";
    db::admin::execute(&url, newer).await.unwrap();
    for command in [&["serve"][..], &["migrate"], &["migrate", "--dry-run"], &["doctor"]] {
        let refused = lastro.run(command);
        refused.assert_code(1);
        let said = format!("{}{}", refused.stdout, refused.stderr);
        assert!(
            said.contains("newer than this binary") && said.contains("future/0001_future"),
            "{command:?}: {said}"
        );
    }
}

#[test]
fn the_openapi_document_is_printed_without_database_or_configuration() {
    let lastro = Installation::new().with("DATABASE_URL", "nonsense");
    let printed = lastro.run(&["openapi"]);
    let document: serde_json::Value = serde_json::from_str(&printed.assert_code(0).stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(
        document["paths"]["/api/v1/organizations"]["post"]["x-permission"].is_string(),
        "the routes are in it"
    );
    assert_eq!(
        std::fs::read_dir(lastro.folder.path()).unwrap().count(),
        0,
        "it leaves nothing behind"
    );
}

#[test]
fn every_shell_gets_its_completions() {
    let lastro = Installation::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = lastro.run(&["completions", shell]);
        assert!(script.assert_code(0).stdout.contains("backup"), "{shell}");
    }
}

#[test]
fn doctor_finds_nothing_wrong_with_a_fresh_installation_and_changes_nothing() {
    let lastro = Installation::new();
    lastro.run(&["doctor"]).assert_code(0);
    assert_eq!(
        std::fs::read_dir(lastro.folder.path()).unwrap().count(),
        0,
        "it only looks"
    );
    lastro.run(&["migrate"]).assert_code(0);
    let examined = lastro.run(&["doctor"]);
    assert!(
        examined.assert_code(0).stdout.contains("up to date"),
        "{}",
        examined.stdout
    );
}

#[test]
fn doctor_names_what_is_in_the_way() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let lastro = Installation::new()
        .with("DATABASE_URL", "postgres://lastro:hunter2@127.0.0.1:9/lastro")
        .with("LASTRO_ADMIN_BIND", &address)
        .with("LASTRO_DATA_DIR", "file/below");
    std::fs::write(lastro.path("file"), "").unwrap();
    let examined = lastro.run(&["doctor"]);
    examined.assert_code(1);
    let line = |subject: &str| {
        let line = examined
            .stdout
            .lines()
            .find(|line| line.get(9..).is_some_and(|rest| rest.starts_with(subject)));
        line.unwrap_or_else(|| panic!("no {subject} in {}", examined.stdout))
            .trim()
            .to_owned()
    };
    assert!(line("database").starts_with("FAILED"), "{}", examined.stdout);
    assert!(line("admin address").starts_with("warning"), "{}", examined.stdout);
    assert!(line("configuration").starts_with("ok"), "{}", examined.stdout);
    assert!(!examined.stdout.contains("hunter2"), "{}", examined.stdout);
}

#[test]
fn a_closed_pipe_is_not_a_failure() {
    let lastro = Installation::new();
    let script = format!("{} openapi | head -c 1", env!("CARGO_BIN_EXE_lastro"));
    let output = std::process::Command::new("sh")
        .args(["-c", &script])
        .current_dir(lastro.folder.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "{");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
