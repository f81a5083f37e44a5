//! Access tokens that were verified already, so that a signature is computed once a token and not once a request.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use aws_lc_rs::digest;
use kernel::{OrganizationId, Timestamp};
use parking_lot::{Mutex, RwLock};
use uuid::Uuid;

/// The SHA-256 of a token: who reads the server's memory finds no token in the cache.
type Digest = [u8; 32];

fn digest_of(token: &str) -> Digest {
    let made = digest::digest(&digest::SHA256, token.as_bytes());
    let mut digest = [0; 32];
    for (place, byte) in digest.iter_mut().zip(made.as_ref()) {
        *place = *byte;
    }
    digest
}

/// A digest is as evenly spread as any hash of it could be. The length that is written before it is overwritten.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// Whose a token is, and when it ends: all by which an entry can end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenOwner {
    /// The organization.
    pub organization: OrganizationId,
    /// The user or service account.
    pub subject: Uuid,
    /// The session, or the client secret.
    pub session: Uuid,
    /// When the token ends; an entry does not outlive it, not even by the leeway of verification.
    pub expires_at: Timestamp,
}

/// Taken before a token is verified and given back with the result, so that a revocation in between is not missed.
#[derive(Debug, Clone, Copy)]
pub struct VerificationTicket(u64);

struct Entry<V> {
    digest: Digest,
    owner: TokenOwner,
    value: V,
    /// Whether it was asked for since the last round for room.
    is_wanted: AtomicBool,
}

struct Shard<V> {
    places: HashMap<Digest, usize, BuildHasherDefault<Spread>>,
    entries: Vec<Entry<V>>,
    /// Where the next round for room begins.
    hand: usize,
}

impl<V> Shard<V> {
    fn new() -> Self {
        Self {
            places: HashMap::default(),
            entries: Vec::new(),
            hand: 0,
        }
    }

    fn remove(&mut self, digest: &Digest) -> Option<Entry<V>> {
        let place = self.places.remove(digest)?;
        let entry = self.entries.swap_remove(place);
        if let Some(moved) = self.entries.get(place) {
            self.places.insert(moved.digest, place);
        }
        Some(entry)
    }

    /// Removes the entry to make room: the first from the hand on that is over or was not asked for since the last round;
    /// what was asked for gets another round (the clock algorithm).
    fn evict(&mut self, now: Timestamp) -> Option<Entry<V>> {
        let count = self.entries.len();
        for _ in 0..=count {
            if self.hand >= count {
                self.hand = 0;
            }
            let entry = self.entries.get_mut(self.hand)?;
            let is_wanted = std::mem::take(entry.is_wanted.get_mut());
            if !is_wanted || entry.owner.expires_at <= now {
                break;
            }
            self.hand += 1;
        }
        let digest = self.entries.get(self.hand)?.digest;
        self.remove(&digest)
    }
}

/// Which entries belong to whom, in the order that finds all of one owner together.
#[derive(Default)]
struct Owners {
    sessions: BTreeSet<(OrganizationId, Uuid, Digest)>,
    subjects: BTreeSet<(OrganizationId, Uuid, Digest)>,
}

impl Owners {
    fn add(&mut self, owner: &TokenOwner, digest: Digest) {
        self.sessions.insert((owner.organization, owner.session, digest));
        self.subjects.insert((owner.organization, owner.subject, digest));
    }

    fn remove(&mut self, owner: &TokenOwner, digest: Digest) {
        self.sessions.remove(&(owner.organization, owner.session, digest));
        self.subjects.remove(&(owner.organization, owner.subject, digest));
    }
}

/// The digests of `owners` from one id to another.
fn of_ids(
    owners: &BTreeSet<(OrganizationId, Uuid, Digest)>,
    organization: OrganizationId,
    ids: (Uuid, Uuid),
) -> Vec<Digest> {
    let (first, last) = ids;
    owners
        .range((organization, first, [0; 32])..=(organization, last, [0xff; 32]))
        .map(|(_, _, digest)| *digest)
        .collect()
}

/// A bounded cache of what verified tokens mean, by the SHA-256 of the token.
///
/// An entry ends with its token, or at once when its session, its subject or its organization is revoked. A full cache
/// gives up what was not asked for lately. A hit takes one lock for reading, of one shard, and clones a `V`, which is best
/// an `Arc`.
///
/// Revoking and verifying can overlap: a request may have seen the session alive just before it ended, and would then store
/// what is no longer true. So whoever verifies takes a [ticket](Self::ticket) **before** looking whether the session is
/// live, and whoever revokes makes the session's end visible **before** calling [`revoke_session`](Self::revoke_session) and
/// its kind; a result whose ticket is older than a revocation is used for its request and not kept.
pub struct VerifiedTokens<V> {
    shards: Box<[RwLock<Shard<V>>]>,
    /// Held by whoever changes a shard, before its lock.
    owners: Mutex<Owners>,
    /// How many revocations there were.
    revocations: AtomicU64,
    shard_capacity: usize,
}

impl<V: Clone> VerifiedTokens<V> {
    /// Enough that the requests of all cores rarely meet; a power of two.
    const SHARDS: usize = 64;

    /// A cache of at most `capacity` tokens, rounded up to a multiple of 64. An entry takes some 400 bytes beside its value.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            shards: (0..Self::SHARDS).map(|_| RwLock::new(Shard::new())).collect(),
            owners: Mutex::default(),
            revocations: AtomicU64::new(0),
            shard_capacity: capacity.div_ceil(Self::SHARDS).max(1),
        }
    }

    fn shard(&self, digest: &Digest) -> Option<&RwLock<Shard<V>>> {
        // Another byte than those that spread the entries inside the shard.
        let last = digest.last().copied().map_or(0, usize::from);
        self.shards.get(last % Self::SHARDS)
    }

    /// What a token means, if it is known and not over.
    #[must_use]
    pub fn get(&self, token: &str, now: Timestamp) -> Option<V> {
        let digest = digest_of(token);
        let shard = self.shard(&digest)?.read();
        let entry = shard.entries.get(*shard.places.get(&digest)?)?;
        if entry.owner.expires_at <= now {
            return None;
        }
        // Written only when it changes, so that the cores do not fight for the line.
        if !entry.is_wanted.load(Ordering::Relaxed) {
            entry.is_wanted.store(true, Ordering::Relaxed);
        }
        Some(entry.value.clone())
    }

    /// To be taken before a token is verified and its session looked up.
    #[must_use]
    pub fn ticket(&self) -> VerificationTicket {
        VerificationTicket(self.revocations.load(Ordering::SeqCst))
    }

    /// Keeps what a token means, unless it is over or anything was revoked since the ticket was taken.
    pub fn insert(&self, ticket: VerificationTicket, token: &str, owner: TokenOwner, value: V, now: Timestamp) {
        if owner.expires_at <= now {
            return;
        }
        let digest = digest_of(token);
        let Some(shard) = self.shard(&digest) else { return };
        let mut owners = self.owners.lock();
        if self.revocations.load(Ordering::SeqCst) != ticket.0 {
            return;
        }
        let mut shard = shard.write();
        let removed = match shard.remove(&digest) {
            None if shard.entries.len() >= self.shard_capacity => shard.evict(now),
            known => known,
        };
        if let Some(removed) = removed {
            owners.remove(&removed.owner, removed.digest);
        }
        let place = shard.entries.len();
        shard.places.insert(digest, place);
        shard.entries.push(Entry {
            digest,
            owner,
            value,
            is_wanted: AtomicBool::new(false),
        });
        owners.add(&owner, digest);
    }

    /// Forgets the tokens of a session, or of a client secret.
    pub fn revoke_session(&self, organization: OrganizationId, session: Uuid) {
        self.revoke(|owners| of_ids(&owners.sessions, organization, (session, session)));
    }

    /// Forgets the tokens of a user or a service account.
    pub fn revoke_subject(&self, organization: OrganizationId, subject: Uuid) {
        self.revoke(|owners| of_ids(&owners.subjects, organization, (subject, subject)));
    }

    /// Forgets the tokens of an organization.
    pub fn revoke_organization(&self, organization: OrganizationId) {
        self.revoke(|owners| of_ids(&owners.subjects, organization, (Uuid::nil(), Uuid::max())));
    }

    /// Forgets all: a signing key was withdrawn.
    pub fn revoke_all(&self) {
        self.revoke(|owners| owners.sessions.iter().map(|(_, _, digest)| *digest).collect());
    }

    fn revoke(&self, of: impl FnOnce(&Owners) -> Vec<Digest>) {
        let mut owners = self.owners.lock();
        self.revocations.fetch_add(1, Ordering::SeqCst);
        for digest in of(&owners) {
            let removed = self.shard(&digest).and_then(|shard| shard.write().remove(&digest));
            if let Some(removed) = removed {
                owners.remove(&removed.owner, digest);
            }
        }
    }

    /// How many tokens are kept, for the metrics.
    #[must_use]
    pub fn len(&self) -> usize {
        self.owners.lock().sessions.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<V> fmt::Debug for VerifiedTokens<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedTokens")
            .field("tokens", &self.owners.lock().sessions.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use kernel::Id as _;
    use proptest::prelude::*;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

    fn at(seconds: u64) -> Timestamp {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn organization(number: u128) -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(number))
    }

    fn owner(organization_number: u128, subject: u128, session: u128) -> TokenOwner {
        TokenOwner {
            organization: organization(organization_number),
            subject: Uuid::from_u128(subject),
            session: Uuid::from_u128(session),
            expires_at: at(900),
        }
    }

    fn keep(cache: &VerifiedTokens<u32>, token: &str, owner: TokenOwner, value: u32) {
        cache.insert(cache.ticket(), token, owner, value, NOW);
    }

    #[test]
    fn a_token_is_known_until_it_ends() {
        let cache = VerifiedTokens::new(100);
        assert_eq!(cache.get("token", NOW), None);
        keep(&cache, "token", owner(1, 1, 1), 7);
        assert_eq!(cache.get("token", NOW), Some(7));
        assert_eq!(cache.get("Token", NOW), None);
        assert_eq!(cache.get("token", at(899)), Some(7));
        assert_eq!(cache.get("token", at(900)), None);
        cache.insert(cache.ticket(), "late", owner(1, 1, 1), 8, at(900));
        assert_eq!(cache.len(), 1, "what is over is not kept");
    }

    #[test]
    fn a_token_is_kept_once() {
        let cache = VerifiedTokens::new(100);
        keep(&cache, "token", owner(1, 1, 1), 7);
        keep(&cache, "token", owner(1, 1, 2), 8);
        assert_eq!((cache.get("token", NOW), cache.len()), (Some(8), 1));
        cache.revoke_session(organization(1), Uuid::from_u128(1));
        assert_eq!(cache.get("token", NOW), Some(8), "it is of the other session now");
    }

    #[test]
    fn a_revocation_ends_exactly_what_is_revoked() {
        let all = [
            ("a", owner(1, 1, 1)),
            ("b", owner(1, 1, 1)),
            ("c", owner(1, 1, 2)),
            ("d", owner(1, 2, 3)),
            ("e", owner(2, 1, 1)),
        ];
        let left = |revoke: &dyn Fn(&VerifiedTokens<u32>)| {
            let cache = VerifiedTokens::new(1_000);
            for (token, owner) in all {
                keep(&cache, token, owner, 1);
            }
            revoke(&cache);
            let tokens: String = all
                .iter()
                .filter_map(|(token, _)| cache.get(token, NOW).map(|_| *token))
                .collect();
            assert_eq!(cache.len(), tokens.len());
            assert_eq!(cache.owners.lock().subjects.len(), tokens.len());
            tokens
        };
        assert_eq!(
            left(&|cache| cache.revoke_session(organization(1), Uuid::from_u128(1))),
            "cde"
        );
        assert_eq!(
            left(&|cache| cache.revoke_session(organization(3), Uuid::from_u128(1))),
            "abcde"
        );
        assert_eq!(
            left(&|cache| cache.revoke_subject(organization(1), Uuid::from_u128(1))),
            "de"
        );
        assert_eq!(left(&|cache| cache.revoke_organization(organization(1))), "e");
        assert_eq!(left(&|cache| cache.revoke_all()), "");
    }

    #[test]
    fn what_was_verified_before_a_revocation_is_not_kept_after_it() {
        let cache = VerifiedTokens::new(100);
        let ticket = cache.ticket();
        cache.revoke_session(organization(9), Uuid::from_u128(9));
        cache.insert(ticket, "token", owner(1, 1, 1), 7, NOW);
        assert!(cache.is_empty());
        keep(&cache, "token", owner(1, 1, 1), 7);
        assert!(!cache.is_empty());
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let cache = VerifiedTokens::new(128);
        for number in 0..10_000_u32 {
            keep(
                &cache,
                &number.to_string(),
                owner(1, u128::from(number), u128::from(number)),
                number,
            );
            assert!(cache.len() <= 128);
        }
        let subjects = cache.owners.lock().subjects.len();
        assert_eq!(subjects, cache.len());
        assert!(cache.len() > 100, "and it is used: {}", cache.len());
        for shard in &cache.shards {
            let shard = shard.read();
            assert_eq!(shard.places.len(), shard.entries.len());
        }
    }

    #[test]
    fn what_is_asked_for_stays_and_what_is_over_goes_first() {
        let cache = VerifiedTokens::new(64 * 8);
        keep(&cache, "wanted", owner(1, 0, 0), 0);
        for number in 1..20_000_u32 {
            keep(&cache, &number.to_string(), owner(1, 1, 1), number);
            assert_eq!(cache.get("wanted", NOW), Some(0), "{number}");
        }
        let mut shard = Shard::new();
        for (number, seconds) in [(1_u8, 900), (2, 10), (3, 900)] {
            let digest = [number; 32];
            shard.places.insert(digest, shard.entries.len());
            shard.entries.push(Entry {
                digest,
                owner: TokenOwner {
                    expires_at: at(seconds),
                    ..owner(1, 1, 1)
                },
                value: number,
                is_wanted: AtomicBool::new(true),
            });
        }
        assert_eq!(shard.evict(at(10)).unwrap().value, 2, "over, though it was asked for");
        assert!(shard.evict(at(10)).is_some() && shard.evict(at(10)).is_some());
        assert!(shard.evict(at(10)).is_none());
    }

    #[test]
    fn nothing_revoked_is_seen_by_whoever_asks_later() {
        let cache = Arc::new(VerifiedTokens::new(1_000));
        let alive = Arc::new(AtomicBool::new(true));
        let verifiers: Vec<_> = (0..2)
            .map(|_| {
                let (cache, alive) = (Arc::clone(&cache), Arc::clone(&alive));
                std::thread::spawn(move || {
                    for _ in 0..2_000 {
                        let ticket = cache.ticket();
                        if alive.load(Ordering::SeqCst) {
                            std::thread::yield_now();
                            cache.insert(ticket, "token", owner(1, 1, 1), 1, NOW);
                        }
                    }
                })
            })
            .collect();
        for _ in 0..200 {
            alive.store(false, Ordering::SeqCst);
            cache.revoke_session(organization(1), Uuid::from_u128(1));
            for _ in 0..5 {
                assert_eq!(cache.get("token", NOW), None);
                std::thread::yield_now();
            }
            alive.store(true, Ordering::SeqCst);
            std::thread::yield_now();
        }
        for verifier in verifiers {
            verifier.join().unwrap();
        }
    }

    #[test]
    fn a_token_is_not_printed() {
        let cache = VerifiedTokens::new(100);
        keep(&cache, "marked-secret", owner(1, 1, 1), 7);
        assert_eq!(format!("{cache:?}"), "VerifiedTokens { tokens: 1 }");
    }

    #[derive(Debug, Clone)]
    enum Step {
        Keep {
            token: u8,
            subject: u8,
            session: u8,
            seconds: u64,
        },
        RevokeSession(u8),
        RevokeSubject(u8),
        Wait(u64),
    }

    /// So many that shards with room for one have to give some up.
    const TOKENS: u8 = 48;

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            6 => (0..TOKENS, 0_u8..8, 0_u8..16, 1_u64..100)
                .prop_map(|(token, subject, session, seconds)| Step::Keep { token, subject, session, seconds }),
            1 => (0_u8..16).prop_map(Step::RevokeSession),
            1 => (0_u8..8).prop_map(Step::RevokeSubject),
            2 => (1_u64..50).prop_map(Step::Wait),
        ];
        prop::collection::vec(step, 1..150)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A cache may forget; it may never remember what is over or revoked, nor get the owners wrong.
        #[test]
        fn it_knows_nothing_but_what_is_true(steps in steps()) {
            let cache = VerifiedTokens::new(64);
            let mut truth: HashMap<u8, (u8, u8, Timestamp)> = HashMap::new();
            let mut now = NOW;
            for step in steps {
                match step {
                    Step::Keep { token, subject, session, seconds } => {
                        let expires_at = now.plus(Duration::from_secs(seconds));
                        let owner = TokenOwner { expires_at, ..owner(1, subject.into(), session.into()) };
                        cache.insert(cache.ticket(), &token.to_string(), owner, token, now);
                        truth.insert(token, (subject, session, expires_at));
                    }
                    Step::RevokeSession(session) => {
                        cache.revoke_session(organization(1), Uuid::from_u128(session.into()));
                        truth.retain(|_, (_, of, _)| *of != session);
                    }
                    Step::RevokeSubject(subject) => {
                        cache.revoke_subject(organization(1), Uuid::from_u128(subject.into()));
                        truth.retain(|_, (of, _, _)| *of != subject);
                    }
                    Step::Wait(seconds) => now = now.plus(Duration::from_secs(seconds)),
                }
                for token in 0..TOKENS {
                    if let Some(value) = cache.get(&token.to_string(), now) {
                        prop_assert_eq!(value, token);
                        prop_assert!(truth.get(&token).is_some_and(|(_, _, expires_at)| now < *expires_at));
                    }
                }
                prop_assert!(cache.len() <= 64);
                prop_assert_eq!(cache.owners.lock().subjects.len(), cache.len());
            }
        }
    }
}
