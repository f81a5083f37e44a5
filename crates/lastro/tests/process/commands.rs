//! The commands that end by themselves, as a person or a script sees them.

use std::process::Command;

use crate::installation::Installation;
use crate::rows::{column, execute, whole};

/// The names of the tables, in order.
fn tables(url: &str) -> Vec<String> {
    let mut tables = if url.starts_with("sqlite:") {
        column(
            url,
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
        )
    } else {
        column(url, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    };
    tables.sort();
    tables
}

/// What `doctor` says of a subject.
fn finding(said: &str, subject: &str) -> String {
    let line = said
        .lines()
        .find(|line| line.get(9..).is_some_and(|rest| rest.starts_with(subject)));
    line.unwrap_or_else(|| panic!("no {subject} in {said}"))
        .trim()
        .to_owned()
}

on_both_engines! {
    fn a_dry_run_prints_what_would_run_and_changes_nothing(lastro: Installation) {
        let planned = lastro.run(&["migrate", "--dry-run"]);
        planned.assert_code(0);
        let steps: Vec<_> = planned.stdout.lines().filter_map(|line| line.strip_prefix("-- ")?.split_once('/')).collect();
        assert!(steps.contains(&("core", "0001_core")) && steps.len() > 2, "{steps:?}");
        assert_eq!(lastro.files(), Vec::<String>::new());
        if lastro.url().starts_with("postgres") {
            assert_eq!(tables(lastro.url()), Vec::<String>::new());
        }

        let applied = lastro.run(&["migrate"]);
        assert!(applied.assert_code(0).stdout.contains("migrations applied"), "{}", applied.stdout);
        let again = lastro.run(&["migrate", "--dry-run"]);
        assert_eq!(again.assert_code(0).stdout, "-- nothing to do: the database is up to date\n");

        // What was printed is what ran: by hand it makes the same tables, but for the one that remembers the steps.
        let by_hand = lastro.another();
        std::fs::create_dir(by_hand.path("data")).unwrap();
        execute(by_hand.url(), &planned.stdout);
        let mut expected = tables(lastro.url());
        expected.retain(|table| table != "schema_migrations");
        assert_eq!(tables(by_hand.url()), expected);
    }

    fn doctor_and_the_configuration_check_change_nothing(lastro: Installation) {
        let lastro = lastro.with("LASTRO_METRICS_TOKEN", "hunter2AndNobodyElse");
        for _ in 0..2 {
            let examined = lastro.run(&["doctor"]);
            examined.assert_code(0);
            for subject in ["configuration", "data folder", "master key", "database", "address"] {
                assert!(finding(&examined.stdout, subject).starts_with("ok"), "{}", examined.stdout);
            }
            let checked = lastro.run(&["config", "check"]);
            checked.assert_code(0);
            for said in [&examined, &checked] {
                assert!(said.stderr.is_empty(), "{}", said.stderr);
                assert!(!said.stdout.contains("hunter2"), "{}", said.stdout);
            }
            let key = checked.stdout.lines().find(|line| line.starts_with("LASTRO_BIND")).unwrap();
            assert!(key.contains("127.0.0.1:0") && key.ends_with("environment"), "{key}");
        }
        assert_eq!(lastro.files(), Vec::<String>::new());

        let server = lastro.serve(&["--demo"]);
        let lastro = lastro.with("LASTRO_BIND", &server.address.to_string());
        let examined = lastro.run(&["doctor"]);
        examined.assert_code(0);
        assert!(finding(&examined.stdout, "migrations").contains("up to date"), "{}", examined.stdout);
        // That is the server which runs.
        let address = finding(&examined.stdout, "address");
        assert!(address.starts_with("warning") && address.contains("is in use"), "{address}");
        assert_eq!(whole(lastro.url()).len(), 2);
        server.visitor().get("/health/ready").assert_status(200);
        server.stop();
    }

    fn the_seeds_are_laid_once(lastro: Installation) {
        lastro.run(&["seed"]).assert_code(1).assert_says(&["lastro migrate"]);
        lastro.run(&["migrate"]).assert_code(0);
        let first = lastro.run(&["seed"]);
        let again = lastro.run(&["seed"]);
        assert_eq!(first.assert_code(0).stdout, again.assert_code(0).stdout);
        assert_eq!(whole(lastro.url()).into_keys().collect::<Vec<_>>(), ["platform"]);
    }

    fn the_printed_document_is_the_served_one(lastro: Installation) {
        let server = lastro.serve(&[]);
        let served = server.visitor().get("/openapi.json").assert_status(200).json();
        let printed = lastro.run(&["openapi"]);
        let printed: serde_json::Value = serde_json::from_str(&printed.assert_code(0).stdout).unwrap();
        assert_eq!(served, printed);
        server.stop();
    }
}

/// Whether a shell is installed: not every machine has all three.
fn is_installed(shell: &str) -> bool {
    Command::new(shell)
        .args(["-c", "exit 0"])
        .output()
        .is_ok_and(|output| output.status.success())
}

#[test]
fn each_shell_takes_its_completions() {
    let lastro = Installation::on_sqlite();
    for (shell, beginning) in [
        ("bash", "_lastro()"),
        ("zsh", "#compdef lastro"),
        ("fish", "function __fish_lastro"),
    ] {
        let script = lastro.run(&["completions", shell]);
        let script = &script.assert_code(0).stdout;
        assert!(
            script.lines().any(|line| line.starts_with(beginning)) || script.contains("complete -c lastro"),
            "{shell}: {script}"
        );
        for word in [
            "serve",
            "migrate",
            "backup",
            "restore",
            "completions",
            "dry-run",
            "demo",
        ] {
            assert!(script.contains(word), "{shell} is not told of {word}");
        }
        let file = lastro.path(shell);
        std::fs::write(&file, script).unwrap();
        if is_installed(shell) {
            let read = Command::new(shell).arg("-n").arg(&file).output().unwrap();
            assert!(
                read.status.success(),
                "{shell}: {}",
                String::from_utf8_lossy(&read.stderr)
            );
        }
    }
    if is_installed("bash") {
        let ask = format!(
            "source '{}'; COMP_WORDS=(lastro re); COMP_CWORD=1; _lastro lastro re lastro; echo \"${{COMPREPLY[@]}}\"",
            lastro.path("bash").display()
        );
        let completed = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&completed.stdout).trim(), "restore");
    }
}
