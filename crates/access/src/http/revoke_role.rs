//! `DELETE /users/{userId}/roles/{roleId}`

use contracts::access::RoleId;
use contracts::identity::{Principals, UserId};
use http::{Answer, ApiError, Doc, ErrorCode, PathIds, Query, RequiresWithin};

use crate::app::revoke_role;
use crate::manifest::UserRoleRevoke;

http::filters! {
    /// Which grant is meant, where the user has several of the role.
    pub(crate) struct RevokeQuery {
        /// The module that the grant is limited to.
        module: String = "module",
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("revokeRole", "Take a role from a user")
        .describe("It counts at once. The grant by which the last active user administers the organization stays.")
        .query::<Query<RevokeQuery>>()
        .answers_nothing("The user does not hold it any more")
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserRoleRevoke>,
    path: PathIds<UserId, RoleId>,
    Query(query): Query<RevokeQuery>,
) -> Result<Answer, ApiError> {
    let (user, role) = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    let principals = caller.app().port::<dyn Principals>()?;
    caller
        .write_judged(move |uow, judge| {
            let (within, precondition) = (within.clone(), precondition.clone());
            let (principals, module) = (principals.clone(), query.module.clone());
            async move {
                precondition.check_unversioned()?;
                let known = principals.user_in(&uow, within.organization(), user).await?;
                known.ok_or_else(ApiError::not_found)?;
                revoke_role(&within, &uow, &*judge, user, role, module.as_deref()).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
