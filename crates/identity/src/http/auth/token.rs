//! `POST /auth/token`: the client credentials grant, whose answers are those of RFC 6749 and not the envelope.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Answer, ApiError, App, Doc, ErrorCode, Public, RawBody};
use kernel::secret::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::Proving;
use crate::app::{ClientRefusal, client_credentials};
use crate::service::service;

const PRAGMA: HeaderName = header::PRAGMA;
const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// What a machine asks with: as a form or as JSON. What else is in it is ignored, as the standard has it.
#[derive(Default, Deserialize, ToSchema)]
struct TokenRequest {
    /// `client_credentials`.
    #[schema(required = true, value_type = String, pattern = "^client_credentials$")]
    grant_type: Option<String>,
    /// The service account's `clientId`, unless it is in the `Authorization` header.
    client_id: Option<String>,
    /// The service account's `clientSecret`, unless it is in the `Authorization` header.
    #[schema(format = "password")]
    client_secret: Option<String>,
}

/// A token (RFC 6749, section 5.1).
#[derive(Serialize, ToSchema)]
struct TokenAnswer<'a> {
    /// The access token.
    access_token: &'a str,
    /// `Bearer`.
    token_type: &'static str,
    /// For how many seconds.
    expires_in: u64,
}

/// A refusal (RFC 6749, section 5.2).
#[derive(Serialize, ToSchema)]
struct TokenRefusal {
    /// `invalid_request`, `invalid_client` or `unsupported_grant_type`.
    error: &'static str,
    /// Why, for the developer of the client.
    error_description: &'static str,
}

/// Why there is no token.
#[derive(Debug, PartialEq, Eq)]
enum Refused {
    Request(&'static str),
    Client,
    Grant,
}

pub(super) fn doc() -> Doc {
    Doc::new("getToken", "Get an access token for a service account")
        .describe(
            "The client credentials grant of OAuth 2 (RFC 6749, section 4.4): `client_id` and `client_secret` as a form, as JSON, or \
             with HTTP Basic. Answers and refusals are those of the standard, without the envelope. The token ends with the \
             secret.",
        )
        .takes::<TokenRequest>(json!({
            "grant_type": "client_credentials",
            "client_id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e54",
            "client_secret": "lastro_secret_4fKq0ZbRwkTq8cY2uNnS7vJd1LxPmA0eH5gB3oWi9rE6tUyQzCjKsXfVhGlMa"
        }))
        .also_form()
        .answers_json::<TokenAnswer<'_>>(StatusCode::OK, "An access token")
        .answers_json::<TokenRefusal>(StatusCode::BAD_REQUEST, "The request is not one for a token")
        .answers_json::<TokenRefusal>(StatusCode::UNAUTHORIZED, "No such client, or another secret")
        .changes_nothing()
        .refuses([ErrorCode::RateLimitExceeded, ErrorCode::InternalUnavailable])
}

pub(super) async fn handle(
    caller: Public<Proving>,
    State(app): State<App>,
    headers: HeaderMap,
    body: RawBody,
) -> Result<Answer, ApiError> {
    let service = service(&app)?;
    let (client, secret) = match asked(&headers, &body) {
        Ok(client) => client,
        Err(refused) => return refusal(&refused),
    };
    match client_credentials(&service, &client, secret.expose_secret()).await {
        Ok(token) => answer(
            StatusCode::OK,
            &TokenAnswer {
                access_token: token.access.expose_secret(),
                token_type: "Bearer",
                expires_in: token.expires_in.as_secs(),
            },
        ),
        Err(ClientRefusal::Unknown) => {
            // Who guesses is slowed down; who knows is not.
            service.limit_logins(caller.request())?;
            refusal(&Refused::Client)
        }
        Err(ClientRefusal::Crypto(error)) => Err(error.into()),
        Err(ClientRefusal::Storage(error)) => Err(error.into()),
    }
}

/// Who asks, and with what secret.
fn asked(headers: &HeaderMap, body: &RawBody) -> Result<(String, SecretString), Refused> {
    let TokenRequest {
        grant_type,
        client_id,
        client_secret,
    } = match body.media_type.as_str() {
        "application/x-www-form-urlencoded" => form(&body.bytes)?,
        "application/json" => {
            serde_json::from_slice(&body.bytes).map_err(|_| Refused::Request("The JSON is not valid."))?
        }
        _ => {
            return Err(Refused::Request(
                "Send application/x-www-form-urlencoded or application/json.",
            ));
        }
    };
    match grant_type.as_deref() {
        None | Some("") => return Err(Refused::Request("grant_type is missing.")),
        Some("client_credentials") => {}
        Some(_) => return Err(Refused::Grant),
    }
    let client_secret = client_secret.map(SecretString::from);
    let of_body = client_id.filter(|id| !id.is_empty()).zip(client_secret);
    match (basic(headers)?, of_body) {
        (Some(_), Some(_)) => Err(Refused::Request("Prove who you are in one way, not in two.")),
        (Some(client), None) | (None, Some(client)) => Ok(client),
        (None, None) => Err(Refused::Client),
    }
}

fn form(bytes: &[u8]) -> Result<TokenRequest, Refused> {
    let mut request = TokenRequest::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let is_repeated = match &*name {
            "grant_type" => request.grant_type.replace(value.into_owned()).is_some(),
            "client_id" => request.client_id.replace(value.into_owned()).is_some(),
            "client_secret" => request.client_secret.replace(value.into_owned()).is_some(),
            _ => false,
        };
        if is_repeated {
            return Err(Refused::Request("A parameter is repeated."));
        }
    }
    Ok(request)
}

/// The client of an `Authorization: Basic` header, whose two parts are encoded like those of a form (RFC 6749, section 2.3.1).
fn basic(headers: &HeaderMap) -> Result<Option<(String, SecretString)>, Refused> {
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(first) = sent.next() else { return Ok(None) };
    let credentials = first.to_str().ok().and_then(|text| {
        let (scheme, credentials) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("basic").then(|| credentials.trim())
    });
    let decoded = credentials.filter(|_| sent.next().is_none()).and_then(|credentials| {
        let bytes = STANDARD.decode(credentials).ok()?;
        let (id, secret) = std::str::from_utf8(&bytes).ok()?.split_once(':')?;
        Some((decoded(id), SecretString::from(decoded(secret))))
    });
    decoded.map(Some).ok_or(Refused::Client)
}

fn decoded(part: &str) -> String {
    let mut pairs = form_urlencoded::parse(part.as_bytes());
    pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
}

fn refusal(refused: &Refused) -> Result<Answer, ApiError> {
    let (status, error, error_description) = match *refused {
        Refused::Request(why) => (StatusCode::BAD_REQUEST, "invalid_request", why),
        Refused::Grant => (
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "The grant is client_credentials.",
        ),
        Refused::Client => (
            StatusCode::UNAUTHORIZED,
            "invalid_client",
            "There is no such client, or the secret is not its own.",
        ),
    };
    let answer = answer(
        status,
        &TokenRefusal {
            error,
            error_description,
        },
    )?;
    Ok(match refused {
        Refused::Client => answer.with_header(
            header::WWW_AUTHENTICATE,
            HeaderValue::from_static("Basic realm=\"lastro\", charset=\"UTF-8\""),
        ),
        Refused::Request(_) | Refused::Grant => answer,
    })
}

fn answer<T: Serialize>(status: StatusCode, body: &T) -> Result<Answer, ApiError> {
    let body = serde_json::to_vec(body).map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Answer::verbatim(status, JSON, body)
        .with_header(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))
        .with_header(PRAGMA, HeaderValue::from_static("no-cache")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(media_type: &str, text: &str) -> RawBody {
        RawBody {
            media_type: media_type.to_owned(),
            bytes: text.to_owned().into(),
        }
    }

    fn authorization(value: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::AUTHORIZATION, value.parse().unwrap());
        headers
    }

    fn read(headers: &HeaderMap, media_type: &str, text: &str) -> Result<(String, String), Refused> {
        asked(headers, &body(media_type, text)).map(|(id, secret)| (id, secret.expose_secret().to_owned()))
    }

    const FORM: &str = "application/x-www-form-urlencoded";

    #[test]
    fn a_client_proves_itself_by_form_json_or_basic() {
        let client = Ok(("a b".to_owned(), "s:1".to_owned()));
        let none = HeaderMap::new();
        let form = "grant_type=client_credentials&client_id=a+b&client_secret=s%3A1&scope=x&unknown=1";
        assert_eq!(read(&none, FORM, form), client);
        let json = r#"{"grant_type":"client_credentials","client_id":"a b","client_secret":"s:1","unknown":1}"#;
        assert_eq!(read(&none, "application/json", json), client);
        let basic = authorization(&format!("basic {}", STANDARD.encode("a+b:s%3A1")));
        assert_eq!(read(&basic, FORM, "grant_type=client_credentials"), client);
    }

    #[test]
    fn what_is_no_request_for_a_token_is_told_in_the_words_of_the_standard() {
        let none = HeaderMap::new();
        let is_request = |asked: Result<_, Refused>| matches!(asked, Err(Refused::Request(_)));
        assert!(is_request(read(&none, FORM, "")));
        assert!(is_request(read(&none, FORM, "grant_type=")));
        assert!(is_request(read(&none, "text/plain", "grant_type=client_credentials")));
        assert!(is_request(read(&none, "application/json", "{")));
        let twice = "grant_type=client_credentials&grant_type=client_credentials";
        assert!(is_request(read(&none, FORM, twice)));
        let twice = r#"{"grant_type":"client_credentials","grant_type":"client_credentials"}"#;
        assert!(is_request(read(&none, "application/json", twice)));
        let basic = authorization(&format!("Basic {}", STANDARD.encode("a:b")));
        let both = "grant_type=client_credentials&client_id=a&client_secret=b";
        assert!(is_request(read(&basic, FORM, both)));
        assert_eq!(read(&none, FORM, "grant_type=password"), Err(Refused::Grant));
    }

    #[test]
    fn who_proves_nothing_is_no_client() {
        let none = HeaderMap::new();
        for text in [
            "grant_type=client_credentials",
            "grant_type=client_credentials&client_id=a",
            "grant_type=client_credentials&client_id=&client_secret=b",
        ] {
            assert_eq!(read(&none, FORM, text), Err(Refused::Client), "{text}");
        }
        for value in ["Bearer abc", "Basic", "Basic !", "Basic YWJj"] {
            let headers = authorization(value);
            assert_eq!(
                read(&headers, FORM, "grant_type=client_credentials"),
                Err(Refused::Client),
                "{value}"
            );
        }
    }
}
