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
    /// When the operating system has no randomness to give. No caller could do better: every secret and every id made without it
    /// could be guessed.
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
/// The algorithm is SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014), which needs only
/// one atomic addition and so no lock.
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
}

impl Generators {
    /// The machine's clock and the operating system's randomness.
    #[must_use]
    pub fn system() -> Self {
        Self {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(OsRandom),
        }
    }

    /// The test's clock, and bytes and ids that are the same at every run with the same seed.
    #[must_use]
    pub fn seeded(clock: Arc<ManualClock>, seed: u64) -> Self {
        Self {
            clock,
            random: Arc::new(SeededRandom::new(seed)),
        }
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
    /// Besides the milliseconds, the 12 bits of `rand_a` hold the fraction of the millisecond (RFC 9562, section 6.2, method 3):
    /// ids made in different microseconds sort in the order they were made. The other 62 bits are random.
    #[must_use]
    pub fn id<I: Id>(&self) -> I {
        let micros = u64::try_from(self.now().as_micros()).unwrap_or(0);
        // 1,000 microseconds spread over the 4,096 values of 12 bits.
        let fraction = u16::try_from(micros % 1_000 * 4_096 / 1_000).unwrap_or(0);
        let [high, low] = fraction.to_be_bytes();
        let [a, b, c, d, e, f, g, h] = self.bytes::<8>();
        let uuid = uuid::Builder::from_unix_timestamp_millis(micros / 1_000, &[high, low, a, b, c, d, e, f, g, h]);
        I::from_uuid(uuid.into_uuid())
    }
}
