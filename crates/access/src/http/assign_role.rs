//! `POST /users/{userId}/roles`

use contracts::identity::{Principals, UserId};
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, RequiresWithin, TimeText};
use serde_json::json;

use super::inputs::RoleIdText;
use crate::app::{Assignment, assign_role};
use crate::manifest::UserRoleAssign;
use crate::view::UserRoleView;

http::input! {
    /// What a grant is limited to.
    pub(crate) struct AssignScope {
        /// The code of the one module.
        module: String,
    }
}

http::input! {
    /// A role for a user.
    pub(crate) struct AssignRole {
        /// The role, the organization's own or a system role.
        role_id: RoleIdText,
        /// The instant from which it grants nothing.
        expires_at: Option<TimeText>,
        /// What it is limited to: `MODULE_MANAGER` needs a module, and no other role takes one.
        scope: Option<AssignScope>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("assignRole", "Grant a role to a user")
        .describe("Nobody grants more than they hold, nor for longer.")
        .takes::<AssignRole>(json!({
            "roleId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
            "expiresAt": "2026-12-31T23:59:59Z"
        }))
        .creates::<UserRoleView>("It is granted", super::example::user_role())
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::ConflictDuplicate,
            ErrorCode::RbacEscalation,
        ])
}

pub(super) async fn handle(
    caller: RequiresWithin<UserRoleAssign>,
    path: PathId<UserId>,
    Body(input): Body<AssignRole>,
) -> Result<Answer, ApiError> {
    let new = Assignment {
        user: path.found()?,
        role: input.role_id.0,
        module: input.scope.map(|scope| scope.module),
        expires_at: input.expires_at.map(|TimeText(end)| end),
    };
    let (within, principals) = (caller.within().clone(), caller.app().port::<dyn Principals>()?);
    caller
        .write_judged(move |uow, judge| {
            let (within, principals, new) = (within.clone(), principals.clone(), new.clone());
            async move {
                let user = principals.user_in(&uow, within.organization(), new.user).await?;
                user.ok_or_else(ApiError::not_found)?;
                let made = assign_role(&within, &uow, &*judge, &new).await?;
                Answer::created(&format!("/users/{}/roles/{}", new.user, new.role), &made)
            }
        })
        .await
}
