//! What a login answers.

use contracts::identity::UserView;
use http::{Answer, ApiError};
use kernel::secret::ExposeSecret as _;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::{LoggedIn, Tokens};
use crate::store::mfa_challenges::Purpose;

/// What a session hands out. It is never printed: these are secrets.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tokens, rename_all = "camelCase")]
pub(crate) struct TokensView {
    /// To be sent as `Authorization: Bearer`.
    access_token: String,
    /// For the next access token; it is used once.
    refresh_token: String,
    /// For how many seconds the access token lives.
    expires_in: u64,
    /// `Bearer`.
    token_type: &'static str,
}

impl From<&Tokens> for TokensView {
    fn from(tokens: &Tokens) -> Self {
        Self {
            access_token: tokens.access.expose_secret().to_owned(),
            refresh_token: tokens.refresh.expose_secret().to_owned(),
            expires_in: tokens.expires_in.as_secs(),
            token_type: "Bearer",
        }
    }
}

/// A session, or what is missing to one.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = LoginOutcome)]
pub(crate) enum LoginAnswer {
    /// A session is open.
    Opened(OpenedView),
    /// A code of the second factor is missing: `POST /auth/mfa/verify`.
    CodeMissing(CodeMissingView),
    /// The organization wants a second factor, and there is none yet.
    FactorMissing(FactorMissingView),
}

/// An open session.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenSession, rename_all = "camelCase")]
pub(crate) struct OpenedView {
    #[serde(flatten)]
    tokens: TokensView,
    /// Who logged in.
    user: UserView,
}

/// A login that needs a code.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MfaRequired, rename_all = "camelCase")]
pub(crate) struct CodeMissingView {
    /// Always true.
    mfa_required: bool,
    /// To be presented with the code.
    challenge: String,
    /// For how many seconds the challenge counts.
    expires_in: u64,
}

/// A login that needs a second factor to be set up.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MfaEnrollmentRequired, rename_all = "camelCase")]
pub(crate) struct FactorMissingView {
    /// Always true.
    mfa_enrollment_required: bool,
    /// The credential for setting it up.
    challenge: String,
    /// For how many seconds the challenge counts.
    expires_in: u64,
}

impl From<&LoggedIn> for LoginAnswer {
    fn from(outcome: &LoggedIn) -> Self {
        match outcome {
            LoggedIn::Opened(opened) => {
                let (tokens, user) = &**opened;
                Self::opened(tokens, user.clone())
            }
            LoggedIn::Challenged {
                purpose,
                challenge,
                expires_in,
            } => {
                let challenge = challenge.expose_secret().to_owned();
                let expires_in = expires_in.as_secs();
                match purpose {
                    Purpose::Verify => Self::CodeMissing(CodeMissingView {
                        mfa_required: true,
                        challenge,
                        expires_in,
                    }),
                    Purpose::Enrol => Self::FactorMissing(FactorMissingView {
                        mfa_enrollment_required: true,
                        challenge,
                        expires_in,
                    }),
                }
            }
        }
    }
}

impl LoginAnswer {
    /// A session that is open.
    pub(crate) fn opened(tokens: &Tokens, user: UserView) -> Self {
        Self::Opened(OpenedView {
            tokens: tokens.into(),
            user,
        })
    }
}

/// 200 with secrets, which nothing on the way keeps.
pub(crate) fn secrets<T: Serialize>(view: &T) -> Result<Answer, ApiError> {
    let no_store = axum::http::HeaderValue::from_static("no-store");
    Ok(Answer::ok(view)?.with_header(axum::http::header::CACHE_CONTROL, no_store))
}
