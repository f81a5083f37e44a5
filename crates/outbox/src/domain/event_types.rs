//! What an endpoint subscribes to: `role.created`, `role.*`, `*`.

use kernel::{Rule, RuleViolation};

/// One of them, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pattern {
    All,
    Resource(String),
    Exact(String),
}

impl Pattern {
    fn read(raw: &str) -> Option<Self> {
        let is_word = |word: &str| {
            !word.is_empty() && word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
        };
        match raw.split_once('.') {
            None if raw == "*" => Some(Self::All),
            Some((resource, "*")) if is_word(resource) => Some(Self::Resource(resource.to_owned())),
            Some((resource, action)) if is_word(resource) && is_word(action) => Some(Self::Exact(raw.to_owned())),
            _ => None,
        }
    }

    fn matches(&self, kind: &str) -> bool {
        match self {
            Self::All => true,
            Self::Resource(resource) => kind
                .strip_prefix(resource.as_str())
                .is_some_and(|rest| rest.starts_with('.')),
            Self::Exact(exact) => exact == kind,
        }
    }

    fn text(&self) -> String {
        match self {
            Self::All => "*".to_owned(),
            Self::Resource(resource) => format!("{resource}.*"),
            Self::Exact(exact) => exact.clone(),
        }
    }
}

/// The kinds of events that somebody wants, each at most once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventTypes(Vec<Pattern>);

impl EventTypes {
    /// How one is written.
    pub(crate) const PATTERN: &str = r"^(\*|[a-z_]{1,64}\.(\*|[a-z_]{1,64}))$";
    /// How many an endpoint may name.
    pub(crate) const MAX: usize = 100;

    /// Reads what a client wrote; `known` tells which kinds there are. Violations are at `field[i]`, or at `field` where there is
    /// no list.
    ///
    /// # Errors
    /// Every violation.
    pub(crate) fn new(field: &'static str, raw: &[String], known: &[&str]) -> Result<Self, Vec<RuleViolation>> {
        if raw.is_empty() {
            return Err(vec![RuleViolation::new(field, Rule::TooFewItems { min: 1 })]);
        }
        if raw.len() > Self::MAX {
            return Err(vec![RuleViolation::new(field, Rule::TooManyItems { max: Self::MAX })]);
        }
        let mut patterns: Vec<Pattern> = Vec::with_capacity(raw.len());
        let mut violations = Vec::new();
        for (place, text) in raw.iter().enumerate() {
            let rule = match Pattern::read(text) {
                None => {
                    let expected = "role.created, role.* or *";
                    Some(Rule::InvalidFormat { expected })
                }
                Some(pattern) if !known.iter().any(|kind| pattern.matches(kind)) => {
                    Some(Rule::UnknownName { name: pattern.text() })
                }
                Some(pattern) => {
                    if !patterns.contains(&pattern) {
                        patterns.push(pattern);
                    }
                    None
                }
            };
            violations.extend(rule.map(|rule| RuleViolation::new(format!("{field}[{place}]"), rule)));
        }
        if violations.is_empty() {
            Ok(Self(patterns))
        } else {
            Err(violations)
        }
    }

    /// Reads what was stored. A kind that is no longer known matches nothing.
    pub(crate) fn stored(raw: &[String]) -> Option<Self> {
        raw.iter()
            .map(|text| Pattern::read(text))
            .collect::<Option<_>>()
            .map(Self)
    }

    /// All of them.
    pub(crate) fn all() -> Self {
        Self(vec![Pattern::All])
    }

    /// Whether events of the kind are wanted.
    pub(crate) fn matches(&self, kind: &str) -> bool {
        self.0.iter().any(|pattern| pattern.matches(kind))
    }

    /// The kinds that are named exactly: who names one has to be allowed to read it.
    pub(crate) fn exact(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|pattern| match pattern {
            Pattern::Exact(exact) => Some(exact.as_str()),
            Pattern::All | Pattern::Resource(_) => None,
        })
    }

    /// As they are written.
    pub(crate) fn to_texts(&self) -> Vec<String> {
        self.0.iter().map(Pattern::text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KNOWN: [&str; 4] = ["role.created", "role.deleted", "role_group.created", "user.created"];

    fn read(raw: &[&str]) -> Result<EventTypes, Vec<RuleViolation>> {
        let raw: Vec<String> = raw.iter().map(|text| (*text).to_owned()).collect();
        EventTypes::new("eventTypes", &raw, &KNOWN)
    }

    fn matched(raw: &[&str]) -> Vec<&'static str> {
        let types = read(raw).unwrap();
        KNOWN.into_iter().filter(|kind| types.matches(kind)).collect()
    }

    #[test]
    fn exact_types_whole_resources_and_everything() {
        assert_eq!(matched(&["role.created"]), ["role.created"]);
        assert_eq!(matched(&["role.*"]), ["role.created", "role.deleted"]);
        assert_eq!(matched(&["user.*", "role.deleted"]), ["role.deleted", "user.created"]);
        assert_eq!(matched(&["*"]), KNOWN);
    }

    #[test]
    fn what_is_not_known_is_named_at_its_place() {
        let violations = read(&["role.created", "role.eaten", "Role.*", "cake.*"]).unwrap_err();
        let told: Vec<_> = violations
            .iter()
            .map(|one| (one.field.as_ref(), one.rule.code()))
            .collect();
        assert_eq!(
            told,
            [
                ("eventTypes[1]", "UNKNOWN_NAME"),
                ("eventTypes[2]", "INVALID_FORMAT"),
                ("eventTypes[3]", "UNKNOWN_NAME")
            ]
        );
        assert!(violations[0].rule.message(kernel::Locale::En).contains("role.eaten"));
    }

    #[test]
    fn half_patterns_are_none() {
        for malformed in [
            "",
            ".",
            "role",
            "role.",
            ".created",
            "role.cre*",
            "*.created",
            "role.created.twice",
            "role.*.*",
        ] {
            let violations = read(&[malformed]).unwrap_err();
            assert_eq!(violations[0].rule.code(), "INVALID_FORMAT", "{malformed}");
        }
    }

    #[test]
    fn an_endpoint_wants_at_least_one_and_each_once() {
        assert_eq!(read(&[]).unwrap_err()[0].rule.code(), "TOO_FEW_ITEMS");
        assert_eq!(read(&["*"; 101]).unwrap_err()[0].rule.code(), "TOO_MANY_ITEMS");
        assert_eq!(read(&["role.*", "role.*"]).unwrap().to_texts(), ["role.*"]);
    }
}
