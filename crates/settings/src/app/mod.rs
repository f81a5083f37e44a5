//! The use cases: one file each, read as a story.

mod create_integration;
mod delete_integration;
mod refusal;
mod restyle;
mod show_picture;
mod update_integration;
mod update_settings;

use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::OrganizationId;

pub(crate) use create_integration::create_integration;
pub(crate) use delete_integration::delete_integration;
pub(crate) use refusal::Refusal;
pub(crate) use restyle::restyle;
pub(crate) use show_picture::show_picture;
pub(crate) use update_integration::update_integration;
pub(crate) use update_settings::update_settings;

/// Tells every node that what it remembers of the organization is outdated.
fn settings_changed(uow: &UnitOfWork, organization: OrganizationId) {
    uow.access_changed(AccessChange {
        organization_id: Some(organization),
        kind: ChangeKind::Settings,
        subject: None,
        until: None,
    });
}
