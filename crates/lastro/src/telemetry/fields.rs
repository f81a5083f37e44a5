//! The fields of an event or span as they may be written down: redacted when they are recorded, so that nothing behind this
//! point ever sees the original.

use std::error::Error;
use std::fmt::{self, Write as _};

use smallvec::SmallVec;
use tracing::field::{Field, Visit};

use super::names::is_telling_field;
use super::scrub::scrub;
use crate::config::REDACTED;

/// The field that holds an event's message.
pub(super) const MESSAGE: &str = "message";

/// A value that may be written down.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Safe {
    Redacted,
    Text(String),
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Flag(bool),
}

/// Named values, the last one recorded under a name winning.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields {
    values: SmallVec<[(&'static str, Safe); 8]>,
}

impl Fields {
    pub(super) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The message, when there is one.
    pub(super) fn message(&self) -> Option<&str> {
        self.values.iter().find_map(|(name, value)| match value {
            Safe::Text(text) if *name == MESSAGE => Some(text.as_str()),
            _ => None,
        })
    }

    /// Everything but the message and what is only meant for the exporter of traces.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &Safe)> {
        self.values
            .iter()
            .filter(|(name, _)| *name != MESSAGE && !name.starts_with("otel."))
            .map(|(name, value)| (*name, value))
    }

    fn set(&mut self, field: &Field, value: impl FnOnce() -> Safe) {
        let name = field.name();
        let value = if is_telling_field(name) {
            Safe::Redacted
        } else {
            value()
        };
        match self.values.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.values.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, || Safe::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, || Safe::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, || Safe::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, || Safe::Flag(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, || Safe::Text(scrub(value).into_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.set(field, || {
            let mut text = value.to_string();
            let mut cause = value.source();
            while let Some(error) = cause {
                // Writing to a String cannot fail.
                let _ = write!(text, ": {error}");
                cause = error.source();
            }
            scrubbed(text)
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, || scrubbed(format!("{value:?}")));
    }
}

/// Scrubs a text that is already owned, without copying a clean one.
fn scrubbed(text: String) -> Safe {
    match scrub(&text) {
        std::borrow::Cow::Owned(clean) => Safe::Text(clean),
        std::borrow::Cow::Borrowed(_) => Safe::Text(text),
    }
}

impl fmt::Display for Safe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Redacted => f.write_str(REDACTED),
            Self::Text(text) => f.write_str(text),
            Self::Signed(number) => write!(f, "{number}"),
            Self::Unsigned(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Flag(flag) => write!(f, "{flag}"),
        }
    }
}
