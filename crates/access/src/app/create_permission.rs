//! Making a permission for a business module.

use authz::Granted;
use contracts::catalog::{ModuleId, PermissionId};
use db::UnitOfWork;
use kernel::{DomainEvent, FieldValue};

use super::{Refusal, changes};
use crate::domain::NewPermission;
use crate::manifest::{PERMISSION_CREATED, PermissionCreate};
use crate::store::permissions;
use crate::view::PermissionView;

/// Makes a permission; whoever holds a system role that covers it holds it from then on.
///
/// # Errors
/// [`Refusal::NotFound`] of a module; [`Refusal::Storage`], a taken code among it, at the latest when the unit commits.
pub(crate) async fn create_permission(
    granted: &Granted<PermissionCreate>,
    uow: &UnitOfWork,
    module: ModuleId,
    new: &NewPermission,
) -> Result<PermissionView, Refusal> {
    let module_code = permissions::module_code(uow.global().reads(), module).await?;
    let module_code = module_code.ok_or(Refusal::NotFound)?;
    let id: PermissionId = uow.generators().id();
    let made = permissions::add(uow, id, module, &module_code, new).await?;
    let event = DomainEvent::new(PERMISSION_CREATED, id)
        .changed("code", FieldValue::Null, made.code.as_str())
        .changed("scope", FieldValue::Null, made.scope.as_str());
    uow.record_all(granted.organization(), [event], &made)?;
    changes::catalogue(uow);
    Ok(made)
}
