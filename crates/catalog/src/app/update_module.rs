//! Changing what people see of a module.

use authz::Granted;
use contracts::catalog::ModuleId;
use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Module, ModuleChanges};
use crate::manifest::ModuleUpdate;
use crate::store::modules;

/// Changes name, description, icon and order, if the module still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, stale.
pub(crate) async fn update_module(
    granted: &Granted<ModuleUpdate>,
    uow: &UnitOfWork,
    id: ModuleId,
    is_current: impl FnOnce(&Module) -> bool,
    changes: ModuleChanges,
) -> Result<Module, Refusal> {
    let mut module = modules::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    if !is_current(&module) {
        return Err(Refusal::Stale);
    }
    module.change(changes, uow.now());
    modules::save(uow, granted.organization(), &mut module).await?;
    Ok(module)
}
