//! `GET /groups/{id}/roles`

use contracts::access::RoleView;
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};
use serde_json::json;

use super::get_group::reached;
use crate::domain::GroupId;
use crate::manifest::GroupRead;
use crate::store::memberships;

pub(super) fn doc() -> Doc {
    Doc::new("listGroupRoles", "List the roles of a group")
        .answers_all::<RoleView>("The roles", json!([super::example::role()]))
}

pub(super) async fn handle(caller: RequiresWithin<GroupRead>, path: PathId<GroupId>) -> Result<Answer, ApiError> {
    let group = reached(&caller, path.found()?).await?;
    let scope = caller.app().db().scope(caller.organization());
    Answer::ok(&memberships::roles_of(scope, group.id).await?)
}
