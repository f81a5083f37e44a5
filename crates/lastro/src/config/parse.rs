//! Readers of single values. Each answers what is wrong as the end of a sentence that begins with the value, such as
//! `"x" is not a duration`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;
use kernel::duration::parse_duration;
use secrecy::SecretString;
use tracing_subscriber::EnvFilter;
use url::Url;

use super::types::{CorsOrigins, DatabaseUrl, Environment, JwtAlgorithm, LogFormat, MailServer};

type Parsed<T> = Result<T, String>;

pub(super) fn environment(text: &str) -> Parsed<Environment> {
    match text {
        "development" => Ok(Environment::Development),
        "staging" => Ok(Environment::Staging),
        "production" => Ok(Environment::Production),
        _ => Err("is not one of development, staging, production".into()),
    }
}

pub(super) fn jwt_algorithm(text: &str) -> Parsed<JwtAlgorithm> {
    match text {
        "RS256" => Ok(JwtAlgorithm::Rs256),
        "ES256" => Ok(JwtAlgorithm::Es256),
        "EdDSA" => Ok(JwtAlgorithm::EdDsa),
        _ => Err("is not one of RS256, ES256, EdDSA".into()),
    }
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "json" => Ok(LogFormat::Json),
        "pretty" => Ok(LogFormat::Pretty),
        _ => Err("is neither json nor pretty".into()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    EnvFilter::builder()
        .parse(text)
        .map(|_| text.to_owned())
        .map_err(|error| format!("is not a log filter: {error}"))
}

pub(super) fn switch(text: &str) -> Parsed<bool> {
    match text {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err("is neither on nor off".into()),
    }
}

pub(super) fn socket_address(text: &str) -> Parsed<SocketAddr> {
    text.parse()
        .map_err(|_| "is not an address and port, such as 127.0.0.1:8080 or [::1]:8080".to_owned())
}

/// A duration of at least a millisecond.
pub(super) fn duration(text: &str) -> Parsed<Duration> {
    match parse_duration(text) {
        Ok(duration) if duration >= Duration::from_millis(1) => Ok(duration),
        Ok(_) => Err("is no time at all".into()),
        Err(_) => Err("is not a duration, such as 10s, 15m, 1h or 7d".into()),
    }
}

/// A duration that may be nothing, also spelled `0`.
pub(super) fn duration_or_zero(text: &str) -> Parsed<Duration> {
    if text == "0" || parse_duration(text).is_ok_and(|duration| duration.is_zero()) {
        return Ok(Duration::ZERO);
    }
    duration(text)
}

pub(super) fn retry_schedule(text: &str) -> Parsed<Vec<Duration>> {
    const MOST: usize = 20;
    let pauses: Vec<_> = items(text)
        .map(duration)
        .collect::<Result<_, _>>()
        .map_err(|_| "is not a list of durations, such as 5s,5m,30m".to_owned())?;
    match pauses.len() {
        0 => Err("names no pause".into()),
        1..=MOST => Ok(pauses),
        _ => Err(format!("has more than {MOST} pauses")),
    }
}

/// `6000/min`, or `off` for no limit.
pub(super) fn rate(text: &str) -> Parsed<Option<kernel::Rate>> {
    if text == "off" {
        return Ok(None);
    }
    if text.starts_with("0/") {
        return Err("allows nothing; to lift the limit, say off".into());
    }
    text.parse()
        .map(Some)
        .map_err(|_| "is neither a rate such as 6000/min nor off".to_owned())
}

/// A number of at least one.
pub(super) fn count(text: &str) -> Parsed<usize> {
    match text.parse() {
        Ok(0) => Err("allows nothing".into()),
        Ok(count) => Ok(count),
        Err(_) => Err("is not a whole number".into()),
    }
}

/// Networks, a bare address being a network of one.
pub(super) fn networks(text: &str) -> Parsed<Vec<IpNet>> {
    items(text)
        .map(|item| {
            item.parse::<IpNet>()
                .or_else(|_| item.parse::<IpAddr>().map(IpNet::from))
                .map_err(|_| format!("holds {item:?}, which is neither an address nor a network such as 10.0.0.0/8"))
        })
        .collect()
}

pub(super) fn cors_origins(text: &str) -> Parsed<CorsOrigins> {
    if text == "*" {
        return Ok(CorsOrigins::Any);
    }
    items(text)
        .map(|item| {
            let origin = web_url(item)
                .ok()
                .map(|url| url.origin().ascii_serialization())
                .filter(|origin| origin.eq_ignore_ascii_case(item));
            origin.ok_or_else(|| format!("holds {item:?}, which is not an origin such as https://app.example.com"))
        })
        .collect::<Result<_, _>>()
        .map(CorsOrigins::Listed)
}

/// An address that paths can be appended to.
pub(super) fn base_url(text: &str) -> Parsed<Url> {
    let url = web_url(text)?;
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("holds more than a scheme, a host and a path".into());
    }
    Ok(url)
}

/// An `http` or `https` address.
pub(super) fn web_url(text: &str) -> Parsed<Url> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        _ => Err("is not a URL such as https://erp.example.com".into()),
    }
}

/// An `http` or `https` address that may hold credentials.
pub(super) fn secret_web_url(text: &str) -> Parsed<SecretString> {
    web_url(text).map(|_| SecretString::from(text))
}

pub(super) fn database_url(text: &str) -> Parsed<DatabaseUrl> {
    DatabaseUrl::parse(text)
        .ok_or_else(|| "is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST:PORT/NAME".into())
}

/// `https://KEY@HOST/PROJECT`.
pub(super) fn sentry_dsn(text: &str) -> Parsed<SecretString> {
    let looks_right = web_url(text).is_ok_and(|url| {
        !url.username().is_empty()
            && url
                .path_segments()
                .and_then(|mut segments| segments.next_back())
                .is_some_and(|project| !project.is_empty())
    });
    if looks_right {
        Ok(SecretString::from(text))
    } else {
        Err("is not a DSN such as https://KEY@HOST/PROJECT".into())
    }
}

/// `smtps://…`, `smtp://…` or `off`.
pub(super) fn mail_server(text: &str) -> Parsed<MailServer> {
    if text == "off" {
        return Ok(MailServer::Off);
    }
    let expected = "is neither smtps://USER:PASSWORD@HOST:PORT, smtp://HOST:PORT nor off";
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "smtp" | "smtps") && url.has_host() => Ok(MailServer::Smtp {
            url: SecretString::from(text),
            // By STARTTLS, or not at all: a server that does not offer it gets nothing.
            tls: url.scheme() == "smtps"
                || url
                    .query_pairs()
                    .any(|(name, value)| name == "tls" && value == "required"),
        }),
        _ => Err(expected.into()),
    }
}

/// One master key or several.
pub(super) fn master_keys(text: &str) -> Parsed<Vec<vault::MasterKey>> {
    items(text).map(master_key).collect()
}

/// 32 bytes in base64 (either alphabet, padded or not) or hexadecimal.
pub(super) fn master_key(text: &str) -> Parsed<vault::MasterKey> {
    text.parse()
        .map_err(|_| "is not 32 bytes in base64 or hexadecimal; make one with: openssl rand -base64 32".into())
}

/// A bearer token: visible ASCII characters, without a space.
pub(super) fn bearer_token(text: &str) -> Parsed<SecretString> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(SecretString::from(text))
    } else {
        Err("holds characters other than visible ASCII".into())
    }
}

/// The shape of an e-mail address; whether it exists shows when it is used.
pub(super) fn email(text: &str) -> Parsed<String> {
    const LONGEST: usize = 254;
    let well_formed = text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    if well_formed && text.len() <= LONGEST && !text.chars().any(char::is_whitespace) {
        Ok(text.to_owned())
    } else {
        Err("is not an e-mail address".into())
    }
}

/// What a password must have wherever it is set: 8 to 128 characters with letters and digits.
pub(super) fn password(text: &str) -> Parsed<SecretString> {
    let strong = (8..=128).contains(&text.chars().count())
        && text.chars().any(char::is_alphabetic)
        && text.chars().any(|character| character.is_ascii_digit());
    if strong {
        Ok(SecretString::from(text))
    } else {
        Err("needs 8 to 128 characters with letters and digits".into())
    }
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}
