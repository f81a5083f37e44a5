//! `POST /modules`

use http::{Answer, ApiError, Body, Doc, ErrorCode, Requires};
use serde_json::json;

use super::inputs::SortOrder;
use crate::app::create_module;
use crate::domain::{Description, Icon, ModuleCode, Name, NewModule};
use crate::manifest::ModuleCreate;
use crate::views::{self, ModuleView};

http::input! {
    /// What it takes to make a module.
    pub(crate) struct CreateModule {
        /// Its code, unique in the installation; it never changes.
        code: ModuleCode,
        /// What people call it.
        name: Name,
        /// What it is for.
        description: Option<Description>,
        /// The name of its icon.
        icon: Option<Icon>,
        /// Its place among the others.
        sort_order: SortOrder = SortOrder::of::<0>(),
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("createModule", "Create a module")
        .describe("A new module is active for the installation, and on for no organization yet.")
        .takes::<CreateModule>(json!({ "code": "FINANCE", "name": "Financeiro", "icon": "wallet", "sortOrder": 10 }))
        .creates::<ModuleView>("The module", views::module_example())
        .refuses([ErrorCode::ConflictDuplicate])
}

pub(super) async fn handle(
    caller: Requires<ModuleCreate>,
    Body(input): Body<CreateModule>,
) -> Result<Answer, ApiError> {
    let granted = caller.granted().clone();
    let new = NewModule {
        code: input.code,
        name: input.name,
        description: input.description,
        icon: input.icon,
        sort_order: input.sort_order.get(),
    };
    caller
        .write(move |uow| {
            let (granted, new) = (granted.clone(), new.clone());
            async move {
                let made = ModuleView::from(create_module(&granted, &uow, new).await?.state());
                Answer::created(&format!("/modules/{}", made.id), &made)
            }
        })
        .await
}
