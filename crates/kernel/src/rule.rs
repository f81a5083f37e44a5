//! Broken rules: what is wrong with a value that came from outside, as a code for programs and a sentence for people.

use std::borrow::Cow;
use std::fmt;

use crate::Locale;

/// One field that breaks one rule. A body is checked as a whole: all its violations are reported at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleViolation {
    /// The path of the field as the client wrote it: `slug`, `items[0].name`.
    pub field: Cow<'static, str>,
    /// What it breaks.
    pub rule: Rule,
}

impl RuleViolation {
    /// A violation of `rule` by `field`.
    pub fn new(field: impl Into<Cow<'static, str>>, rule: Rule) -> Self {
        Self {
            field: field.into(),
            rule,
        }
    }

    /// The same violation seen from the object around it: `name` under `items[0]` is `items[0].name`.
    ///
    /// ```
    /// use kernel::{Rule, RuleViolation};
    ///
    /// let violation = RuleViolation::new("name", Rule::Required).under("items[0]");
    /// assert_eq!(violation.field, "items[0].name");
    /// ```
    #[must_use]
    pub fn under(self, parent: &str) -> Self {
        Self {
            field: Cow::Owned(format!("{parent}.{}", self.field)),
            rule: self.rule,
        }
    }
}

impl fmt::Display for RuleViolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.rule.message(Locale::En))
    }
}

impl std::error::Error for RuleViolation {}

/// A rule that a value can break. It carries what the message needs to help, and never the value itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// Missing.
    Required,
    /// Of another JSON type than `expected`: `"string"`, `"integer"`, `"boolean"`, `"object"`, `"array"`.
    InvalidType {
        /// The JSON type that was expected.
        expected: &'static str,
    },
    /// Not a field or a parameter of this request.
    UnknownField,
    /// Given more than once.
    DuplicateField,
    /// `null` for something that cannot be cleared.
    NotNullable,
    /// An organization named in a payload whose organization is the caller's.
    TenantInPayload,
    /// A text with fewer characters than `min`.
    TooShort {
        /// The least number of characters.
        min: usize,
    },
    /// A text with more characters than `max`.
    TooLong {
        /// The greatest number of characters.
        max: usize,
    },
    /// A list with fewer items than `min`.
    TooFewItems {
        /// The least number of items.
        min: usize,
    },
    /// A list with more items than `max`.
    TooManyItems {
        /// The greatest number of items.
        max: usize,
    },
    /// Objects and lists inside each other beyond `max` levels.
    TooDeep {
        /// The greatest number of levels.
        max: usize,
    },
    /// A number outside `min..=max`.
    OutOfRange {
        /// The least value.
        min: i64,
        /// The greatest value.
        max: i64,
    },
    /// A text that is not written like `expected`, a pattern or an example.
    InvalidFormat {
        /// How it is written.
        expected: &'static str,
    },
    /// A number whose check digits do not match.
    InvalidCheckDigits,
    /// A number made of one character repeated, which passes some check-digit rules but is never issued.
    RepeatedCharacter,
    /// A control character, one that nobody sees, or one that changes the direction of the text around it.
    ControlCharacter,
    /// A name kept for the system.
    Reserved,
    /// A value outside a closed set.
    NotAllowed {
        /// The set.
        allowed: Vec<String>,
    },
    /// A code that names nothing known.
    UnknownCode,
    /// A name that stands for nothing here, such as an event type; it is repeated, so it was checked to be written like one.
    UnknownName {
        /// The name.
        name: String,
    },
    /// A URL to which the server does not connect.
    ForbiddenUrl {
        /// Why, in a few words: `the host has a private address`.
        reason: &'static str,
    },
    /// A value that must be unique and is in use.
    AlreadyTaken,
    /// A password without a letter or without a digit.
    LetterAndDigitNeeded,
    /// A password that is among the commonest.
    TooCommon,
    /// A password with its owner's e-mail name in it.
    ContainsEmail,
    /// An instant that must lie in the future.
    InPast,
    /// A cursor that was not given out by this list, or for another order of it.
    InvalidCursor,
    /// Wrong in a way that no other rule describes.
    Invalid,
}

impl Rule {
    /// The code in the API, stable for ever.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::InvalidType { .. } => "INVALID_TYPE",
            Self::UnknownField => "UNKNOWN_FIELD",
            Self::DuplicateField => "DUPLICATE_FIELD",
            Self::NotNullable => "NOT_NULLABLE",
            Self::TenantInPayload => "TENANT_IN_PAYLOAD",
            Self::TooShort { .. } => "TOO_SHORT",
            Self::TooLong { .. } => "TOO_LONG",
            Self::TooFewItems { .. } => "TOO_FEW_ITEMS",
            Self::TooManyItems { .. } => "TOO_MANY_ITEMS",
            Self::TooDeep { .. } => "TOO_DEEP",
            Self::OutOfRange { .. } => "OUT_OF_RANGE",
            Self::InvalidFormat { .. } => "INVALID_FORMAT",
            Self::InvalidCheckDigits => "INVALID_CHECK_DIGITS",
            Self::RepeatedCharacter => "REPEATED_CHARACTER",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::Reserved => "RESERVED",
            Self::NotAllowed { .. } => "NOT_ALLOWED",
            Self::UnknownCode => "UNKNOWN_CODE",
            Self::UnknownName { .. } => "UNKNOWN_NAME",
            Self::ForbiddenUrl { .. } => "FORBIDDEN_URL",
            Self::AlreadyTaken => "ALREADY_TAKEN",
            Self::LetterAndDigitNeeded => "LETTER_AND_DIGIT_NEEDED",
            Self::TooCommon => "TOO_COMMON",
            Self::ContainsEmail => "CONTAINS_EMAIL",
            Self::InPast => "IN_PAST",
            Self::InvalidCursor => "INVALID_CURSOR",
            Self::Invalid => "INVALID",
        }
    }

    /// The sentence for people, in their language.
    #[must_use]
    pub fn message(&self, locale: Locale) -> String {
        match locale {
            Locale::En => self.english(),
            Locale::PtBr => self.portuguese(),
        }
    }

    fn english(&self) -> String {
        match self {
            Self::Required => "This field is required.".to_owned(),
            Self::InvalidType { expected } => format!("Must be {}.", english_type(expected)),
            Self::UnknownField => "This field is not known here.".to_owned(),
            Self::DuplicateField => "This field is given more than once.".to_owned(),
            Self::NotNullable => "This field cannot be null.".to_owned(),
            Self::TenantInPayload => "The organization comes from the credential and cannot be sent.".to_owned(),
            Self::TooShort { min: 1 } => "Must not be empty.".to_owned(),
            Self::TooShort { min } => format!("Must have at least {min} characters."),
            Self::TooLong { max: 1 } => "Must have at most 1 character.".to_owned(),
            Self::TooLong { max } => format!("Must have at most {max} characters."),
            Self::TooFewItems { min: 1 } => "Must have at least 1 item.".to_owned(),
            Self::TooFewItems { min } => format!("Must have at least {min} items."),
            Self::TooManyItems { max: 1 } => "Must have at most 1 item.".to_owned(),
            Self::TooManyItems { max } => format!("Must have at most {max} items."),
            Self::TooDeep { max } => format!("Must not be nested deeper than {max} levels."),
            Self::OutOfRange { min, max } => format!("Must be between {min} and {max}."),
            Self::InvalidFormat { expected } => format!("Must be written like this: {expected}"),
            Self::InvalidCheckDigits => "The check digits do not match.".to_owned(),
            Self::RepeatedCharacter => "Must not be one character repeated.".to_owned(),
            Self::ControlCharacter => "Must not contain control characters or invisible ones.".to_owned(),
            Self::Reserved => "This value is reserved.".to_owned(),
            Self::NotAllowed { allowed } => format!("Must be one of: {}.", allowed.join(", ")),
            Self::UnknownCode => "This code is not known.".to_owned(),
            Self::UnknownName { name } => format!("Nothing is called {name} here."),
            Self::ForbiddenUrl { reason } => format!("This URL cannot be called: {reason}."),
            Self::AlreadyTaken => "This value is already in use.".to_owned(),
            Self::LetterAndDigitNeeded => "Must contain letters and digits.".to_owned(),
            Self::TooCommon => "Is among the commonest passwords.".to_owned(),
            Self::ContainsEmail => "Must not contain the name in the e-mail address.".to_owned(),
            Self::InPast => "Must be in the future.".to_owned(),
            Self::InvalidCursor => "This cursor does not belong to this list.".to_owned(),
            Self::Invalid => "This value is not valid.".to_owned(),
        }
    }

    fn portuguese(&self) -> String {
        match self {
            Self::Required => "Este campo é obrigatório.".to_owned(),
            Self::InvalidType { expected } => format!("Deve ser {}.", portuguese_type(expected)),
            Self::UnknownField => "Este campo não é conhecido aqui.".to_owned(),
            Self::DuplicateField => "Este campo foi informado mais de uma vez.".to_owned(),
            Self::NotNullable => "Este campo não pode ser nulo.".to_owned(),
            Self::TenantInPayload => "A organização vem da credencial e não pode ser enviada.".to_owned(),
            Self::TooShort { min: 1 } => "Não pode ficar vazio.".to_owned(),
            Self::TooShort { min } => format!("Deve ter no mínimo {min} caracteres."),
            Self::TooLong { max: 1 } => "Deve ter no máximo 1 caractere.".to_owned(),
            Self::TooLong { max } => format!("Deve ter no máximo {max} caracteres."),
            Self::TooFewItems { min: 1 } => "Deve ter no mínimo 1 item.".to_owned(),
            Self::TooFewItems { min } => format!("Deve ter no mínimo {min} itens."),
            Self::TooManyItems { max: 1 } => "Deve ter no máximo 1 item.".to_owned(),
            Self::TooManyItems { max } => format!("Deve ter no máximo {max} itens."),
            Self::TooDeep { max } => format!("Não pode ter mais de {max} níveis de aninhamento."),
            Self::OutOfRange { min, max } => format!("Deve estar entre {min} e {max}."),
            Self::InvalidFormat { expected } => format!("Deve ser escrito assim: {expected}"),
            Self::InvalidCheckDigits => "Os dígitos verificadores não conferem.".to_owned(),
            Self::RepeatedCharacter => "Não pode ser um único caractere repetido.".to_owned(),
            Self::ControlCharacter => "Não pode conter caracteres de controle nem invisíveis.".to_owned(),
            Self::Reserved => "Este valor é reservado.".to_owned(),
            Self::NotAllowed { allowed } => format!("Deve ser um destes valores: {}.", allowed.join(", ")),
            Self::UnknownCode => "Este código não é conhecido.".to_owned(),
            Self::UnknownName { name } => format!("Nada aqui se chama {name}."),
            Self::ForbiddenUrl { reason } => format!("Este endereço não pode ser chamado: {reason}."),
            Self::AlreadyTaken => "Este valor já está em uso.".to_owned(),
            Self::LetterAndDigitNeeded => "Deve conter letras e dígitos.".to_owned(),
            Self::TooCommon => "Está entre as senhas mais comuns.".to_owned(),
            Self::ContainsEmail => "Não pode conter o nome do endereço de e-mail.".to_owned(),
            Self::InPast => "Deve estar no futuro.".to_owned(),
            Self::InvalidCursor => "Este cursor não pertence a esta lista.".to_owned(),
            Self::Invalid => "Este valor não é válido.".to_owned(),
        }
    }
}

fn english_type(expected: &'static str) -> &'static str {
    match expected {
        "string" => "a text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "object" => "an object",
        "array" => "a list",
        "null" => "null",
        other => other,
    }
}

fn portuguese_type(expected: &'static str) -> &'static str {
    match expected {
        "string" => "um texto",
        "integer" => "um número inteiro",
        "number" => "um número",
        "boolean" => "verdadeiro (true) ou falso (false)",
        "object" => "um objeto",
        "array" => "uma lista",
        "null" => "nulo",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// One of each, so that a new rule must be added here: the match below is exhaustive.
    fn every_rule() -> Vec<Rule> {
        let rules = vec![
            Rule::Required,
            Rule::InvalidType { expected: "string" },
            Rule::UnknownField,
            Rule::DuplicateField,
            Rule::NotNullable,
            Rule::TenantInPayload,
            Rule::TooShort { min: 2 },
            Rule::TooLong { max: 120 },
            Rule::TooFewItems { min: 2 },
            Rule::TooManyItems { max: 100 },
            Rule::TooDeep { max: 16 },
            Rule::OutOfRange { min: 1, max: 100 },
            Rule::InvalidFormat {
                expected: "12.ABC.345/01DE-35",
            },
            Rule::InvalidCheckDigits,
            Rule::RepeatedCharacter,
            Rule::ControlCharacter,
            Rule::Reserved,
            Rule::NotAllowed {
                allowed: vec!["name".to_owned(), "-name".to_owned()],
            },
            Rule::UnknownCode,
            Rule::UnknownName {
                name: "role.eaten".to_owned(),
            },
            Rule::ForbiddenUrl {
                reason: "the scheme is not allowed",
            },
            Rule::AlreadyTaken,
            Rule::LetterAndDigitNeeded,
            Rule::TooCommon,
            Rule::ContainsEmail,
            Rule::InPast,
            Rule::InvalidCursor,
            Rule::Invalid,
        ];
        let codes: BTreeSet<&str> = rules.iter().map(Rule::code).collect();
        assert_eq!(codes.len(), rules.len(), "every rule has a code of its own");
        rules
    }

    #[test]
    fn every_rule_has_a_sentence_in_each_language() {
        let mut sentences = BTreeSet::new();
        for rule in every_rule() {
            for locale in Locale::ALL {
                let sentence = rule.message(locale);
                assert!(sentence.chars().next().unwrap().is_uppercase(), "{sentence}");
                assert!(
                    sentence.ends_with('.') || matches!(rule, Rule::InvalidFormat { .. }),
                    "{sentence}"
                );
                assert!(sentences.insert(sentence.clone()), "said twice: {sentence}");
            }
        }
    }

    #[test]
    fn codes_are_upper_case() {
        for rule in every_rule() {
            assert!(
                rule.code()
                    .bytes()
                    .all(|byte| byte.is_ascii_uppercase() || byte == b'_'),
                "{}",
                rule.code()
            );
        }
    }

    #[test]
    fn sentences_carry_the_limits() {
        for (rule, english, portuguese) in [
            (
                Rule::TooShort { min: 2 },
                "Must have at least 2 characters.",
                "Deve ter no mínimo 2 caracteres.",
            ),
            (Rule::TooShort { min: 1 }, "Must not be empty.", "Não pode ficar vazio."),
            (
                Rule::TooLong { max: 120 },
                "Must have at most 120 characters.",
                "Deve ter no máximo 120 caracteres.",
            ),
            (
                Rule::TooLong { max: 1 },
                "Must have at most 1 character.",
                "Deve ter no máximo 1 caractere.",
            ),
            (
                Rule::TooFewItems { min: 1 },
                "Must have at least 1 item.",
                "Deve ter no mínimo 1 item.",
            ),
            (
                Rule::TooFewItems { min: 2 },
                "Must have at least 2 items.",
                "Deve ter no mínimo 2 itens.",
            ),
            (
                Rule::TooManyItems { max: 1 },
                "Must have at most 1 item.",
                "Deve ter no máximo 1 item.",
            ),
            (
                Rule::TooManyItems { max: 9 },
                "Must have at most 9 items.",
                "Deve ter no máximo 9 itens.",
            ),
            (
                Rule::OutOfRange { min: 1, max: 100 },
                "Must be between 1 and 100.",
                "Deve estar entre 1 e 100.",
            ),
            (
                Rule::NotAllowed {
                    allowed: vec!["a".to_owned(), "b".to_owned()],
                },
                "Must be one of: a, b.",
                "Deve ser um destes valores: a, b.",
            ),
        ] {
            assert_eq!(rule.message(Locale::En), english);
            assert_eq!(rule.message(Locale::PtBr), portuguese);
        }
    }

    #[test]
    fn every_json_type_has_a_name_in_each_language() {
        for (expected, english, portuguese) in [
            ("string", "Must be a text.", "Deve ser um texto."),
            ("integer", "Must be a whole number.", "Deve ser um número inteiro."),
            ("number", "Must be a number.", "Deve ser um número."),
            (
                "boolean",
                "Must be true or false.",
                "Deve ser verdadeiro (true) ou falso (false).",
            ),
            ("object", "Must be an object.", "Deve ser um objeto."),
            ("array", "Must be a list.", "Deve ser uma lista."),
            ("null", "Must be null.", "Deve ser nulo."),
            ("UUID", "Must be UUID.", "Deve ser UUID."),
        ] {
            assert_eq!(Rule::InvalidType { expected }.message(Locale::En), english);
            assert_eq!(Rule::InvalidType { expected }.message(Locale::PtBr), portuguese);
        }
    }

    #[test]
    fn a_violation_knows_its_place() {
        let violation = RuleViolation::new("name", Rule::Required)
            .under("items[0]")
            .under("order");
        assert_eq!(violation.field, "order.items[0].name");
        assert_eq!(violation.to_string(), "order.items[0].name: This field is required.");
    }
}
