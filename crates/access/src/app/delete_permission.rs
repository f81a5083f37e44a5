//! Deleting a permission that was made for a business module.

use authz::Granted;
use contracts::catalog::PermissionId;
use db::UnitOfWork;
use kernel::{DomainEvent, FieldValue};

use super::{Refusal, changes};
use crate::manifest::{PERMISSION_DELETED, PermissionDelete};
use crate::store::permissions;
use crate::view::PermissionView;

/// Deletes a permission, and with it every grant of it in every organization, if it still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, declared by the program, stale.
pub(crate) async fn delete_permission(
    granted: &Granted<PermissionDelete>,
    uow: &UnitOfWork,
    id: PermissionId,
    is_current: impl FnOnce(&PermissionView) -> bool,
) -> Result<(), Refusal> {
    let found = permissions::lookup(uow.global().reads(), id).await?;
    let (permission, is_declared) = found.ok_or(Refusal::NotFound)?;
    if !is_current(&permission) {
        return Err(Refusal::Stale);
    }
    if is_declared {
        return Err(Refusal::Declared);
    }
    permissions::remove(uow, id).await?;
    let event = DomainEvent::new(PERMISSION_DELETED, id).changed("code", permission.code.as_str(), FieldValue::Null);
    uow.record_all(granted.organization(), [event], &permission)?;
    changes::catalogue(uow);
    Ok(())
}
