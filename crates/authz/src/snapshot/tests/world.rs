//! Organizations at random: everything that can be granted, in every way, with mistakes in it.

use std::sync::Arc;

use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

use crate::PermissionScope;
use crate::conditions::Condition;
use crate::snapshot::{
    AccountPermissionRow, AccountRow, Because, Catalogue, GroupPermissionRow, GroupRoleRow, GroupRow, KeyPermissionRow,
    KeyRow, MemberRow, ModuleRow, Period, PermissionRow, Principal, RoleParentRow, RolePermissionRow, RoleRow, Rows,
    Snapshot, SystemRole, SystemRoleRow, Touched, UserRoleRow, UserRow, WithheldRow,
};

pub(super) const MODULES: [&str; 3] = ["FINANCE", "SALES", "RBAC"];
const PERMISSIONS: u64 = 9;
const ROLES: u64 = 6;
const GROUPS: u64 = 3;
const USERS: u64 = 4;
const ACCOUNTS: u64 = 2;
const KEYS: u64 = 3;

// Ids tell in a failure what they are of.
pub(super) fn permission(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xA000, number)
}
pub(super) fn role(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xB000, number)
}
pub(super) fn group(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xC000, number)
}
pub(super) fn user(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xD000, number)
}
pub(super) fn account(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xE000, number)
}
pub(super) fn key(number: u64) -> Uuid {
    Uuid::from_u64_pair(0xF000, number)
}
pub(super) fn system(role: SystemRole) -> Uuid {
    Uuid::from_u64_pair(0x5000, role as u64)
}

/// The instants at which things begin and end.
pub(super) fn instant(number: u64) -> Timestamp {
    Timestamp::from_micros(1_000 * i64::try_from(number).unwrap())
}

/// A generator of numbers (`SplitMix64`).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn one_in(&mut self, chances: u64) -> bool {
        self.below(chances) == 0
    }

    fn of<T: Copy>(&mut self, set: &[T]) -> T {
        set[usize::try_from(self.below(set.len() as u64)).unwrap()]
    }

    fn period(&mut self) -> Period {
        let end = |dice: &mut Self| dice.one_in(4).then(|| instant(dice.below(6)));
        Period {
            from: end(self),
            until: end(self),
        }
    }

    /// A permission, now and then one that is not there.
    fn permission(&mut self) -> Uuid {
        let beyond = u64::from(self.one_in(30)) * 100;
        permission(self.below(PERMISSIONS) + beyond)
    }

    /// A role that can be granted, now and then one that is not there.
    fn any_role(&mut self) -> Uuid {
        match self.below(12) {
            0 => system(self.of(&SystemRole::ALL)),
            1 if self.one_in(3) => role(100),
            _ => role(self.below(ROLES)),
        }
    }

    fn condition(&mut self) -> Option<Arc<Condition>> {
        const TEXTS: [&str; 5] = [
            "{}",
            r#"{"amount":{"$lte":5}}"#,
            r#"{"ownerId":"${user.id}"}"#,
            r#"{"amount":{"$lte":5},"ownerId":"${user.id}"}"#,
            r#"{"status":"open"}"#,
        ];
        self.one_in(2)
            .then(|| Arc::new(Condition::parse("", self.of(&TEXTS)).unwrap()))
    }
}

/// An organization.
#[derive(Clone)]
pub(super) struct World {
    pub(super) is_platform: bool,
    pub(super) permissions: Vec<PermissionRow>,
    pub(super) rows: Rows,
    next_role: u64,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice(seed);
        let permissions = (0..PERMISSIONS)
            .map(|number| PermissionRow {
                id: permission(number),
                code: format!("P{number}"),
                module: dice.of(&MODULES).to_owned(),
                action: dice.of(&["READ", "UPDATE"]).to_owned(),
                scope: if dice.one_in(4) {
                    PermissionScope::Platform
                } else {
                    PermissionScope::Tenant
                },
            })
            .collect();
        let mut world = Self {
            is_platform: dice.one_in(3),
            permissions,
            rows: Rows::default(),
            next_role: ROLES,
        };
        world.entitle(&mut dice);
        for number in 0..ROLES {
            world.rows.roles.push(RoleRow {
                id: role(number),
                code: format!("R{number}"),
            });
            world.furnish_role(&mut dice, role(number));
        }
        for number in 0..GROUPS {
            world.rows.groups.push(GroupRow {
                id: group(number),
                code: format!("G{number}"),
            });
            world.furnish_group(&mut dice, group(number));
        }
        for number in 0..USERS {
            world.enrol_user(&mut dice, user(number));
        }
        for number in 0..ACCOUNTS {
            world.enrol_account(&mut dice, account(number));
        }
        for number in 0..KEYS {
            world.enrol_key(&mut dice, key(number));
        }
        world
    }

    fn entitle(&mut self, dice: &mut Dice) {
        const CAUSES: [Because; 6] = [
            Because::Core,
            Because::Default,
            Because::Package,
            Because::Manual,
            Because::Override,
            Because::Global,
        ];
        self.rows.package = dice.one_in(2).then(|| "GOLD".to_owned());
        self.rows.modules.clear();
        self.rows.withheld.clear();
        for module in MODULES {
            for _ in 0..dice.below(3) + u64::from(!dice.one_in(4)) {
                self.rows.modules.push(ModuleRow {
                    module: module.to_owned(),
                    is_active: !dice.one_in(6),
                    because: dice.of(&CAUSES),
                    period: dice.period(),
                });
            }
        }
        for _ in 0..dice.below(3) {
            self.rows.withheld.push(WithheldRow {
                permission: dice.permission(),
                because: dice.of(&[Because::Package, Because::Override]),
                period: dice.period(),
            });
        }
    }

    fn furnish_role(&mut self, dice: &mut Dice, id: Uuid) {
        for _ in 0..dice.below(4) {
            self.rows.role_permissions.push(RolePermissionRow {
                role: id,
                permission: dice.permission(),
                condition: dice.condition(),
            });
        }
        for _ in 0..dice.below(3) {
            let parent = match dice.below(8) {
                // A cycle, maybe: the rows of a real organization have none.
                0 => dice.any_role(),
                _ => {
                    let above = dice.below(ROLES);
                    if role(above) <= id {
                        continue;
                    }
                    role(above)
                }
            };
            self.rows.role_parents.push(RoleParentRow { role: id, parent });
        }
    }

    fn furnish_group(&mut self, dice: &mut Dice, id: Uuid) {
        for _ in 0..dice.below(3) {
            self.rows.group_roles.push(GroupRoleRow {
                group: id,
                role: dice.any_role(),
            });
        }
        for _ in 0..dice.below(2) {
            self.rows.group_permissions.push(GroupPermissionRow {
                group: id,
                permission: dice.permission(),
            });
        }
    }

    fn enrol_user(&mut self, dice: &mut Dice, id: Uuid) {
        self.rows.users.push(UserRow {
            id,
            is_active: !dice.one_in(6),
        });
        for _ in 0..dice.below(4) {
            let role = dice.any_role();
            let is_manager = role == system(SystemRole::ModuleManager);
            let has_module = if is_manager { !dice.one_in(6) } else { dice.one_in(20) };
            self.rows.user_roles.push(UserRoleRow {
                user: id,
                role,
                module: has_module.then(|| dice.of(&["FINANCE", "SALES", "RBAC", "NOWHERE"]).to_owned()),
                expires_at: dice.one_in(3).then(|| instant(dice.below(6))),
            });
        }
        for _ in 0..dice.below(3) {
            self.rows.members.push(MemberRow {
                group: group(dice.below(GROUPS)),
                user: id,
            });
        }
    }

    fn enrol_account(&mut self, dice: &mut Dice, id: Uuid) {
        self.rows.accounts.push(AccountRow {
            id,
            is_active: !dice.one_in(6),
        });
        for _ in 0..dice.below(6) {
            self.rows.account_permissions.push(AccountPermissionRow {
                account: id,
                permission: dice.permission(),
            });
        }
    }

    fn enrol_key(&mut self, dice: &mut Dice, id: Uuid) {
        let maker = match dice.below(8) {
            0..=5 => Principal::user(user(dice.below(USERS + 1))),
            6 => Principal::service_account(account(dice.below(ACCOUNTS))),
            // Which cannot be.
            _ => Principal::api_key(key(dice.below(KEYS))),
        };
        self.rows.keys.push(KeyRow {
            id,
            maker,
            expires_at: dice.one_in(3).then(|| instant(dice.below(6))),
        });
        for _ in 0..dice.below(6) {
            self.rows.key_permissions.push(KeyPermissionRow {
                key: id,
                permission: dice.permission(),
            });
        }
    }

    pub(super) fn catalogue(&self) -> Arc<Catalogue> {
        let system_roles = SystemRole::ALL.map(|role| SystemRoleRow { id: system(role), role });
        Arc::new(Catalogue::new(self.permissions.clone(), system_roles.to_vec()).unwrap())
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        Snapshot::build(organization(), self.is_platform, self.catalogue(), &self.rows).unwrap()
    }

    pub(super) fn principals(&self) -> Vec<Principal> {
        // With one of each kind that is not there.
        let users = (0..=USERS).map(|number| Principal::user(user(number)));
        let accounts = (0..=ACCOUNTS).map(|number| Principal::service_account(account(number)));
        let keys = (0..=KEYS).map(|number| Principal::api_key(key(number)));
        let server = Principal {
            kind: kernel::ActorKind::System,
            id: Uuid::nil(),
        };
        users.chain(accounts).chain(keys).chain([server]).collect()
    }

    /// Changes something; says what.
    pub(super) fn change(&mut self, dice: &mut Dice) -> Vec<Touched> {
        match dice.below(9) {
            0 => {
                self.entitle(dice);
                vec![Touched::Entitlements]
            }
            1 | 2 => {
                let id = role(dice.below(self.next_role));
                self.rows.role_permissions.retain(|row| row.role != id);
                self.rows.role_parents.retain(|row| row.role != id);
                if self.rows.roles.iter().any(|row| row.id == id) {
                    self.furnish_role(dice, id);
                }
                vec![Touched::Role(id)]
            }
            3 => {
                // A new role, and somebody who has it.
                let id = role(self.next_role);
                self.next_role += 1;
                self.rows.roles.push(RoleRow {
                    id,
                    code: "NEW".to_owned(),
                });
                self.furnish_role(dice, id);
                let holder = user(dice.below(USERS));
                self.rows.user_roles.push(UserRoleRow {
                    user: holder,
                    role: id,
                    module: None,
                    expires_at: None,
                });
                vec![Touched::User(holder), Touched::Role(id)]
            }
            4 => {
                // Gone, with the rows that name it; those who had it are not told.
                let id = role(dice.below(self.next_role));
                self.rows.roles.retain(|row| row.id != id);
                self.rows.role_permissions.retain(|row| row.role != id);
                self.rows.role_parents.retain(|row| row.role != id && row.parent != id);
                self.rows.group_roles.retain(|row| row.role != id);
                self.rows.user_roles.retain(|row| row.role != id);
                vec![Touched::Role(id)]
            }
            5 => {
                let id = group(dice.below(GROUPS));
                self.rows.group_roles.retain(|row| row.group != id);
                self.rows.group_permissions.retain(|row| row.group != id);
                self.furnish_group(dice, id);
                vec![Touched::Group(id)]
            }
            6 | 7 => {
                let id = user(dice.below(USERS));
                self.rows.users.retain(|row| row.id != id);
                self.rows.user_roles.retain(|row| row.user != id);
                self.rows.members.retain(|row| row.user != id);
                if !dice.one_in(6) {
                    self.enrol_user(dice, id);
                }
                vec![Touched::User(id)]
            }
            _ => {
                let (account, key) = (account(dice.below(ACCOUNTS)), key(dice.below(KEYS)));
                self.rows.accounts.retain(|row| row.id != account);
                self.rows.account_permissions.retain(|row| row.account != account);
                self.rows.keys.retain(|row| row.id != key);
                self.rows.key_permissions.retain(|row| row.key != key);
                self.enrol_account(dice, account);
                if !dice.one_in(6) {
                    self.enrol_key(dice, key);
                }
                vec![Touched::ServiceAccount(account), Touched::ApiKey(key)]
            }
        }
    }

    /// The rows of what was touched.
    pub(super) fn rows_of(&self, touched: &[Touched]) -> Rows {
        let all = &self.rows;
        let has = |wanted: Touched| touched.contains(&wanted);
        fn keep<T: Clone>(rows: &[T], wanted: impl Fn(&T) -> bool) -> Vec<T> {
            rows.iter().filter(|row| wanted(row)).cloned().collect()
        }
        let mut rows = Rows {
            roles: keep(&all.roles, |row| has(Touched::Role(row.id))),
            role_permissions: keep(&all.role_permissions, |row| has(Touched::Role(row.role))),
            role_parents: keep(&all.role_parents, |row| has(Touched::Role(row.role))),
            groups: keep(&all.groups, |row| has(Touched::Group(row.id))),
            group_roles: keep(&all.group_roles, |row| has(Touched::Group(row.group))),
            group_permissions: keep(&all.group_permissions, |row| has(Touched::Group(row.group))),
            users: keep(&all.users, |row| has(Touched::User(row.id))),
            members: keep(&all.members, |row| has(Touched::User(row.user))),
            user_roles: keep(&all.user_roles, |row| has(Touched::User(row.user))),
            accounts: keep(&all.accounts, |row| has(Touched::ServiceAccount(row.id))),
            account_permissions: keep(&all.account_permissions, |row| {
                has(Touched::ServiceAccount(row.account))
            }),
            keys: keep(&all.keys, |row| has(Touched::ApiKey(row.id))),
            key_permissions: keep(&all.key_permissions, |row| has(Touched::ApiKey(row.key))),
            ..Rows::default()
        };
        if has(Touched::Entitlements) {
            rows.package.clone_from(&all.package);
            rows.modules.clone_from(&all.modules);
            rows.withheld.clone_from(&all.withheld);
        }
        rows
    }
}

pub(super) fn organization() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(1))
}
