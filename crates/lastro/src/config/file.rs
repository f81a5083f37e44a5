//! Reads `lastro.toml`: one flat table whose keys are those of the environment.

use std::ops::Range;
use std::path::Path;

use toml::de::{DeTable, DeValue};

use super::keys::Key;
use super::problem::Problem;
use super::source::{Origin, Values};

/// Adds what the file sets to `values`. A problem names the line but never quotes it, for a line may hold a secret.
pub(super) fn parse(path: &Path, text: &str, values: &mut Values, problems: &mut Vec<Problem>) {
    let (table, mut errors) = DeTable::parse_recoverable(text);
    let place = |span: Range<usize>| format!("{}, line {}", path.display(), line(text, span.start));
    if !errors.is_empty() {
        errors.sort_by_key(|error| error.span().map(|span| span.start));
        // What could be recovered from a broken file is not what its author meant.
        problems.extend(errors.iter().map(|error| {
            let place = error.span().map_or_else(|| path.display().to_string(), place);
            Problem::new(place, format!("is not valid TOML: {}", error.message()))
        }));
        return;
    }
    let mut entries: Vec<_> = table.get_ref().iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    for (name, value) in entries {
        let Some(key) = Key::find(name.get_ref()) else {
            problems.push(Problem::new(place(name.span()), unknown(name.get_ref())));
            continue;
        };
        if values.contains(key) {
            problems.push(Problem::new(
                place(name.span()),
                format!("{} is set twice, in upper and in lower case", key.name),
            ));
            continue;
        }
        match scalar_or_list(value.get_ref()) {
            // As in the environment, an empty value counts as unset.
            Some(text) if text.is_empty() => {}
            Some(text) => values.set(key, text, Origin::File(path.to_owned())),
            None => problems.push(Problem::new(
                place(value.span()),
                format!("{} must be {}", key.name, key.format),
            )),
        }
    }
}

fn unknown(name: &str) -> String {
    match Key::closest(name) {
        Some(meant) => format!("unknown key {name:?}; did you mean {meant}?"),
        None => format!("unknown key {name:?}"),
    }
}

/// The text that the environment would hold: a list becomes a comma-separated text.
fn scalar_or_list(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.clone().into_owned()),
        DeValue::Integer(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(answer) => Some(answer.to_string()),
        DeValue::Array(items) => items
            .iter()
            .map(|item| item.get_ref().as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()
            .map(|items| items.join(",")),
        DeValue::Float(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// The number of the line that holds this byte, from 1.
fn line(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::keys;

    fn read(text: &str) -> (Values, Vec<String>) {
        let mut values = Values::default();
        let mut problems = Vec::new();
        parse(Path::new("lastro.toml"), text, &mut values, &mut problems);
        (values, problems.iter().map(ToString::to_string).collect())
    }

    fn text_of(values: &Values, key: &'static Key) -> Option<String> {
        values.get(key).map(|(text, _)| text.to_owned())
    }

    #[test]
    fn names_are_those_of_the_environment_in_either_case_and_lists_may_be_arrays() {
        let (values, problems) = read(
            "LASTRO_BIND = \"0.0.0.0:80\"\nlastro_refresh_grace = 0\nlastro_webhook_allow_private = true\n\
             LASTRO_CORS_ORIGINS = [\"https://a.example\", \"https://b.example\"]\nSENTRY_DSN = \"\"\n",
        );
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(text_of(&values, &keys::LASTRO_BIND).as_deref(), Some("0.0.0.0:80"));
        assert_eq!(text_of(&values, &keys::LASTRO_REFRESH_GRACE).as_deref(), Some("0"));
        assert_eq!(
            text_of(&values, &keys::LASTRO_WEBHOOK_ALLOW_PRIVATE).as_deref(),
            Some("true")
        );
        assert_eq!(
            text_of(&values, &keys::LASTRO_CORS_ORIGINS).as_deref(),
            Some("https://a.example,https://b.example")
        );
        assert_eq!(text_of(&values, &keys::SENTRY_DSN), None);
    }

    #[test]
    fn unknown_repeated_and_wrongly_typed_keys_are_all_listed_with_their_line() {
        let (_, problems) = read(
            "LASTRO_BIND = \"0.0.0.0:80\"\nLASTRO_BNID = 1\n\nlastro_bind = \"0.0.0.0:81\"\n\
             LASTRO_LOG = 1.5\n[database]\nurl = \"x\"\n",
        );
        assert_eq!(
            problems,
            [
                "lastro.toml, line 2: unknown key \"LASTRO_BNID\"; did you mean LASTRO_BIND?",
                "lastro.toml, line 4: LASTRO_BIND is set twice, in upper and in lower case",
                "lastro.toml, line 5: LASTRO_LOG must be a `tracing` filter",
                "lastro.toml, line 6: unknown key \"database\"",
            ]
        );
    }

    #[test]
    fn a_broken_file_names_the_line_without_quoting_it() {
        let (values, problems) = read("LASTRO_BIND = \"0.0.0.0:80\"\nLASTRO_MASTER_KEY = \"hunter2\nrest\n");
        assert!(text_of(&values, &keys::LASTRO_BIND).is_none());
        assert!(!problems.is_empty());
        assert!(
            problems[0].starts_with("lastro.toml, line 2: is not valid TOML"),
            "{problems:?}"
        );
        assert!(
            problems.iter().all(|problem| !problem.contains("hunter2")),
            "{problems:?}"
        );
    }
}
