//! Which names announce a value that must not be written down.

use std::cell::RefCell;
use std::collections::HashMap;

/// Wherever these stand in a name, the value is a secret or tells something about a person.
const TELLING: [&str; 18] = [
    "password",
    "passwd",
    "passphrase",
    "senha",
    "secret",
    "token",
    "authorization",
    "cookie",
    "credential",
    "apikey",
    "email",
    "document",
    "telefone",
    "phone",
    "cnpj",
    "cpf",
    "birth",
    "bearer",
];

/// These only as a whole word of a name: `api_key` but not `monkey`.
const TELLING_WORDS: [&str; 10] = ["key", "keys", "pwd", "mail", "otp", "totp", "jwt", "dsn", "pin", "rg"];

/// Of those, the ones that no sentence has before a colon without a secret behind it.
const SECRET: [&str; 7] = [
    "password",
    "passwd",
    "senha",
    "secret",
    "token",
    "authorization",
    "cookie",
];

/// Whether a field, a parameter or a JSON member of this name is left out of logs, error reports and traces.
pub(super) fn is_telling(name: &str) -> bool {
    TELLING.iter().any(|telling| contains_ignoring_case(name, telling))
        || words(name).any(|word| TELLING_WORDS.iter().any(|telling| word.eq_ignore_ascii_case(telling)))
}

/// Whether the value behind this name is a secret even where a person writes it in a sentence.
pub(super) fn is_secret(name: &str) -> bool {
    SECRET.iter().any(|secret| contains_ignoring_case(name, secret))
}

/// As [`is_telling`] for the names of fields, which live as long as the program: each is judged once a thread.
pub(super) fn is_telling_field(name: &'static str) -> bool {
    thread_local! {
        static JUDGED: RefCell<HashMap<(usize, usize), bool, foldhash::fast::RandomState>> = RefCell::default();
    }
    let identity = (name.as_ptr() as usize, name.len());
    JUDGED.with_borrow_mut(|judged| *judged.entry(identity).or_insert_with(|| is_telling(name)))
}

/// The words of a snake_case, kebab-case, dotted or camelCase name.
fn words(name: &str) -> impl Iterator<Item = &str> {
    name.split(|character: char| !character.is_ascii_alphanumeric())
        .flat_map(camel_words)
}

/// `requestId` is `request` and `Id`; `APIKey` stays `APIKey`, which no rule needs to tell apart.
fn camel_words(part: &str) -> impl Iterator<Item = &str> {
    let mut rest = part;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let turn = rest.as_bytes().windows(2).position(
            |pair| matches!(pair, [before, after] if before.is_ascii_lowercase() && after.is_ascii_uppercase()),
        );
        let (word, behind) = rest.split_at_checked(turn.map_or(rest.len(), |at| at + 1))?;
        rest = behind;
        Some(word)
    })
}

/// `needle` is in lower case.
fn contains_ignoring_case(text: &str, needle: &str) -> bool {
    let first = needle.as_bytes().first();
    text.as_bytes()
        .windows(needle.len())
        // The first byte rules out nearly every place, at a fraction of the comparison's cost.
        .filter(|window| window.first().map(u8::to_ascii_lowercase).as_ref() == first)
        .any(|window| window.eq_ignore_ascii_case(needle.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets_and_of_personal_data_are_recognised_in_every_spelling() {
        for name in [
            "password",
            "newPassword",
            "PASSWORD_HASH",
            "refresh_token",
            "accessToken",
            "client.secret",
            "Set-Cookie",
            "http.request.header.authorization",
            "x-api-key",
            "apikey",
            "idempotencyKey",
            "key",
            "email",
            "user_email",
            "cpf",
            "customerCnpj",
            "document",
            "SENTRY_DSN",
            "otp",
            "senha",
        ] {
            assert!(is_telling(name), "{name}");
            assert!(is_telling_field(name), "{name}");
        }
    }

    #[test]
    fn ordinary_names_are_left_alone() {
        for name in [
            "requestId",
            "request_id",
            "tenantId",
            "actor",
            "actor.id",
            "route",
            "status",
            "latencyMs",
            "monkey",
            "keyword",
            "pinned",
            "message",
            "error",
            "engine",
            "module",
            "origin",
            "mailbox",
        ] {
            assert!(!is_telling(name), "{name}");
            assert!(!is_telling_field(name), "{name}");
        }
    }
}
