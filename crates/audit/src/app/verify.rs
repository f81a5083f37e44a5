//! Checking an organization's trail against its chain.

use contracts::Ports;
use db::{Db, DbError};
use kernel::{OrganizationId, Timestamp};
use uuid::Uuid;

use super::seal::{facts, personal};
use super::seal_keys;
use crate::domain::{Hash, SALT, SealKey, SealedBatch, ZERO, commit, leaf, link, low_after, root};
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
    /// That seal, in hexadecimal: the head, for whoever keeps it elsewhere.
    pub head: Option<String>,
}

/// Walks an organization's chain from its beginning, or from what was archived, to its end; one batch at a time is in memory. `now`
/// says which of the bounds for latecomers count.
///
/// # Errors
/// [`DbError`].
pub async fn verify(db: &Db, ports: &Ports, organization: OrganizationId, now: Timestamp) -> Result<Verdict, DbError> {
    let keys = seal_keys(ports)?;
    let archived = archives::last(db.scope(organization)).await?;
    let mut walk = Walk {
        keys,
        sequence: archived,
        link: ZERO,
        seal: None,
        unproven: None,
        low: Uuid::nil(),
        highest: low_after(now),
        checked: 0,
    };
    if archived > 0 {
        // The seals of archived batches stay, so that the chain goes on from them.
        let seals = seals::after(db.scope(organization), organization, archived - 1).await?;
        if let Some(last) = seals.first() {
            walk.link = link(&last.batch, &last.seal);
            walk.seal = Some(last.seal.clone());
            walk.bound(&last.batch);
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
    if let Some(unproven) = walk.unproven {
        return Ok(walk.verdict(Some(unproven), 0));
    }
    let intruder = seals::intruder(db.scope(organization), walk.low).await?;
    let unsealed = seals::count_unsealed(db.scope(organization), walk.low).await?;
    Ok(walk.verdict(intruder, unsealed.unsigned_abs()))
}

/// How far the walk has come.
struct Walk {
    keys: Vec<(SealKey, String)>,
    sequence: i64,
    /// What binds everything so far, as the next seal must carry it.
    link: Hash,
    /// The last seal.
    seal: Option<Vec<u8>>,
    /// The first entry since the last seal that could be checked with a key: a later one has to vouch for it.
    unproven: Option<Uuid>,
    /// Below which id no entry may appear any more.
    low: Uuid,
    /// The highest bound that a seal could have now.
    highest: Uuid,
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
        let follows = batch.sequence == self.sequence + 1 && batch.previous == self.link;
        let is_whole = i64::try_from(places.len()) == Ok(batch.count) && root(&leaves) == batch.root;
        if !(follows && is_whole) {
            return Err(first);
        }
        match self.keys.iter().find(|(_, name)| *name == seal.key_id) {
            Some((key, _)) if key.is_valid(batch, &seal.seal) => self.unproven = None,
            Some(_) => return Err(first),
            // The key is gone: the next seal under one that is there binds this one too.
            None => {
                self.unproven.get_or_insert(first);
            }
        }
        self.sequence = batch.sequence;
        self.link = link(batch, &seal.seal);
        self.seal = Some(seal.seal.clone());
        self.bound(batch);
        self.checked += places.len() as u64;
        Ok(())
    }

    /// Takes the bound of a batch, unless it is still to come: a clock that ran ahead set it, and says nothing of who is late.
    fn bound(&mut self, batch: &SealedBatch) {
        if batch.low <= self.highest {
            self.low = batch.low;
        }
    }

    fn verdict(&self, bad: Option<Uuid>, unsealed: u64) -> Verdict {
        Verdict {
            checked: self.checked,
            unsealed,
            first_bad_id: bad,
            sequence: self.sequence,
            head: self.seal.as_deref().map(kernel::hexadecimal),
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
