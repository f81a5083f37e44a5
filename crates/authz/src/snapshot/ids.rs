//! From an id to a number, with the memory of little more than the ids.

use uuid::Uuid;

/// A map from ids to numbers. It grows and changes while a snapshot is made, and is only read afterwards.
///
/// An open table, four fifths full: 25 bytes an id, and most often one line of the processor's cache to find it, where a
/// hash map of the standard library keeps room for up to twice its entries.
#[derive(Debug, Clone, Default)]
pub(super) struct IdMap {
    slots: Vec<Slot>,
    /// How many slots are not free.
    taken: usize,
    /// How many of these are of ids that were removed.
    removed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Slot {
    id: Uuid,
    value: u32,
}

/// The value of a slot that no id has.
const FREE: u32 = u32::MAX;
/// The value of an id that was removed. It keeps its slot until the table is made anew.
const REMOVED: u32 = u32::MAX - 1;
/// The values that mean what they say are less.
pub(super) const VALUES: u32 = REMOVED;

const EMPTY: Slot = Slot {
    id: Uuid::nil(),
    value: FREE,
};

/// Where a search for the id begins, among so many slots.
///
/// Ids are made by the server, of time and 74 random bits, so nobody chooses where they fall; multiplying spreads also
/// those that only count up. The highest bits of the product, as a fraction, are the place.
const fn start(id: Uuid, slots: usize) -> usize {
    let (high, low) = id.as_u64_pair();
    let mixed = (low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    ((mixed as u128 * slots as u128) >> u64::BITS) as usize
}

/// So many slots for so many ids.
const fn room_for(ids: usize) -> usize {
    ids + ids / 4 + 2
}

impl IdMap {
    /// A map with room for so many.
    pub(super) fn with_capacity(ids: usize) -> Self {
        Self {
            slots: vec![EMPTY; room_for(ids)],
            taken: 0,
            removed: 0,
        }
    }

    /// How many ids it has.
    pub(super) const fn len(&self) -> usize {
        self.taken - self.removed
    }

    /// How many of its slots are of removed ids.
    pub(super) const fn wasted(&self) -> usize {
        self.removed
    }

    pub(super) fn get(&self, id: Uuid) -> Option<u32> {
        if self.slots.is_empty() {
            return None;
        }
        let (before, from) = self.slots.split_at_checked(start(id, self.slots.len()))?;
        // Around the end. A fifth of the slots is free: the search ends soon.
        for slot in from.iter().chain(before) {
            if slot.value == FREE {
                return None;
            }
            if slot.id == id {
                return (slot.value < VALUES).then_some(slot.value);
            }
        }
        None
    }

    /// The ids with their numbers, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Uuid, u32)> + '_ {
        self.slots
            .iter()
            .filter(|slot| slot.value < VALUES)
            .map(|slot| (slot.id, slot.value))
    }

    /// Sets the number of an id: less than [`VALUES`].
    pub(super) fn set(&mut self, id: Uuid, value: u32) {
        if room_for(self.taken + 1) > self.slots.len() {
            // With room for more than this one, or many would each move all.
            self.spread(self.len() + self.len() / 4 + 4);
        }
        let Some(slot) = self.slot(id) else { return };
        let before = std::mem::replace(slot, Slot { id, value }).value;
        self.taken += usize::from(before == FREE);
        self.removed -= usize::from(before == REMOVED);
    }

    pub(super) fn remove(&mut self, id: Uuid) {
        if let Some(slot) = self.slot(id)
            && slot.value < VALUES
        {
            slot.value = REMOVED;
            self.removed += 1;
        }
    }

    /// Gives back what it does not need, where it is worth moving all.
    pub(super) fn shrink(&mut self) {
        if self.slots.len() > room_for(self.taken) + self.taken / 3 {
            self.spread(self.len());
        }
    }

    /// Heap memory, in bytes.
    pub(super) const fn footprint(&self) -> usize {
        self.slots.capacity() * size_of::<Slot>()
    }

    /// The slot of an id, or the free one that it would get.
    fn slot(&mut self, id: Uuid) -> Option<&mut Slot> {
        if self.slots.is_empty() {
            return None;
        }
        let start = start(id, self.slots.len());
        let (before, from) = self.slots.split_at_mut_checked(start)?;
        from.iter_mut()
            .chain(before)
            .find(|slot| slot.value == FREE || slot.id == id)
    }

    /// Makes a table with room for so many, or for those it has, without the removed ones.
    fn spread(&mut self, ids: usize) {
        let mut wider = Self::with_capacity(ids.max(self.len()));
        for (id, value) in self.iter() {
            if let Some(slot) = wider.slot(id) {
                *slot = Slot { id, value };
                wider.taken += 1;
            }
        }
        *self = wider;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_is_a_map() {
        let mut map = IdMap::default();
        let mut model = HashMap::new();
        assert_eq!(map.get(Uuid::nil()), None);
        for round in 0_u32..4_000 {
            // Few ids, so that they meet again; some count up, some are scattered, as are those of version 7.
            let number = u128::from(round.wrapping_mul(2_654_435_761) % 700);
            let id = match round % 3 {
                0 => Uuid::from_u128(number),
                1 => Uuid::from_u128(number << 64),
                _ => Uuid::from_u128((0x0190_0000_0000_7000 << 64) | (number * 0x9e37_79b9_7f4a_7c15)),
            };
            if round % 5 == 0 {
                map.remove(id);
                model.remove(&id);
            } else {
                map.set(id, round);
                model.insert(id, round);
            }
            assert_eq!(map.get(id), model.get(&id).copied());
            if round % 1_000 == 999 {
                map.shrink();
            }
        }
        assert_eq!(map.len(), model.len());
        assert_eq!(map.iter().collect::<HashMap<_, _>>(), model);
        for number in 700..900 {
            assert_eq!(map.get(Uuid::from_u128(number)), None);
        }
        map.shrink();
        let places = map.len() + map.wasted();
        assert!(map.footprint() <= places * 32 + 64, "{} bytes", map.footprint());
        let exact = (0..1_000).fold(IdMap::with_capacity(1_000), |mut map, number| {
            map.set(Uuid::from_u128(u128::from(number)), number);
            map
        });
        assert!(exact.footprint() <= 25 * 1_000 + 64, "{} bytes", exact.footprint());
    }
}
