//! `PATCH /roles/{id}`

use contracts::access::{RoleId, RoleView};
use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, RequiresWithin};
use serde_json::json;

use crate::app::update_role;
use crate::domain::{Changes, Description, Name};
use crate::manifest::RoleUpdate;

http::input! {
    /// What to change about a role; what is absent stays.
    pub(crate) struct UpdateRole {
        /// What people call it.
        name: Keep<Name>,
        /// What it is for; `null` removes it.
        description: Patch<Description>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateRole", "Change a role")
        .describe("The code of a role never changes, and nothing of a system role does.")
        .takes::<UpdateRole>(json!({ "name": "Senior invoice clerk" }))
        .answers::<RoleView>("The role as it is now", super::example::role())
        .refuses([ErrorCode::RbacSystemRoleImmutable])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleUpdate>,
    path: PathId<RoleId>,
    Body(input): Body<UpdateRole>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (within, precondition) = (caller.within().clone(), caller.precondition());
    let changes = Changes {
        name: input.name.into_option(),
        description: input.description.into_change(),
    };
    caller
        .write(move |uow| {
            let (within, precondition, changes) = (within.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |current: &_| precondition.check(&RoleView::from(current)).is_ok();
                let changed = update_role(&within, &uow, id, is_current, changes).await?;
                Answer::ok(&RoleView::from(&changed))
            }
        })
        .await
}
