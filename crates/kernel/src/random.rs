//! Randomness, and the pair of sources ([`Generators`]) that everything unpredictable or dated comes from.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::{Clock, Id, ManualClock, SystemClock, Timestamp};

/// A source of random bytes. A parameter everywhere, so that a test repeats exactly.
pub trait Random: Send + Sync + fmt::Debug {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's generator, fit for secrets.
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    /// # Panics
    /// When the operating system has no randomness to give. No caller could do better: every secret and every id made
    /// without it could be guessed.
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the source that everything else takes as a parameter"
    )]
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret and no id may be made; see the comment above"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives random bytes");
    }
}

/// The same bytes for the same seed, for tests. Never for secrets: it is predictable by design.
///
/// The algorithm is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), which
/// needs only one atomic addition and so no lock.
#[derive(Debug)]
pub struct SeededRandom {
    state: AtomicU64,
}

impl SeededRandom {
    /// A generator that starts at `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    fn next(&self) -> u64 {
        const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.state.fetch_add(GAMMA, Ordering::Relaxed).wrapping_add(GAMMA);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

impl Random for SeededRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            for (byte, random) in chunk.iter_mut().zip(self.next().to_le_bytes()) {
                *byte = random;
            }
        }
    }
}

/// Where instants, random bytes and ids come from; handed down from the composition root to all that makes one.
#[derive(Debug, Clone)]
pub struct Generators {
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// Gives random bytes.
    pub random: Arc<dyn Random>,
    /// The leading 60 bits of the last id, so that the next one sorts after it.
    last: Arc<AtomicU64>,
}

impl Generators {
    /// The machine's clock and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock::new()), Arc::new(OsRandom))
    }

    /// Generators over this clock and this randomness.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self {
            clock,
            random,
            last: Arc::default(),
        }
    }

    /// The test's clock, and bytes and ids that are the same at every run with the same seed.
    #[must_use]
    pub fn seeded(clock: Arc<ManualClock>, seed: u64) -> Self {
        Self::new(clock, Arc::new(SeededRandom::new(seed)))
    }

    /// The current instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// `N` random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new id: a UUID version 7 whose leading bits are the time, so that an index of them grows at its end.
    ///
    /// Besides the milliseconds, the 12 bits of `rand_a` hold the fraction of the millisecond (RFC 9562, section 6.2,
    /// method 3). Where that would not sort after the id before it, from the same generators, it is one more than that one's:
    /// what one node makes sorts in the order it was made. The other 62 bits are random.
    #[must_use]
    pub fn id<I: Id>(&self) -> I {
        let micros = u64::try_from(self.now().as_micros()).unwrap_or(0);
        // 1,000 microseconds spread over the 4,096 values of 12 bits.
        let now = ((micros / 1_000) << 12) | (micros % 1_000 * 4_096 / 1_000);
        let after = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, after);
        let leading = last.map_or(now, |last| now.max(last.saturating_add(1)));
        let fraction = u16::try_from(leading & 0xfff).unwrap_or(0);
        let [high, low] = fraction.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = self.bytes::<8>();
        let uuid = uuid::Builder::from_unix_timestamp_millis(leading >> 12, &[high, low, a, b, c, d, e, f, g, h]);
        I::from_uuid(uuid.into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::time::Duration;

    use super::*;
    use crate::OrganizationId;

    fn generators(seed: u64) -> (Arc<ManualClock>, Generators) {
        let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
        (Arc::clone(&clock), Generators::seeded(clock, seed))
    }

    #[test]
    fn a_seed_repeats_exactly() {
        let (_, one) = generators(7);
        let (_, same) = generators(7);
        let (_, other) = generators(8);
        assert_eq!(one.bytes::<13>(), same.bytes::<13>());
        assert_eq!(one.id::<OrganizationId>(), same.id::<OrganizationId>());
        assert_ne!(one.bytes::<13>(), other.bytes::<13>());
    }

    #[test]
    fn ids_of_one_instant_sort_in_the_order_they_were_made() {
        let (clock, generators) = generators(7);
        let mut ids: Vec<OrganizationId> = (0..5_000).map(|_| generators.id()).collect();
        // More than fit into the millisecond they began in, and then the clock goes on.
        clock.advance(Duration::from_millis(5));
        ids.push(generators.id());
        assert!(ids.is_sorted());
    }

    #[test]
    fn the_seeded_generator_is_split_mix_64() {
        // The first values of the reference implementation for the seed 1234567.
        let random = SeededRandom::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn every_length_is_filled() {
        let random = SeededRandom::new(1);
        for length in 0..40 {
            let mut columns = vec![0_u8; length];
            // One byte may happen to be zero each time, but not sixteen times in a row.
            for _ in 0..16 {
                let mut bytes = vec![0; length];
                random.fill(&mut bytes);
                columns.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(columns.iter().all(|seen| *seen != 0), "{length}");
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_that_tells_its_millisecond() {
        let (clock, generators) = generators(1);
        clock.advance(Duration::from_millis(5));
        let uuid = generators.id::<OrganizationId>().as_uuid();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        let (seconds, nanos) = uuid.get_timestamp().unwrap().to_unix();
        let millis = i64::try_from(seconds * 1_000 + u64::from(nanos) / 1_000_000).unwrap();
        assert_eq!(millis, clock.now().as_micros() / 1_000);
    }

    #[test]
    fn ids_of_later_microseconds_sort_later() {
        let (clock, generators) = generators(3);
        let ids: Vec<OrganizationId> = (0..3_000)
            .map(|_| {
                clock.advance(Duration::from_micros(1));
                generators.id()
            })
            .collect();
        assert!(ids.is_sorted());
    }

    #[test]
    fn ids_of_one_instant_differ() {
        let (_, generators) = generators(5);
        let ids: BTreeSet<OrganizationId> = (0..10_000).map(|_| generators.id()).collect();
        assert_eq!(ids.len(), 10_000);
    }

    #[test]
    fn before_1970_an_id_is_still_made() {
        let clock = Arc::new(ManualClock::new(Timestamp::MIN));
        let generators = Generators::seeded(clock, 1);
        assert_ne!(generators.id::<OrganizationId>(), generators.id::<OrganizationId>());
    }

    #[test]
    fn the_system_generators_are_real() {
        let generators = Generators::system();
        assert!(generators.now() > "2026-01-01T00:00:00Z".parse().unwrap());
        assert_ne!(generators.bytes::<32>(), generators.bytes::<32>());
        assert_ne!(generators.id::<OrganizationId>(), generators.id::<OrganizationId>());
    }
}
