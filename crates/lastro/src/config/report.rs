//! `lastro config check`: the effective configuration as a table for people.

use std::fmt::Write as _;

use super::load::Loaded;

/// Every key with its value, secrets replaced, and who decided it; then the warnings.
#[must_use]
pub fn report(loaded: &Loaded) -> String {
    let rows: Vec<[String; 3]> = loaded
        .effective
        .iter()
        .map(|entry| {
            [
                entry.key.name.to_owned(),
                entry.shown.clone().unwrap_or_else(|| "-".to_owned()),
                entry.origin.to_string(),
            ]
        })
        .collect();
    let header = ["KEY", "VALUE", "SOURCE"].map(str::to_owned);
    let width = |column: fn(&[String; 3]) -> &String| {
        rows.iter()
            .chain([&header])
            .map(|row| column(row).chars().count())
            .max()
            .unwrap_or_default()
    };
    let (first, second) = (width(|[key, _, _]| key), width(|[_, value, _]| value));
    let mut text = String::new();
    for [key, value, source] in [&header].into_iter().chain(&rows) {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{key:first$}  {value:second$}  {source}");
    }
    for warning in &loaded.warnings {
        let _ = writeln!(text, "\nwarning: {warning}");
    }
    text
}
