//! `GET /roles/{id}`

use contracts::access::{RoleId, RoleView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::manifest::RoleRead;
use crate::store::roles;

pub(super) fn doc() -> Doc {
    Doc::new("getRole", "Get a role")
        .describe("A role of the organization, or a system role.")
        .answers::<RoleView>("The role", super::example::role())
}

pub(super) async fn handle(caller: RequiresWithin<RoleRead>, path: PathId<RoleId>) -> Result<Answer, ApiError> {
    Answer::ok(&reached(&caller, path.found()?).await?)
}

/// A role that the caller may see.
///
/// # Errors
/// `NOT_FOUND`; `RBAC_FORBIDDEN` when the condition of the caller's grant does not hold of it.
pub(super) async fn reached(caller: &RequiresWithin<RoleRead>, id: RoleId) -> Result<RoleView, ApiError> {
    let scope = caller.app().db().scope(caller.organization());
    let found = roles::lookup(scope, caller.within(), id).await;
    found
        .map_err(|error| caller.not_admitted(error))?
        .ok_or_else(ApiError::not_found)
}
