//! Tamper evidence: what an entry comes to as a leaf, a batch as a root, and the chain as a seal.
//!
//! A leaf is the SHA-256 of an entry. Personal values enter it as salted commitments: when a person is erased, the values and the
//! salt go, the commitments stay, and the leaf is still the same. The leaves of a batch form a Merkle tree (RFC 6962's, with its
//! prefixes for leaves and nodes); the seal is an HMAC-SHA-256, under a key outside the database, over the seal before, the root,
//! the count and the place in the chain.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use kernel::id::least_at;
use kernel::{Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

/// Bytes of a hash.
const HASH: usize = 32;
/// Bytes of a salt.
pub(crate) const SALT: usize = 32;
/// Bytes of an entry's commitments.
pub(crate) const COMMITMENTS: usize = 4 * HASH;

/// For how long an entry may come late: a unit of work takes its time and its ids before it commits, and lasts at most 30 s. An
/// entry that appears behind that was put there around the program.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// A SHA-256 or an HMAC of it.
pub(crate) type Hash = [u8; HASH];

/// What stands in the place of the seal before the first.
pub(crate) const ZERO: Hash = [0; HASH];

/// What an entry tells about what happened. It never changes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EntryFacts<'e> {
    pub(crate) organization: OrganizationId,
    pub(crate) id: Uuid,
    pub(crate) occurred_at: Timestamp,
    pub(crate) actor_kind: &'e str,
    pub(crate) actor_id: Uuid,
    pub(crate) action: &'e str,
    pub(crate) target_kind: &'e str,
    pub(crate) target_id: Uuid,
    pub(crate) request_id: Option<&'e str>,
    pub(crate) count: i64,
}

/// What an entry tells about a person, or may. It can be erased.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PersonalFacts<'e> {
    pub(crate) actor_name: &'e str,
    pub(crate) ip: Option<&'e str>,
    pub(crate) user_agent: Option<&'e str>,
    pub(crate) changes: Option<&'e str>,
}

/// One commitment for each personal fact, in the order of their declaration.
pub(crate) type Commitments = [u8; COMMITMENTS];

/// Commits to personal facts.
pub(crate) fn commit(salt: &[u8], facts: &PersonalFacts<'_>) -> Commitments {
    let values = [Some(facts.actor_name), facts.ip, facts.user_agent, facts.changes];
    let mut commitments = [0; COMMITMENTS];
    for ((place, value), number) in commitments.chunks_exact_mut(HASH).zip(values).zip(0_u8..) {
        let mut hash = Context::new(&SHA256);
        hash.update(salt);
        hash.update(&[number]);
        update_text(&mut hash, value);
        place.copy_from_slice(hash.finish().as_ref());
    }
    commitments
}

/// An entry as a leaf of its batch.
pub(crate) fn leaf(facts: &EntryFacts<'_>, commitments: &[u8]) -> Hash {
    let mut hash = Context::new(&SHA256);
    hash.update(&[0]);
    hash.update(facts.organization.as_uuid().as_bytes());
    hash.update(facts.id.as_bytes());
    hash.update(&facts.occurred_at.as_micros().to_be_bytes());
    update_text(&mut hash, Some(facts.actor_kind));
    hash.update(facts.actor_id.as_bytes());
    update_text(&mut hash, Some(facts.action));
    update_text(&mut hash, Some(facts.target_kind));
    hash.update(facts.target_id.as_bytes());
    update_text(&mut hash, facts.request_id);
    hash.update(&facts.count.to_be_bytes());
    hash.update(commitments);
    finish(hash)
}

/// The root of the tree over the leaves.
pub(crate) fn root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => digest(&[]),
        [leaf] => *leaf,
        _ => {
            // The largest power of two below their number, as RFC 6962 splits.
            let middle = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(middle);
            let mut hash = Context::new(&SHA256);
            hash.update(&[1]);
            hash.update(&root(left));
            hash.update(&root(right));
            finish(hash)
        }
    }
}

/// The SHA-256 of bytes.
pub(crate) fn digest(bytes: &[u8]) -> Hash {
    let mut hash = Context::new(&SHA256);
    hash.update(bytes);
    finish(hash)
}

/// A length before each text, and a byte for one that is missing: no two entries are written alike.
fn update_text(hash: &mut Context, text: Option<&str>) {
    match text {
        None => hash.update(&[0]),
        Some(text) => {
            hash.update(&[1]);
            hash.update(&(text.len() as u64).to_be_bytes());
            hash.update(text.as_bytes());
        }
    }
}

fn finish(hash: Context) -> Hash {
    let mut bytes = ZERO;
    bytes.copy_from_slice(hash.finish().as_ref());
    bytes
}

/// What a seal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SealedBatch {
    pub(crate) organization: OrganizationId,
    pub(crate) sequence: i64,
    pub(crate) previous: Hash,
    pub(crate) root: Hash,
    pub(crate) count: i64,
    pub(crate) low: Uuid,
}

/// The key outside the database that seals are made with.
pub(crate) struct SealKey(hmac::Key);

impl SealKey {
    pub(crate) fn new(key: hmac::Key) -> Self {
        Self(key)
    }

    pub(crate) fn seal(&self, batch: &SealedBatch) -> Hash {
        let tag = hmac::sign(&self.0, &message(batch));
        let mut seal = ZERO;
        seal.copy_from_slice(tag.as_ref());
        seal
    }

    pub(crate) fn is_valid(&self, batch: &SealedBatch, seal: &[u8]) -> bool {
        hmac::verify(&self.0, &message(batch), seal).is_ok()
    }

    /// The signature of a file that took the place of entries.
    pub(crate) fn sign_archive(&self, organization: OrganizationId, sequence: i64, digest: &Hash) -> Hash {
        let mut message = b"archive".to_vec();
        message.extend_from_slice(organization.as_uuid().as_bytes());
        message.extend_from_slice(&sequence.to_be_bytes());
        message.extend_from_slice(digest);
        let tag = hmac::sign(&self.0, &message);
        let mut signature = ZERO;
        signature.copy_from_slice(tag.as_ref());
        signature
    }
}

/// What the seal after this one carries: it binds all of this one, so that a seal that is valid proves everything before it, also
/// what was sealed under keys that are gone.
pub(crate) fn link(batch: &SealedBatch, seal: &[u8]) -> Hash {
    let mut hash = Context::new(&SHA256);
    hash.update(&message(batch));
    hash.update(seal);
    finish(hash)
}

fn message(batch: &SealedBatch) -> Vec<u8> {
    let mut message = b"seal".to_vec();
    message.extend_from_slice(batch.organization.as_uuid().as_bytes());
    message.extend_from_slice(&batch.sequence.to_be_bytes());
    message.extend_from_slice(&batch.previous);
    message.extend_from_slice(&batch.root);
    message.extend_from_slice(&batch.count.to_be_bytes());
    message.extend_from_slice(batch.low.as_bytes());
    message
}

/// The lowest id that an entry may still come with after a seal at this instant.
pub(crate) fn low_after(sealed_at: Timestamp) -> Uuid {
    least_at(sealed_at.minus(GRACE))
}

#[cfg(test)]
mod tests {
    use kernel::id::made_at;

    use super::*;

    fn facts(action: &str) -> EntryFacts<'_> {
        EntryFacts {
            organization: OrganizationId::from_uuid(Uuid::from_u128(1)),
            id: Uuid::from_u128(2),
            occurred_at: Timestamp::from_micros(3),
            actor_kind: "user",
            actor_id: Uuid::from_u128(4),
            action,
            target_kind: "role",
            target_id: Uuid::from_u128(5),
            request_id: None,
            count: 1,
        }
    }

    fn personal<'e>(name: &'e str, changes: Option<&'e str>) -> PersonalFacts<'e> {
        PersonalFacts {
            actor_name: name,
            ip: Some("203.0.113.7"),
            user_agent: None,
            changes,
        }
    }

    #[test]
    fn every_fact_is_in_the_leaf() {
        let salt = [7; SALT];
        let of = |facts: &EntryFacts<'_>, personal: &PersonalFacts<'_>| leaf(facts, &commit(&salt, personal));
        let base = of(&facts("role.created"), &personal("Ana", None));
        assert_eq!(base, of(&facts("role.created"), &personal("Ana", None)));
        assert_ne!(base, of(&facts("role.deleted"), &personal("Ana", None)));
        assert_ne!(base, of(&facts("role.created"), &personal("Bia", None)));
        assert_ne!(base, of(&facts("role.created"), &personal("Ana", Some("{}"))));
        let mut later = facts("role.created");
        later.request_id = Some("");
        assert_ne!(base, of(&later, &personal("Ana", None)), "nothing and empty differ");
    }

    #[test]
    fn a_commitment_tells_nothing_without_its_salt_and_moves_between_fields_are_seen() {
        let one = commit(&[1; SALT], &personal("Ana", None));
        assert_ne!(one, commit(&[2; SALT], &personal("Ana", None)));
        let swapped = PersonalFacts {
            actor_name: "203.0.113.7",
            ip: Some("Ana"),
            user_agent: None,
            changes: None,
        };
        assert_ne!(one, commit(&[1; SALT], &swapped));
    }

    #[test]
    fn the_root_depends_on_every_leaf_and_their_order() {
        let leaves: Vec<Hash> = (0..7).map(|number| [number; HASH]).collect();
        let whole = root(&leaves);
        for at in 0..leaves.len() {
            let mut changed = leaves.clone();
            changed[at][0] ^= 1;
            assert_ne!(root(&changed), whole);
        }
        let mut swapped = leaves.clone();
        swapped.swap(2, 3);
        assert_ne!(root(&swapped), whole);
        assert_ne!(root(&leaves[..6]), whole);
        assert_eq!(root(&leaves[..1]), leaves[0]);
    }

    #[test]
    fn a_seal_holds_for_its_place_alone() {
        let key = SealKey::new(hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]));
        let batch = SealedBatch {
            organization: OrganizationId::from_uuid(Uuid::from_u128(1)),
            sequence: 4,
            previous: [1; HASH],
            root: [2; HASH],
            count: 3,
            low: Uuid::from_u128(8),
        };
        let seal = key.seal(&batch);
        assert!(key.is_valid(&batch, &seal));
        for other in [
            SealedBatch { sequence: 5, ..batch },
            SealedBatch {
                previous: ZERO,
                ..batch
            },
            SealedBatch { root: ZERO, ..batch },
            SealedBatch { count: 2, ..batch },
            SealedBatch {
                low: Uuid::nil(),
                ..batch
            },
        ] {
            assert!(!key.is_valid(&other, &seal));
        }
        let stranger = SealKey::new(hmac::Key::new(hmac::HMAC_SHA256, &[8; 32]));
        assert!(!stranger.is_valid(&batch, &seal));
    }

    #[test]
    fn the_bound_for_latecomers_is_five_minutes_before_the_seal() {
        let sealed_at = Timestamp::from_micros(1_000_000_000_000_000);
        let bound = made_at(low_after(sealed_at));
        assert_eq!(bound, Timestamp::from_micros(1_000_000_000_000_000 - 300_000_000));
        assert_eq!(low_after(Timestamp::from_micros(5)), Uuid::nil());
    }
}
