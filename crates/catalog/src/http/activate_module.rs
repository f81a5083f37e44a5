//! `POST /modules/{id}/activate`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, NoBody, PathId, Requires};

use crate::app::activate_module;
use crate::manifest::ModuleUpdate;
use crate::views::{self, ModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("activateModule", "Activate a module for the installation")
        .describe(
            "Lets organizations have it again, and switches it on for none: what was on before it was deactivated stays off. Activating an active one changes nothing.",
        )
        .answers::<ModuleView>("The module as it is now", views::module_example())
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
                let module = activate_module(&granted, &uow, id).await?;
                Answer::ok(&ModuleView::from(module.state()))
            }
        })
        .await
}
