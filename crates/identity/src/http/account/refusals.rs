//! What refusals of this part say.

use http::{ApiError, ErrorCode, Message};
use kernel::{Rule, Timestamp};

use crate::app::{EntryRefusal, FactorRefusal, StepRefusal};

impl From<EntryRefusal> for ApiError {
    fn from(refusal: EntryRefusal) -> Self {
        match refusal {
            EntryRefusal::Spent => Self::violation("token", Rule::Invalid),
            EntryRefusal::Violations(violations) => Self::violations(violations),
            EntryRefusal::RegistrationClosed => Self::new(ErrorCode::AuthRegistrationClosed),
            EntryRefusal::Refused(refusal) => refusal.into(),
            EntryRefusal::Crypto(refusal) => refusal.into(),
        }
    }
}

impl From<FactorRefusal> for ApiError {
    fn from(refusal: FactorRefusal) -> Self {
        match refusal {
            FactorRefusal::Enrolled => Self::conflict_state(Message::new(
                "There is an authenticator already; remove it first.",
                "Já existe um autenticador; remova-o antes.",
            )),
            FactorRefusal::NotEnrolled => Self::not_found(),
            FactorRefusal::Enforced => Self::conflict_state(Message::new(
                "The organization asks everybody for a second factor.",
                "A organização exige um segundo fator de todos.",
            )),
            FactorRefusal::WrongCode => Self::violation("code", Rule::Invalid),
            FactorRefusal::Refused(refusal) => refusal.into(),
        }
    }
}

impl StepRefusal {
    /// The refusal as it is told at `now`.
    pub(crate) fn told(self, now: Timestamp) -> ApiError {
        match self {
            Self::NoChallenge => ApiError::new(ErrorCode::AuthInvalidToken),
            Self::Login(refusal) => refusal.told(now),
        }
    }
}
