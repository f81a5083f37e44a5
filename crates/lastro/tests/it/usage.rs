//! `lastro usage`.

use crate::binary::Installation;

#[test]
fn usage_is_checked_rebuilt_and_exported() {
    let lastro = Installation::new();
    lastro.run(&["usage", "rebuild"]).assert_code(1);
    lastro.run(&["migrate"]).assert_code(0);
    for wrong in [
        &["usage", "export"][..],
        &["usage", "export", "--organization", "platform", "--format", "pdf"],
        &["usage", "export", "--organization", "platform", "--from", "yesterday"],
    ] {
        lastro.run(wrong).assert_code(2);
    }
    let checked = lastro.run(&["usage", "rebuild", "--check"]);
    checked.assert_code(0);
    assert!(
        checked.stdout.contains("0 sums compared, 0 wrong"),
        "{}",
        checked.stdout
    );
    let nobody = lastro.run(&["usage", "rebuild", "--organization", "nobody"]);
    nobody.assert_code(1);
    assert!(
        nobody.stderr.contains("there is no organization nobody"),
        "{}",
        nobody.stderr
    );

    let file = lastro.path("usage.csv");
    let file = file.to_str().unwrap();
    lastro
        .run(&["usage", "export", "--organization", "platform", "--format", "csv", file])
        .assert_code(0);
    let table = std::fs::read_to_string(file).unwrap();
    assert_eq!(table, "id,metric,quantity,idempotencyKey,occurredAt,recordedAt\r\n");
    let lines = lastro.run(&["usage", "export", "--organization", "platform"]);
    lines.assert_code(0);
    assert_eq!(lines.stdout, "");
}
