//! Handing what happened to the unit of work.

use db::{DbError, UnitOfWork};
use kernel::{DomainEvent, OrganizationId};
use serde::Serialize;

/// Records what happened to an object that clients see as `view`; false when nothing did.
pub(crate) fn record<V: Serialize>(
    uow: &UnitOfWork,
    organization: OrganizationId,
    events: Vec<DomainEvent>,
    view: &V,
) -> Result<bool, DbError> {
    if events.is_empty() {
        return Ok(false);
    }
    let data = serde_json::to_string(view)
        .map_err(|error| DbError::Internal(format!("an object cannot be rendered: {error}")))?;
    for event in events {
        uow.record(organization, event, data.clone());
    }
    Ok(true)
}
