//! `POST /roles`

use contracts::access::RoleView;
use http::{Answer, ApiError, Body, Doc, ErrorCode, RequiresWithin};
use serde_json::json;

use crate::app::create_role;
use crate::domain::{Code, Description, Name, NewRole};
use crate::manifest::RoleCreate;

http::input! {
    /// What it takes to make a role.
    pub(crate) struct CreateRole {
        /// What people call it.
        name: Name,
        /// Its code, unique in the organization; it never changes.
        code: Code,
        /// What it is for.
        description: Option<Description>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createRole", "Create a role")
        .describe("A new role grants nothing until it is given permissions. The codes of the system roles are taken.")
        .takes::<CreateRole>(json!({ "name": "Invoice clerk", "code": "INVOICE_CLERK" }))
        .creates::<RoleView>("The role", super::example::role())
        .refuses([ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: RequiresWithin<RoleCreate>,
    Body(input): Body<CreateRole>,
) -> Result<Answer, ApiError> {
    let within = caller.within().clone();
    let CreateRole {
        name,
        code,
        description,
    } = input;
    let new = NewRole {
        code,
        name,
        description,
    };
    caller
        .write(move |uow| {
            let (within, new) = (within.clone(), new.clone());
            async move {
                let made = RoleView::from(&create_role(&within, &uow, new).await?);
                Answer::created(&format!("/roles/{}", made.id), &made)
            }
        })
        .await
}
