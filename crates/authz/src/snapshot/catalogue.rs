//! The permissions and system roles that exist, shared by the snapshots of all organizations.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::RandomState;
use uuid::Uuid;

use super::TooLarge;
use super::bits::{self, BitRows};
use super::ids::IdMap;
use crate::{PermissionInfo, PermissionScope};

/// A role that every installation has. What it holds follows from the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SystemRole {
    /// Every permission, in the platform organization; nothing in any other. No condition binds it.
    SuperAdmin,
    /// Every permission of scope `tenant`.
    OrgAdmin,
    /// Every permission of scope `tenant` of one module, which its assignment names. It is nobody's parent and no
    /// group's role.
    ModuleManager,
    /// Every permission with the action `READ`; those of scope `platform` only in the platform organization.
    Viewer,
}

impl SystemRole {
    /// Every system role, the widest first.
    pub const ALL: [Self; 4] = [Self::SuperAdmin, Self::OrgAdmin, Self::ModuleManager, Self::Viewer];

    /// Its code in the API.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::OrgAdmin => "ORG_ADMIN",
            Self::ModuleManager => "MODULE_MANAGER",
            Self::Viewer => "VIEWER",
        }
    }

    /// The system role with the code.
    #[must_use]
    pub fn find(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }
}

/// A permission of the catalogue: a declared one, or one that the platform created for a business module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionRow {
    /// Its id.
    pub id: Uuid,
    /// Its code, unique.
    pub code: String,
    /// The code of the module it is linked to.
    pub module: String,
    /// Its action: `READ`, `CREATE`, …
    pub action: String,
    /// Where it can be held.
    pub scope: PermissionScope,
}

/// A system role of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SystemRoleRow {
    /// Its id.
    pub id: Uuid,
    /// Which one it is.
    pub role: SystemRole,
}

/// The number of a permission in one [`Catalogue`], and so the place of its bit. In another catalogue it is another
/// permission.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PermissionIndex(u16);

impl PermissionIndex {
    /// The permission with this number, if there can be so many.
    pub(super) fn new(number: usize) -> Option<Self> {
        u16::try_from(number).ok().map(Self)
    }

    pub(super) const fn get(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for PermissionIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PermissionIndex({})", self.0)
    }
}

/// The number of a module in a catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct ModuleIndex(pub(super) u16);

/// The permissions, modules and system roles of the installation, numbered. It never changes: after a permission was created or
/// deleted there is a new one, and all snapshots are made anew on it.
pub struct Catalogue {
    permissions: Vec<Entry>,
    modules: Vec<Box<str>>,
    by_code: HashMap<Box<str>, PermissionIndex, RandomState>,
    declared: Declared,
    by_id: IdMap,
    system_roles: Vec<SystemRoleRow>,
    // Rows: scope tenant, action READ, and one for each module.
    sets: BitRows,
}

#[derive(Debug, Clone)]
struct Entry {
    id: Uuid,
    code: Box<str>,
    module: ModuleIndex,
}

const TENANT: usize = 0;
const READ: usize = 1;
const FIRST_MODULE: usize = 2;

impl Catalogue {
    /// Numbers the rows, in their order. Of several with the same code the first counts.
    ///
    /// # Errors
    /// [`TooLarge`] with more than 65,535 permissions.
    pub fn new(permissions: Vec<PermissionRow>, system_roles: Vec<SystemRoleRow>) -> Result<Self, TooLarge> {
        let mut catalogue = Self {
            permissions: Vec::with_capacity(permissions.len()),
            modules: Vec::new(),
            by_code: HashMap::default(),
            declared: Declared::for_permissions(permissions.len()),
            by_id: IdMap::with_capacity(permissions.len()),
            system_roles,
            sets: BitRows::for_permissions(permissions.len()),
        };
        for _ in 0..FIRST_MODULE {
            catalogue.sets.add();
        }
        for (number, row) in permissions.into_iter().enumerate() {
            let index = PermissionIndex::new(number)
                .filter(|index| index.0 < u16::MAX)
                .ok_or(TooLarge)?;
            let module = catalogue.number_module(&row.module)?;
            if row.scope == PermissionScope::Tenant {
                catalogue.sets.set(TENANT, index);
            }
            if row.action == "READ" {
                catalogue.sets.set(READ, index);
            }
            catalogue.sets.set(FIRST_MODULE + usize::from(module.0), index);
            catalogue.by_code.entry(row.code.as_str().into()).or_insert(index);
            catalogue.by_id.set(row.id, u32::from(index.0));
            catalogue.permissions.push(Entry {
                id: row.id,
                code: row.code.into(),
                module,
            });
        }
        catalogue.sets.shrink();
        Ok(catalogue)
    }

    fn number_module(&mut self, code: &str) -> Result<ModuleIndex, TooLarge> {
        if let Some(module) = self.module(code) {
            return Ok(module);
        }
        let number = u16::try_from(self.modules.len()).map_err(|_| TooLarge)?;
        self.modules.push(code.into());
        self.sets.add();
        Ok(ModuleIndex(number))
    }

    /// How many permissions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.permissions.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.permissions.is_empty()
    }

    /// The permission with the code.
    #[must_use]
    pub fn find(&self, code: &str) -> Option<PermissionIndex> {
        self.by_code.get(code).copied()
    }

    /// The permission that the code declares.
    pub(super) fn find_declared(&self, info: &'static PermissionInfo) -> Option<PermissionIndex> {
        self.declared.get(info).or_else(|| {
            let index = self.find(info.code)?;
            self.declared.remember(info, index);
            Some(index)
        })
    }

    /// The permission with the id.
    #[must_use]
    pub fn find_by_id(&self, id: Uuid) -> Option<PermissionIndex> {
        PermissionIndex::new(self.by_id.get(id)? as usize)
    }

    /// Every permission, in the order of the rows.
    pub fn permissions(&self) -> impl Iterator<Item = PermissionIndex> + '_ {
        (0..self.permissions.len()).filter_map(PermissionIndex::new)
    }

    /// The code of a permission of this catalogue; empty for one of another.
    #[must_use]
    pub fn code(&self, permission: PermissionIndex) -> &str {
        self.entry(permission).map_or("", |entry| &entry.code)
    }

    /// The id of a permission of this catalogue; nil for one of another.
    #[must_use]
    pub fn id(&self, permission: PermissionIndex) -> Uuid {
        self.entry(permission).map_or(Uuid::nil(), |entry| entry.id)
    }

    /// The code of a permission's module.
    #[must_use]
    pub fn module_of(&self, permission: PermissionIndex) -> &str {
        self.entry(permission)
            .map_or("", |entry| self.module_code(entry.module))
    }

    /// Where a permission can be held: what is unknown, only in the platform organization.
    #[must_use]
    pub fn scope(&self, permission: PermissionIndex) -> PermissionScope {
        // The few words of this row are always at hand; the permission's own entry would have to be fetched.
        if self.sets.has(TENANT, permission) {
            PermissionScope::Tenant
        } else {
            PermissionScope::Platform
        }
    }

    /// The id of a system role, where the catalogue has it.
    #[must_use]
    pub fn system_role_id(&self, role: SystemRole) -> Option<Uuid> {
        self.system_roles.iter().find(|row| row.role == role).map(|row| row.id)
    }

    /// The system role with the id.
    #[must_use]
    pub fn system_role(&self, id: Uuid) -> Option<SystemRole> {
        self.system_roles.iter().find(|row| row.id == id).map(|row| row.role)
    }

    pub(super) fn module(&self, code: &str) -> Option<ModuleIndex> {
        let number = self.modules.iter().position(|module| **module == *code)?;
        u16::try_from(number).ok().map(ModuleIndex)
    }

    pub(super) fn module_code(&self, module: ModuleIndex) -> &str {
        self.modules.get(usize::from(module.0)).map_or("", |code| code)
    }

    pub(super) fn no_rows(&self) -> BitRows {
        BitRows::like(&self.sets)
    }

    /// The permissions of scope tenant.
    pub(super) fn tenant(&self) -> &[u64] {
        self.sets.row(TENANT)
    }

    /// The permissions of a module.
    pub(super) fn of_module(&self, module: ModuleIndex) -> &[u64] {
        self.sets.row(FIRST_MODULE + usize::from(module.0))
    }

    /// What a system role holds in an organization, of one module for the manager.
    pub(super) fn held_by(&self, role: SystemRole, module: Option<ModuleIndex>, is_platform: bool) -> Vec<u64> {
        let mut held = vec![0; self.tenant().len()];
        let mut add = |permissions: &[u64], within: &[u64]| {
            for (held, (added, within)) in held.iter_mut().zip(permissions.iter().zip(within)) {
                *held |= added & within;
            }
        };
        let everything = vec![u64::MAX; self.tenant().len()];
        match role {
            SystemRole::SuperAdmin if is_platform => {
                for index in self.permissions() {
                    bits::set(&mut held, index);
                }
            }
            SystemRole::SuperAdmin => {}
            SystemRole::OrgAdmin => add(self.tenant(), &everything),
            SystemRole::ModuleManager => {
                if let Some(module) = module {
                    add(self.of_module(module), self.tenant());
                }
            }
            SystemRole::Viewer if is_platform => add(self.sets.row(READ), &everything),
            SystemRole::Viewer => add(self.sets.row(READ), self.tenant()),
        }
        held
    }

    fn entry(&self, permission: PermissionIndex) -> Option<&Entry> {
        self.permissions.get(permission.get())
    }
}

/// The numbers of the permissions that the code declares, by the address of the declaration, which is where it is for as long as
/// the program runs: found there, its code need not be read, hashed and compared. Two declarations of one permission
/// have two addresses, and are known twice.
///
/// It fills as permissions are asked for. Each place holds one address with its number in one word, and keeps what it
/// got first; so any number of threads read and write it without waiting, and soon all only read.
struct Declared {
    // A power of two.
    places: Box<[AtomicU64]>,
}

/// How many places an address may be in: in a table at most half full, hardly one finds none.
const WAYS: usize = 4;

impl Declared {
    fn for_permissions(permissions: usize) -> Self {
        let places = (permissions * 2).next_power_of_two().max(WAYS);
        Self {
            places: (0..places).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// The address, with room for a number behind it; `None` where addresses are longer than they are today.
    fn word(info: &'static PermissionInfo) -> Option<u64> {
        let address = u64::try_from(std::ptr::from_ref(info).addr()).ok()?;
        (address.leading_zeros() >= u16::BITS).then_some(address << u16::BITS)
    }

    fn places(&self, word: u64) -> impl Iterator<Item = &AtomicU64> {
        let mixed = (word >> u16::BITS).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let mask = self.places.len() - 1;
        (0..WAYS).filter_map(move |way| self.places.get((mixed as usize + way) & mask))
    }

    fn get(&self, info: &'static PermissionInfo) -> Option<PermissionIndex> {
        let word = Self::word(info)?;
        for place in self.places(word) {
            let found = place.load(Ordering::Relaxed);
            if found & !u64::from(u16::MAX) == word {
                return PermissionIndex::new((found & u64::from(u16::MAX)) as usize);
            }
            if found == 0 {
                return None;
            }
        }
        None
    }

    fn remember(&self, info: &'static PermissionInfo, index: PermissionIndex) {
        let Some(word) = Self::word(info) else { return };
        let entry = word | u64::from(index.0);
        for place in self.places(word) {
            // Looked at first: a place that is taken stays so, and an attempt to take it would cost the others theirs.
            let known = place.load(Ordering::Relaxed);
            let is_mine = known == entry
                || known == 0
                    && place
                        .compare_exchange(0, entry, Ordering::Relaxed, Ordering::Relaxed)
                        .is_ok();
            if is_mine {
                return;
            }
        }
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("permissions", &self.permissions.len())
            .field("modules", &self.modules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_declaration_is_found_by_its_address_as_by_its_code() {
        let row = |number: usize| PermissionRow {
            id: Uuid::from_u128(number as u128),
            code: format!("M_R_A{number}"),
            module: "M".to_owned(),
            action: "A".to_owned(),
            scope: PermissionScope::Tenant,
        };
        for permissions in [0, 1, 3, 400] {
            let catalogue = Catalogue::new((0..permissions).map(row).collect(), Vec::new()).unwrap();
            // Each declared twice, and some that the catalogue does not have: more than there are places.
            let infos: Vec<&'static PermissionInfo> = (0..permissions + 20)
                .chain(0..permissions)
                .map(|number| {
                    let info = PermissionInfo {
                        code: String::leak(format!("M_R_A{number}")),
                        module: "M",
                        resource: "R",
                        action: "A",
                        scope: PermissionScope::Tenant,
                        description: "Leaked",
                    };
                    &*Box::leak(Box::new(info))
                })
                .collect();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..3 {
                            for &info in &infos {
                                assert_eq!(catalogue.find_declared(info), catalogue.find(info.code));
                            }
                        }
                    });
                }
            });
            let remembered = infos.iter().filter(|info| catalogue.declared.get(info).is_some());
            assert!(remembered.count() >= permissions, "most are remembered");
        }
    }
}
