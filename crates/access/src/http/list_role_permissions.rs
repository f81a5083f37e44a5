//! `GET /roles/{id}/permissions`

use contracts::access::RoleId;
use http::{Answer, ApiError, Doc, ListQuery, PathId, Place, RequiresWithin};
use serde_json::json;

use super::get_role::reached;
use crate::manifest::RoleRead;
use crate::store::role_permissions;
use crate::view::RolePermissionView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct RolePermissionFilter {
        /// Only this permission, by its code.
        code: String = "code",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum RolePermissionSort: ascending Code {
        Code = "code" (Text),
    }
}

type RolePermissions = ListQuery<RolePermissionFilter, RolePermissionSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listRolePermissions", "List the permissions of a role")
        .describe("What the role itself was granted; its inheritance tells what it comes to. System roles were granted nothing.")
        .query::<RolePermissions>()
        .lists::<RolePermissionView>("A page of permissions", json!([super::example::role_permission()]))
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleRead>,
    path: PathId<RoleId>,
    query: RolePermissions,
) -> Result<Answer, ApiError> {
    let role = reached(&caller, path.found()?).await?;
    let scope = caller.app().db().scope(caller.organization());
    let code = query.filter.code.as_deref();
    let listed = role_permissions::list(scope, role.id, code, query.sort.direction, &query.page, query.start()).await?;
    query.answer(&listed, |granted, _| {
        Place::text(granted.permission_code.as_str(), granted.permission_id)
    })
}
