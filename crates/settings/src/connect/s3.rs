//! S3: asks whether the bucket is there, with a signed request (AWS Signature Version 4).

use aws_lc_rs::hmac;
use kernel::{Timestamp, hexadecimal};
use outbound::header::{AUTHORIZATION, HeaderName, HeaderValue};
use outbound::{Client, Method, Request, StatusCode};
use secrecy::ExposeSecret as _;
use sha2::{Digest as _, Sha256};
use url::Url;

use super::Outcome;
use crate::domain::{Connection, Secrets};

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT: HeaderName = HeaderName::from_static("x-amz-content-sha256");
/// The SHA-256 of nothing: the body of a HEAD.
const NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

pub(super) async fn test(
    client: &Client,
    connection: &Connection,
    secrets: &Secrets,
    now: Timestamp,
) -> Result<(), Outcome> {
    let url = bucket_url(connection).ok_or(Outcome::AddressRefused)?;
    let secret = secrets.get("secretAccessKey").ok_or(Outcome::SecretMissing)?;
    let key = Key {
        id: connection.text("accessKeyId"),
        secret: secret.expose_secret(),
        region: connection.text("region"),
    };
    let stamp = Stamp::of(now);
    let authorization = key.authorization(&url, &stamp).ok_or(Outcome::AddressRefused)?;
    let header = |text: &str| HeaderValue::from_str(text).map_err(|_| Outcome::AuthenticationFailed);
    let request = Request::new(Method::HEAD, url, "")
        .header(DATE, header(&stamp.time)?)
        .header(CONTENT, HeaderValue::from_static(NOTHING))
        .header(AUTHORIZATION, header(&authorization)?);
    match client.send(request).await?.status {
        StatusCode::OK | StatusCode::NO_CONTENT => Ok(()),
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Err(Outcome::AuthenticationFailed),
        StatusCode::NOT_FOUND => Err(Outcome::NotFound),
        _ => Err(Outcome::Unexpected),
    }
}

/// Where the bucket is: in the path of the endpoint, or before its host. A bucket's name needs no escaping.
fn bucket_url(connection: &Connection) -> Option<Url> {
    let mut url = Url::parse(connection.text("endpoint")).ok()?;
    let bucket = connection.text("bucket");
    url.set_query(None);
    if connection.is_set("pathStyle") {
        let path = format!("{}/{bucket}", url.path().trim_end_matches('/'));
        url.set_path(&path);
    } else {
        let host = format!("{bucket}.{}", url.host_str()?);
        url.set_host(Some(&host)).ok()?;
    }
    Some(url)
}

/// An instant as requests carry it.
struct Stamp {
    /// `20261121T120000Z`.
    time: String,
    /// `20261121`.
    day: String,
}

impl Stamp {
    fn of(now: Timestamp) -> Self {
        // `2026-11-21T12:00:00.000000Z` without its punctuation and fractions.
        let digits: String = now.to_string().chars().filter(char::is_ascii_digit).take(14).collect();
        let (day, clock) = digits.split_at_checked(8).unwrap_or_default();
        Self {
            time: format!("{day}T{clock}Z"),
            day: day.to_owned(),
        }
    }
}

struct Key<'a> {
    id: &'a str,
    secret: &'a str,
    region: &'a str,
}

impl Key<'_> {
    /// The `Authorization` header of a `HEAD` of this URL.
    fn authorization(&self, url: &Url, stamp: &Stamp) -> Option<String> {
        const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
        let host = match url.port() {
            Some(port) => format!("{}:{port}", url.host_str()?),
            None => url.host_str()?.to_owned(),
        };
        let canonical = format!(
            "HEAD\n{}\n\nhost:{host}\nx-amz-content-sha256:{NOTHING}\nx-amz-date:{}\n\n{SIGNED}\n{NOTHING}",
            url.path(),
            stamp.time
        );
        let scope = format!("{}/{}/s3/aws4_request", stamp.day, self.region);
        let signature = self.signature(stamp, &scope, &canonical);
        let id = self.id;
        Some(format!(
            "AWS4-HMAC-SHA256 Credential={id}/{scope},SignedHeaders={SIGNED},Signature={signature}"
        ))
    }

    fn signature(&self, stamp: &Stamp, scope: &str, canonical: &str) -> String {
        let sign = |key: &[u8], text: &str| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes());
        let secret = zeroize::Zeroizing::new(format!("AWS4{}", self.secret));
        let day = sign(secret.as_bytes(), &stamp.day);
        let region = sign(day.as_ref(), self.region);
        let service = sign(region.as_ref(), "s3");
        let key = sign(service.as_ref(), "aws4_request");
        let to_sign = format!(
            "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
            stamp.time,
            hexadecimal(&Sha256::digest(canonical.as_bytes()))
        );
        hexadecimal(sign(key.as_ref(), &to_sign).as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example "GET Object" of the documentation of S3, "Signature calculations for the Authorization header".
    #[test]
    fn it_signs_as_the_documentation_does() {
        let key = Key {
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            region: "us-east-1",
        };
        let stamp = Stamp::of("2013-05-24T00:00:00Z".parse().unwrap());
        assert_eq!(
            (stamp.time.as_str(), stamp.day.as_str()),
            ("20130524T000000Z", "20130524")
        );
        let canonical = "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\nrange:bytes=0-9\n\
                         x-amz-content-sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n\
                         x-amz-date:20130524T000000Z\n\nhost;range;x-amz-content-sha256;x-amz-date\n\
                         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(
            key.signature(&stamp, "20130524/us-east-1/s3/aws4_request", canonical),
            "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
        );
    }
}
