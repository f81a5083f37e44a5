//! `DELETE /integrations/{id}`

use http::{Answer, ApiError, Doc, PathId, Requires};
use vault::Sealer;

use crate::app::delete_integration;
use crate::domain::{Integration, IntegrationId};
use crate::manifest::IntegrationDelete;
use crate::view::IntegrationView;

pub(super) fn doc() -> Doc {
    Doc::new("deleteIntegration", "Delete an integration")
        .describe("Its secrets are deleted with it.")
        .answers_nothing("It is deleted")
}

pub(super) async fn handle(
    caller: Requires<IntegrationDelete>,
    path: PathId<IntegrationId>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let sealer = caller.app().port::<Sealer>()?;
    caller
        .write(move |uow| {
            let (granted, precondition, sealer) = (granted.clone(), precondition.clone(), sealer.clone());
            async move {
                let is_current =
                    |current: &Integration| precondition.check(&IntegrationView::from(current.state())).is_ok();
                delete_integration(&granted, &uow, &sealer, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
