//! `GET /users/{userId}/roles`

use contracts::identity::{Principals, UserId};
use http::{Answer, ApiError, Caller, Doc, ListQuery, PathId, Place, RequiresWithin};
use serde_json::json;

use crate::manifest::UserRoleRead;
use crate::store::user_roles::{self, FIELDS, Filter};
use crate::view::UserRoleView;

http::filters! {
    /// What the list can be narrowed by.
    pub(crate) struct UserRoleFilter {
        /// Only grants that are limited to this module.
        module: String = "module",
    }
}

http::sort_keys! {
    /// What the list can be ordered by.
    pub(crate) enum UserRoleSort: ascending CreatedAt {
        CreatedAt = "createdAt" (Time),
    }
}

type UserRoles = ListQuery<UserRoleFilter, UserRoleSort>;

pub(super) fn doc() -> Doc {
    Doc::new("listUserRoles", "List the roles of a user")
        .describe("What was granted to the user itself and is in force; not what its groups bring, and no grant that expired.")
        .query::<UserRoles>()
        .lists::<UserRoleView>("A page of roles", json!([super::example::user_role()]))
}

pub(super) async fn handle(
    caller: RequiresWithin<UserRoleRead>,
    path: PathId<UserId>,
    query: UserRoles,
) -> Result<Answer, ApiError> {
    let user = known(&caller, path.found()?).await?;
    let reached = caller.narrowed(&FIELDS)?;
    let scope = caller.app().db().scope(caller.organization());
    let filter = Filter {
        user,
        module: query.filter.module.as_deref(),
        now: caller.app().generators().now(),
    };
    let listed = user_roles::list(scope, reached, filter, query.sort.direction, &query.page, query.start()).await?;
    query.answer(&listed, |granted, _| Place::time(granted.created_at, granted.role.id))
}

/// The user, if the organization acted in has it.
///
/// # Errors
/// `NOT_FOUND`.
pub(super) async fn known(caller: &Caller, user: UserId) -> Result<UserId, ApiError> {
    let principals = caller.app().port::<dyn Principals>()?;
    let found = principals.user(caller.organization(), user).await?;
    found.map(|user| user.id).ok_or_else(ApiError::not_found)
}
