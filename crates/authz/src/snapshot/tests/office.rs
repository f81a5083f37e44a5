//! A small organization that one can overlook.

use std::sync::Arc;

use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

use super::world::system;
use crate::PermissionScope;
use crate::conditions::Condition;
use crate::snapshot::{
    Because, Catalogue, GroupPermissionRow, GroupRoleRow, GroupRow, MemberRow, ModuleRow, Period, PermissionIndex,
    PermissionRow, Principal, RoleParentRow, RolePermissionRow, RoleRow, Rows, Snapshot, SystemRole, SystemRoleRow,
    UserRoleRow, UserRow,
};

crate::permission!(
    /// Read invoices.
    pub(super) struct InvoiceRead = "FINANCE" "INVOICE" "READ", Tenant, "Read invoices";
    /// Change invoices.
    pub(super) struct InvoiceUpdate = "FINANCE" "INVOICE" "UPDATE", Tenant, "Change invoices";
    /// Read orders.
    pub(super) struct OrderRead = "SALES" "ORDER" "READ", Tenant, "Read orders";
    /// Change orders.
    pub(super) struct OrderUpdate = "SALES" "ORDER" "UPDATE", Tenant, "Change orders";
    /// Read organizations.
    pub(super) struct OrganizationRead = "ORGANIZATION" "ORGANIZATION" "READ", Platform, "Read organizations";
    /// Create organizations.
    pub(super) struct OrganizationCreate = "ORGANIZATION" "ORGANIZATION" "CREATE", Platform, "Create organizations";
    /// Fly to the moon.
    pub(super) struct Unseeded = "SPACE" "MOON" "FLY", Tenant, "Not in the catalogue";
    /// Run the moon.
    pub(super) struct UnseededPlatform = "SPACE" "MOON" "RUN", Platform, "Not in the catalogue";
);

pub(super) const CODES: [&str; 6] = [
    "FINANCE_INVOICE_READ",
    "FINANCE_INVOICE_UPDATE",
    "SALES_ORDER_READ",
    "SALES_ORDER_UPDATE",
    "ORGANIZATION_ORGANIZATION_READ",
    "ORGANIZATION_ORGANIZATION_CREATE",
];

pub(super) fn catalogue() -> Arc<Catalogue> {
    let permissions = CODES.map(|code| {
        let (module, rest) = code.split_once('_').unwrap();
        PermissionRow {
            id: id(code),
            code: code.to_owned(),
            module: module.to_owned(),
            action: rest.split_once('_').unwrap().1.to_owned(),
            scope: if module == "ORGANIZATION" {
                PermissionScope::Platform
            } else {
                PermissionScope::Tenant
            },
        }
    });
    let system_roles = SystemRole::ALL.map(|role| SystemRoleRow { id: system(role), role });
    Arc::new(Catalogue::new(permissions.to_vec(), system_roles.to_vec()).unwrap())
}

/// An id made of a name, so that a test can say the name.
pub(super) fn id(name: &str) -> Uuid {
    if let Some(role) = SystemRole::find(name) {
        return system(role);
    }
    // Collisions among the names of a test would show at once.
    let low = name
        .bytes()
        .fold(7_u64, |hash, byte| hash.wrapping_mul(0x100_0000_01b3) ^ u64::from(byte));
    Uuid::from_u64_pair(0x0189_0a5d_ac96_774b, low)
}

pub(super) fn user(name: &str) -> Principal {
    Principal::user(id(name))
}

pub(super) fn condition(text: &str) -> Arc<Condition> {
    Arc::new(Condition::parse("", text).unwrap())
}

pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Noon of the day on which the tests play.
pub(super) fn noon() -> Timestamp {
    at("2026-11-21T12:00:00Z")
}

/// Rows, written shortly. All modules are active.
pub(super) struct Office {
    pub(super) is_platform: bool,
    pub(super) rows: Rows,
}

impl Office {
    pub(super) fn new() -> Self {
        let modules = ["FINANCE", "SALES", "ORGANIZATION"].map(|module| ModuleRow {
            module: module.to_owned(),
            is_active: true,
            because: Because::Package,
            period: Period::ALWAYS,
        });
        let rows = Rows {
            modules: modules.to_vec(),
            package: Some("GOLD".to_owned()),
            ..Rows::default()
        };
        Self {
            is_platform: false,
            rows,
        }
    }

    pub(super) fn platform() -> Self {
        Self {
            is_platform: true,
            ..Self::new()
        }
    }

    /// A role with permissions, each followed by `if` and a condition where it has one.
    pub(super) fn role(mut self, name: &str, permissions: &[&str]) -> Self {
        self.rows.roles.push(RoleRow {
            id: id(name),
            code: name.to_owned(),
        });
        self.rows.role_permissions.extend(permissions.iter().map(|permission| {
            let (code, limit) = match permission.split_once(" if ") {
                Some((code, text)) => (code, Some(condition(text))),
                None => (*permission, None),
            };
            RolePermissionRow {
                role: id(name),
                permission: id(code),
                condition: limit,
            }
        }));
        self
    }

    pub(super) fn inherits(mut self, child: &str, parent: &str) -> Self {
        self.rows.role_parents.push(RoleParentRow {
            role: id(child),
            parent: id(parent),
        });
        self
    }

    /// A group with roles, and permissions (which have a `_` and are no roles here).
    pub(super) fn group(mut self, name: &str, roles: &[&str], permissions: &[&str]) -> Self {
        let group = id(name);
        self.rows.groups.push(GroupRow {
            id: group,
            code: name.to_owned(),
        });
        self.rows
            .group_roles
            .extend(roles.iter().map(|role| GroupRoleRow { group, role: id(role) }));
        self.rows
            .group_permissions
            .extend(permissions.iter().map(|code| GroupPermissionRow {
                group,
                permission: id(code),
            }));
        self
    }

    /// A user with roles and groups. A role may be limited to a module (`MODULE_MANAGER of SALES`) or in time
    /// (`CLERK until 2026-11-21T12:00:00Z`).
    pub(super) fn user(mut self, name: &str, roles: &[&str], groups: &[&str]) -> Self {
        let user = id(name);
        self.rows.users.push(UserRow {
            id: user,
            is_active: true,
        });
        self.rows.user_roles.extend(roles.iter().map(|role| {
            let (role, expires_at) = match role.split_once(" until ") {
                Some((role, text)) => (role, Some(at(text))),
                None => (*role, None),
            };
            let (role, module) = match role.split_once(" of ") {
                Some((role, module)) => (role, Some(module.to_owned())),
                None => (role, None),
            };
            UserRoleRow {
                user,
                role: id(role),
                module,
                expires_at,
            }
        }));
        self.rows
            .members
            .extend(groups.iter().map(|group| MemberRow { group: id(group), user }));
        self
    }

    pub(super) fn change(mut self, change: impl FnOnce(&mut Rows)) -> Self {
        change(&mut self.rows);
        self
    }

    pub(super) fn open(&self) -> Snapshot {
        let snapshot = Snapshot::build(organization(), self.is_platform, catalogue(), &self.rows).unwrap();
        assert_eq!(snapshot.dangling(), 0, "a name is spelt wrong");
        snapshot
    }
}

pub(super) fn organization() -> OrganizationId {
    OrganizationId::from_uuid(id("Acme"))
}

pub(super) fn permission(snapshot: &Snapshot, code: &str) -> PermissionIndex {
    snapshot.catalogue().find(code).unwrap()
}
