//! The organizations that are measured: users with 5 roles each, roles on 4 levels with two parents each.

use std::sync::Arc;

use authz::conditions::{Condition, Object, Value, Variables};
use authz::snapshot::{
    Because, Catalogue, ModuleRow, Period, PermissionRow, RoleParentRow, RolePermissionRow, RoleRow, Rows, Snapshot,
    SystemRole, SystemRoleRow, UserRoleRow, UserRow,
};
use authz::{PermissionInfo, PermissionScope};
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

const LEVELS: u64 = 4;
const ROLES_A_USER: u64 = 5;
const PERMISSIONS_A_ROLE: u64 = 8;
const PERMISSIONS_A_MODULE: u64 = 25;

/// How large an organization is.
#[derive(Clone, Copy)]
pub struct Size {
    /// Its users.
    pub users: u64,
    /// Its roles on each of the four levels.
    pub roles_a_level: u64,
    /// The permissions of the installation.
    pub permissions: u64,
}

/// A large one: 20,000 users, 120 roles, 400 permissions of 16 modules.
pub const LARGE: Size = Size {
    users: 20_000,
    roles_a_level: 30,
    permissions: 400,
};

/// An ordinary one: 200 users, 12 roles, 60 permissions of 3 modules.
pub const ORDINARY: Size = Size {
    users: 200,
    roles_a_level: 3,
    permissions: 60,
};

/// What the users' grants are like.
#[derive(Clone, Copy)]
pub enum Staff {
    /// So many combinations of roles, as there are jobs.
    Jobs(u64),
    /// Each user its own: nothing can be shared.
    AllDifferent,
}

/// An organization to be measured.
pub struct Workload {
    /// The catalogue.
    pub catalogue: Arc<Catalogue>,
    /// The rows.
    pub rows: Rows,
    /// The permissions as the code would declare them.
    pub permissions: Vec<&'static PermissionInfo>,
}

/// Numbers that look like chance, and are the same every time.
pub fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// An id as the server makes them, of version 7: a time and chance.
pub fn id(kind: u64, number: u64) -> Uuid {
    let high = ((1_795_264_200_000 + number) << 16) | 0x7000 | (scattered(kind ^ number) & 0x0fff);
    Uuid::from_u64_pair(high, (0b10 << 62) | (scattered(number ^ (kind << 40)) >> 2))
}

const PERMISSION: u64 = 1;
const ROLE: u64 = 2;
const USER: u64 = 3;

/// The condition of every twentieth role permission.
pub const CONDITION: &str = r#"{"amount":{"$lte":100000},"ownerId":"${user.id}"}"#;

impl Workload {
    /// An organization of the size.
    pub fn new(size: Size, staff: Staff) -> Self {
        let Size {
            users,
            roles_a_level,
            permissions,
        } = size;
        let condition = Condition::parse("", CONDITION).ok().map(Arc::new);
        let modules = permissions.div_ceil(PERMISSIONS_A_MODULE);
        let mut rows = Rows::default();
        let mut infos: Vec<&'static PermissionInfo> = Vec::new();
        for number in 0..permissions {
            let leaked = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
            let module = leaked(format!("MODULE_{}", number / PERMISSIONS_A_MODULE));
            let resource = leaked(format!("RESOURCE_{}", number % PERMISSIONS_A_MODULE / 5));
            let action = leaked(format!("ACTION_{}", number % 5));
            infos.push(Box::leak(Box::new(PermissionInfo {
                code: leaked(format!("{module}_{resource}_{action}")),
                module,
                resource,
                action,
                scope: PermissionScope::Tenant,
                description: "Measured",
            })));
        }
        for module in 0..modules {
            rows.modules.push(ModuleRow {
                module: format!("MODULE_{module}"),
                is_active: true,
                because: Because::Package,
                period: Period::ALWAYS,
            });
        }
        let role = |level: u64, number: u64| id(ROLE, level * roles_a_level + number % roles_a_level);
        let mut granted = 0;
        for level in 0..LEVELS {
            for number in 0..roles_a_level {
                let this = role(level, number);
                rows.roles.push(RoleRow {
                    id: this,
                    code: format!("ROLE_{level}_{number}"),
                });
                for _ in 0..PERMISSIONS_A_ROLE {
                    granted += 1;
                    rows.role_permissions.push(RolePermissionRow {
                        role: this,
                        permission: id(PERMISSION, scattered(granted) % permissions),
                        condition: condition.clone().filter(|_| granted % 20 == 0),
                    });
                }
                if level > 0 {
                    for parent in [number, number + 7] {
                        rows.role_parents.push(RoleParentRow {
                            role: this,
                            parent: role(level - 1, parent),
                        });
                    }
                }
            }
        }
        for user in 0..users {
            let this = Self::user(user);
            rows.users.push(UserRow {
                id: this,
                is_active: true,
            });
            let job = match staff {
                Staff::Jobs(jobs) => scattered(user) % jobs,
                Staff::AllDifferent => user,
            };
            rows.user_roles.extend((0..ROLES_A_USER).map(|number| UserRoleRow {
                user: this,
                role: role(LEVELS - 1, scattered(job * ROLES_A_USER + number)),
                module: None,
                // Of each hundredth user one grant ends, one day.
                expires_at: (number == 0 && user % 100 == 0).then(|| Timestamp::from_micros(4_000_000_000_000_000)),
            }));
        }
        let catalogue = infos
            .iter()
            .zip(0..)
            .map(|(info, number)| PermissionRow {
                id: id(PERMISSION, number),
                code: info.code.to_owned(),
                module: info.module.to_owned(),
                action: info.action.to_owned(),
                scope: info.scope,
            })
            .collect();
        let system_roles = SystemRole::ALL.map(|role| SystemRoleRow {
            id: id(role as u64 + 10, 0),
            role,
        });
        Self {
            catalogue: Arc::new(Catalogue::new(catalogue, system_roles.to_vec()).unwrap_or_else(|_| unreachable!())),
            rows,
            permissions: infos,
        }
    }

    /// The id of the user with this number.
    pub fn user(number: u64) -> Uuid {
        id(USER, number)
    }

    /// Its snapshot.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::build(organization(), false, Arc::clone(&self.catalogue), &self.rows)
            .unwrap_or_else(|_| unreachable!())
    }
}

/// A user as one who acts.
pub fn actor(user: Uuid) -> Actor {
    Actor {
        kind: ActorKind::User,
        id: user,
        name: String::new(),
    }
}

/// The organization.
pub fn organization() -> OrganizationId {
    OrganizationId::from_uuid(id(0, 0))
}

/// The instant at which is measured.
pub fn now() -> Timestamp {
    Timestamp::from_micros(1_795_264_200_000_000)
}

/// Who asks.
pub fn variables(user: Uuid) -> Variables<'static> {
    Variables {
        user_id: Some(user),
        user_email: Some("ana@example.com"),
        organization_id: organization().as_uuid(),
        now: now(),
    }
}

/// What is asked about.
pub struct Invoice {
    /// Its amount.
    pub amount: i64,
    /// Whose it is.
    pub owner: Uuid,
}

impl Object for Invoice {
    fn value(&self, field: &str) -> Option<Value<'_>> {
        match field {
            "amount" => Some(self.amount.into()),
            "ownerId" => Some(self.owner.into()),
            _ => None,
        }
    }
}
