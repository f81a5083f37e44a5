//! The kinds of systems that an organization can connect to, declared as data.

use std::collections::BTreeMap;

use kernel::{Rule, RuleViolation, checked_text};
use url::{Host, Url};

use super::MailAddress;

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldKind {
    /// One line of text.
    Text,
    /// A host name or an address.
    Host,
    /// A TCP port.
    Port,
    /// A URL over https, or over http outside production.
    Url,
    /// An e-mail address.
    Email,
    /// The name of a bucket, as S3 allows it in paths.
    Bucket,
    /// True or false.
    Flag,
    /// One of these.
    Choice(&'static [&'static str]),
}

impl FieldKind {
    /// Its name in the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Host => "host",
            Self::Port => "port",
            Self::Url => "url",
            Self::Email => "email",
            Self::Bucket => "bucket",
            Self::Flag => "flag",
            Self::Choice(_) => "choice",
        }
    }
}

/// One thing to know of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    /// Where it stands in the API: `config.host`, `secrets.password`.
    pub(crate) path: &'static str,
    pub(crate) kind: FieldKind,
    pub(crate) is_required: bool,
    /// Whether it says where to connect, or how safely: secrets that were given for one place are not sent to another.
    pub(crate) is_address: bool,
    /// What it is when nothing is said.
    pub(crate) default: Option<ConfigDefault>,
    pub(crate) description: &'static str,
}

/// A default, as data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigDefault {
    Text(&'static str),
    Number(i64),
    Flag(bool),
}

impl From<ConfigDefault> for ConfigValue {
    fn from(default: ConfigDefault) -> Self {
        match default {
            ConfigDefault::Text(text) => Self::Text(text.to_owned()),
            ConfigDefault::Number(number) => Self::Number(number),
            ConfigDefault::Flag(flag) => Self::Flag(flag),
        }
    }
}

impl Field {
    const fn new(path: &'static str, kind: FieldKind, description: &'static str) -> Self {
        Self {
            path,
            kind,
            is_required: false,
            is_address: false,
            default: None,
            description,
        }
    }

    const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    const fn address(mut self) -> Self {
        self.is_address = true;
        self
    }

    const fn or(mut self, default: ConfigDefault) -> Self {
        self.default = Some(default);
        self
    }

    /// Its name, without where it stands.
    pub(crate) fn name(&self) -> &'static str {
        self.path.split_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Whether it is never shown.
    pub(crate) fn is_secret(&self) -> bool {
        self.path.starts_with("secrets.")
    }
}

/// A kind of system.
#[derive(Debug)]
pub(crate) struct Provider {
    pub(crate) code: &'static str,
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
    pub(crate) fields: &'static [Field],
}

/// A value of a connection's configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConfigValue {
    Text(String),
    Number(i64),
    Flag(bool),
}

/// What a connection is configured with, by the names of its provider's fields.
pub(crate) type Config = BTreeMap<&'static str, ConfigValue>;

/// Whether connections are encrypted from the beginning, from their second line on, or not.
pub(crate) const TLS: &[&str] = &["implicit", "starttls", "none"];

const SMTP: Provider = Provider {
    code: "smtp",
    name: "SMTP",
    description: "A server that sends mails",
    fields: &[
        Field::new("config.host", FieldKind::Host, "The server")
            .required()
            .address(),
        Field::new("config.port", FieldKind::Port, "Its port")
            .or(ConfigDefault::Number(587))
            .address(),
        Field::new(
            "config.tls",
            FieldKind::Choice(TLS),
            "Encrypted from the beginning, after STARTTLS, or not at all",
        )
        .or(ConfigDefault::Text("starttls"))
        .address(),
        Field::new(
            "config.username",
            FieldKind::Text,
            "Who logs in; nobody when it is absent",
        ),
        Field::new("config.from", FieldKind::Email, "The sender's address"),
        Field::new("secrets.password", FieldKind::Text, "The password of the user"),
    ],
};

const HTTP: Provider = Provider {
    code: "http",
    name: "HTTP",
    description: "A service that answers HTTP",
    fields: &[
        Field::new(
            "config.url",
            FieldKind::Url,
            "Where it is; its test is a GET of this address",
        )
        .required()
        .address(),
        Field::new(
            "config.username",
            FieldKind::Text,
            "The user of HTTP Basic authentication",
        ),
        Field::new(
            "secrets.password",
            FieldKind::Text,
            "The password of HTTP Basic authentication",
        ),
        Field::new(
            "secrets.token",
            FieldKind::Text,
            "A bearer token; sent instead of user and password",
        ),
    ],
};

const S3: Provider = Provider {
    code: "s3",
    name: "S3",
    description: "A bucket of an S3-compatible object storage",
    fields: &[
        Field::new("config.endpoint", FieldKind::Url, "Where the storage is")
            .required()
            .address(),
        Field::new(
            "config.region",
            FieldKind::Text,
            "The region that requests are signed for",
        )
        .or(ConfigDefault::Text("us-east-1")),
        Field::new("config.bucket", FieldKind::Bucket, "The bucket").required(),
        Field::new(
            "config.pathStyle",
            FieldKind::Flag,
            "Whether the bucket stands in the path, and not in the host",
        )
        .or(ConfigDefault::Flag(true)),
        Field::new("config.accessKeyId", FieldKind::Text, "The id of the access key").required(),
        Field::new(
            "secrets.secretAccessKey",
            FieldKind::Text,
            "The secret of the access key",
        )
        .required(),
    ],
};

const OIDC: Provider = Provider {
    code: "oidc",
    name: "OpenID Connect",
    description: "An identity provider; it is tested by its discovery document, and nobody logs in by it yet",
    fields: &[
        Field::new("config.issuer", FieldKind::Url, "The issuer, as it names itself")
            .required()
            .address(),
        Field::new("config.clientId", FieldKind::Text, "The client's id").required(),
        Field::new(
            "config.scopes",
            FieldKind::Text,
            "The scopes to ask for, separated by spaces",
        )
        .or(ConfigDefault::Text("openid email profile")),
        Field::new(
            "secrets.clientSecret",
            FieldKind::Text,
            "The client's secret, for a confidential client",
        ),
    ],
};

impl Provider {
    /// Every provider.
    pub(crate) const ALL: [&'static Self; 4] = [&SMTP, &HTTP, &S3, &OIDC];

    /// The provider with the code.
    pub(crate) fn find(code: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|provider| provider.code == code)
    }

    /// The fields that are shown.
    pub(crate) fn config(&self) -> impl Iterator<Item = &'static Field> + Clone + use<> {
        self.fields.iter().filter(|field| !field.is_secret())
    }

    /// The fields that are never shown.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &'static Field> + Clone + use<> {
        self.fields.iter().filter(|field| field.is_secret())
    }

    /// The configuration after a merge patch of `current`: absent keeps, nothing clears, defaults fill what is missing.
    ///
    /// # Errors
    /// Every violation, with the path of its field.
    pub(crate) fn configure(
        &self,
        current: &Config,
        patch: &BTreeMap<String, Option<ConfigValue>>,
    ) -> Result<Config, Vec<RuleViolation>> {
        let mut violations = unknown("config", patch.keys().map(String::as_str), self.config());
        let mut config = Config::new();
        for field in self.config() {
            let given = patch.get(field.name());
            let value = match given {
                None => current.get(field.name()).cloned(),
                Some(None) if field.is_required => {
                    violations.push(RuleViolation::new(field.path, Rule::NotNullable));
                    continue;
                }
                Some(None) => None,
                Some(Some(value)) => match check(field, value) {
                    Ok(value) => Some(value),
                    Err(rule) => {
                        violations.push(RuleViolation::new(field.path, rule));
                        continue;
                    }
                },
            };
            match value.or_else(|| field.default.map(ConfigValue::from)) {
                Some(value) => {
                    config.insert(field.name(), value);
                }
                None if field.is_required => violations.push(RuleViolation::new(field.path, Rule::Required)),
                None => {}
            }
        }
        if violations.is_empty() {
            Ok(config)
        } else {
            Err(violations)
        }
    }

    /// What is wrong with secrets that were sent, or with their absence from a new connection.
    pub(crate) fn judge_secrets(&self, names: &[&str], is_new: bool) -> Vec<RuleViolation> {
        let missing = self
            .secrets()
            .filter(|field| is_new && field.is_required && !names.contains(&field.name()))
            .map(|field| RuleViolation::new(field.path, Rule::Required));
        let mut violations = unknown("secrets", names.iter().copied(), self.secrets());
        violations.extend(missing);
        violations
    }
}

/// Violations are told up to this many; a body can hold many more unknown names.
const TOLD: usize = 100;
/// No name of a client is repeated beyond this many characters.
const NAME: usize = 64;

fn unknown<'n>(
    parent: &str,
    names: impl Iterator<Item = &'n str>,
    fields: impl Iterator<Item = &'static Field>,
) -> Vec<RuleViolation> {
    let fields: Vec<_> = fields.map(Field::name).collect();
    names
        .filter(|name| !fields.contains(name))
        .take(TOLD)
        .map(|name| {
            let name: String = name.chars().take(NAME).collect();
            RuleViolation::new(name, Rule::UnknownField).under(parent)
        })
        .collect()
}

/// The value as it is stored.
fn check(field: &Field, value: &ConfigValue) -> Result<ConfigValue, Rule> {
    const TEXT: usize = 500;
    const HOST: usize = 253;
    const ADDRESS: usize = 2_048;
    match (field.kind, value) {
        (FieldKind::Port, ConfigValue::Number(number)) => {
            if (1..=65_535).contains(number) {
                Ok(value.clone())
            } else {
                Err(Rule::OutOfRange { min: 1, max: 65_535 })
            }
        }
        (FieldKind::Port, _) => Err(Rule::InvalidType { expected: "integer" }),
        (FieldKind::Flag, ConfigValue::Flag(_)) => Ok(value.clone()),
        (FieldKind::Flag, _) => Err(Rule::InvalidType { expected: "boolean" }),
        (kind, ConfigValue::Text(text)) => {
            let text = checked_text("", text, 1, ADDRESS).map_err(|violation| violation.rule)?;
            let longest = match kind {
                FieldKind::Host => HOST,
                FieldKind::Url => ADDRESS,
                _ => TEXT,
            };
            if text.chars().count() > longest {
                return Err(Rule::TooLong { max: longest });
            }
            check_text(kind, text).map(ConfigValue::Text)
        }
        (_, ConfigValue::Number(_) | ConfigValue::Flag(_)) => Err(Rule::InvalidType { expected: "string" }),
    }
}

fn check_text(kind: FieldKind, text: String) -> Result<String, Rule> {
    match kind {
        FieldKind::Host => {
            let is_host = Host::parse(&text).is_ok() && !text.contains(['%', '/', ':', '@']);
            if is_host {
                Ok(text)
            } else {
                Err(Rule::InvalidFormat {
                    expected: "smtp.example.com",
                })
            }
        }
        FieldKind::Url => {
            let is_url = Url::parse(&text).is_ok_and(|url| {
                matches!(url.scheme(), "https" | "http")
                    && url.has_host()
                    && url.username().is_empty()
                    && url.password().is_none()
                    && url.fragment().is_none()
            });
            if is_url {
                Ok(text)
            } else {
                Err(Rule::InvalidFormat {
                    expected: "https://example.com",
                })
            }
        }
        FieldKind::Email => MailAddress::new(&text)
            .map(|_| text)
            .map_err(|violation| violation.rule),
        FieldKind::Bucket => {
            let is_bucket = (3..=63).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'.'))
                && !text.contains("..")
                && !text.starts_with(['-', '.'])
                && !text.ends_with(['-', '.']);
            if is_bucket {
                Ok(text)
            } else {
                Err(Rule::InvalidFormat { expected: "my-bucket" })
            }
        }
        FieldKind::Choice(allowed) if !allowed.contains(&text.as_str()) => Err(Rule::NotAllowed {
            allowed: allowed.iter().map(|&choice| choice.to_owned()).collect(),
        }),
        FieldKind::Choice(_) | FieldKind::Text | FieldKind::Port | FieldKind::Flag => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Option<ConfigValue> {
        Some(ConfigValue::Text(text.to_owned()))
    }

    fn problems(code: &str, patch: &[(&str, Option<ConfigValue>)]) -> Vec<String> {
        let patch = patch
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        match Provider::find(code).unwrap().configure(&Config::new(), &patch) {
            Ok(_) => Vec::new(),
            Err(violations) => violations
                .iter()
                .map(|violation| format!("{}: {}", violation.field, violation.rule.code()))
                .collect(),
        }
    }

    #[test]
    fn every_field_says_where_it_stands() {
        for provider in Provider::ALL {
            assert!(!provider.name.is_empty() && !provider.description.is_empty());
            for field in provider.fields {
                assert!(
                    field.path.starts_with("config.") || field.path.starts_with("secrets."),
                    "{}",
                    field.path
                );
                assert!(!field.description.is_empty());
                assert!(field.default.is_none() || !field.is_required, "{}", field.path);
            }
            assert!(
                provider.config().any(|field| field.is_address),
                "{} connects somewhere",
                provider.code
            );
        }
    }

    #[test]
    fn defaults_fill_what_is_missing() {
        let patch = BTreeMap::from([("host".to_owned(), text("smtp.example.com"))]);
        let config = SMTP.configure(&Config::new(), &patch).unwrap();
        assert_eq!(config["port"], ConfigValue::Number(587));
        assert_eq!(config["tls"], ConfigValue::Text("starttls".to_owned()));
        let patch = BTreeMap::from([
            ("port".to_owned(), Some(ConfigValue::Number(2525))),
            ("from".to_owned(), None),
        ]);
        let changed = SMTP.configure(&config, &patch).unwrap();
        assert_eq!(
            (&changed["host"], &changed["port"]),
            (&config["host"], &ConfigValue::Number(2525))
        );
    }

    #[test]
    fn every_value_is_checked_at_its_path() {
        assert_eq!(problems("smtp", &[]), ["config.host: REQUIRED"]);
        assert_eq!(problems("smtp", &[("host", None)]), ["config.host: NOT_NULLABLE"]);
        for host in ["a b", "http://x", "x:25", "user@x", "[", "x/y", "%00"] {
            assert_eq!(
                problems("smtp", &[("host", text(host))]),
                ["config.host: INVALID_FORMAT"],
                "{host}"
            );
        }
        let fine = ("host", text("smtp.example.com"));
        for (name, value, problem) in [
            ("port", Some(ConfigValue::Number(0)), "config.port: OUT_OF_RANGE"),
            ("port", Some(ConfigValue::Number(65_536)), "config.port: OUT_OF_RANGE"),
            ("port", text("25"), "config.port: INVALID_TYPE"),
            ("tls", text("maybe"), "config.tls: NOT_ALLOWED"),
            ("from", text("nobody"), "config.from: INVALID_FORMAT"),
            (
                "username",
                Some(ConfigValue::Flag(true)),
                "config.username: INVALID_TYPE",
            ),
            (
                "username",
                text("a\r\nRCPT TO:<x>"),
                "config.username: CONTROL_CHARACTER",
            ),
            ("password", text("x"), "config.password: UNKNOWN_FIELD"),
        ] {
            assert_eq!(problems("smtp", &[fine.clone(), (name, value)]), [problem]);
        }
        for url in ["ftp://x", "https://a:b@x", "x", "https://", "https://x/#a"] {
            assert_eq!(
                problems("http", &[("url", text(url))]),
                ["config.url: INVALID_FORMAT"],
                "{url}"
            );
        }
        for bucket in ["ab", "My", "a..b", "-ab", "ab.", "a/b", "a?b"] {
            let patch = [
                ("endpoint", text("https://x")),
                ("accessKeyId", text("A")),
                ("bucket", text(bucket)),
            ];
            assert_eq!(problems("s3", &patch), ["config.bucket: INVALID_FORMAT"], "{bucket}");
        }
    }

    #[test]
    fn secrets_are_those_of_the_provider() {
        let codes = |names: &[&str], is_new| S3.judge_secrets(names, is_new).len();
        assert_eq!(codes(&["secretAccessKey"], true), 0);
        assert_eq!(codes(&[], true), 1);
        assert_eq!(codes(&[], false), 0);
        assert_eq!(codes(&["password"], false), 1);
    }
}
