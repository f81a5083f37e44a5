//! Sealing: in the background, so that it costs no request anything.

use std::sync::Arc;

use db::{DbError, SystemScope, UnitContext};
use http::App;
use kernel::id::made_at;
use kernel::{Actor, OrganizationId, Timestamp};
use uuid::Uuid;

use super::heads::Heads;
use super::seal_key;
use crate::domain::{EntryFacts, Hash, PersonalFacts, SealKey, SealedBatch, ZERO, commit, leaf, link, low_after, root};
use crate::measured::Measured;
use crate::store::entries::Entry;
use crate::store::seals::{self, NewPlace};

/// Why the sealer looks at all organizations.
const DISCOVERY: SystemScope = SystemScope::new("the sealer looks for organizations with new audit entries");
/// The entries of one seal.
const BATCH: i64 = 1_000;
/// So few are sealed in a commit together with others' changes: where many organizations change a little, a commit for each of their
/// seals would hold up everybody for as many writes to the disk.
const FEW: usize = 100;

/// Seals what is not sealed yet, of every organization; how many entries.
///
/// # Errors
/// [`DbError`], the first. What was sealed stays so; where one organization's trail cannot be sealed, all others' are.
pub(crate) async fn seal_all(app: &App) -> Result<u64, DbError> {
    let (key, key_id) = seal_key(app.ports())?;
    let heads = app.ports().find::<Heads>();
    let began = app.generators().now();
    let waiting = seals::waiting(app.db().system(DISCOVERY), low_after(began)).await?;
    let (mut sealed, mut oldest, mut failed) = (0, began, None);
    for organization in waiting {
        // Entries may come late, so each round begins at the bound of the last seal; what a round has passed it does not look at
        // again, or a long backlog would be read once for every batch of it.
        let mut from = None;
        let mut last = None;
        let end = loop {
            match seal(app, &key, &key_id, organization, from).await {
                Ok(Some(batch)) => {
                    sealed += batch.count;
                    oldest = oldest.min(batch.oldest);
                    from = Some(batch.end);
                    last = Some(batch.head);
                    if batch.count < BATCH.unsigned_abs() {
                        break Ok(());
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            }
        };
        if let (Some(heads), Some((sequence, seal))) = (&heads, last) {
            heads.keep(app.db(), organization, sequence, &seal).await;
        }
        match end {
            Ok(()) => {}
            // A database that refuses everybody is not asked once for each organization.
            Err(error) if error.concerns_everybody() => return Err(error),
            Err(error) => {
                tracing::warn!(target: "lastro::audit", %error, organization = %organization, "a trail cannot be sealed");
                failed.get_or_insert(error);
            }
        }
    }
    // How old what was not sealed is, nobody knows: nothing is told of a round that left something.
    if let Some(error) = failed {
        return Err(error);
    }
    if let Some(measured) = app.ports().find::<Measured>() {
        measured.sealed(app.generators().now(), oldest);
    }
    Ok(sealed)
}

/// What a seal covers.
struct Sealed {
    count: u64,
    /// The last of its entries, and when the first of them happened.
    end: Uuid,
    oldest: Timestamp,
    /// Its number and itself.
    head: (i64, Hash),
}

/// Makes the next seal of an organization, over entries from `from` on, or from the bound of the last seal. Where there are none, or
/// another sealer was faster, it makes none.
async fn seal(
    app: &App,
    key: &SealKey,
    key_id: &str,
    organization: OrganizationId,
    from: Option<Uuid>,
) -> Result<Option<Sealed>, DbError> {
    let (db, generators) = (app.db(), app.generators());
    let head = seals::head(db.scope(organization), organization).await?;
    let until = low_after(generators.now());
    let low = match head.as_ref().map_or(Uuid::nil(), |head| head.batch.low) {
        bound if bound <= until => bound,
        ahead => {
            tracing::warn!(
                target: "lastro::audit",
                organization = %organization,
                seconds = made_at(ahead).since(made_at(until)).as_secs(),
                "the last seal was made by a clock ahead of this one, and its bound for latecomers does not count"
            );
            seals::bound(db.scope(organization), until).await?
        }
    };
    let entries = seals::unsealed(db.scope(organization), from.unwrap_or(low).max(low), BATCH).await?;
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return Ok(None);
    };
    let (end, oldest) = (last.id.into(), first.occurred_at);
    let places: Vec<NewPlace> = entries
        .iter()
        .map(|entry| {
            let salt = generators.bytes();
            let commitments = commit(&salt, &personal(entry));
            NewPlace {
                entry: entry.id.into(),
                salt,
                commitments,
                leaf: leaf(&facts(entry, organization), &commitments),
            }
        })
        .collect();
    let leaves: Vec<_> = places.iter().map(|place| place.leaf).collect();
    let previous = head.as_ref().map_or(ZERO, |head| link(&head.batch, &head.seal));
    // What waits behind a full batch may be older than any latecomer: the bound must not pass it. It does not go back either, but
    // behind bounds that are still to come: those a clock set that ran ahead, and whoever keeps the right time is not late.
    let is_full = entries.len() as u64 >= BATCH.unsigned_abs();
    let bound = if is_full { until.min(end) } else { until }.max(low);
    let batch = SealedBatch {
        organization,
        sequence: head.map_or(0, |head| head.batch.sequence) + 1,
        previous,
        root: root(&leaves),
        count: i64::try_from(places.len()).unwrap_or(i64::MAX),
        low: bound,
    };
    let seal = key.seal(&batch);
    let count = places.len() as u64;
    let mut context =
        UnitContext::tenant(Actor::system("sealer"), organization).unaudited("a seal is about the trail and not in it");
    if places.len() > FEW {
        context = context.long();
    }
    let (places, name) = (Arc::new(places), key_id.to_owned());
    let made = db.write(context, move |uow| {
        let (places, name) = (Arc::clone(&places), name.clone());
        async move { seals::add(&uow, &batch, &name, &seal, &places).await }
    });
    match made.await {
        Ok(()) => {
            // Who keeps the log can show a tail that was cut off later.
            tracing::info!(
                target: "lastro::audit",
                organization = %organization,
                sequence = batch.sequence,
                entries = batch.count,
                head = %in_two_halves(&seal),
                "sealed"
            );
            Ok(Some(Sealed {
                count,
                end,
                oldest,
                head: (batch.sequence, seal),
            }))
        }
        Err(DbError::Unique { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn facts(entry: &Entry, organization: OrganizationId) -> EntryFacts<'_> {
    EntryFacts {
        organization,
        id: entry.id.into(),
        occurred_at: entry.occurred_at,
        actor_kind: &entry.actor_kind,
        actor_id: entry.actor_id,
        action: &entry.action,
        target_kind: &entry.target_kind,
        target_id: entry.target_id,
        request_id: entry.request_id.as_deref(),
        count: entry.count,
    }
}

pub(super) fn personal(entry: &Entry) -> PersonalFacts<'_> {
    PersonalFacts {
        actor_name: &entry.actor_name,
        ip: entry.ip.as_deref(),
        user_agent: entry.user_agent.as_deref(),
        changes: entry.changes.as_deref(),
    }
}

/// A seal as the log shows it: as two ids, because what looks like a key is redacted there.
fn in_two_halves(seal: &Hash) -> String {
    let (high, low) = seal.split_at(seal.len() / 2);
    let half = |bytes: &[u8]| Uuid::from_slice(bytes).unwrap_or_default();
    format!("{} {}", half(high), half(low))
}
