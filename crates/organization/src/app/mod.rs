//! The use cases: one file each, read as a story.

mod activate_organization;
mod create_organization;
mod deactivate_organization;
mod recount;
mod refusal;
mod rename_organization;
mod request_job;
mod seed_platform;
mod update_organization;

pub(crate) use activate_organization::activate_organization;
pub(crate) use create_organization::create_organization;
pub(crate) use deactivate_organization::deactivate_organization;
pub(crate) use recount::recount;
pub(crate) use refusal::Refusal;
pub(crate) use rename_organization::rename_organization;
pub(crate) use request_job::request_job;
pub use seed_platform::{platform, seed_platform};
pub(crate) use update_organization::update_organization;

use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::OrganizationId;

/// Has every node ask anew whether the organization acts.
pub(crate) fn tell_nodes(uow: &UnitOfWork, id: OrganizationId) {
    uow.access_changed(AccessChange {
        organization_id: Some(id),
        kind: ChangeKind::Organization,
        subject: None,
        until: None,
    });
}
