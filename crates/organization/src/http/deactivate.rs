//! `DELETE /organizations/{id}`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Doc, ErrorCode, PathId, Requires};
use kernel::OrganizationId;

use crate::app::deactivate_organization;
use crate::manifest::OrganizationDelete;

pub(super) fn doc() -> Doc {
    Doc::new("deactivateOrganization", "Deactivate an organization")
        .describe("Nobody of it gets in any more; its data stays. Deactivating it again changes nothing.")
        .answers_nothing("It is deactivated")
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<OrganizationDelete>,
    path: PathId<OrganizationId>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&OrganizationView::from(current)).is_ok();
                deactivate_organization(&granted, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
