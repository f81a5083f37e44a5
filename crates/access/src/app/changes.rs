//! Telling every node what a change outdates.

use contracts::access::RoleId;
use contracts::identity::UserId;
use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::{Id as _, OrganizationId};
use uuid::Uuid;

use crate::domain::GroupId;

/// What a role holds or inherits changed, or whether it exists.
pub(crate) fn role(uow: &UnitOfWork, organization: OrganizationId, id: RoleId) {
    tell(uow, organization, ChangeKind::Role, id.as_uuid());
}

/// What a group holds changed, or whether it exists.
pub(crate) fn group(uow: &UnitOfWork, organization: OrganizationId, id: GroupId) {
    tell(uow, organization, ChangeKind::Group, id.as_uuid());
}

/// The roles or the groups of a user changed.
pub(crate) fn user(uow: &UnitOfWork, organization: OrganizationId, id: UserId) {
    tell(uow, organization, ChangeKind::User, id.as_uuid());
}

/// The permissions of the installation changed.
pub(crate) fn catalogue(uow: &UnitOfWork) {
    uow.access_changed(AccessChange {
        organization_id: None,
        kind: ChangeKind::Catalogue,
        subject: None,
        until: None,
    });
}

fn tell(uow: &UnitOfWork, organization: OrganizationId, kind: ChangeKind, subject: Uuid) {
    uow.access_changed(AccessChange {
        organization_id: Some(organization),
        kind,
        subject: Some(subject),
        until: None,
    });
}
