//! Making a module.

use authz::Granted;
use db::UnitOfWork;

use super::{Refusal, catalogue_changed};
use crate::domain::{Module, NewModule};
use crate::manifest::ModuleCreate;
use crate::store::modules;

/// Makes a module. No organization has it yet.
///
/// # Errors
/// [`Refusal::Storage`], a taken code among it, at the latest when the unit commits.
pub(crate) async fn create_module(
    granted: &Granted<ModuleCreate>,
    uow: &UnitOfWork,
    new: NewModule,
) -> Result<Module, Refusal> {
    let mut module = Module::create(uow.generators().id(), new, uow.now());
    modules::add(uow, granted.organization(), &mut module).await?;
    catalogue_changed(uow, module.state().id);
    Ok(module)
}
