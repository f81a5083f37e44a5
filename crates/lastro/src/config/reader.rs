//! Reads one key after the other, keeps going after a problem, and remembers what every key came to.

use super::keys::{Exposure, Fallback, Key};
use super::problem::{InvalidConfig, Problem};
use super::redact;
use super::source::{Origin, Values};

/// What a key came to, fit to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The key.
    pub key: &'static Key,
    /// Its value with secrets replaced; `None` when it is unset.
    pub shown: Option<String>,
    /// Who decided it.
    pub origin: Origin,
}

/// Collects values and problems.
pub(super) struct Reader {
    values: Values,
    effective: Vec<Effective>,
    problems: Vec<Problem>,
}

impl Reader {
    pub(super) fn new(values: Values, problems: Vec<Problem>) -> Self {
        Self {
            values,
            effective: Vec::new(),
            problems,
        }
    }

    /// The value of `key`, or its fallback's. `None` when it is unset or was refused, in which case a problem is noted.
    pub(super) fn read<T>(&mut self, key: &'static Key, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (text, origin) = match (self.values.get(key), key.fallback) {
            (Some((text, origin)), _) => (text.to_owned(), origin.clone()),
            (None, Fallback::Value(text)) => (text.to_owned(), Origin::Default),
            (None, Fallback::Unset | Fallback::Derived(_)) => {
                self.note(key, None, Origin::Default);
                return None;
            }
        };
        match parse(&text) {
            Ok(value) => {
                self.note(key, Some(redact::shown(key, &text)), origin);
                Some(value)
            }
            Err(reason) => {
                let message = match key.exposure {
                    Exposure::Open => format!("{text:?} {reason}"),
                    Exposure::Credentials | Exposure::Secret => reason,
                };
                self.problems
                    .push(Problem::new(format!("{} ({origin})", key.name), message));
                None
            }
        }
    }

    /// Completes a key that was unset with what was derived for it.
    pub(super) fn derive(&mut self, key: &'static Key, shown: impl Into<String>) {
        if let Some(entry) = self
            .effective
            .iter_mut()
            .find(|entry| entry.key == key && entry.shown.is_none())
        {
            entry.shown = Some(shown.into());
        }
    }

    /// Whether somebody set this key.
    pub(super) fn is_set(&self, key: &'static Key) -> bool {
        self.values.contains(key)
    }

    /// Notes a problem that is about a key as such, or about several keys together.
    pub(super) fn refuse(&mut self, key: &'static Key, message: impl Into<String>) {
        let subject = match self.values.get(key) {
            Some((_, origin)) => format!("{} ({origin})", key.name),
            None => key.name.to_owned(),
        };
        self.problems.push(Problem::new(subject, message));
    }

    /// Ends the reading: what every key came to, or all problems.
    pub(super) fn finish<T>(self, config: Option<T>) -> Result<(T, Vec<Effective>), InvalidConfig> {
        match config {
            Some(config) if self.problems.is_empty() => Ok((config, self.effective)),
            _ => Err(InvalidConfig {
                problems: self.problems,
            }),
        }
    }

    fn note(&mut self, key: &'static Key, shown: Option<String>, origin: Origin) {
        self.effective.push(Effective { key, shown, origin });
    }
}
