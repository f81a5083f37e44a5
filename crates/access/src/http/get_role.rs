//! `GET /roles/{id}`

use contracts::access::{RoleId, RoleView};
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::RoleRead;
use crate::store::roles;

pub(super) fn doc() -> Doc {
    Doc::new("getRole", "Get a role")
        .describe("A role of the organization, or a system role.")
        .answers::<RoleView>("The role", super::example::role())
}

pub(super) async fn handle(caller: Requires<RoleRead>, path: PathId<RoleId>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    Answer::ok(
        &roles::lookup(scope, path.found()?)
            .await?
            .ok_or_else(ApiError::not_found)?,
    )
}
