//! Whether a connection works: really connects, by the rules for addresses that others name.
//!
//! The other side is not trusted. What it says is read up to a bound, compared with what is expected, and never repeated: an
//! outcome is one of this program's own words. Otherwise a test would be a way to read what answers inside somebody's network.

mod http;
mod oidc;
mod s3;
mod smtp;

use std::time::Duration;

use ::http::Message;
use kernel::{Rule, RuleViolation, Timestamp};
use outbound::{Client, DialError, Dialer, SendError};
use url::Url;

use crate::domain::Connection;
use crate::domain::provider::{ConfigValue, FieldKind};

/// How long a test may take.
const WITHIN: Duration = Duration::from_secs(15);

/// What a test found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It works.
    Connected,
    /// The address is one that nothing connects to.
    AddressRefused,
    /// The host has no address.
    Unresolvable,
    /// Nothing took the connection.
    ConnectFailed,
    /// The other side did not prove who it is.
    TlsFailed,
    /// It took too long.
    Timeout,
    /// The other side does not speak the protocol.
    Unexpected,
    /// The other side does not accept who we say we are.
    AuthenticationFailed,
    /// What was asked for is not there.
    NotFound,
    /// The issuer calls itself otherwise.
    IssuerMismatch,
    /// A secret that the connection needs is not set.
    SecretMissing,
    /// The secrets were sealed under a key that is not here.
    SecretUnreadable,
}

impl Outcome {
    /// Its name in the API.
    pub(crate) const fn code(self) -> &'static str {
        match self {
            Self::Connected => "CONNECTED",
            Self::AddressRefused => "ADDRESS_REFUSED",
            Self::Unresolvable => "UNRESOLVABLE",
            Self::ConnectFailed => "CONNECT_FAILED",
            Self::TlsFailed => "TLS_FAILED",
            Self::Timeout => "TIMEOUT",
            Self::Unexpected => "UNEXPECTED_ANSWER",
            Self::AuthenticationFailed => "AUTHENTICATION_FAILED",
            Self::NotFound => "NOT_FOUND",
            Self::IssuerMismatch => "ISSUER_MISMATCH",
            Self::SecretMissing => "SECRET_MISSING",
            Self::SecretUnreadable => "SECRET_UNREADABLE",
        }
    }

    /// In a sentence.
    pub(crate) const fn message(self) -> Message {
        match self {
            Self::Connected => Message::new("The connection works.", "A conexão funciona."),
            Self::AddressRefused => Message::new(
                "The address is one that this server does not connect to.",
                "O endereço é um ao qual este servidor não se conecta.",
            ),
            Self::Unresolvable => Message::new("The host cannot be resolved.", "O host não pode ser resolvido."),
            Self::ConnectFailed => Message::new("No connection could be made.", "Não foi possível conectar."),
            Self::TlsFailed => Message::new(
                "The certificate or the encryption of the host is not acceptable.",
                "O certificado ou a criptografia do host não é aceitável.",
            ),
            Self::Timeout => Message::new("There was no answer in time.", "Não houve resposta a tempo."),
            Self::Unexpected => Message::new(
                "The answer is not one of this kind of system.",
                "A resposta não é a deste tipo de sistema.",
            ),
            Self::AuthenticationFailed => Message::new(
                "The credentials were not accepted.",
                "As credenciais não foram aceitas.",
            ),
            Self::NotFound => Message::new("There is nothing at this address.", "Não há nada neste endereço."),
            Self::IssuerMismatch => Message::new(
                "The issuer calls itself by another name.",
                "O emissor se identifica por outro nome.",
            ),
            Self::SecretMissing => Message::new(
                "A secret that the connection needs is not set.",
                "Falta um segredo necessário à conexão.",
            ),
            Self::SecretUnreadable => Message::new(
                "The stored secrets cannot be read; send them again.",
                "Os segredos guardados não podem ser lidos; envie-os novamente.",
            ),
        }
    }
}

impl From<DialError> for Outcome {
    fn from(error: DialError) -> Self {
        match error {
            DialError::Refused(_) => Self::AddressRefused,
            DialError::Unresolvable => Self::Unresolvable,
            DialError::Connect(_) => Self::ConnectFailed,
            DialError::Tls(_) => Self::TlsFailed,
        }
    }
}

impl From<SendError> for Outcome {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Dial(error) => error.into(),
            SendError::Timeout => Self::Timeout,
            SendError::Broken => Self::Unexpected,
        }
    }
}

/// What is wrong with where a connection leads, as far as can be told without asking anybody.
pub(crate) fn admit(dialer: &Dialer, connection: &Connection) -> Vec<RuleViolation> {
    let refused = |path| RuleViolation::new(path, Rule::Invalid);
    let mut violations = Vec::new();
    for field in connection.provider.config().filter(|field| field.is_address) {
        let Some(ConfigValue::Text(text)) = connection.config.get(field.name()) else {
            continue;
        };
        let is_admitted = match field.kind {
            FieldKind::Url => Url::parse(text).is_ok_and(|url| dialer.admit(&url).is_ok()),
            // A host is looked at as the URL of it would be.
            FieldKind::Host => Url::parse(&format!("https://{text}/")).is_ok_and(|url| dialer.admit(&url).is_ok()),
            FieldKind::Choice(_) => !(dialer.rules().require_https && text == "none"),
            _ => true,
        };
        if !is_admitted {
            violations.push(refused(field.path));
        }
    }
    violations
}

/// Connects, and says how that went.
pub(crate) async fn test(client: &Client, connection: &Connection, now: Timestamp) -> Outcome {
    let Some(secrets) = &connection.secrets else {
        return Outcome::SecretUnreadable;
    };
    let is_missing = |name: &str| secrets.get(name).is_none();
    let mut required = connection.provider.secrets().filter(|field| field.is_required);
    if required.any(|field| is_missing(field.name())) {
        return Outcome::SecretMissing;
    }
    let trying = async {
        match connection.provider.code {
            "smtp" => smtp::test(client.dialer(), connection, secrets).await,
            "http" => http::test(client, connection, secrets).await,
            "s3" => s3::test(client, connection, secrets, now).await,
            _ => oidc::test(client, connection).await,
        }
    };
    match tokio::time::timeout(WITHIN, trying).await {
        Ok(Ok(())) => Outcome::Connected,
        Ok(Err(outcome)) => outcome,
        Err(_) => Outcome::Timeout,
    }
}

impl Connection {
    /// A text of the configuration; empty when it is not set.
    fn text(&self, name: &str) -> &str {
        match self.config.get(name) {
            Some(ConfigValue::Text(text)) => text,
            _ => "",
        }
    }

    /// A flag of the configuration.
    fn is_set(&self, name: &str) -> bool {
        matches!(self.config.get(name), Some(ConfigValue::Flag(true)))
    }

    /// A port of the configuration.
    fn port(&self, name: &str) -> u16 {
        match self.config.get(name) {
            Some(ConfigValue::Number(number)) => u16::try_from(*number).unwrap_or_default(),
            _ => 0,
        }
    }
}
