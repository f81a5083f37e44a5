//! `PATCH /modules/{id}`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Body, Doc, PathId, Requires};
use serde_json::json;

use super::inputs::SortOrder;
use crate::app::update_module;
use crate::domain::{Description, Icon, Module, ModuleChanges, Name};
use crate::manifest::ModuleUpdate;
use crate::views::{self, ModuleView};

http::input! {
    /// What to change about a module; what is absent stays.
    pub(crate) struct UpdateModule {
        /// What people call it.
        name: Keep<Name>,
        /// What it is for; `null` removes it.
        description: Patch<Description>,
        /// The name of its icon; `null` removes it.
        icon: Patch<Icon>,
        /// Its place among the others.
        sort_order: Keep<SortOrder>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateModule", "Change a module")
        .describe("The code of a module never changes. Whether it is on has routes of its own.")
        .takes::<UpdateModule>(json!({ "name": "Finanças", "sortOrder": 5 }))
        .answers::<ModuleView>("The module as it is now", views::module_example())
}

pub(super) async fn handle(
    caller: Requires<ModuleUpdate>,
    path: PathId<ModuleId>,
    Body(input): Body<UpdateModule>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let changes = ModuleChanges {
        name: input.name.into_option(),
        description: input.description.into_change(),
        icon: input.icon.into_change(),
        sort_order: input.sort_order.into_option().map(SortOrder::get),
    };
    caller
        .write(move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            async move {
                let is_current = |module: &Module| precondition.check(&ModuleView::from(module.state())).is_ok();
                let changed = update_module(&granted, &uow, id, is_current, changes).await?;
                Answer::ok(&ModuleView::from(changed.state()))
            }
        })
        .await
}
