//! An error with what caused it, on one line.

use std::error::Error;

/// The error and its causes, separated by colons. A cause that the message before it repeats already is left out: some
/// errors tell theirs, others leave that to whoever prints them.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    enum Layered {
        #[error("the file")]
        Silent(#[source] Box<Layered>),
        #[error("reading failed: {0}")]
        Telling(#[source] Box<Layered>),
        #[error("disk on fire")]
        Root,
    }

    #[test]
    fn every_cause_is_told_once() {
        let error = Layered::Silent(Box::new(Layered::Telling(Box::new(Layered::Root))));
        assert_eq!(with_causes(&error), "the file: reading failed: disk on fire");
    }
}
