//! Another master key, from the operator's side.

use testkit::Engine;

use crate::binary::Installation;
use crate::engines::at;

/// 32 bytes, as hexadecimal.
fn key(digit: char) -> String {
    digit.to_string().repeat(64)
}

#[test]
fn another_master_key_takes_over_what_the_former_one_sealed() {
    let (first, second, third) = (key('1'), key('2'), key('3'));
    let installation = Installation::new().with("LASTRO_MASTER_KEY", &first);
    installation.run(&["migrate"]).assert_code(0);
    installation.run(&["keys", "rotate"]).assert_code(0);
    let nothing = installation.run(&["keys", "rotate-master"]);
    assert!(
        nothing.assert_code(0).stdout.contains("signing keys: 0 sealed anew"),
        "{}",
        nothing.stdout
    );

    let installation = installation.with("LASTRO_MASTER_KEY", &second);
    let lost = installation.run(&["keys", "rotate-master"]);
    assert!(
        lost.assert_code(1).stderr.contains("LASTRO_MASTER_KEY_PREVIOUS"),
        "{}",
        lost.stderr
    );

    let installation = installation.with("LASTRO_MASTER_KEY_PREVIOUS", &format!("{third}, {first}"));
    let rotated = installation.run(&["keys", "rotate-master"]);
    let stdout = &rotated.assert_code(0).stdout;
    assert!(
        stdout.contains("signing keys: ") && !stdout.contains("signing keys: 0"),
        "{stdout}"
    );
    for secret in [&first, &second, &third] {
        assert!(!stdout.contains(secret.as_str()) && !rotated.stderr.contains(secret.as_str()));
    }

    // The former key is needed no more.
    let installation = installation.with("LASTRO_MASTER_KEY_PREVIOUS", &third);
    installation.run(&["keys", "rotate"]).assert_code(0);
    let again = installation.run(&["keys", "rotate-master"]);
    assert!(
        again.assert_code(0).stdout.contains("signing keys: 0 sealed anew"),
        "{}",
        again.stdout
    );

    let installation = installation.with("LASTRO_MASTER_KEY_PREVIOUS", "hunter2");
    let refused = installation.run(&["config", "check"]);
    assert!(
        refused.assert_code(2).stderr.contains("LASTRO_MASTER_KEY_PREVIOUS"),
        "{}",
        refused.stderr
    );
    assert!(!refused.stderr.contains("hunter2"));
}

/// Under a key that is not the database's, a server would come up and answer every login with 500.
fn another_key_is_told_at_once(engine: Engine) {
    let Some(at) = at(engine) else { return };
    assert_eq!(at.lastro.serve(&[]).stop(), Some(0));
    let fine = at.lastro.run(&["doctor"]);
    assert!(fine.stdout.contains("the master key opens them"), "{}", fine.stdout);
    at.lastro.run(&["backup", "copy.backup"]).assert_code(0);

    let (first, second) = ("0f".repeat(32), key('2'));
    let at = at.with("LASTRO_MASTER_KEY", &second);
    let refused = at.lastro.run(&["serve"]);
    refused.assert_code(1);
    for part in [
        "does not open the database's secrets",
        "signing keys",
        "LASTRO_MASTER_KEY_PREVIOUS",
    ] {
        assert!(refused.stderr.contains(part), "no {part} in {}", refused.stderr);
    }
    let examined = at.lastro.run(&["doctor"]);
    examined.assert_code(1);
    assert!(examined.stdout.contains("FAILED  secrets"), "{}", examined.stdout);
    let restored = at.lastro.run(&["restore", "--force", "copy.backup"]);
    let told = &restored.assert_code(0).stdout;
    assert!(told.contains("does not open the database's secrets"), "{told}");
    for secret in [&first, &second] {
        assert!(!refused.stderr.contains(secret.as_str()) && !examined.stdout.contains(secret.as_str()));
    }

    // With the former one beside it, it serves.
    let at = at.with("LASTRO_MASTER_KEY_PREVIOUS", &first);
    let server = at.lastro.serve(&[]);
    server.token();
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn another_master_key_is_told_at_once_on_sqlite() {
    another_key_is_told_at_once(Engine::Sqlite);
}

#[test]
fn another_master_key_is_told_at_once_on_postgresql() {
    another_key_is_told_at_once(Engine::Postgres);
}

#[test]
fn a_backup_without_its_master_key_is_told_so() {
    let lastro = Installation::new().administered();
    assert_eq!(lastro.serve(&[]).stop(), Some(0));
    lastro.run(&["backup", "copy.backup"]).assert_code(0);
    let copy = lastro.path("copy.backup");
    let elsewhere = Installation::new();
    let restored = elsewhere.run(&["restore", copy.to_str().unwrap()]);
    let told = &restored.assert_code(0).stdout;
    assert!(told.contains("there is no master key here"), "{told}");
    let examined = elsewhere.run(&["doctor"]);
    assert!(
        examined.assert_code(1).stdout.contains("there is no master key here"),
        "{}",
        examined.stdout
    );
    assert!(!elsewhere.path("data/master.key").exists(), "looking makes no key");
}
