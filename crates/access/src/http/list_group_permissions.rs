//! `GET /groups/{id}/permissions`

use http::{Answer, ApiError, Doc, PathId, RequiresWithin};
use serde_json::json;

use super::get_group::reached;
use crate::domain::GroupId;
use crate::manifest::GroupRead;
use crate::store::memberships;
use crate::view::PermissionView;

pub(super) fn doc() -> Doc {
    Doc::new("listGroupPermissions", "List the permissions of a group")
        .describe("What was granted to the group directly, without what its roles grant.")
        .answers_all::<PermissionView>("The permissions", json!([super::example::permission()]))
}

pub(super) async fn handle(caller: RequiresWithin<GroupRead>, path: PathId<GroupId>) -> Result<Answer, ApiError> {
    let group = reached(&caller, path.found()?).await?;
    let scope = caller.app().db().scope(caller.organization());
    Answer::ok(&memberships::permissions_of(scope, group.id).await?)
}
