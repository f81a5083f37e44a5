//! Checking an organization's trail against its chain.

use contracts::Ports;
use db::{Db, DbError};
use kernel::OrganizationId;
use uuid::Uuid;

use super::seal::{facts, personal};
use super::seal_key;
use crate::domain::{Hash, SALT, SealKey, ZERO, commit, leaf, root};
use crate::store::archives;
use crate::store::seals::{self, Place, StoredSeal};

/// What checking a trail came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// How many sealed entries were checked.
    pub checked: u64,
    /// How many entries are too young to be sealed: nothing can be said of them yet.
    pub unsealed: u64,
    /// The first entry that does not fit: changed, missing, or added. Of a batch whose seal does not fit, its first.
    pub first_bad_id: Option<Uuid>,
    /// The number of the last seal that fits.
    pub sequence: i64,
    /// That seal, in hexadecimal: what an exported head is compared with.
    pub head: Option<String>,
}

/// Walks an organization's chain from its beginning, or from what was archived, to its end; one batch at a time is in memory.
///
/// # Errors
/// [`DbError`].
pub async fn verify(db: &Db, ports: &Ports, organization: OrganizationId) -> Result<Verdict, DbError> {
    let (key, key_id) = seal_key(ports)?;
    let archived = archives::last(db.scope(organization)).await?;
    let mut walk = Walk {
        key,
        key_id,
        sequence: archived,
        previous: None,
        low: Uuid::nil(),
        checked: 0,
    };
    if archived > 0 {
        // The seals of archived batches stay, so that the chain goes on from them.
        let seals = seals::after(db.scope(organization), organization, archived - 1).await?;
        if let Some(last) = seals.first() {
            walk.previous = Hash::try_from(last.seal.as_slice()).ok();
            walk.low = last.batch.low;
        }
    }
    loop {
        let seals = seals::after(db.scope(organization), organization, walk.sequence).await?;
        if seals.is_empty() {
            break;
        }
        for seal in &seals {
            let places = seals::batch(db.scope(organization), seal.batch.sequence).await?;
            if let Err(bad) = walk.step(seal, &places, organization) {
                return Ok(walk.verdict(Some(bad), 0));
            }
        }
    }
    let intruder = seals::intruder(db.scope(organization), walk.low).await?;
    let unsealed = seals::count_unsealed(db.scope(organization), walk.low).await?;
    Ok(walk.verdict(intruder, unsealed.unsigned_abs()))
}

/// How far the walk has come.
struct Walk {
    key: SealKey,
    key_id: String,
    sequence: i64,
    previous: Option<Hash>,
    low: Uuid,
    checked: u64,
}

impl Walk {
    /// Checks one batch.
    ///
    /// # Errors
    /// The entry that does not fit.
    fn step(&mut self, seal: &StoredSeal, places: &[Place], organization: OrganizationId) -> Result<(), Uuid> {
        let first = places.first().map_or(Uuid::nil(), |place| place.entry_id);
        let mut leaves = Vec::with_capacity(places.len());
        for (place, position) in places.iter().zip(0_i64..) {
            let is_in_order = place.position == position;
            match leaf_of(place, organization) {
                Some(leaf) if is_in_order => leaves.push(leaf),
                _ => return Err(place.entry_id),
            }
        }
        let batch = &seal.batch;
        let follows = batch.sequence == self.sequence + 1 && batch.previous == self.previous.unwrap_or(ZERO);
        let is_whole = i64::try_from(places.len()) == Ok(batch.count) && root(&leaves) == batch.root;
        // A key that was replaced cannot be asked any more; its batches are held by the chain, which goes on from them.
        let is_sealed = seal.key_id != self.key_id || self.key.is_valid(batch, &seal.seal);
        if !(follows && is_whole && is_sealed) {
            return Err(first);
        }
        self.sequence = batch.sequence;
        self.previous = Hash::try_from(seal.seal.as_slice()).ok();
        self.low = batch.low;
        self.checked += places.len() as u64;
        Ok(())
    }

    fn verdict(&self, bad: Option<Uuid>, unsealed: u64) -> Verdict {
        Verdict {
            checked: self.checked,
            unsealed,
            first_bad_id: bad,
            sequence: self.sequence,
            head: self.previous.map(|seal| super::seal::hexadecimal(&seal)),
        }
    }
}

/// The leaf of an entry as it is now, if it is the one that was sealed.
fn leaf_of(place: &Place, organization: OrganizationId) -> Option<Hash> {
    let entry = place.entry.as_ref()?;
    // Without its salt the personal part was erased: nothing but the commitments is left of it.
    if let Some(salt) = &place.salt
        && (salt.len() != SALT || commit(salt, &personal(entry)).as_slice() != place.commitments)
    {
        return None;
    }
    let leaf = leaf(&facts(entry, organization), &place.commitments);
    (leaf.as_slice() == place.leaf).then_some(leaf)
}
