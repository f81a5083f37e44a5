//! What this context declares: its permissions and its events.

use authz::{Permission, PermissionInfo};
use contracts::{EventData, EventType, Manifest};

use crate::views::{self, AssignmentView, ModuleView, OrganizationOverridesView, PackageView, SwitchedModuleView};

authz::permission! {
    /// See the modules of the catalogue.
    pub struct ModuleRead = "MODULE_MANAGEMENT" "MODULE" "READ", Platform, "See the modules of the installation";
    /// Make a module.
    pub struct ModuleCreate = "MODULE_MANAGEMENT" "MODULE" "CREATE", Platform, "Create modules";
    /// Change a module, or switch it for the whole installation.
    pub struct ModuleUpdate = "MODULE_MANAGEMENT" "MODULE" "UPDATE", Platform,
        "Change modules, and switch them for the whole installation";
    /// See which modules an organization has.
    pub struct OrganizationModuleRead = "MODULE_MANAGEMENT" "ORGANIZATION_MODULE" "READ", Platform,
        "See the modules of organizations";
    /// Switch modules for an organization.
    pub struct OrganizationModuleUpdate = "MODULE_MANAGEMENT" "ORGANIZATION_MODULE" "UPDATE", Platform,
        "Switch modules for organizations";
    /// See packages, and what an edit of one would do.
    pub struct PackageRead = "MODULE_MANAGEMENT" "PACKAGE" "READ", Platform, "See packages";
    /// Make a package.
    pub struct PackageCreate = "MODULE_MANAGEMENT" "PACKAGE" "CREATE", Platform, "Create packages";
    /// Edit a package, for every organization on it.
    pub struct PackageUpdate = "MODULE_MANAGEMENT" "PACKAGE" "UPDATE", Platform, "Edit packages, for every organization on them";
    /// Delete a package that no organization is on.
    pub struct PackageDelete = "MODULE_MANAGEMENT" "PACKAGE" "DELETE", Platform, "Delete packages";
    /// See what an organization may use, and why.
    pub struct EntitlementRead = "MODULE_MANAGEMENT" "ENTITLEMENT" "READ", Platform, "See what organizations may use, and why";
    /// Put an organization on a package, and make exceptions for it.
    pub struct EntitlementUpdate = "MODULE_MANAGEMENT" "ENTITLEMENT" "UPDATE", Platform,
        "Put organizations on packages, and make exceptions for them";
}

/// A module was made.
pub(crate) const MODULE_CREATED: &str = "module.created";
/// Something about a module changed.
pub(crate) const MODULE_UPDATED: &str = "module.updated";
/// A module was switched on, for an organization or for the installation.
pub(crate) const MODULE_ACTIVATED: &str = "module.activated";
/// A module was switched off, for an organization or for the installation.
pub(crate) const MODULE_DEACTIVATED: &str = "module.deactivated";
/// A module is what the package says again.
pub(crate) const MODULE_RELEASED: &str = "module.released";
/// A package was made.
pub(crate) const PACKAGE_CREATED: &str = "package.created";
/// A package was edited.
pub(crate) const PACKAGE_UPDATED: &str = "package.updated";
/// A package was deleted.
pub(crate) const PACKAGE_DELETED: &str = "package.deleted";
/// An organization was put on a package.
pub(crate) const PACKAGE_ASSIGNED: &str = "package.assigned";
/// The exceptions of an organization changed.
pub(crate) const OVERRIDES_UPDATED: &str = "overrides.updated";

const MODULE: EventData = EventData::of::<ModuleView>(views::module_example);
const SWITCHED: EventData = EventData::of::<SwitchedModuleView>(views::switched_module_example);
const PACKAGE: EventData = EventData::of::<PackageView>(views::package_example);
const ASSIGNMENT: EventData = EventData::of::<AssignmentView>(views::assignment_example);
const OVERRIDES: EventData = EventData::of::<OrganizationOverridesView>(views::organization_overrides_example);

const fn event(
    name: &'static str,
    description: &'static str,
    permission: &'static PermissionInfo,
    data: EventData,
) -> EventType {
    EventType {
        name,
        description,
        permission,
        from_platform: None,
        data,
    }
}

/// The context's declaration.
pub const MANIFEST: Manifest = Manifest {
    code: "MODULE_MANAGEMENT",
    name: "Modules",
    description: "Modules, packages, and what each organization may use",
    is_core: true,
    permissions: &[
        ModuleRead::INFO,
        ModuleCreate::INFO,
        ModuleUpdate::INFO,
        OrganizationModuleRead::INFO,
        OrganizationModuleUpdate::INFO,
        PackageRead::INFO,
        PackageCreate::INFO,
        PackageUpdate::INFO,
        PackageDelete::INFO,
        EntitlementRead::INFO,
        EntitlementUpdate::INFO,
    ],
    events: &[
        event(MODULE_CREATED, "A module was created", ModuleRead::INFO, MODULE),
        event(
            MODULE_UPDATED,
            "The name, description, icon or order of a module changed",
            ModuleRead::INFO,
            MODULE,
        ),
        event(
            MODULE_ACTIVATED,
            "A module was switched on, for an organization or for the installation",
            OrganizationModuleRead::INFO,
            SWITCHED,
        ),
        event(
            MODULE_DEACTIVATED,
            "A module was switched off, for an organization or for the installation",
            OrganizationModuleRead::INFO,
            SWITCHED,
        ),
        event(
            MODULE_RELEASED,
            "A module that had been switched by hand is what the package says again",
            OrganizationModuleRead::INFO,
            SWITCHED,
        ),
        event(PACKAGE_CREATED, "A package was created", PackageRead::INFO, PACKAGE),
        event(
            PACKAGE_UPDATED,
            "A package was edited, for every organization on it",
            PackageRead::INFO,
            PACKAGE,
        ),
        event(PACKAGE_DELETED, "A package was deleted", PackageRead::INFO, PACKAGE),
        event(
            PACKAGE_ASSIGNED,
            "An organization was put on a package",
            EntitlementRead::INFO,
            ASSIGNMENT,
        ),
        event(
            OVERRIDES_UPDATED,
            "The exceptions of an organization changed",
            EntitlementRead::INFO,
            OVERRIDES,
        ),
    ],
    objects: &[],
};
