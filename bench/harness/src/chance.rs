//! Places that are asked for at random.

use anyhow::Context;

/// SplitMix64 (Steele, Lea, Flood 2014) from a fixed start: whoever begins with the same number asks for the same places in the same order.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self::beginning(0)
    }

    /// A sequence of its own for each number.
    pub(crate) fn beginning(number: u64) -> Self {
        Self(number << 40)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> anyhow::Result<usize> {
        let count = u64::try_from(count)?.max(1);
        Ok(usize::try_from(self.next() % count)?)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of the values with its place.
    pub(crate) fn pick_numbered<'v, T>(&mut self, values: &'v [T]) -> anyhow::Result<(usize, &'v T)> {
        let place = self.below(values.len())?;
        Ok((place, values.get(place).context("nothing to choose from")?))
    }

    /// One of the values.
    pub(crate) fn pick<'v, T>(&mut self, values: &'v [T]) -> anyhow::Result<&'v T> {
        Ok(self.pick_numbered(values)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_picked_now_and_then_and_nothing_is_an_error() {
        let (mut chance, mut counts) = (Chance::new(), [0_u32; 5]);
        for _ in 0..1000 {
            let (place, value) = chance.pick_numbered(&[0, 1, 2, 3, 4]).unwrap();
            assert_eq!(place, *value);
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| (150..250).contains(count)), "{counts:?}");
        assert!(chance.pick::<u8>(&[]).is_err());
    }
}
