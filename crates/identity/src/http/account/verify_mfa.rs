//! `POST /auth/mfa/verify`

use http::{Answer, ApiError, Body, Doc, ErrorCode, Public, SecretText, TextSchema};
use kernel::secret::{ExposeSecret as _, SecretString};
use kernel::{Rule, RuleViolation};
use serde_json::json;

use crate::app::{Proof, take_second_step};
use crate::domain::RecoveryCode;
use crate::http::auth::{ComingIn, LoginAnswer, secrets};
use crate::http::example;
use crate::http::limited::Limited;

/// A code as an authenticator shows it; people write a space into its middle.
#[derive(Clone, Debug)]
pub(crate) struct CodeText(SecretString);

impl CodeText {
    const MAX: usize = 16;

    fn new(raw: &str) -> Result<Self, RuleViolation> {
        let code: String = raw.chars().filter(|character| *character != ' ').collect();
        let violation = |rule| Err(RuleViolation::new("code", rule));
        if code.is_empty() {
            violation(Rule::Required)
        } else if code.len() > Self::MAX {
            violation(Rule::TooLong { max: Self::MAX })
        } else {
            Ok(Self(SecretString::from(code)))
        }
    }

    /// Its digits, or what was written in their place.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

http::text_value! {
    CodeText, CodeText::new,
    TextSchema { pattern: Some("^[0-9]{3} ?[0-9]{3}$"), example: "287082", ..Default::default() }
}

http::input! {
    /// The challenge of a login, and a code. One of the two kinds of code is given.
    pub(crate) struct VerifyMfa {
        /// The challenge that the login answered.
        challenge: SecretText,
        /// The code that the authenticator shows.
        code: Option<CodeText>,
        /// A recovery code, for when the authenticator is lost. It works once.
        recovery_code: Option<SecretText>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("verifyMfa", "Log in with the second factor")
        .describe(
            "The second step of a login that answered `mfaRequired`. A challenge counts for five minutes and five tries; a code works \
             once, from one step before its own to one after. A wrong code counts as a failed login does and is \
             `AUTH_INVALID_CREDENTIALS`; a challenge that is spent, has expired or never was one is `AUTH_INVALID_TOKEN`.",
        )
        .takes::<VerifyMfa>(json!({ "challenge": example::CHALLENGE, "code": "287082" }))
        .with_one_of(&["code", "recoveryCode"])
        .answers::<LoginAnswer>("A session", example::login())
        .changes_nothing()
        .refuses([
            ErrorCode::AuthInvalidToken,
            ErrorCode::AuthInvalidCredentials,
            ErrorCode::AuthAccountLocked,
            ErrorCode::RateLimitExceeded,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(
    caller: Public<ComingIn>,
    Limited(service): Limited,
    Body(input): Body<VerifyMfa>,
) -> Result<Answer, ApiError> {
    let proof = proof(input.code, input.recovery_code)?;
    let challenge = input.challenge.0.expose_secret();
    let step = take_second_step(&service, challenge, proof, caller.request()).await;
    let (tokens, user) = step.map_err(|refusal| refusal.told(service.generators.now()))?;
    secrets(&LoginAnswer::opened(&tokens, user))
}

fn proof(code: Option<CodeText>, recovery: Option<SecretText>) -> Result<Proof, ApiError> {
    match (code, recovery) {
        (Some(code), None) => Ok(Proof::Code(code.0)),
        (None, Some(recovery)) => Ok(Proof::Recovery(RecoveryCode::parse(recovery.0.expose_secret()))),
        (None, None) => Err(ApiError::violation("code", Rule::Required)),
        (Some(_), Some(_)) => Err(ApiError::violation("recoveryCode", Rule::Invalid)),
    }
}
