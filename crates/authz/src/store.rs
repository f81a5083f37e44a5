//! The snapshots of the organizations that are in use.
//!
//! ```
//! use std::sync::Arc;
//! use authz::snapshot::{AmendError, Catalogue, Rows, Snapshot, TooLarge, Touched};
//! use authz::store::{Base, Limits, Loader, Store};
//! use kernel::OrganizationId;
//!
//! struct Tables {
//!     catalogue: Arc<Catalogue>,
//! }
//!
//! impl Loader for Tables {
//!     type Error = TooLarge;
//!
//!     async fn load(&self, organization: OrganizationId, base: Option<Base>) -> Result<Snapshot, TooLarge> {
//!         if let Some(base) = base {
//!             let rows = Rows::default(); // … of what was touched, read after this call began
//!             match base.snapshot.amended(&base.touched, &rows) {
//!                 Ok(amended) => return Ok(amended),
//!                 Err(AmendError::Dangling) => {} // … everything is read
//!                 Err(AmendError::TooLarge(error)) => return Err(error),
//!             }
//!         }
//!         let rows = Rows::default(); // … of the organization
//!         Snapshot::build(organization, false, Arc::clone(&self.catalogue), &rows)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let catalogue = Arc::new(Catalogue::new(vec![], vec![])?);
//! let store = Store::new(Tables { catalogue }, Limits { organizations: 1_000, bytes: 64 << 20 });
//! let organization: OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
//!
//! let snapshot = store.get(organization).await.map_err(|error| *error)?;
//! assert_eq!(snapshot.organization(), organization);
//!
//! // After a change was committed, before its answer leaves:
//! store.invalidate(organization, &[Touched::Entitlements]);
//! assert!(store.peek(organization).is_none());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//!
//! - Who asks after [`Store::invalidate`] returned gets a snapshot whose load began after that. A change that arrives while a
//!   load is under way is not lost: every snapshot bears the generation at which its load began, and one of an earlier
//!   generation is not handed out to who came later.
//! - One load at a time for an organization: the others wait for it and share its outcome, also its error. A load whose
//!   caller went away is taken up by one that waits.
//! - Asking for a snapshot that is there takes no lock, and waits for nobody.
//! - It keeps at most so many organizations and bytes as it was told. What was not asked for again since the last
//!   time that room was needed goes first.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use foldhash::fast::RandomState;
use kernel::{Id as _, OrganizationId};
use parking_lot::Mutex;

use crate::snapshot::{Snapshot, Touched};

/// Reads what snapshots are made of.
pub trait Loader: Send + Sync {
    /// Why it could not.
    type Error: Send + Sync;

    /// Makes the snapshot of an organization, from what is committed when this is called or later. With a `base` it may
    /// amend that; it need not.
    ///
    /// # Errors
    /// Its own. Whoever waits for this load gets the same; the next one who asks tries again.
    fn load(
        &self,
        organization: OrganizationId,
        base: Option<Base>,
    ) -> impl Future<Output = Result<Snapshot, Self::Error>> + Send;
}

/// An earlier snapshot, and what changed since.
#[derive(Debug, Clone)]
pub struct Base {
    /// The snapshot.
    pub snapshot: Arc<Snapshot>,
    /// What changed, at least once each.
    pub touched: Vec<Touched>,
}

/// How much a [`Store`] keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The greatest number of organizations; at least one is kept.
    pub organizations: usize,
    /// The greatest number of bytes of all snapshots together. One organization is kept also when it is larger.
    pub bytes: usize,
}

/// A new organization copies its shard, so there are several; a power of two.
const SHARDS: usize = 64;
/// From so many changes on it is cheaper to load everything.
const MAX_TOUCHED: usize = 64;

type Shard<E> = HashMap<OrganizationId, Arc<Slot<E>>, RandomState>;

/// The snapshots of the organizations that are in use, each made by a [`Loader`] when it is first asked for.
pub struct Store<L: Loader> {
    loader: L,
    limits: Limits,
    shards: Box<[ArcSwap<Shard<L::Error>>]>,
    // Held to change a shard, never to read one, and never across an await.
    upkeep: Mutex<Upkeep>,
}

#[derive(Debug, Default)]
struct Upkeep {
    organizations: usize,
    bytes: usize,
    /// The shard where room is looked for next.
    hand: usize,
}

/// The place of one organization.
struct Slot<E> {
    /// How often it was invalidated.
    generation: AtomicU64,
    /// What changed, each with the generation that it began.
    touched: Mutex<Vec<(u64, Touched)>>,
    current: ArcSwapOption<Loaded>,
    /// Whether somebody asked again since room was last looked for.
    is_used: AtomicBool,
    /// How many loads ended.
    ended: AtomicU64,
    /// Held by who loads.
    flight: tokio::sync::Mutex<Option<Failure<E>>>,
}

struct Loaded {
    generation: u64,
    snapshot: Arc<Snapshot>,
    bytes: usize,
}

/// The last load's, if it failed.
struct Failure<E> {
    generation: u64,
    /// Its number among the loads that ended.
    number: u64,
    error: Arc<E>,
}

impl<E> Slot<E> {
    fn new() -> Self {
        Self {
            generation: AtomicU64::new(0),
            touched: Mutex::new(Vec::new()),
            current: ArcSwapOption::empty(),
            // Asked for once, it goes before those that are asked for again: who walks over all organizations does not
            // drive out the ones in use.
            is_used: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            flight: tokio::sync::Mutex::new(None),
        }
    }

    /// The snapshot, unless it is older than the generation.
    fn since(&self, generation: u64) -> Option<Arc<Snapshot>> {
        let current = self.current.load();
        let loaded = current.as_ref().filter(|loaded| loaded.generation >= generation)?;
        // Most often it is set already: reading alone keeps the line shared among the processors.
        if !self.is_used.load(Ordering::Relaxed) {
            self.is_used.store(true, Ordering::Relaxed);
        }
        Some(Arc::clone(&loaded.snapshot))
    }

    fn fresh(&self) -> Option<Arc<Snapshot>> {
        self.since(self.generation.load(Ordering::Acquire))
    }

    fn touch(&self, changes: &[Touched]) {
        let mut touched = self.touched.lock();
        let generation = self.generation.load(Ordering::Relaxed) + 1;
        if touched.len() + changes.len() > MAX_TOUCHED {
            touched.clear();
            touched.push((generation, Touched::Everything));
        } else {
            touched.extend(changes.iter().map(|&change| (generation, change)));
        }
        // Last: who sees the generation finds the changes.
        self.generation.store(generation, Ordering::Release);
    }

    /// The generation, and what to begin with.
    fn begin(&self) -> (u64, Option<Base>) {
        let touched = self.touched.lock();
        let generation = self.generation.load(Ordering::Relaxed);
        let mut changes: Vec<Touched> = Vec::with_capacity(touched.len());
        for &(_, change) in touched.iter() {
            if !changes.contains(&change) {
                changes.push(change);
            }
        }
        drop(touched);
        let base = self.current.load_full().filter(|loaded| {
            !changes.is_empty() && !changes.contains(&Touched::Everything) && !loaded.snapshot.is_worn()
        });
        let base = base.map(|loaded| Base {
            snapshot: Arc::clone(&loaded.snapshot),
            touched: changes,
        });
        (generation, base)
    }

    /// Forgets the changes that a load which began at the generation has seen.
    fn settle(&self, generation: u64) {
        self.touched.lock().retain(|&(since, _)| since > generation);
    }
}

impl<L: Loader> Store<L> {
    /// An empty store.
    #[must_use]
    pub fn new(loader: L, limits: Limits) -> Self {
        Self {
            loader,
            limits,
            shards: (0..SHARDS).map(|_| ArcSwap::default()).collect(),
            upkeep: Mutex::new(Upkeep::default()),
        }
    }

    /// What reads the snapshots.
    #[must_use]
    pub const fn loader(&self) -> &L {
        &self.loader
    }

    /// The snapshot of an organization, if it is there and nothing changed since.
    #[must_use]
    pub fn peek(&self, organization: OrganizationId) -> Option<Arc<Snapshot>> {
        self.shard(organization)?.load().get(&organization)?.fresh()
    }

    /// The snapshot of an organization, made if need be.
    ///
    /// # Errors
    /// The loader's.
    pub async fn get(&self, organization: OrganizationId) -> Result<Arc<Snapshot>, Arc<L::Error>> {
        if let Some(snapshot) = self.peek(organization) {
            return Ok(snapshot);
        }
        let slot = self.slot(organization);
        // What is wanted is what holds now: changes from here on are for who asks after them.
        let wanted = slot.generation.load(Ordering::Acquire);
        let ended = slot.ended.load(Ordering::Acquire);
        let mut flight = slot.flight.lock().await;
        if let Some(snapshot) = slot.since(wanted) {
            return Ok(snapshot);
        }
        if let Some(failure) = &*flight
            && failure.number > ended
            && failure.generation >= wanted
        {
            return Err(Arc::clone(&failure.error));
        }
        let (generation, base) = slot.begin();
        let outcome = self.loader.load(organization, base).await;
        let number = slot.ended.load(Ordering::Relaxed) + 1;
        let outcome = match outcome {
            Ok(snapshot) => {
                *flight = None;
                let snapshot = Arc::new(snapshot);
                self.publish(organization, &slot, generation, &snapshot);
                Ok(snapshot)
            }
            Err(error) => {
                let error = Arc::new(error);
                *flight = Some(Failure {
                    generation,
                    number,
                    error: Arc::clone(&error),
                });
                self.withdraw(organization, &slot);
                Err(error)
            }
        };
        slot.ended.store(number, Ordering::Release);
        outcome
    }

    /// Makes it known that something of an organization changed. Call it after the commit, and with all changes that
    /// became visible together at once.
    pub fn invalidate(&self, organization: OrganizationId, touched: &[Touched]) {
        // Without a slot nothing is loaded, and whoever makes one loads after this.
        if let Some(shard) = self.shard(organization)
            && let Some(slot) = shard.load().get(&organization)
        {
            slot.touch(touched);
        }
    }

    /// Makes it known that the catalogue changed, or that changes may have been missed.
    pub fn invalidate_all(&self) {
        for shard in &self.shards {
            for slot in shard.load().values() {
                slot.touch(&[Touched::Everything]);
            }
        }
    }

    /// How many organizations it has a place for at present.
    #[must_use]
    pub fn organizations(&self) -> usize {
        self.upkeep.lock().organizations
    }

    /// How many bytes its snapshots take.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.upkeep.lock().bytes
    }

    fn shard(&self, organization: OrganizationId) -> Option<&ArcSwap<Shard<L::Error>>> {
        let (high, low) = organization.as_uuid().as_u64_pair();
        let mixed = (low ^ high).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The six highest bits number the 64 shards.
        self.shards.get((mixed >> (u64::BITS - SHARDS.ilog2())) as usize)
    }

    /// The organization's place, made if need be.
    fn slot(&self, organization: OrganizationId) -> Arc<Slot<L::Error>> {
        let Some(shard) = self.shard(organization) else {
            return Arc::new(Slot::new());
        };
        if let Some(slot) = shard.load().get(&organization) {
            return Arc::clone(slot);
        }
        let mut upkeep = self.upkeep.lock();
        let mut changed = Shard::clone(&shard.load());
        let slot = changed.entry(organization).or_insert_with(|| {
            upkeep.organizations += 1;
            Arc::new(Slot::new())
        });
        let slot = Arc::clone(slot);
        shard.store(Arc::new(changed));
        self.make_room(&mut upkeep, organization);
        slot
    }

    fn publish(
        &self,
        organization: OrganizationId,
        slot: &Arc<Slot<L::Error>>,
        generation: u64,
        snapshot: &Arc<Snapshot>,
    ) {
        let bytes = snapshot.footprint();
        let loaded = Arc::new(Loaded {
            generation,
            snapshot: Arc::clone(snapshot),
            bytes,
        });
        let mut upkeep = self.upkeep.lock();
        let before = slot.current.swap(Some(loaded));
        slot.settle(generation);
        // It may have had to go while it was being loaded; then it is only for those who waited.
        if self.has(organization, slot) {
            upkeep.bytes = upkeep.bytes + bytes - before.map_or(0, |before| before.bytes);
            self.make_room(&mut upkeep, organization);
        }
    }

    /// Gives up the place of an organization that could not be loaded: there may be none.
    fn withdraw(&self, organization: OrganizationId, slot: &Arc<Slot<L::Error>>) {
        if slot.current.load().is_some() {
            return;
        }
        let mut upkeep = self.upkeep.lock();
        if let Some(shard) = self.shard(organization)
            && self.has(organization, slot)
        {
            let mut changed = Shard::clone(&shard.load());
            changed.remove(&organization);
            shard.store(Arc::new(changed));
            upkeep.organizations -= 1;
        }
    }

    fn has(&self, organization: OrganizationId, slot: &Arc<Slot<L::Error>>) -> bool {
        self.shard(organization).is_some_and(|shard| {
            let shard = shard.load();
            shard.get(&organization).is_some_and(|there| Arc::ptr_eq(there, slot))
        })
    }

    /// Lets organizations go until the limits are kept: not `kept`, and first those that nobody asked for since the hand
    /// came by the last time.
    fn make_room(&self, upkeep: &mut Upkeep, kept: OrganizationId) {
        // In the first round the marks may all be set; in the second only those who were asked for meanwhile have one;
        // in the third nobody is spared.
        for step in 0..3 * SHARDS {
            if !self.is_over(upkeep) {
                return;
            }
            let spare = step < 2 * SHARDS;
            let hand = upkeep.hand;
            upkeep.hand = (hand + 1) % SHARDS;
            let Some(shard) = self.shards.get(hand) else {
                continue;
            };
            let present = shard.load();
            let mut gone = Vec::new();
            for (&organization, slot) in present.iter() {
                if organization == kept || !self.is_over(upkeep) {
                    continue;
                }
                let current = slot.current.load();
                let is_loading = current.is_none();
                if spare && (slot.is_used.swap(false, Ordering::Relaxed) || is_loading) {
                    continue;
                }
                upkeep.organizations -= 1;
                upkeep.bytes -= current.as_ref().map_or(0, |loaded| loaded.bytes);
                gone.push(organization);
            }
            if !gone.is_empty() {
                let mut changed = Shard::clone(&present);
                changed.retain(|organization, _| !gone.contains(organization));
                shard.store(Arc::new(changed));
            }
        }
    }

    const fn is_over(&self, upkeep: &Upkeep) -> bool {
        upkeep.organizations > 1
            && (upkeep.organizations > self.limits.organizations || upkeep.bytes > self.limits.bytes)
    }
}

impl<L: Loader> fmt::Debug for Store<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("limits", &self.limits)
            .field("upkeep", &*self.upkeep.lock())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;
    use std::time::Duration;

    use tokio::sync::{Notify, Semaphore};
    use uuid::Uuid;

    use super::*;
    use crate::snapshot::{Catalogue, Rows, UserRow};

    /// A database in which each organization is one number, which its snapshot bears as its users' number.
    struct Database {
        catalogue: Arc<Catalogue>,
        numbers: Vec<AtomicU64>,
        loads: AtomicUsize,
        amendments: AtomicUsize,
        /// What the last load was told.
        told: Mutex<Vec<Touched>>,
        /// A permit lets a load go on, after it has read the number.
        gate: Semaphore,
        reading: Notify,
        is_down: AtomicBool,
    }

    #[derive(Debug, PartialEq)]
    struct Down;

    impl Database {
        fn open() -> Self {
            Self {
                catalogue: Arc::new(Catalogue::new(Vec::new(), Vec::new()).unwrap()),
                numbers: (0..400).map(|_| AtomicU64::new(0)).collect(),
                loads: AtomicUsize::new(0),
                amendments: AtomicUsize::new(0),
                told: Mutex::default(),
                gate: Semaphore::new(Semaphore::MAX_PERMITS),
                reading: Notify::new(),
                is_down: AtomicBool::new(false),
            }
        }

        fn gated() -> Self {
            Self {
                gate: Semaphore::new(0),
                ..Self::open()
            }
        }
    }

    fn user(number: u64) -> Uuid {
        Uuid::from_u128(u128::from(number))
    }

    impl Loader for Arc<Database> {
        type Error = Down;

        async fn load(&self, organization: OrganizationId, base: Option<Base>) -> Result<Snapshot, Down> {
            self.loads.fetch_add(1, Ordering::SeqCst);
            let index = usize::try_from(organization.as_uuid().as_u128()).unwrap();
            let number = self.numbers[index].load(Ordering::SeqCst);
            *self.told.lock() = base.as_ref().map_or_else(Vec::new, |base| base.touched.clone());
            self.reading.notify_one();
            self.gate.acquire().await.unwrap().forget();
            if self.is_down.load(Ordering::SeqCst) {
                return Err(Down);
            }
            let rows = Rows {
                users: vec![UserRow {
                    id: user(number),
                    is_active: true,
                }],
                ..Rows::default()
            };
            if let Some(base) = base {
                self.amendments.fetch_add(1, Ordering::SeqCst);
                let mut touched = base.touched;
                // The number is the one user: the other one is touched too.
                touched.extend(base.snapshot.users().map(Touched::User));
                return Ok(base.snapshot.amended(&touched, &rows).unwrap());
            }
            Ok(Snapshot::build(organization, false, Arc::clone(&self.catalogue), &rows).unwrap())
        }
    }

    fn organization(number: u128) -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(number))
    }

    fn number(snapshot: &Snapshot) -> u64 {
        let users: Vec<Uuid> = snapshot.users().collect();
        assert_eq!(users.len(), 1);
        u64::try_from(users[0].as_u128()).unwrap()
    }

    const ROOMY: Limits = Limits {
        organizations: 100,
        bytes: usize::MAX,
    };

    fn store(database: &Arc<Database>, limits: Limits) -> Arc<Store<Arc<Database>>> {
        Arc::new(Store::new(Arc::clone(database), limits))
    }

    fn spawn_get(
        store: &Arc<Store<Arc<Database>>>,
        number: u128,
    ) -> tokio::task::JoinHandle<Result<Arc<Snapshot>, Arc<Down>>> {
        let store = Arc::clone(store);
        tokio::spawn(async move { store.get(organization(number)).await })
    }

    async fn settled() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_snapshot_is_loaded_once_and_kept() {
        let database = Arc::new(Database::open());
        let store = store(&database, ROOMY);
        assert!(store.peek(organization(1)).is_none());
        let first = store.get(organization(1)).await.unwrap();
        let again = store.get(organization(1)).await.unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(Arc::ptr_eq(&first, &store.peek(organization(1)).unwrap()));
        assert_eq!(database.loads.load(Ordering::SeqCst), 1);
        assert_eq!((store.organizations(), store.bytes()), (1, first.footprint()));
    }

    #[tokio::test]
    async fn those_who_ask_at_once_share_one_load() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        let asking: Vec<_> = (0..50).map(|_| spawn_get(&store, 1)).collect();
        settled().await;
        database.gate.add_permits(1);
        for asked in asking {
            asked.await.unwrap().unwrap();
        }
        assert_eq!(database.loads.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_change_is_seen_by_who_asks_after_it() {
        let database = Arc::new(Database::open());
        let store = store(&database, ROOMY);
        assert_eq!(number(&store.get(organization(1)).await.unwrap()), 0);
        database.numbers[1].store(7, Ordering::SeqCst);
        store.invalidate(organization(1), &[Touched::User(user(7))]);
        assert!(store.peek(organization(1)).is_none());
        assert_eq!(number(&store.get(organization(1)).await.unwrap()), 7);
        assert_eq!(database.amendments.load(Ordering::SeqCst), 1, "from the earlier one");
        database.numbers[1].store(8, Ordering::SeqCst);
        store.invalidate_all();
        assert_eq!(number(&store.get(organization(1)).await.unwrap()), 8);
        assert_eq!(database.amendments.load(Ordering::SeqCst), 1, "from the ground");
        // What nobody asked for is not loaded because it changed.
        store.invalidate(organization(2), &[Touched::Everything]);
        assert_eq!((database.loads.load(Ordering::SeqCst), store.organizations()), (3, 1));
    }

    #[tokio::test]
    async fn a_change_during_a_load_is_not_lost() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        let early = spawn_get(&store, 1);
        database.reading.notified().await;
        // The load has read; now the number changes.
        database.numbers[1].store(1, Ordering::SeqCst);
        store.invalidate(organization(1), &[Touched::User(user(1))]);
        let late = spawn_get(&store, 1);
        settled().await;
        database.gate.add_permits(1);
        assert_eq!(
            number(&early.await.unwrap().unwrap()),
            0,
            "who came before may see what was before"
        );
        settled().await;
        assert!(store.peek(organization(1)).is_none());
        database.gate.add_permits(1);
        assert_eq!(number(&late.await.unwrap().unwrap()), 1);
        assert_eq!(number(&store.peek(organization(1)).unwrap()), 1);
        assert_eq!(database.loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn each_load_is_told_what_changed_since_the_one_before_began() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        database.gate.add_permits(1);
        store.get(organization(1)).await.unwrap();
        database.reading.notified().await;
        let [before, during, after] = [1, 2, 3].map(|number| Touched::Role(user(number)));
        store.invalidate(organization(1), &[before, before]);
        let loading = spawn_get(&store, 1);
        database.reading.notified().await;
        assert_eq!(*database.told.lock(), [before]);
        store.invalidate(organization(1), &[during]);
        database.gate.add_permits(1);
        loading.await.unwrap().unwrap();
        store.invalidate(organization(1), &[after]);
        database.gate.add_permits(1);
        store.get(organization(1)).await.unwrap();
        assert_eq!(*database.told.lock(), [during, after]);
    }

    #[tokio::test]
    async fn a_load_whose_caller_went_away_is_taken_up() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        let first = spawn_get(&store, 1);
        database.reading.notified().await;
        let second = spawn_get(&store, 1);
        settled().await;
        first.abort();
        database.reading.notified().await;
        database.gate.add_permits(1);
        second.await.unwrap().unwrap();
        assert_eq!(database.loads.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn those_who_waited_share_a_failure_and_the_next_tries_again() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        database.is_down.store(true, Ordering::SeqCst);
        let asking: Vec<_> = (0..20).map(|_| spawn_get(&store, 1)).collect();
        settled().await;
        database.gate.add_permits(1);
        for asked in asking {
            assert_eq!(*asked.await.unwrap().unwrap_err(), Down);
        }
        assert_eq!(database.loads.load(Ordering::SeqCst), 1);
        assert_eq!(store.organizations(), 0, "there may be no such organization");
        database.is_down.store(false, Ordering::SeqCst);
        database.gate.add_permits(1);
        assert!(store.get(organization(1)).await.is_ok());
    }

    #[tokio::test]
    async fn a_failure_before_a_change_says_nothing_about_the_time_after() {
        let database = Arc::new(Database::gated());
        let store = store(&database, ROOMY);
        database.is_down.store(true, Ordering::SeqCst);
        let early = spawn_get(&store, 1);
        database.reading.notified().await;
        store.invalidate(organization(1), &[Touched::Everything]);
        let late = spawn_get(&store, 1);
        settled().await;
        database.gate.add_permits(1);
        assert!(early.await.unwrap().is_err());
        database.is_down.store(false, Ordering::SeqCst);
        database.gate.add_permits(1);
        assert!(late.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_failure_keeps_what_changed_for_the_next_load() {
        let database = Arc::new(Database::open());
        let store = store(&database, ROOMY);
        store.get(organization(1)).await.unwrap();
        database.numbers[1].store(5, Ordering::SeqCst);
        store.invalidate(organization(1), &[Touched::User(user(5))]);
        database.is_down.store(true, Ordering::SeqCst);
        assert!(store.get(organization(1)).await.is_err());
        assert_eq!(store.organizations(), 1);
        assert!(
            store.peek(organization(1)).is_none(),
            "an old one is not handed out instead"
        );
        database.is_down.store(false, Ordering::SeqCst);
        assert_eq!(number(&store.get(organization(1)).await.unwrap()), 5);
        assert_eq!(database.amendments.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn many_changes_are_one_large_one() {
        let database = Arc::new(Database::open());
        let store = store(&database, ROOMY);
        store.get(organization(1)).await.unwrap();
        for number in 0..MAX_TOUCHED as u64 {
            store.invalidate(organization(1), &[Touched::User(user(number + 10))]);
        }
        store.get(organization(1)).await.unwrap();
        assert_eq!(database.amendments.load(Ordering::SeqCst), 1);
        for number in 0..=MAX_TOUCHED as u64 {
            store.invalidate(organization(1), &[Touched::User(user(number + 10))]);
        }
        store.get(organization(1)).await.unwrap();
        assert_eq!(database.amendments.load(Ordering::SeqCst), 1, "everything was loaded");
        assert!(store.peek(organization(1)).is_some());
    }

    #[tokio::test]
    async fn cold_organizations_make_room() {
        let database = Arc::new(Database::open());
        let limits = Limits {
            organizations: 20,
            bytes: usize::MAX,
        };
        let store = store(&database, limits);
        for round in 0..300 {
            store.get(organization(round)).await.unwrap();
            // One is asked for all the time.
            store.get(organization(0)).await.unwrap();
            assert!(store.organizations() <= 20);
        }
        assert_eq!(store.organizations(), 20);
        assert!(store.peek(organization(299)).is_some(), "the newest is there");
        assert_eq!(
            database.loads.load(Ordering::SeqCst),
            300,
            "the one that is in use was never loaded again"
        );
        let there = (0..300).filter(|&number| store.peek(organization(number)).is_some());
        assert_eq!(there.count(), 20);
    }

    #[tokio::test]
    async fn the_bytes_are_bounded() {
        let database = Arc::new(Database::open());
        let one = store(&database, ROOMY).get(organization(0)).await.unwrap().footprint();
        let limits = Limits {
            organizations: 1_000,
            bytes: one * 7 + one / 2,
        };
        let store = store(&database, limits);
        for number in 0..100 {
            store.get(organization(number)).await.unwrap();
            assert!(store.bytes() <= limits.bytes);
        }
        assert_eq!((store.organizations(), store.bytes()), (7, one * 7));
        for number in 93..100 {
            store.invalidate(organization(number), &[Touched::Everything]);
            store.get(organization(number)).await.unwrap();
        }
        assert_eq!(store.bytes(), one * store.organizations(), "counted once each");
        // The last one stays, however large.
        let tiny = Limits {
            organizations: 0,
            bytes: 0,
        };
        let store = Store::new(Arc::clone(&database), tiny);
        for number in 0..3 {
            store.get(organization(number)).await.unwrap();
            assert!(store.peek(organization(number)).is_some());
            assert_eq!(store.organizations(), 1);
        }
        assert!(format!("{store:?}").contains("organizations: 1"));
    }

    /// Many threads ask and change, with too little room: nobody ever sees less than what was announced before he asked.
    #[test]
    fn nobody_sees_the_past() {
        const ORGANIZATIONS: u64 = 6;
        const TASKS: u64 = 8;
        let database = Arc::new(Database::open());
        let limits = Limits {
            organizations: 3,
            bytes: usize::MAX,
        };
        let store = store(&database, limits);
        let announced: Arc<Vec<AtomicU64>> = Arc::new((0..ORGANIZATIONS).map(|_| AtomicU64::new(0)).collect());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_time()
            .build()
            .unwrap();
        let tasks: Vec<_> = (0..TASKS)
            .map(|task| {
                let (database, store, announced) = (Arc::clone(&database), Arc::clone(&store), Arc::clone(&announced));
                runtime.spawn(async move {
                    let mut random = task;
                    for _ in 0..2_000 {
                        random = random
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        let index = usize::try_from((random >> 33) % ORGANIZATIONS).unwrap();
                        let id = organization(index as u128);
                        if (random >> 50).is_multiple_of(5) {
                            let committed = database.numbers[index].fetch_add(1, Ordering::SeqCst) + 1;
                            let touched = if committed.is_multiple_of(7) {
                                Touched::Everything
                            } else {
                                Touched::User(user(committed))
                            };
                            store.invalidate(id, &[touched]);
                            announced[index].fetch_max(committed, Ordering::SeqCst);
                        }
                        let least = announced[index].load(Ordering::SeqCst);
                        let seen = tokio::time::timeout(Duration::from_secs(60), store.get(id)).await;
                        let seen = number(&seen.expect("nobody waits for ever").unwrap());
                        assert!(seen >= least, "{seen} seen, {least} announced");
                    }
                })
            })
            .collect();
        runtime.block_on(async {
            for task in tasks {
                task.await.unwrap();
            }
        });
        assert!(store.organizations() <= 3);
        assert!(database.amendments.load(Ordering::SeqCst) > 100, "both ways were taken");
    }
}
