//! `POST /permissions`

use http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use serde_json::json;

use super::inputs::ModuleIdText;
use crate::app::create_permission;
use crate::domain::{CodePart, NewPermission, PermissionText};
use crate::manifest::PermissionCreate;
use crate::view::PermissionView;

http::choice! {
    /// Where a permission can be held.
    pub(crate) enum PermissionScopeText { Tenant = "tenant", Platform = "platform" }
}

http::input! {
    /// What it takes to make a permission.
    pub(crate) struct CreatePermission {
        /// The module that it is linked to.
        module_id: ModuleIdText,
        /// What is acted on, in either case.
        resource: CodePart,
        /// What is done to it, in either case.
        action: CodePart,
        /// Where it can be held.
        scope: PermissionScopeText = PermissionScopeText::Tenant,
        /// What it allows.
        description: Option<PermissionText>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createPermission", "Create a permission")
        .describe(
            "For a business module. The code is made of the module's code, the resource and the action, in upper case.",
        )
        .takes::<CreatePermission>(json!({
            "moduleId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e43",
            "resource": "invoice",
            "action": "approve",
            "description": "Approve invoices"
        }))
        .creates::<PermissionView>("The permission", super::example::permission())
        .refuses([ErrorCode::ConflictDuplicate, ErrorCode::NotFound])
}

pub(super) async fn handle(
    caller: Requires<PermissionCreate>,
    Body(input): Body<CreatePermission>,
) -> Result<Answer, ApiError> {
    let (granted, module) = (caller.granted().clone(), input.module_id.0);
    let new = NewPermission {
        resource: input.resource,
        action: input.action,
        is_platform: input.scope == PermissionScopeText::Platform,
        description: input.description,
    };
    caller
        .write(move |uow| {
            let (granted, new) = (granted.clone(), new.clone());
            async move {
                let made = create_permission(&granted, &uow, module, &new).await?;
                Answer::created(&format!("/permissions/{}", made.id), &made)
            }
        })
        .await
}
