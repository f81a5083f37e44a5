//! What follows from who is active.

use contracts::usage::{Quotas, ReserveError, USERS_ACTIVE};
use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::{Id as _, OrganizationId};

use crate::domain::User;
use crate::service::Service;

/// Counts users who become active, or inactive, against the organization's quota. It is the last thing that a unit does.
///
/// # Errors
/// [`ReserveError`].
pub(crate) async fn headcount(
    uow: &UnitOfWork,
    service: &Service,
    organization: OrganizationId,
    change: i64,
) -> Result<(), ReserveError> {
    match service.ports.find::<dyn Quotas>() {
        Some(quotas) => quotas.reserve(uow, organization, USERS_ACTIVE, change).await,
        // Without the context that counts there are no quotas.
        None => Ok(()),
    }
}

/// Tells every node that what the user may do, and what it made may do, is to be read anew.
pub(crate) fn user_changed(uow: &UnitOfWork, user: &User) {
    let state = user.state();
    uow.access_changed(AccessChange {
        organization_id: Some(state.organization),
        kind: ChangeKind::User,
        subject: Some(state.id.as_uuid()),
        until: None,
    });
}
