//! `DELETE /users/invitations/{id}`

use contracts::identity::{InvitationId, InvitationView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::app::revoke_invitation;
use crate::manifest::UserCreate;

pub(super) fn doc() -> Doc {
    Doc::new("revokeInvitation", "Take an invitation back")
        .describe("Its link opens nothing any more.")
        .answers_nothing("It is taken back")
}

pub(super) async fn handle(caller: RequiresWithin<UserCreate>, path: PathId<InvitationId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    caller
        .write(move |uow| {
            let (within, precondition) = (within.clone(), precondition.clone());
            async move {
                let is_current = |current: &_| precondition.check(&InvitationView::from(current)).is_ok();
                revoke_invitation(&within, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
