//! `POST /roles/{id}/parents`

use contracts::access::RoleId;
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, RequiresWithin};
use serde_json::json;

use super::inputs::RoleIdText;
use crate::app::inherit;
use crate::manifest::RoleUpdate;
use crate::view::RoleParentView;

http::input! {
    /// A role to inherit from.
    pub(crate) struct AddParent {
        /// The role to inherit from, the organization's own or a system role.
        parent_role_id: RoleIdText,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("addRoleParent", "Let a role inherit from another")
        .describe("It then grants what its parent grants. No role inherits from itself, however far.")
        .takes::<AddParent>(json!({ "parentRoleId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41" }))
        .creates::<RoleParentView>("It inherits", super::example::role_parent())
        .refuses([
            ErrorCode::NotFound,
            ErrorCode::ConflictCycle,
            ErrorCode::ConflictDuplicate,
            ErrorCode::RbacEscalation,
            ErrorCode::RbacSystemRoleImmutable,
        ])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleUpdate>,
    path: PathId<RoleId>,
    Body(input): Body<AddParent>,
) -> Result<Answer, ApiError> {
    let (role_id, parent_role_id) = (path.found()?, input.parent_role_id.0);
    let within = caller.within().clone();
    caller
        .write_judged(move |uow, judge| {
            let within = within.clone();
            async move {
                let parent = inherit(&within, &uow, &*judge, role_id, parent_role_id).await?;
                let made = RoleParentView {
                    role_id,
                    parent_role_id,
                    parent,
                };
                Answer::created(&format!("/roles/{role_id}/parents/{parent_role_id}"), &made)
            }
        })
        .await
}
