//! `DELETE /service-accounts/{id}`

use contracts::identity::{ServiceAccountId, ServiceAccountView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::app::deactivate_service_account;
use crate::manifest::ServiceAccountDelete;

pub(super) fn doc() -> Doc {
    Doc::new("deactivateServiceAccount", "Deactivate a service account")
        .describe(
            "For good, and at once: its secrets, its tokens and the keys that it made are worth nothing. It stays in the list, \
             inactive. Deactivating it again changes nothing.",
        )
        .answers_nothing("It is deactivated")
}

pub(super) async fn handle(
    caller: RequiresWithin<ServiceAccountDelete>,
    path: PathId<ServiceAccountId>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&ServiceAccountView::from(current)).is_ok();
                deactivate_service_account(&within, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
