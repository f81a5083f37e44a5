//! Users, service accounts and keys with what was granted to them.

use std::collections::HashMap;
use std::hash::BuildHasher as _;

use foldhash::fast::RandomState;
use kernel::{ActorKind, Timestamp};
use uuid::Uuid;

use super::TooLarge;
use super::bits::BitRows;
use super::catalogue::{Catalogue, PermissionIndex};
use super::graph::{Graph, NodeIndex};
use super::ids::{IdMap, VALUES};
use super::rows::{KeyRow, Principal, Rows};

/// Marks, in a user's place, that the user is inactive, and in a grant that it expires.
const MARK: u32 = 1 << 31;

/// Who there is. A user is a place in `profiles`, where all its grants stand together; users with the same grants share
/// the place.
#[derive(Debug, Clone)]
pub(super) struct Principals {
    users: IdMap,
    /// Those of the users that are guests: hardly ever more than one or two.
    guests: Vec<Uuid>,
    /// For each profile its length and its grants: the node, or a number in `timed` with the mark.
    profiles: Vec<u32>,
    timed: Vec<Timed>,
    /// How many of the profiles' numbers nobody uses any more.
    unused: usize,
    accounts: IdMap,
    keys: IdMap,
    key_records: Vec<Key>,
    lists: BitRows,
    list_count: u32,
}

/// A grant that ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Timed {
    node: NodeIndex,
    until: Timestamp,
}

#[derive(Debug, Clone, Copy)]
struct Key {
    list: u32,
    maker: Principal,
    until: Option<Timestamp>,
}

/// A user's grant in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) node: NodeIndex,
    pub(super) until: Option<Timestamp>,
}

/// A key's list and its maker.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyGrant {
    pub(super) list: usize,
    pub(super) maker: Principal,
    pub(super) until: Option<Timestamp>,
}

impl Principals {
    /// The grants of a user, and whether the user is active.
    pub(super) fn user(&self, id: Uuid) -> Option<(Grants<'_>, bool)> {
        let place = self.users.get(id)?;
        let (length, rest) = self.profiles.get((place & !MARK) as usize..)?.split_first()?;
        let grants = Grants {
            numbers: rest.get(..*length as usize).unwrap_or_default(),
            timed: &self.timed,
        };
        Some((grants, place & MARK == 0))
    }

    /// Whether a user is a guest.
    pub(super) fn is_guest(&self, id: Uuid) -> bool {
        self.guests.contains(&id)
    }

    /// The number of a service account's list, and whether the account is active.
    pub(super) fn account(&self, id: Uuid) -> Option<(usize, bool)> {
        let place = self.accounts.get(id)?;
        Some(((place & !MARK) as usize, place & MARK == 0))
    }

    /// A key that is in force.
    pub(super) fn key(&self, id: Uuid, now: Timestamp) -> Option<KeyGrant> {
        let key = self.key_records.get(self.keys.get(id)? as usize)?;
        key.until.is_none_or(|until| now < until).then_some(KeyGrant {
            list: key.list as usize,
            maker: key.maker,
            until: key.until,
        })
    }

    /// Whether a permission is on a list.
    pub(super) fn lists(&self, list: usize, permission: PermissionIndex) -> bool {
        self.lists.has(list, permission)
    }

    pub(super) fn list(&self, list: usize) -> &[u64] {
        self.lists.row(list)
    }

    pub(super) fn len(&self) -> usize {
        self.users.len() + self.accounts.len() + self.keys.len()
    }

    pub(super) fn users(&self) -> impl Iterator<Item = Uuid> + '_ {
        self.users.iter().map(|(id, _)| id)
    }

    /// Whether so much of it is left over from earlier changes that it should be made anew.
    pub(super) fn is_worn(&self) -> bool {
        const TOLERATED: usize = 1_024;
        let removed = self.users.wasted() + self.accounts.wasted() + self.keys.wasted();
        self.unused > TOLERATED + self.profiles.len() / 2 || removed > TOLERATED + self.len() / 2
    }

    /// Heap memory, in bytes.
    pub(super) fn footprint(&self) -> usize {
        self.users.footprint()
            + self.guests.capacity() * size_of::<Uuid>()
            + self.profiles.capacity() * size_of::<u32>()
            + self.timed.capacity() * size_of::<Timed>()
            + self.accounts.footprint()
            + self.keys.footprint()
            + self.key_records.capacity() * size_of::<Key>()
            + self.lists.footprint()
    }
}

/// The grants of one user.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grants<'a> {
    numbers: &'a [u32],
    timed: &'a [Timed],
}

impl Grants<'_> {
    /// Those in force at an instant: a grant has none from the very instant at which it expires.
    pub(super) fn at(&self, now: Timestamp) -> impl Iterator<Item = Grant> {
        self.numbers.iter().filter_map(move |&number| {
            if number & MARK == 0 {
                return Some(Grant {
                    node: number,
                    until: None,
                });
            }
            let timed = self.timed.get((number & !MARK) as usize)?;
            (now < timed.until).then_some(Grant {
                node: timed.node,
                until: Some(timed.until),
            })
        })
    }
}

/// Principals in the making.
pub(super) struct PrincipalsBuilder<'a> {
    catalogue: &'a Catalogue,
    graph: &'a Graph,
    made: Principals,
    profile_places: HashMap<u64, u32>,
    timed_numbers: HashMap<Timed, u32>,
    list_numbers: HashMap<Vec<u64>, u32>,
    hasher: RandomState,
    /// How many rows named something that is not there.
    pub(super) dangling: usize,
}

impl<'a> PrincipalsBuilder<'a> {
    /// Nobody yet.
    pub(super) fn new(catalogue: &'a Catalogue, graph: &'a Graph, rows: &Rows) -> Self {
        Self::from(
            catalogue,
            graph,
            Principals {
                users: IdMap::with_capacity(rows.users.len()),
                guests: Vec::new(),
                profiles: Vec::new(),
                timed: Vec::new(),
                unused: 0,
                accounts: IdMap::with_capacity(rows.accounts.len()),
                keys: IdMap::with_capacity(rows.keys.len()),
                key_records: Vec::with_capacity(rows.keys.len()),
                lists: catalogue.no_rows(),
                list_count: 0,
            },
        )
    }

    /// Whoever is in `made`, to be changed.
    pub(super) fn from(catalogue: &'a Catalogue, graph: &'a Graph, made: Principals) -> Self {
        Self {
            catalogue,
            graph,
            made,
            profile_places: HashMap::new(),
            timed_numbers: HashMap::new(),
            list_numbers: HashMap::new(),
            hasher: RandomState::default(),
            dangling: 0,
        }
    }

    /// Forgets somebody, who is gone unless the rows bring it back.
    pub(super) fn remove(&mut self, principal: Principal) {
        match principal.kind {
            ActorKind::User => {
                if let Some(place) = self.made.users.get(principal.id) {
                    let length = self.made.profiles.get((place & !MARK) as usize).copied();
                    // Others may share the place: then it is too much by that, and the snapshot made anew a little early.
                    self.made.unused += 1 + length.unwrap_or_default() as usize;
                }
                self.made.users.remove(principal.id);
                self.made.guests.retain(|&guest| guest != principal.id);
            }
            ActorKind::ServiceAccount => self.made.accounts.remove(principal.id),
            ActorKind::ApiKey => self.made.keys.remove(principal.id),
            ActorKind::System => {}
        }
    }

    /// Adds the users, accounts and keys of the rows.
    pub(super) fn add(&mut self, rows: &Rows) -> Result<(), TooLarge> {
        self.add_users(rows)?;
        self.made.guests.extend_from_slice(&rows.guests);
        let mut lists = Lists::new(rows.accounts.iter().map(|account| account.id), self.catalogue);
        for row in &rows.account_permissions {
            self.dangling += usize::from(!lists.add(row.account, row.permission));
        }
        for account in &rows.accounts {
            let list = self.number_list(lists.take(account.id))?;
            let mark = if account.is_active { 0 } else { MARK };
            self.made.accounts.set(account.id, list | mark);
        }
        let mut lists = Lists::new(rows.keys.iter().map(|key| key.id), self.catalogue);
        for row in &rows.key_permissions {
            self.dangling += usize::from(!lists.add(row.key, row.permission));
        }
        for key in &rows.keys {
            let list = self.number_list(lists.take(key.id))?;
            self.add_key(key, list)?;
        }
        Ok(())
    }

    fn add_key(&mut self, key: &KeyRow, list: u32) -> Result<(), TooLarge> {
        let number = number(self.made.key_records.len())?;
        self.made.key_records.push(Key {
            list,
            maker: key.maker,
            until: key.expires_at,
        });
        self.made.keys.set(key.id, number);
        Ok(())
    }

    fn add_users(&mut self, rows: &Rows) -> Result<(), TooLarge> {
        let mut numbers = IdMap::with_capacity(rows.users.len());
        for (position, user) in rows.users.iter().enumerate() {
            numbers.set(user.id, number(position)?);
        }
        let mut grants: Vec<(u32, u32)> = Vec::with_capacity(rows.user_roles.len() + rows.members.len());
        for row in &rows.user_roles {
            let node = self.graph.role(self.catalogue, row.role, row.module.as_deref());
            match (numbers.get(row.user), node) {
                (Some(user), Some(node)) => grants.push((user, self.number_grant(node, row.expires_at)?)),
                _ => self.dangling += 1,
            }
        }
        for row in &rows.members {
            match (numbers.get(row.user), self.graph.group(row.group)) {
                (Some(user), Some(node)) => grants.push((user, node)),
                _ => self.dangling += 1,
            }
        }
        // By user, and each user's in one order, so that equal grants make equal profiles.
        grants.sort_unstable();
        grants.dedup();
        let mut rest = grants.as_slice();
        let mut profile = Vec::new();
        for (position, user) in rows.users.iter().enumerate() {
            let position = number(position)?;
            let (mine, others) = rest.split_at(rest.partition_point(|&(user, _)| user <= position));
            rest = others;
            profile.clear();
            profile.extend(mine.iter().map(|&(_, grant)| grant));
            let place = self.place(&profile)?;
            let mark = if user.is_active { 0 } else { MARK };
            self.made.users.set(user.id, place | mark);
        }
        Ok(())
    }

    fn number_grant(&mut self, node: NodeIndex, expires_at: Option<Timestamp>) -> Result<u32, TooLarge> {
        let Some(until) = expires_at else {
            return Ok(node);
        };
        let timed = Timed { node, until };
        if let Some(&number) = self.timed_numbers.get(&timed) {
            return Ok(number);
        }
        let number = number(self.made.timed.len())? | MARK;
        self.made.timed.push(timed);
        self.timed_numbers.insert(timed, number);
        Ok(number)
    }

    /// Where the profile stands: with an equal one, if there is any.
    fn place(&mut self, profile: &[u32]) -> Result<u32, TooLarge> {
        let hash = self.hasher.hash_one(profile);
        let length = number(profile.len())?;
        if let Some(&place) = self.profile_places.get(&hash)
            && let Some(there) = self.made.profiles.get(place as usize..)
            && there.first() == Some(&length)
            && there.get(1..=profile.len()) == Some(profile)
        {
            return Ok(place);
        }
        let place = number(self.made.profiles.len())?;
        self.made.profiles.push(length);
        self.made.profiles.extend_from_slice(profile);
        // Of two profiles with the same hash, which hardly happens, only the later is found again.
        self.profile_places.insert(hash, place);
        Ok(place)
    }

    fn number_list(&mut self, list: Vec<u64>) -> Result<u32, TooLarge> {
        if let Some(&number) = self.list_numbers.get(&list) {
            return Ok(number);
        }
        let number = number(self.made.list_count as usize)?;
        self.made.lists.add_row(&list);
        self.made.list_count += 1;
        self.list_numbers.insert(list, number);
        Ok(number)
    }

    pub(super) fn finish(mut self) -> Principals {
        self.made.users.shrink();
        self.made.guests.shrink_to_fit();
        self.made.accounts.shrink();
        self.made.keys.shrink();
        self.made.profiles.shrink_to_fit();
        self.made.timed.shrink_to_fit();
        self.made.key_records.shrink_to_fit();
        self.made.lists.shrink();
        self.made
    }
}

/// A number that leaves room for the mark, and with it is still a value that a map of ids takes.
fn number(number: usize) -> Result<u32, TooLarge> {
    u32::try_from(number)
        .ok()
        .filter(|&number| number < VALUES & !MARK)
        .ok_or(TooLarge)
}

/// Lists of permissions in the making.
struct Lists<'c> {
    catalogue: &'c Catalogue,
    lists: HashMap<Uuid, Vec<u64>>,
}

impl<'c> Lists<'c> {
    fn new(ids: impl Iterator<Item = Uuid>, catalogue: &'c Catalogue) -> Self {
        Self {
            catalogue,
            lists: ids.map(|id| (id, vec![0; catalogue.tenant().len()])).collect(),
        }
    }

    /// Whether the id and the permission are known.
    fn add(&mut self, id: Uuid, permission: Uuid) -> bool {
        match (self.lists.get_mut(&id), self.catalogue.find_by_id(permission)) {
            (Some(list), Some(permission)) => {
                super::bits::set(list, permission);
                true
            }
            _ => false,
        }
    }

    fn take(&mut self, id: Uuid) -> Vec<u64> {
        self.lists
            .remove(&id)
            .unwrap_or_else(|| vec![0; self.catalogue.tenant().len()])
    }
}
