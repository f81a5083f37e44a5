//! From an id to a number, with the memory of little more than the ids.

use uuid::Uuid;

/// A map from ids to numbers. It grows and changes while a snapshot is made, and is only read afterwards.
///
/// An open table of positions beside the list of entries: 20 bytes an entry and 5 to 11 for the table, where a hash map
/// of the standard library keeps room for up to twice its entries.
#[derive(Debug, Clone, Default)]
pub(super) struct IdMap {
    entries: Vec<Entry>,
    // A power of two of them, at most three quarters taken.
    slots: Vec<u32>,
    removed: usize,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    id: Uuid,
    value: u32,
}

const FREE: u32 = u32::MAX;
/// The value of an entry that was removed. It keeps its place until the map is made anew.
const REMOVED: u32 = u32::MAX;

/// Where a search for the id begins, among `slots` (a power of two).
///
/// Ids are made by the server, of time and 74 random bits, so nobody chooses where they fall; multiplying spreads also
/// those that only count up.
const fn start(id: Uuid, slots: usize) -> usize {
    let (high, low) = id.as_u64_pair();
    let mixed = (low ^ high.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    (mixed >> 32) as usize & (slots - 1)
}

impl IdMap {
    /// A map with room for so many.
    pub(super) fn with_capacity(entries: usize) -> Self {
        let mut map = Self {
            entries: Vec::with_capacity(entries),
            ..Self::default()
        };
        map.spread(entries);
        map
    }

    /// How many ids it has.
    pub(super) fn len(&self) -> usize {
        self.entries.len() - self.removed
    }

    /// How many of its places are of removed ids.
    pub(super) const fn wasted(&self) -> usize {
        self.removed
    }

    pub(super) fn get(&self, id: Uuid) -> Option<u32> {
        self.find(id).map(|entry| entry.value).filter(|&value| value != REMOVED)
    }

    /// The ids with their numbers, in the order in which they were first set.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Uuid, u32)> + '_ {
        self.entries
            .iter()
            .filter(|entry| entry.value != REMOVED)
            .map(|entry| (entry.id, entry.value))
    }

    /// Sets the number of an id. `u32::MAX` is none.
    pub(super) fn set(&mut self, id: Uuid, value: u32) {
        if let Some(position) = self.position(id) {
            if let Some(entry) = self.entries.get_mut(position) {
                self.removed -= usize::from(entry.value == REMOVED);
                entry.value = value;
            }
            return;
        }
        if (self.entries.len() + 1) * 4 > self.slots.len() * 3 {
            self.spread((self.entries.len() + 1) * 2);
        }
        self.entries.push(Entry { id, value });
        self.place(id, self.entries.len() - 1);
    }

    pub(super) fn remove(&mut self, id: Uuid) {
        if let Some(position) = self.position(id)
            && let Some(entry) = self.entries.get_mut(position)
            && entry.value != REMOVED
        {
            entry.value = REMOVED;
            self.removed += 1;
        }
    }

    /// Gives back what it does not need.
    pub(super) fn shrink(&mut self) {
        self.entries.shrink_to_fit();
        self.spread(self.entries.len());
    }

    /// Heap memory, in bytes.
    pub(super) fn footprint(&self) -> usize {
        self.entries.capacity() * size_of::<Entry>() + self.slots.capacity() * size_of::<u32>()
    }

    fn find(&self, id: Uuid) -> Option<&Entry> {
        self.entries.get(self.position(id)?)
    }

    fn position(&self, id: Uuid) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mask = self.slots.len() - 1;
        let mut slot = start(id, self.slots.len());
        // A quarter of the slots is free: the search ends.
        loop {
            let position = *self.slots.get(slot)?;
            if position == FREE {
                return None;
            }
            if self.entries.get(position as usize)?.id == id {
                return Some(position as usize);
            }
            slot = (slot + 1) & mask;
        }
    }

    /// Makes the table wide enough for so many entries and puts the present ones into it.
    fn spread(&mut self, entries: usize) {
        let wanted = (entries.max(self.entries.len()) * 4 / 3 + 1).next_power_of_two().max(4);
        if wanted != self.slots.len() {
            self.slots = vec![FREE; wanted];
            for position in 0..self.entries.len() {
                if let Some(entry) = self.entries.get(position) {
                    self.place(entry.id, position);
                }
            }
        }
    }

    fn place(&mut self, id: Uuid, position: usize) {
        let mask = self.slots.len() - 1;
        let mut slot = start(id, self.slots.len());
        while let Some(found) = self.slots.get_mut(slot) {
            if *found == FREE {
                // Snapshots are refused before they have so many entries.
                *found = u32::try_from(position).unwrap_or(FREE);
                return;
            }
            slot = (slot + 1) & mask;
        }
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
    }
}
