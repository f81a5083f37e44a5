//! How a log line looks: one JSON object, or a line for people.

use std::fmt::Write as _;
use std::sync::Arc;

use kernel::Timestamp;
use smallvec::SmallVec;
use tracing::Level;

use super::fields::{Fields, MESSAGE, Safe};
use crate::config::{LogFormat, REDACTED};

/// One event with everything that is known about it.
pub(super) struct Record<'a> {
    pub(super) at: Timestamp,
    pub(super) level: Level,
    pub(super) target: &'a str,
    /// The trace and the span in it, when traces are exported.
    pub(super) trace: Option<(String, String)>,
    /// The event's own fields.
    pub(super) event: &'a Fields,
    /// The fields of the spans around it, the innermost first.
    pub(super) spans: &'a [Arc<Fields>],
}

/// Which form to write, and whether for eyes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    pub(super) format: LogFormat,
    pub(super) colors: bool,
}

impl Style {
    /// Appends the record as one line.
    pub(super) fn write(self, line: &mut String, record: &Record<'_>) {
        match self.format {
            LogFormat::Json => json(line, record),
            LogFormat::Pretty => pretty(line, record, self.colors),
        }
        line.push('\n');
    }
}

/// The name of the trace in a line, whoever tells it.
const TRACE_ID: &str = "traceId";

impl Record<'_> {
    /// The trace, unless the event tells it by itself.
    fn trace(&self) -> Option<&(String, String)> {
        self.trace
            .as_ref()
            .filter(|_| self.event.iter().all(|(name, _)| name != TRACE_ID))
    }

    /// Every field once: what an event says wins over its span, an inner span over an outer one.
    fn for_each_field(&self, mut with: impl FnMut(&'static str, &Safe)) {
        let mut seen: SmallVec<[&'static str; 16]> = SmallVec::new();
        for fields in std::iter::once(self.event).chain(self.spans.iter().map(Arc::as_ref)) {
            for (name, value) in fields.iter() {
                if !seen.contains(&name) {
                    seen.push(name);
                    with(name, value);
                }
            }
        }
    }
}

fn json(line: &mut String, record: &Record<'_>) {
    // Writing to a String cannot fail.
    let _ = write!(
        line,
        "{{\"timestamp\":\"{}\",\"level\":\"{}\",\"target\":",
        record.at, record.level
    );
    json_text(line, record.target);
    if let Some(message) = record.event.message() {
        let _ = write!(line, ",\"{MESSAGE}\":");
        json_text(line, message);
    }
    if let Some((trace, span)) = record.trace() {
        let _ = write!(line, ",\"{TRACE_ID}\":\"{trace}\",\"spanId\":\"{span}\"");
    }
    record.for_each_field(|name, value| {
        line.push_str(",\"");
        camel_case(line, name);
        line.push_str("\":");
        match value {
            Safe::Redacted => json_text(line, REDACTED),
            Safe::Text(text) => json_text(line, text),
            // JSON has no infinity and no NaN.
            Safe::Float(number) if !number.is_finite() => line.push_str("null"),
            Safe::Float(_) | Safe::Signed(_) | Safe::Unsigned(_) | Safe::Flag(_) => {
                let _ = write!(line, "{value}");
            }
        }
    });
    line.push('}');
}

fn json_text(line: &mut String, text: &str) {
    line.push('"');
    let mut rest = text;
    // Most texts have nothing to escape and are copied as they are.
    while let Some(at) = rest
        .bytes()
        .position(|byte| byte < b' ' || matches!(byte, b'"' | b'\\' | 0x7f))
    {
        let (plain, escaped) = rest.split_at(at);
        line.push_str(plain);
        let mut characters = escaped.chars();
        match characters.next() {
            Some('"') => line.push_str("\\\""),
            Some('\\') => line.push_str("\\\\"),
            Some('\n') => line.push_str("\\n"),
            Some(control) => {
                let _ = write!(line, "\\u{:04x}", u32::from(control));
            }
            None => {}
        }
        rest = characters.as_str();
    }
    line.push_str(rest);
    line.push('"');
}

/// `request_id` is written `requestId`, as the API spells its names; dots stay.
fn camel_case(line: &mut String, name: &str) {
    let mut words = name.split('_');
    line.extend(words.next());
    for word in words {
        let mut characters = word.chars();
        line.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        line.push_str(characters.as_str());
    }
}

fn pretty(line: &mut String, record: &Record<'_>, colors: bool) {
    let (color, plain) = match (colors, record.level) {
        (false, _) => ("", ""),
        (true, Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
        (true, Level::WARN) => ("\x1b[33m", "\x1b[0m"),
        (true, Level::INFO) => ("\x1b[32m", "\x1b[0m"),
        (true, _) => ("\x1b[2m", "\x1b[0m"),
    };
    let _ = write!(
        line,
        "{} {color}{:>5}{plain} {}: ",
        record.at, record.level, record.target
    );
    visible(line, record.event.message().unwrap_or_default());
    record.for_each_field(|name, value| {
        line.push(' ');
        camel_case(line, name);
        line.push('=');
        visible(line, &value.to_string());
    });
    if let Some((trace, _)) = record.trace() {
        let _ = write!(line, " {TRACE_ID}={trace}");
    }
}

/// Control characters are shown, not sent: what a client sends must neither forge a line nor steer a terminal.
fn visible(line: &mut String, text: &str) {
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_valid_json() {
        for text in [
            "",
            "plain",
            "\"quoted\" \\ and\nlines",
            "\u{0}\u{1b}[31m\u{7f}",
            "ação \u{1F600}",
            "\\",
        ] {
            let mut line = String::new();
            json_text(&mut line, text);
            assert_eq!(serde_json::from_str::<String>(&line).unwrap(), text);
        }
    }

    #[test]
    fn names_are_spelt_as_in_the_api() {
        for (name, expected) in [
            ("request_id", "requestId"),
            ("requestId", "requestId"),
            ("http.route", "http.route"),
            ("http.response.status_code", "http.response.statusCode"),
            ("a__b_", "aB"),
        ] {
            let mut line = String::new();
            camel_case(&mut line, name);
            assert_eq!(line, expected);
        }
    }

    #[test]
    fn a_client_can_neither_forge_a_line_nor_steer_a_terminal() {
        let mut line = String::new();
        visible(&mut line, "GET /\n2026 ERROR forged \u{1b}[2J");
        assert_eq!(line, "GET /\\n2026 ERROR forged \\u{1b}[2J");
    }
}
