//! `POST /users/invitations`

use contracts::access::RoleId;
use contracts::identity::InvitationView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, IdText, RequiresWithin};
use serde_json::json;

use crate::app::{Guest, invite};
use crate::domain::Email;
use crate::http::example;
use crate::mail::post;
use crate::manifest::UserCreate;

/// Under a name of its own: the documentation looks into a generic type for a schema of its argument.
type RoleIdText = IdText<RoleId>;

http::input! {
    /// Whom to invite.
    pub(crate) struct Invite {
        /// Where the link is mailed to.
        email: Email,
        /// The roles that accepting it grants: none that the inviter could not grant.
        role_ids: Vec<RoleIdText> = Vec::new(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("inviteUser", "Invite somebody")
        .describe(
            "Mails a link that can be followed once, within 7 days. The roles are judged when it is sent and once more when it is \
             accepted: an inviter who may not grant them any more grants nothing.",
        )
        .takes::<Invite>(json!({
            "email": "bruno@example.com",
            "roleIds": ["019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41"]
        }))
        .creates::<InvitationView>("The invitation", example::invitation())
        .refuses([
            ErrorCode::RbacEscalation,
            ErrorCode::NotFound,
            ErrorCode::ConflictDuplicate,
            ErrorCode::InternalUnavailable,
        ])
}

pub(super) async fn handle(caller: RequiresWithin<UserCreate>, Body(input): Body<Invite>) -> Result<Answer, ApiError> {
    let (post, within) = (post(caller.app())?, caller.within().clone());
    post.require()?;
    let queue = post.queue();
    let guest = Guest {
        email: input.email,
        roles: input.role_ids.into_iter().map(|IdText(role)| role).collect(),
    };
    let work = move |uow: db::UnitOfWork, judge: std::sync::Arc<dyn contracts::access::Judge>| {
        let (within, guest) = (within.clone(), guest.clone());
        async move {
            let invitation = invite(&within, &uow, &queue, &*judge, guest).await?;
            let view = InvitationView::from(&invitation);
            Answer::created(&format!("/users/invitations/{}", view.id), &view)
        }
    };
    let answer = caller.write_judged(work).await?;
    post.wake();
    Ok(answer)
}
