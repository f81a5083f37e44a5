//! `POST /modules/{id}/deactivate`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, ErrorCode, NoBody, PathId, Requires};

use crate::app::deactivate_module;
use crate::manifest::ModuleUpdate;
use crate::views::{self, ModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("deactivateModule", "Deactivate a module for the installation")
        .describe(
            "Switches it off for every organization at once, whatever else says. Deactivating an inactive one changes nothing.",
        )
        .answers::<ModuleView>("The module as it is now", views::module_example())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<ModuleUpdate>,
    path: PathId<ModuleId>,
    _: NoBody,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let granted = caller.granted().clone();
    caller
        .write(move |uow| {
            let granted = granted.clone();
            async move {
                let module = deactivate_module(&granted, &uow, id).await?;
                Answer::ok(&ModuleView::from(module.state()))
            }
        })
        .await
}
