//! `GET /permissions`

use http::{Answer, ApiError, Doc, ListQuery, Place, Requires};
use serde_json::json;

use crate::manifest::PermissionRead;
use crate::store::permissions::{self, PermissionOrder};
use crate::view::PermissionView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct PermissionFilter {
        /// Only the permissions of this module, by its code or its id.
        module: String = "module",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum PermissionSort: ascending Code {
        Code = "code" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

type Permissions = ListQuery<PermissionFilter, PermissionSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listPermissions", "List permissions")
        .describe("Every permission of the installation, whether or not its module is active here.")
        .query::<Permissions>()
        .lists::<PermissionView>("A page of permissions", json!([super::example::permission()]))
}

pub(super) async fn handle(caller: Requires<PermissionRead>, query: Permissions) -> Result<Answer, ApiError> {
    let order = match query.sort.key {
        PermissionSort::Code => PermissionOrder::Code,
        PermissionSort::CreatedAt => PermissionOrder::CreatedAt,
    };
    let module = query.filter.module.as_deref();
    let scope = caller.app().db().global();
    let listed = permissions::list(scope, module, order, query.sort.direction, &query.page, query.start()).await?;
    query.answer(&listed, place)
}

/// Where a permission stands in the order that was asked for.
fn place(permission: &PermissionView, sort: PermissionSort) -> Place {
    match sort {
        PermissionSort::Code => Place::text(permission.code.as_str(), permission.id),
        PermissionSort::CreatedAt => Place::time(permission.created_at, permission.id),
    }
}
