//! Values that must not reach a log by accident: secrets, and what tells something about a person.

use std::fmt;

pub use secrecy::{ExposeSecret, SecretBox, SecretString};

/// Personal data: an e-mail address, a name, an IP address. It can be used, stored and sent, and prints as
/// `[redacted]`.
///
/// For a password, token or key use [`SecretString`] instead, which also wipes the memory.
///
/// ```
/// use kernel::secret::Redacted;
///
/// let email = Redacted::new("ana@example.com");
/// assert_eq!(format!("{email} {email:?}"), "[redacted] [redacted]");
/// assert_eq!(*email.expose(), "ana@example.com");
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, where it is really needed.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value, for good.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redacted_value_is_usable_but_never_printed() {
        let email = Redacted::from("ana@example.com".to_owned());
        assert_eq!(format!("{email}"), "[redacted]");
        assert_eq!(format!("{:?}", Some(&email)), "Some([redacted])");
        assert_eq!(email.expose(), "ana@example.com");
        assert_eq!(email.clone().into_inner(), "ana@example.com");
        assert_eq!(email, Redacted::new("ana@example.com".to_owned()));
    }

    #[test]
    fn a_secret_is_not_printed_either() {
        let secret = SecretString::from("correct horse");
        assert!(!format!("{secret:?}").contains("horse"));
        assert_eq!(secret.expose_secret(), "correct horse");
    }
}
