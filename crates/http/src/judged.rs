//! Changes of who may do what: judged by what holds when they commit.

use std::sync::Arc;

use contracts::access::{AccessControl, Judge, JudgeError, judged};
use db::UnitOfWork;
use kernel::Rule;
use serde_json::json;

use crate::answer::Answer;
use crate::error::{ApiError, Details, ErrorCode, Message};
use crate::guard::Caller;

impl Caller {
    /// As [`write`](Self::write), for a change that depends on what people hold. The closure gets a judge that was
    /// [confirmed](Judge::confirm) at the beginning of the unit: the organization's structural lock is held, and what it judges by
    /// holds until the unit ends. When access changed in between, the closure runs again with another judge.
    ///
    /// # Errors
    /// As [`write`](Self::write); `INTERNAL_UNAVAILABLE` when access changes faster than it can be read.
    pub async fn write_judged<F, Fut>(&self, work: F) -> Result<Answer, ApiError>
    where
        F: Fn(UnitOfWork, Arc<dyn Judge>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        let access = self.app().port::<dyn AccessControl>()?;
        let work = Arc::new(work);
        judged(&*access, self.organization(), |judge| {
            let work = Arc::clone(&work);
            self.write(move |uow| {
                let (judge, work) = (Arc::clone(&judge), Arc::clone(&work));
                async move {
                    judge.confirm(&uow).await?;
                    work(uow, judge).await
                }
            })
        })
        .await
    }
}

impl From<JudgeError> for ApiError {
    fn from(error: JudgeError) -> Self {
        match error {
            JudgeError::Escalation(refused) => Self::new(ErrorCode::RbacEscalation).with_details(Details::Other(
                json!({ "permission": refused.permission, "reason": refused.reason }),
            )),
            JudgeError::Missing(_) => Self::not_found(),
            JudgeError::Scope => Self::violation("scope", Rule::Invalid),
            JudgeError::LastAdministrator => Self::conflict_state(Message::new(
                "The organization would be without an administrator.",
                "A organização ficaria sem administrador.",
            )),
            JudgeError::Outdated => Self::unavailable("access changed while it was judged").outdated(),
            JudgeError::Storage(error) => error.into(),
        }
    }
}
