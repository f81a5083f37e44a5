//! Another master key, from the operator's side.

use crate::binary::Installation;

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
