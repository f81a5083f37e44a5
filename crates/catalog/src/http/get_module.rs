//! `GET /modules/{id}`

use contracts::catalog::ModuleId;
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::ModuleRead;
use crate::store::modules;
use crate::views::{self, ModuleView};

pub(super) fn doc() -> Doc {
    Doc::new("getModule", "Get a module").answers::<ModuleView>("The module", views::module_example())
}

pub(super) async fn handle(caller: Requires<ModuleRead>, path: PathId<ModuleId>) -> Result<Answer, ApiError> {
    let found = modules::lookup(caller.app().db().global(), path.found()?).await?;
    Answer::ok(&ModuleView::from(&found.ok_or_else(ApiError::not_found)?))
}
