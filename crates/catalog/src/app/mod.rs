//! The use cases: one file each, read as a story.

mod assign_package;
mod contents;
mod create_module;
mod create_package;
mod delete_package;
mod entitlements;
mod neighbours;
mod preview;
mod refusal;
mod replace_overrides;
mod roll_out;
mod switch_for_organization;
mod switch_module;
mod update_module;
mod update_package;

pub(crate) use assign_package::{assign_new, assign_package};
pub(crate) use contents::{AskedContents, AskedTerms, resolve};
pub(crate) use create_module::create_module;
pub(crate) use create_package::create_package;
pub(crate) use delete_package::delete_package;
pub(crate) use entitlements::{entitlements_of, overrides_of};
pub(crate) use neighbours::Neighbours;
pub(crate) use preview::{preview_assignment, preview_package};
pub(crate) use refusal::Refusal;
pub(crate) use replace_overrides::{AskedException, AskedOverrides, AskedQuota, replace_overrides};
pub(crate) use roll_out::roll_out;
pub(crate) use switch_for_organization::{Deactivation, release, switch_off, switch_on};
pub(crate) use switch_module::{activate_module, deactivate_module};
pub(crate) use update_module::update_module;
pub(crate) use update_package::{AskedChanges, update_package};

use contracts::catalog::{ModuleId, PackageId};
use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::{Id as _, OrganizationId};

/// Tells every node that a module is another one for everybody.
fn catalogue_changed(uow: &UnitOfWork, module: ModuleId) {
    uow.access_changed(AccessChange {
        organization_id: None,
        kind: ChangeKind::Catalogue,
        subject: Some(module.as_uuid()),
        until: None,
    });
}

/// Tells every node that organizations on a package may use something else.
fn package_changed(uow: &UnitOfWork, package: PackageId) {
    for kind in [ChangeKind::Entitlements, ChangeKind::Quotas] {
        uow.access_changed(AccessChange {
            organization_id: None,
            kind,
            subject: Some(package.as_uuid()),
            until: None,
        });
    }
}

/// Tells every node that one organization may use something else.
fn entitlements_changed(uow: &UnitOfWork, organization: OrganizationId) {
    for kind in [ChangeKind::Entitlements, ChangeKind::Quotas] {
        uow.access_changed(AccessChange {
            organization_id: Some(organization),
            kind,
            subject: None,
            until: None,
        });
    }
}
