//! `GET /users/{id}/permissions`

use authz::snapshot::Principal;
use contracts::identity::UserId;
use http::{Answer, ApiError, Caller, Doc, PathId, Requires};
use kernel::Id as _;
use serde_json::json;

use super::list_user_roles::known;
use crate::decisions::Access;
use crate::manifest::UserRoleRead;
use crate::view::EffectiveView;

pub(super) fn doc() -> Doc {
    Doc::new("listUserPermissions", "List what a user may do")
        .describe("All permissions that the user may use now, each with the ways in which it is held.")
        .answers_all::<EffectiveView>("The permissions", json!([super::example::effective()]))
}

pub(super) async fn handle(caller: Requires<UserRoleRead>, path: PathId<UserId>) -> Result<Answer, ApiError> {
    let user = known(&caller, path.found()?).await?;
    Answer::ok(&effective(&caller, Principal::user(user.as_uuid())).await?)
}

/// What somebody may do now in the organization acted in.
///
/// # Errors
/// `INTERNAL_UNAVAILABLE`.
pub(super) async fn effective(caller: &Caller, principal: Principal) -> Result<Vec<EffectiveView>, ApiError> {
    let snapshot = caller.app().port::<Access>()?.snapshot(caller.organization()).await?;
    let effective = snapshot.effective(principal, caller.app().generators().now());
    let views = effective
        .iter()
        .map(|effective| EffectiveView::new(snapshot.catalogue().code(effective.permission), effective));
    Ok(views.collect())
}
