//! `GET /groups/{id}`

use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::domain::GroupId;
use crate::manifest::GroupRead;
use crate::store::groups;
use crate::view::GroupView;

pub(super) fn doc() -> Doc {
    Doc::new("getGroup", "Get a group").answers::<GroupView>("The group", super::example::group())
}

pub(super) async fn handle(caller: RequiresWithin<GroupRead>, path: PathId<GroupId>) -> Result<Answer, ApiError> {
    Answer::ok(&reached(&caller, path.found()?).await?)
}

/// A group that the caller may see.
///
/// # Errors
/// `NOT_FOUND`; `RBAC_FORBIDDEN` when the condition of the caller's grant does not hold of it.
pub(super) async fn reached(caller: &RequiresWithin<GroupRead>, id: GroupId) -> Result<GroupView, ApiError> {
    let scope = caller.app().db().scope(caller.organization());
    let found = groups::lookup(scope, caller.within(), id).await;
    found
        .map_err(|error| caller.not_admitted(error))?
        .ok_or_else(ApiError::not_found)
}
