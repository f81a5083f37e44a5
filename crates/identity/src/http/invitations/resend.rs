//! `POST /users/invitations/{id}/resend`

use contracts::identity::{InvitationId, InvitationView};
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, RequiresWithin};

use crate::app::resend_invitation;
use crate::http::example;
use crate::mail::post;
use crate::manifest::UserCreate;

pub(super) fn doc() -> Doc {
    Doc::new("resendInvitation", "Send an invitation once more")
        .describe("It can be accepted for 7 days from now on, by the new link only.")
        .answers::<InvitationView>("The invitation as it is now", example::invitation())
        .refuses([ErrorCode::InternalUnavailable])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserCreate>,
    path: PathId<InvitationId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let (post, within) = (post(caller.app())?, caller.within().clone());
    let id = path.found()?;
    post.require()?;
    let queue = post.queue();
    let work = move |uow: db::UnitOfWork| {
        let within = within.clone();
        async move {
            let invitation = resend_invitation(&within, &uow, &queue, id).await?;
            Answer::ok(&InvitationView::from(&invitation))
        }
    };
    let answer = caller.write(work).await?;
    post.wake();
    Ok(answer)
}
