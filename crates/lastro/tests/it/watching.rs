//! What operators watch: the alerts and the dashboard speak of numbers that a real server tells.

use std::collections::BTreeSet;

use crate::binary::Installation;

const TOKEN: &str = "a-token-that-only-reads-the-metrics";

/// The names of this program's numbers in a text.
fn names(text: &str) -> BTreeSet<&str> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| word.starts_with("lastro_"))
        .collect()
}

/// The name under which the page declares a number's kind.
fn declared(name: &str) -> &str {
    ["_total", "_bucket", "_count", "_sum", "_info"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
        .unwrap_or(name)
}

#[test]
fn every_number_in_the_alerts_and_on_the_dashboard_is_in_a_scrape() {
    let lastro = Installation::new().with("LASTRO_METRICS_TOKEN", TOKEN);
    let server = lastro.serve(&[]);
    // Some numbers are there once there was something to count: an answer, and a refusal.
    let refused = server.send("GET /api/v1/users", &[("authorization", "Bearer anything")], "");
    assert_eq!(refused.status, 401);
    let credential = format!("Bearer {TOKEN}");
    let page = server.send("GET /metrics", &[("authorization", &credential)], "").body;
    for (file, text) in [
        ("alerts", include_str!("../../../../deploy/prometheus/alerts.yaml")),
        ("dashboard", include_str!("../../../../deploy/grafana/lastro.json")),
        ("operations", include_str!("../../../../docs/operations.md")),
    ] {
        let names = names(text);
        assert!(names.len() > 4, "{file}: {names:?}");
        for name in names {
            let line = format!("# TYPE {} ", declared(name));
            assert!(
                page.contains(&line),
                "{file} speaks of {name}, and the page does not:\n{page}"
            );
        }
    }
    assert_eq!(server.stop(), Some(0));
}
