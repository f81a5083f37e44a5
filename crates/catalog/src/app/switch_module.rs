//! Switching a module for the whole installation. It is one row, however many organizations there are.

use authz::Granted;
use contracts::catalog::ModuleId;
use db::UnitOfWork;

use super::{Refusal, catalogue_changed};
use crate::domain::Module;
use crate::manifest::ModuleUpdate;
use crate::store::modules;

/// Allows a module to be on again, which switches it on for nobody.
///
/// # Errors
/// [`Refusal::NotFound`].
pub(crate) async fn activate_module(
    granted: &Granted<ModuleUpdate>,
    uow: &UnitOfWork,
    id: ModuleId,
) -> Result<Module, Refusal> {
    let epoch = modules::off_epoch(uow).await?;
    let mut module = modules::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    module.activate(epoch, uow.now());
    save(granted, uow, &mut module).await?;
    Ok(module)
}

/// Switches a module off for every organization.
///
/// # Errors
/// [`Refusal`]: not found, a core module.
pub(crate) async fn deactivate_module(
    granted: &Granted<ModuleUpdate>,
    uow: &UnitOfWork,
    id: ModuleId,
) -> Result<Module, Refusal> {
    let epoch = modules::off_epoch(uow).await?;
    let mut module = modules::lock(uow, id).await?.ok_or(Refusal::NotFound)?;
    module.deactivate(epoch, uow.now())?;
    save(granted, uow, &mut module).await?;
    Ok(module)
}

async fn save(granted: &Granted<ModuleUpdate>, uow: &UnitOfWork, module: &mut Module) -> Result<(), Refusal> {
    if modules::save(uow, granted.organization(), module).await? {
        catalogue_changed(uow, module.state().id);
    }
    Ok(())
}
