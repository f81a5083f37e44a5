//! What the refusals of use cases say.

use contracts::usage::ReserveError;
use http::{ApiError, ErrorCode, Message};

use crate::app::Refusal;

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Invalid(violation) => violation.into(),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::EmailTaken => Self::duplicate("email"),
            Refusal::Denied(denial) => denial.into(),
            Refusal::Judged(error) => error.into(),
            Refusal::Quota(ReserveError::Exceeded(exceeded)) => exceeded.into(),
            Refusal::Quota(ReserveError::Storage(error)) | Refusal::Storage(error) => error.into(),
            Refusal::NotAMaker => Self::new(ErrorCode::RbacEscalation).because(Message::new(
                "Keys are made by users and service accounts, not by keys.",
                "Chaves são criadas por usuários e contas de serviço, não por chaves.",
            )),
            Refusal::Ended => Self::conflict_state(Message::new(
                "It was ended for good and does not change any more.",
                "Foi encerrado em definitivo e não muda mais.",
            )),
        }
    }
}
