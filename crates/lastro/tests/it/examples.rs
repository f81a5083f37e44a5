//! The examples do what they say, against a real server.

use std::process::Command;

use crate::binary::Installation;

#[test]
fn the_first_steps_can_be_taken() {
    let lastro = Installation::new();
    let mut server = lastro.serve(&["--demo"]);
    let (email, password) = server.operator();
    let steps = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/first-steps.sh");
    let output = Command::new("bash")
        .arg(steps)
        .env("EMAIL", email)
        .env("PASSWORD", password)
        .env("BASE", format!("http://{}", server.address))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[1], lines[2], "one key, one answer");
    for part in [
        r#""document":"12ABC34501DE35""#,
        r#""name":"Café do Largo e Filhos""#,
        r#""total":1"#,
        r#""action":"organization.updated""#,
        r#""action":"organization.created""#,
    ] {
        assert!(said.contains(part), "{part} is missing from:\n{said}");
    }
}

#[test]
fn the_tour_goes_through_thirty_real_companies() {
    let lastro = Installation::new();
    let output = Command::new("bash")
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tour.sh"))
        .env("LASTRO", env!("CARGO_BIN_EXE_lastro"))
        .env("TMPDIR", lastro.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    for part in [
        "30 imported, 0 there already, 0 failed",
        "\"code\":\"FINANCE\"",
        "see invoices: 204",
        "make invoices: 403",
        "see users: 403",
    ] {
        assert!(said.contains(part), "{part} is missing from:\n{said}");
    }
}
