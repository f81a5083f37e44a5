//! Takes out of a text what looks like a secret or like personal data.
//!
//! Redaction has three walls. Values of secret types cannot be formatted. Fields whose name tells what they hold are replaced
//! ([`super::names`]). This is the third, for what slipped into a message, an error's text or an address: tax numbers, e-mail
//! addresses, tokens, keys, credentials in URLs and values that follow a telling name. It prefers to take too much.
//!
//! It runs on every string of every log line, so that a text without anything suspicious costs one pass and no allocation.

use std::borrow::Cow;
use std::ops::Range;

use super::names::{is_secret, is_telling};
use crate::config::REDACTED;

/// The shortest run of characters that can be a token.
const SHORTEST_TOKEN: usize = 32;
/// The shortest random part behind a prefix such as `whsec_`.
const SHORTEST_PREFIXED: usize = 16;
/// Digits of a CPF, and of a Brazilian mobile number.
const CPF_LENGTH: usize = 11;
/// Characters of a CNPJ.
const CNPJ_LENGTH: usize = 14;

/// The text without what looks like a secret or like personal data; borrowed when there was nothing to take out.
pub(super) fn scrub(text: &str) -> Cow<'_, str> {
    if !is_suspicious(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    let scanner = Scanner { bytes: text.as_bytes() };
    let mut clean = String::new();
    let mut copied = 0;
    let mut at = 0;
    while at < text.len() {
        match scanner.look(at) {
            Finding::Secret(range) => {
                clean.push_str(text.get(copied..range.start).unwrap_or_default());
                clean.push_str(REDACTED);
                copied = range.end;
                at = range.end.max(at + 1);
            }
            Finding::Nothing { next } => at = next.max(at + 1),
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    clean.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(clean)
}

/// Whether the text can hold anything worth a closer look: every finding needs an `@` or `%40`, a `=` or `:` behind a name,
/// `Bearer` or `Basic` before a space, eleven digits, a long word, or the punctuation of a CNPJ.
fn is_suspicious(bytes: &[u8]) -> bool {
    let (mut digits, mut word) = (0, 0);
    let mut has_dot = false;
    for (at, byte) in bytes.iter().enumerate() {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => has_dot = true,
            // A formatted CNPJ, whose letters end the run of digits, has a slash behind its dots.
            b'/' if has_dot => return true,
            b'/' | b'-' => {}
            b'@' | b'=' | b':' | b'%' => return true,
            b' ' if ends_with_a_scheme(bytes.get(..at).unwrap_or_default()) => return true,
            _ => digits = 0,
        }
        word = if is_word(*byte) { word + 1 } else { 0 };
        if digits >= CPF_LENGTH || word >= CNPJ_LENGTH {
            return true;
        }
    }
    false
}

fn ends_with_a_scheme(bytes: &[u8]) -> bool {
    ["bearer", "basic"].iter().any(|scheme| {
        bytes
            .len()
            .checked_sub(scheme.len())
            .and_then(|start| bytes.get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(scheme.as_bytes()))
    })
}

enum Finding {
    Secret(Range<usize>),
    Nothing { next: usize },
}

struct Scanner<'a> {
    bytes: &'a [u8],
}

impl Scanner<'_> {
    /// What begins at this byte.
    fn look(&self, at: usize) -> Finding {
        if self.bytes_from(at).starts_with(b"://") {
            return self.credentials_of_url(at + 3);
        }
        if !is_atom(self.byte(at)) {
            return Finding::Nothing { next: at + 1 };
        }
        if let Some(next) = self.end_of_uuid(at) {
            return Finding::Nothing { next };
        }
        let end = self.end_of(at, is_atom);
        self.email(at, end)
            .or_else(|| self.tax_number(at))
            .or_else(|| self.json_web_token(at, end))
            .or_else(|| self.after_a_scheme(at, end))
            .or_else(|| self.after_a_name(at, end))
            .map_or_else(|| self.word_in_atom(at, end), Finding::Secret)
    }

    /// The end of a UUID in lower case that begins here: an id, of which lines have several.
    fn end_of_uuid(&self, at: usize) -> Option<usize> {
        const TEMPLATE: &[u8; 36] = b"xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
        let end = at + TEMPLATE.len();
        let text = self.bytes.get(at..end)?;
        let fits = text.iter().zip(TEMPLATE).all(|(byte, wanted)| match wanted {
            b'-' => *byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        });
        (fits && !is_atom(self.byte(end)) && self.byte(end) != b'@').then_some(end)
    }

    /// `://user:password@`: up to the last `@` of the authority.
    fn credentials_of_url(&self, start: usize) -> Finding {
        let end = self.end_of(start, |byte| {
            !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'\'' | b'/' | b'?' | b'#')
        });
        match self.slice(start..end).iter().rposition(|byte| *byte == b'@') {
            Some(length) => Finding::Secret(start..start + length),
            None => Finding::Nothing { next: start },
        }
    }

    /// `local@domain`, also with the at sign percent-encoded.
    fn email(&self, at: usize, end: usize) -> Option<Range<usize>> {
        if self.byte(end) == b'@' && is_word(self.byte(end + 1)) {
            let domain = self.end_of(end + 1, |byte| is_word(byte) || byte == b'.');
            return Some(at..self.without_punctuation(end + 1, domain));
        }
        let encoded = self.slice(at..end).windows(3).position(|window| window == b"%40")?;
        (encoded > 0 && at + encoded + 3 < end).then(|| at..self.without_punctuation(at, end))
    }

    /// A CPF or CNPJ, with its punctuation or bare, at the beginning of a word.
    fn tax_number(&self, at: usize) -> Option<Range<usize>> {
        if at > 0 && self.byte(at - 1).is_ascii_alphanumeric() {
            return None;
        }
        const CPF: &str = "###.###.###-##";
        const CNPJ: &str = "**.***.***/****-##";
        const CNPJ_ENCODED: &str = "**.***.***%2F****-##";
        if self.byte(at + 2) == b'.' || self.byte(at + 3) == b'.' {
            for template in [CPF, CNPJ, CNPJ_ENCODED] {
                if self.matches(at, template) {
                    return Some(at..at + template.len());
                }
            }
        }
        let end = self.end_of(at, |byte| byte.is_ascii_alphanumeric());
        let word = self.slice(at..end);
        // An address of this program, as stacks have them. It has as many characters as a CNPJ, and one in some 260 its check digits.
        if word.starts_with(b"0x")
            && word
                .iter()
                .skip(2)
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        let is_number = match word.len() {
            CPF_LENGTH => word.iter().all(u8::is_ascii_digit),
            CNPJ_LENGTH => {
                word.iter().all(u8::is_ascii_digit)
                    || std::str::from_utf8(word).is_ok_and(|word| word.parse::<kernel::tax_id::Cnpj>().is_ok())
            }
            _ => false,
        };
        is_number.then_some(at..end)
    }

    /// `#` is a digit, `*` a digit or letter, all else itself; what follows must not go on.
    fn matches(&self, at: usize, template: &str) -> bool {
        let Some(text) = self.bytes.get(at..at + template.len()) else {
            return false;
        };
        let fits = text.iter().zip(template.bytes()).all(|(byte, wanted)| match wanted {
            b'#' => byte.is_ascii_digit(),
            b'*' => byte.is_ascii_alphanumeric(),
            wanted => byte.eq_ignore_ascii_case(&wanted),
        });
        fits && !self.byte(at + template.len()).is_ascii_alphanumeric()
    }

    /// `eyJ…`: the Base64 of a JSON object's beginning, with whatever parts follow.
    fn json_web_token(&self, at: usize, end: usize) -> Option<Range<usize>> {
        let is_token = end - at >= SHORTEST_PREFIXED && self.slice(at..end).starts_with(b"eyJ");
        is_token.then_some(at..end)
    }

    /// What stands behind `Bearer` or `Basic`, unless it is an ordinary word.
    fn after_a_scheme(&self, at: usize, end: usize) -> Option<Range<usize>> {
        let word = self.slice(at..end);
        if !word.eq_ignore_ascii_case(b"bearer") && !word.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let start = self.end_of(end, |byte| byte == b' ');
        let stop = self.end_of(start, is_value);
        let value = self.slice(start..stop);
        let is_ordinary = value.len() < 20
            && value
                .iter()
                .all(|byte| byte.is_ascii_lowercase() || !byte.is_ascii_alphanumeric());
        (start > end && !is_ordinary).then_some(start..stop)
    }

    /// `name=value`, `name: value`, `"name":"value"` and Rust's debug form, where the name tells.
    fn after_a_name(&self, at: usize, end: usize) -> Option<Range<usize>> {
        let before_sign = self.end_of(end, |byte| matches!(byte, b'"' | b'\'' | b'\\' | b']' | b')'));
        let sign = self.byte(before_sign);
        if !matches!(sign, b'=' | b':') || self.byte(before_sign + 1) == sign {
            return None;
        }
        let after_sign = self.end_of(before_sign + 1, |byte| byte == b' ');
        let start = self.end_of(after_sign, |byte| matches!(byte, b'"' | b'\'' | b'\\'));
        let name = std::str::from_utf8(self.slice(at..end)).ok()?;
        // A person writes "unknown key: colour"; a program quotes the name or the value, or the name alone tells enough.
        let tells = if sign == b':' && start == after_sign {
            is_secret(name)
        } else {
            is_telling(name)
        };
        if !tells {
            return None;
        }
        let stop = if start > after_sign {
            self.end_of_quoted(start)
        } else if carries_a_list(name) {
            self.end_of(start, |byte| byte != b'\n')
        } else {
            self.end_of(start, is_value)
        };
        (stop > start && self.slice(start..stop) != REDACTED.as_bytes()).then_some(start..stop)
    }

    /// The closing quote of a value that begins here, behind its opening quote.
    fn end_of_quoted(&self, start: usize) -> usize {
        let quote = self.byte(start - 1);
        let is_escaped = start >= 2 && self.byte(start - 2) == b'\\';
        let mut at = start;
        while at < self.bytes.len() {
            match self.byte(at) {
                // Inside text that is itself quoted, the closing quote is escaped as the opening one was.
                b'\\' if is_escaped => return at,
                b'\\' => at += 2,
                byte if byte == quote => return at,
                _ => at += 1,
            }
        }
        self.bytes.len()
    }

    /// Looks at the first word of an atom, and goes on behind it.
    fn word_in_atom(&self, at: usize, end: usize) -> Finding {
        let stop = self.end_of(at, is_word).min(end);
        if is_random(self.slice(at..stop)) {
            return Finding::Secret(at..stop);
        }
        // The next word of the same atom may begin a tax number: `cpf.529.982.247-25`.
        let next = self
            .end_of(at, |byte| byte.is_ascii_alphanumeric() || byte == b'_')
            .max(at + 1);
        Finding::Nothing {
            next: next.min(stop.max(at + 1)),
        }
    }

    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or_default()
    }

    fn bytes_from(&self, at: usize) -> &[u8] {
        self.bytes.get(at..).unwrap_or_default()
    }

    fn slice(&self, range: Range<usize>) -> &[u8] {
        self.bytes.get(range).unwrap_or_default()
    }

    /// The end of the run of such bytes that begins here.
    fn end_of(&self, at: usize, is: impl Fn(u8) -> bool) -> usize {
        at + self.bytes_from(at).iter().take_while(|byte| is(**byte)).count()
    }

    /// A full stop at the end is the sentence's.
    fn without_punctuation(&self, start: usize, end: usize) -> usize {
        start
            + self
                .slice(start..end)
                .iter()
                .rposition(|byte| !matches!(byte, b'.' | b'-'))
                .map_or(0, |at| at + 1)
    }
}

/// What tokens are made of (base64url), and every character beyond ASCII.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-') || !byte.is_ascii()
}

/// What the local part of an address, a tax number or a token with dots is made of.
fn is_atom(byte: u8) -> bool {
    is_word(byte) || matches!(byte, b'.' | b'+' | b'%')
}

/// What an unquoted value is made of.
fn is_value(byte: u8) -> bool {
    !byte.is_ascii_whitespace()
        && !matches!(
            byte,
            b'"' | b'\'' | b'\\' | b',' | b';' | b'&' | b')' | b'}' | b'<' | b'>'
        )
}

/// Headers whose value goes on behind a space or a semicolon.
fn carries_a_list(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with("authorization") || name.ends_with("cookie")
}

/// Whether a word looks drawn by lot: long and of mixed characters, long hexadecimal, or random behind a prefix.
fn is_random(word: &[u8]) -> bool {
    let has = |is: fn(&u8) -> bool| word.iter().any(is);
    let is_mixed = has(u8::is_ascii_uppercase) && has(u8::is_ascii_lowercase) && has(u8::is_ascii_digit);
    if word.len() >= SHORTEST_TOKEN && is_mixed {
        return true;
    }
    // Longer than a trace id or a UUID without hyphens.
    if word.len() > SHORTEST_TOKEN && word.iter().all(u8::is_ascii_hexdigit) {
        return true;
    }
    let Some(underscore) = word.iter().rposition(|byte| *byte == b'_') else {
        return false;
    };
    let random = word.get(underscore + 1..).unwrap_or_default();
    underscore >= 2
        && random.len() >= SHORTEST_PREFIXED
        && random.iter().any(u8::is_ascii_digit)
        && random.iter().any(u8::is_ascii_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Read as a CNPJ, its check digits are right.
    const ADDRESS: &str = "0x55d0a1b2c390";

    #[test]
    fn the_address_would_pass_as_a_cnpj() {
        assert!(ADDRESS.parse::<kernel::Cnpj>().is_ok());
    }

    fn assert_scrubbed(text: &str, expected: &str) {
        assert_eq!(scrub(text), expected.replace('§', REDACTED), "{text}");
    }

    #[test]
    fn tax_numbers_are_taken_out_with_and_without_punctuation() {
        assert_scrubbed("cliente 529.982.247-25 recusado", "cliente § recusado");
        assert_scrubbed("cliente 52998224725", "cliente §");
        assert_scrubbed("even 123.456.789-00, which no one has", "even §, which no one has");
        assert_scrubbed("/organizations?q=11.222.333%2F0001-81", "/organizations?q=§");
        assert_scrubbed("(11.222.333/0001-81)", "(§)");
        assert_scrubbed("12.ABC.345/01DE-35 is new", "§ is new");
        assert_scrubbed("bare 12ABC34501DE35 and 11222333000181.", "bare § and §.");
        assert_scrubbed("x=cpf.529.982.247-25", "x=cpf.§");
    }

    #[test]
    fn addresses_are_taken_out() {
        assert_scrubbed("mail to ana.souza+erp@example.com.br.", "mail to §.");
        assert_scrubbed("<joão@exemplo.com>", "<§>");
        assert_scrubbed("/users?q=ana%40example.com&page=1", "/users?q=§&page=1");
        assert_scrubbed("root@localhost", "§");
    }

    #[test]
    fn tokens_and_keys_are_taken_out() {
        assert_scrubbed("Authorization: Bearer abc.DEF", "Authorization: §");
        assert_scrubbed("sent Bearer a1b2c3 twice", "sent Bearer § twice");
        assert_scrubbed("jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln here", "jwt § here");
        assert_scrubbed("secret whsec_MfKQ9r8GKYqrTwjU of", "secret § of");
        assert_scrubbed("raw 9Fh2kd83JDks8dkDKE93kd93kdkDKE9kd93kdk3 of", "raw § of");
        assert_scrubbed(&format!("hash {} of", "0f".repeat(32)), "hash § of");
        assert_scrubbed("?token=abc&page=1", "?token=§&page=1");
        assert_scrubbed("LASTRO_MASTER_KEY=abc=, next", "LASTRO_MASTER_KEY=§, next");
        assert_scrubbed("Cookie: a=b; c=d\nnext", "Cookie: §\nnext");
    }

    #[test]
    fn values_behind_telling_names_are_taken_out_of_json_and_of_debug_forms() {
        assert_scrubbed(r#"{"password":"correct \"horse"}"#, r#"{"password":"§"}"#);
        assert_scrubbed(r#"{\"refreshToken\":\"abc\"}"#, r#"{\"refreshToken\":\"§\"}"#);
        assert_scrubbed(r#"User { password: "abc", id: 1 }"#, r#"User { password: "§", id: 1 }"#);
        assert_scrubbed(
            "Key (document)=(ABC) already exists.",
            "Key (document)=§) already exists.",
        );
        assert_scrubbed("invalid password: hunter2", "invalid password: §");
    }

    #[test]
    fn credentials_in_urls_are_taken_out() {
        assert_scrubbed("postgres://lastro:p!ss@w@db:5432/lastro", "postgres://§@db:5432/lastro");
        assert_scrubbed("see https://example.com/docs", "see https://example.com/docs");
    }

    #[test]
    fn what_operators_need_stays() {
        for text in [
            "",
            "listening on 127.0.0.1:8080",
            "GET /api/v1/organizations/{id}",
            "0193b1a2-7e3f-7c4d-8a5b-6c7d8e9f0a1b",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "2026-11-21T23:46:00.123456Z",
            "migration 0003_audit_entries applied in 12 ms",
            "duplicate key value violates unique constraint organizations_document_key",
            "unknown key: colour",
            "lastro_http::middleware::idempotency: replayed",
            "Basic authentication is not supported",
            "1234567890123456",
            "crates/db/src/postgres/shared.rs:120:9",
            "ação concluída — número 42",
            ADDRESS,
        ] {
            assert!(matches!(scrub(text), Cow::Borrowed(_)), "{text} became {}", scrub(text));
        }
    }

    #[test]
    fn any_text_survives() {
        // Every boundary falls between characters, whatever the text.
        for text in [
            "é@é",
            "@@@",
            "://@",
            "%40",
            "a%40",
            "token=",
            "\u{1F600}@\u{1F600}=\u{1F600}",
            "Bearer ",
        ] {
            let _ = scrub(text);
        }
    }
}
