//! Sets of permissions as rows of bits, one bit for each permission of the catalogue.

use super::catalogue::PermissionIndex;

/// Rows of bits of the same width, one after the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BitRows {
    words: usize,
    bits: Vec<u64>,
}

const WORD: usize = u64::BITS as usize;

/// The word of a row that a permission's bit is in, and the bit.
const fn place(permission: PermissionIndex) -> (usize, u64) {
    let index = permission.get();
    (index / WORD, 1 << (index % WORD))
}

impl BitRows {
    /// No row yet, each to be wide enough for so many permissions.
    pub(super) fn for_permissions(permissions: usize) -> Self {
        Self {
            words: permissions.div_ceil(WORD),
            bits: Vec::new(),
        }
    }

    /// No row yet, of the same width as `other`.
    pub(super) fn like(other: &Self) -> Self {
        Self {
            words: other.words,
            bits: Vec::new(),
        }
    }

    /// Adds an empty row; its number is that of rows before it.
    pub(super) fn add(&mut self) {
        self.bits.resize(self.bits.len() + self.words, 0);
    }

    /// Adds a row.
    pub(super) fn add_row(&mut self, row: &[u64]) {
        debug_assert_eq!(row.len(), self.words, "a row of this width");
        self.bits.extend_from_slice(row);
    }

    pub(super) fn row(&self, row: usize) -> &[u64] {
        let start = row * self.words;
        self.bits.get(start..start + self.words).unwrap_or_default()
    }

    pub(super) fn row_mut(&mut self, row: usize) -> &mut [u64] {
        let start = row * self.words;
        self.bits.get_mut(start..start + self.words).unwrap_or_default()
    }

    pub(super) fn has(&self, row: usize, permission: PermissionIndex) -> bool {
        let (word, bit) = place(permission);
        // A permission of another catalogue must not be looked for in the next row.
        word < self.words
            && self
                .bits
                .get(row * self.words + word)
                .is_some_and(|bits| bits & bit != 0)
    }

    pub(super) fn set(&mut self, row: usize, permission: PermissionIndex) {
        set(self.row_mut(row), permission);
    }

    /// Adds the bits of the row `from` to the row `to`; whether that changed it.
    pub(super) fn merge(&mut self, to: usize, from: usize) -> bool {
        let mut changed = false;
        for word in 0..self.words {
            let added = self.bits.get(from * self.words + word).copied().unwrap_or_default();
            if let Some(bits) = self.bits.get_mut(to * self.words + word) {
                changed |= added & !*bits != 0;
                *bits |= added;
            }
        }
        changed
    }

    /// Keeps in every row only the bits of `mask`.
    pub(super) fn keep(&mut self, mask: &[u64]) {
        if self.words > 0 {
            for row in self.bits.chunks_exact_mut(self.words) {
                for (bits, mask) in row.iter_mut().zip(mask) {
                    *bits &= mask;
                }
            }
        }
    }

    pub(super) fn shrink(&mut self) {
        self.bits.shrink_to_fit();
    }

    /// Heap memory, in bytes.
    pub(super) fn footprint(&self) -> usize {
        self.bits.capacity() * size_of::<u64>()
    }
}

pub(super) fn set(row: &mut [u64], permission: PermissionIndex) {
    let (word, bit) = place(permission);
    if let Some(bits) = row.get_mut(word) {
        *bits |= bit;
    }
}

/// The permissions whose bits are set in a row, in their order.
pub(super) fn members(row: &[u64]) -> impl Iterator<Item = PermissionIndex> + '_ {
    row.iter().enumerate().flat_map(|(word, &bits)| {
        let mut rest = bits;
        std::iter::from_fn(move || {
            if rest == 0 {
                return None;
            }
            let bit = rest.trailing_zeros() as usize;
            rest &= rest - 1;
            PermissionIndex::new(word * WORD + bit)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index(number: usize) -> PermissionIndex {
        PermissionIndex::new(number).unwrap()
    }

    #[test]
    fn rows_are_kept_apart() {
        let mut rows = BitRows::for_permissions(65);
        rows.add();
        rows.add();
        rows.set(0, index(64));
        rows.set(1, index(0));
        assert!(rows.has(0, index(64)) && rows.has(1, index(0)));
        assert!(!rows.has(0, index(0)) && !rows.has(1, index(64)));
        assert!(!rows.has(0, index(128)), "beyond the row is not the next row");
        assert!(!rows.has(2, index(0)), "there is no such row");
        rows.set(0, index(200));
        assert_eq!(members(rows.row(0)).collect::<Vec<_>>(), [index(64)]);
    }

    #[test]
    fn rows_are_merged_and_masked() {
        let mut rows = BitRows::for_permissions(130);
        for _ in 0..3 {
            rows.add();
        }
        for number in [1, 63, 64, 129] {
            rows.set(1, index(number));
        }
        assert!(rows.merge(0, 1));
        assert!(!rows.merge(0, 1), "the second time nothing changes");
        rows.set(2, index(63));
        rows.set(2, index(129));
        let mask = rows.row(2).to_vec();
        rows.keep(&mask);
        assert_eq!(members(rows.row(0)).collect::<Vec<_>>(), [index(63), index(129)]);
    }

    #[test]
    fn without_permissions_there_is_nothing_to_have() {
        let mut rows = BitRows::for_permissions(0);
        rows.add();
        rows.set(0, index(0));
        rows.keep(&[]);
        assert!(!rows.has(0, index(0)));
    }
}
