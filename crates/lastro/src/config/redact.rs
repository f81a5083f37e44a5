//! What of a value may be shown.

use super::keys::{Exposure, Key};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// The value as it may be shown.
pub(super) fn shown(key: &Key, text: &str) -> String {
    match key.exposure {
        Exposure::Open => text.to_owned(),
        Exposure::Secret => REDACTED.to_owned(),
        Exposure::Credentials => without_credentials(text),
    }
}

/// A URL without its user name, its password and the values of its parameters, but of those that hold none for certain.
///
/// It works on the text and not on a parsed URL, so that a value which no parser understands shows nothing either.
pub(super) fn without_credentials(text: &str) -> String {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None if text.contains('@') => return REDACTED.to_owned(),
        None => (String::new(), text),
    };
    // Up to the last @: a password may hold one, or a question mark, that nobody encoded.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => (format!("{REDACTED}@"), rest),
        None => (String::new(), rest),
    };
    let Some((place, query)) = rest.split_once('?') else {
        return format!("{scheme}{user}{rest}");
    };
    let parameters: Vec<_> = query
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if !is_harmless(name) => format!("{name}={REDACTED}"),
            _ => parameter.to_owned(),
        })
        .collect();
    format!("{scheme}{user}{place}?{}", parameters.join("&"))
}

/// The parameters of database and SMTP addresses that are worth seeing; anybody can put a secret into any other.
fn is_harmless(parameter: &str) -> bool {
    [
        "application_name",
        "connect_timeout",
        "dbname",
        "host",
        "hostaddr",
        "port",
        "sslmode",
        "sslrootcert",
        "target_session_attrs",
    ]
    .contains(&parameter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_and_passwords_are_replaced_wherever_a_url_may_hold_them() {
        for (text, expected) in [
            ("sqlite://data/lastro.db", "sqlite://data/lastro.db"),
            (
                "postgres://lastro:hunter2@db:5432/lastro?sslmode=require",
                "postgres://[redacted]@db:5432/lastro?sslmode=require",
            ),
            (
                "postgres://lastro:p@s?s/word@db/lastro",
                "postgres://[redacted]@db/lastro",
            ),
            (
                "postgres://db/lastro?user=a&password=hunter2&application_name=x",
                "postgres://db/lastro?user=[redacted]&password=[redacted]&application_name=x",
            ),
            (
                "http://host/?sig=hunter2&pwd=hunter2",
                "http://host/?sig=[redacted]&pwd=[redacted]",
            ),
            ("lastro:hunter2@db", "[redacted]"),
            ("off", "off"),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }
}
