//! Counts requests from memory.
//!
//! A request must not cost a query, and a hard quota must not be exceeded by however many nodes. So a node takes requests from the
//! quota in blocks: what it has taken counts as used from then on, and it lets through as many. A block is a thirty-second of what is
//! left at most, so blocks become single requests towards the end: what nodes hold and do not use, by which a quota may end early,
//! is little, and is given back when the hour, the quota or the node ends. Where there is no hard quota, requests are only counted,
//! and written down every few seconds.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use contracts::catalog::{Quota, QuotaMode, QuotaPeriod};
use contracts::usage::{API_REQUESTS, Metered, QuotaExceeded, RequestMeter, ReserveError};
use db::{AccessChange, ChangeKind, DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId, Timestamp};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::app::{COUNTING, Portion, consume, count, exceeded, sums};
use crate::domain::{Limits, Window, bucket_of, windows};
use crate::service::Service;
use crate::store::{aggregates, counters};

/// How often what was counted is written down. A node that dies loses as much.
const EVERY: Duration = Duration::from_secs(5);
/// How long a quota that is used up is believed to be: somebody may have given something back.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// Which part of what is left a block takes at most.
const PART: i64 = 32;
/// The largest block.
const LARGEST: i64 = 256;
/// After how long without a request an organization is forgotten.
const IDLE: Duration = Duration::from_secs(10 * 60);
/// How often a block is tried for when others take from the same quota at the same time.
const TRIES: u32 = 5;

/// Counts the requests of every organization that makes any on this node.
pub(crate) struct Meter(Arc<Inner>);

struct Inner {
    service: Service,
    accounts: RwLock<HashMap<OrganizationId, Arc<Account>, foldhash::fast::RandomState>>,
}

/// What is known of one organization.
#[derive(Default)]
struct Account {
    state: Mutex<State>,
    /// Held while the database is asked, so that it is asked once.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    standing: Standing,
    /// How often the quotas changed: what was read before the last change is not believed.
    generation: u64,
    /// Requests that were let through and not written down yet.
    pending: Vec<Pending>,
    /// Parts of blocks that nobody will use, by when they were taken.
    unused: Vec<(Timestamp, i64)>,
    /// The last request, by the monotonic clock.
    seen: Duration,
}

/// Requests of a quarter of an hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    bucket: Timestamp,
    requests: i64,
    /// Whether they were taken from the quotas in advance.
    is_taken: bool,
}

/// Whether requests are let through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
enum Standing {
    /// Nobody has looked.
    #[default]
    Unknown,
    /// All of them, until then.
    Free { until: Option<Timestamp> },
    /// So many, until then.
    Leased {
        left: i64,
        taken_at: Timestamp,
        until: Timestamp,
    },
    /// None, until then by the monotonic clock.
    Refused { by: QuotaExceeded, until: Duration },
}

impl State {
    /// Lets one request through or not, if that is known.
    fn decide(&mut self, now: Timestamp, monotonic: Duration) -> Option<Result<(), QuotaExceeded>> {
        self.seen = monotonic;
        let is_taken = match &mut self.standing {
            Standing::Free { until } if until.is_none_or(|until| now < until) => false,
            Standing::Leased { left, until, .. } if *left > 0 && now < *until => {
                *left -= 1;
                true
            }
            Standing::Refused { by, until } if monotonic < *until && by.resets_at.is_none_or(|end| now < end) => {
                let mut by = by.clone();
                by.resets_in = by.resets_at.map(|end| end.since(now));
                return Some(Err(by));
            }
            _ => return None,
        };
        let bucket = bucket_of(now);
        match self.pending.last_mut() {
            Some(last) if last.bucket == bucket && last.is_taken == is_taken => last.requests += 1,
            _ => self.pending.push(Pending {
                bucket,
                requests: 1,
                is_taken,
            }),
        }
        Some(Ok(()))
    }

    /// Puts another standing in the place of this one; what is left of a block is given back.
    fn replace(&mut self, standing: Standing) {
        if let Standing::Leased { left, taken_at, .. } = self.standing
            && left > 0
        {
            self.unused.push((taken_at, left));
        }
        self.standing = standing;
    }
}

/// Does the work to its end, whoever waits for it: what was taken from a quota, or from what is to be written down, must not get lost
/// with a client that goes away.
async fn to_its_end<T, E>(work: impl Future<Output = Result<T, E>> + Send + 'static) -> Result<T, E>
where
    T: Send + 'static,
    E: From<DbError> + Send + 'static,
{
    match tokio::spawn(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(DbError::Internal(format!("requests could not be counted: {error}")).into()),
    }
}

impl Meter {
    pub(crate) fn new(service: Service) -> Self {
        Self(Arc::new(Inner {
            service,
            accounts: RwLock::default(),
        }))
    }

    /// Forgets what was read of quotas that changed.
    pub(crate) fn hear(&self, changes: &[AccessChange]) {
        self.0.hear(changes);
    }

    /// Writes down what was counted for an organization on this node.
    pub(crate) async fn flush(&self, organization: OrganizationId) -> Result<(), DbError> {
        let inner = Arc::clone(&self.0);
        to_its_end(async move { inner.flush(organization).await }).await
    }

    /// How many requests this node has taken from the quotas and not let through.
    pub(crate) fn unspent(&self, organization: OrganizationId) -> i64 {
        self.0.unspent(organization)
    }

    /// Writes down what is counted until the node is told to stop.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
            self.0.flush_all().await;
            self.0.forget_idle();
        }
        self.0.close().await;
    }
}

impl RequestMeter for Meter {
    fn count(&self, organization: OrganizationId) -> Metered<'_> {
        let known = self
            .0
            .accounts
            .read()
            .get(&organization)
            .and_then(|account| self.0.decide(account));
        match known {
            Some(known) => Metered::Known(known),
            None => {
                let inner = Arc::clone(&self.0);
                Metered::Asking(Box::pin(to_its_end(async move { inner.ask(organization).await })))
            }
        }
    }
}

impl Inner {
    fn hear(&self, changes: &[AccessChange]) {
        let changes = changes.iter().filter(|change| change.kind == ChangeKind::Quotas);
        for change in changes {
            let accounts = self.accounts.read();
            let concerned = accounts
                .iter()
                .filter(|(organization, _)| change.organization_id.is_none_or(|id| id == **organization));
            for (_, account) in concerned {
                let mut state = account.state.lock();
                state.generation += 1;
                state.replace(Standing::Unknown);
            }
        }
    }

    fn account(&self, organization: OrganizationId) -> Arc<Account> {
        if let Some(account) = self.accounts.read().get(&organization) {
            return Arc::clone(account);
        }
        Arc::clone(self.accounts.write().entry(organization).or_default())
    }

    fn decide(&self, account: &Account) -> Option<Result<(), QuotaExceeded>> {
        let clock = self.service.clock();
        account.state.lock().decide(clock.now(), clock.monotonic())
    }

    async fn ask(&self, organization: OrganizationId) -> Result<(), ReserveError> {
        let account = self.account(organization);
        let _turn = account.turn.lock().await;
        for _ in 0..TRIES {
            if let Some(known) = self.decide(&account) {
                return Ok(known?);
            }
            let generation = account.state.lock().generation;
            let standing = self.look(organization, &account).await?;
            let mut state = account.state.lock();
            state.replace(standing);
            if state.generation != generation {
                // Quotas changed while they were read.
                state.replace(Standing::Unknown);
            }
        }
        Err(ReserveError::Storage(DbError::Busy {
            what: "the request quota",
            retry_after: REFUSED_FOR,
        }))
    }

    /// How the organization stands by its quotas; a block is taken where there is a hard one.
    async fn look(&self, organization: OrganizationId, account: &Account) -> Result<Standing, ReserveError> {
        let quotas = self.service.entitlements()?.quotas(organization).await?;
        let now = self.service.clock().now();
        let mine: Vec<Quota> = quotas
            .into_iter()
            .filter(|quota| quota.metric == API_REQUESTS)
            .collect();
        let until = next_change(&mine, now);
        let is_held = mine
            .iter()
            .any(|quota| quota.mode == QuotaMode::Hard && quota.in_force.contains(now));
        if !is_held {
            return Ok(Standing::Free { until });
        }
        let unused = std::mem::take(&mut account.state.lock().unused);
        let leased = self.lease(organization, unused.clone(), until).await;
        if leased.is_err() {
            account.state.lock().unused.extend(unused);
        }
        match leased {
            // Others were faster; the next look sees what they left.
            Err(ReserveError::Exceeded(_)) => Ok(Standing::Unknown),
            leased => leased,
        }
    }

    /// Takes a block.
    async fn lease(
        &self,
        organization: OrganizationId,
        unused: Vec<(Timestamp, i64)>,
        change: Option<Timestamp>,
    ) -> Result<Standing, ReserveError> {
        let (service, refused_until) = (self.service.clone(), self.service.clock().monotonic() + REFUSED_FOR);
        let unused = Arc::new(unused);
        let work = move |uow: UnitOfWork| {
            let (service, unused) = (service.clone(), Arc::clone(&unused));
            async move {
                for (taken_at, left) in unused.iter() {
                    counters::give_back(&uow, organization, API_REQUESTS, *left, *taken_at).await?;
                }
                let now = uow.now();
                let quotas = service.entitlements()?.quotas_in(&uow, organization).await?;
                let limits = Limits::in_force(quotas, now);
                let left = match tightest(&uow, organization, &limits).await? {
                    None => return Ok(Standing::Free { until: change }),
                    Some((left, by)) if left <= 0 => {
                        let until = refused_until;
                        return Ok(Standing::Refused { by, until });
                    }
                    Some((left, _)) => (left / PART).clamp(1, LARGEST),
                };
                let block = Portion {
                    metric: API_REQUESTS,
                    at: now,
                    quantity: left,
                };
                count(&uow, &service.means(), organization, &limits, &[block]).await?;
                // A block counts in the hour in which it was taken.
                let hour = Window::at(QuotaPeriod::Hour, now).ends_at().unwrap_or(Timestamp::MAX);
                Ok(Standing::Leased {
                    left,
                    taken_at: now,
                    until: change.map_or(hour, |change| change.min(hour)),
                })
            }
        };
        self.service.db().write(unit(organization), work).await
    }

    async fn flush(&self, organization: OrganizationId) -> Result<(), DbError> {
        let Some(account) = self.accounts.read().get(&organization).cloned() else {
            return Ok(());
        };
        let (pending, unused) = {
            let mut state = account.state.lock();
            (std::mem::take(&mut state.pending), std::mem::take(&mut state.unused))
        };
        if pending.is_empty() && unused.is_empty() {
            return Ok(());
        }
        let written = self.write_down(organization, pending.clone(), unused.clone()).await;
        if written.is_err() {
            let mut state = account.state.lock();
            state.pending.splice(0..0, pending);
            state.unused.extend(unused);
        }
        match written {
            Ok(()) => Ok(()),
            Err(ReserveError::Storage(error)) => Err(error),
            // Soft quotas hold nobody back.
            Err(ReserveError::Exceeded(by)) => Err(DbError::Internal(by.to_string())),
        }
    }

    async fn write_down(
        &self,
        organization: OrganizationId,
        pending: Vec<Pending>,
        unused: Vec<(Timestamp, i64)>,
    ) -> Result<(), ReserveError> {
        let service = self.service.clone();
        let counted = Arc::new((pending, unused));
        let work = move |uow: UnitOfWork| {
            let (service, counted) = (service.clone(), Arc::clone(&counted));
            async move {
                let (pending, unused) = counted.as_ref();
                let portions = |is_taken: bool| -> Vec<Portion<'static>> {
                    let pending = pending.iter().filter(|pending| pending.is_taken == is_taken);
                    pending.map(Pending::portion).collect()
                };
                let quotas = service.entitlements()?.quotas_in(&uow, organization).await?;
                let (taken, free) = (portions(true), portions(false));
                if !taken.is_empty() {
                    aggregates::add(&uow, service.engine(), organization, &sums(&taken)).await?;
                }
                // They were let through when there was no hard quota.
                let limits = Limits::in_force(quotas, uow.now()).softened();
                consume(&uow, &service.means(), organization, &limits, &free).await?;
                for (taken_at, left) in unused {
                    counters::give_back(&uow, organization, API_REQUESTS, *left, *taken_at).await?;
                }
                Ok(())
            }
        };
        self.service.db().write(unit(organization), work).await
    }

    fn unspent(&self, organization: OrganizationId) -> i64 {
        let accounts = self.accounts.read();
        let Some(account) = accounts.get(&organization) else {
            return 0;
        };
        let state = account.state.lock();
        let unused: i64 = state.unused.iter().map(|(_, left)| left).sum();
        match state.standing {
            Standing::Leased { left, .. } => left + unused,
            _ => unused,
        }
    }

    /// Writes down what was counted, for everybody.
    async fn flush_all(&self) {
        let organizations: Vec<OrganizationId> = self.accounts.read().keys().copied().collect();
        for organization in organizations {
            if let Err(error) = self.flush(organization).await {
                tracing::warn!(error = %error, organization = %organization, "requests could not be written down");
            }
        }
    }

    /// Forgets organizations that are not in use and owe nothing.
    fn forget_idle(&self) {
        let now = self.service.clock().monotonic();
        self.accounts.write().retain(|_, account| {
            let mut state = account.state.lock();
            if now.saturating_sub(state.seen) < IDLE || Arc::strong_count(account) > 1 {
                return true;
            }
            // The next round gives back what is left of a block; the one after it forgets.
            state.replace(Standing::Unknown);
            !(state.pending.is_empty() && state.unused.is_empty())
        });
    }

    /// Gives back every block: the node stops.
    async fn close(&self) {
        for account in self.accounts.read().values() {
            account.state.lock().replace(Standing::Unknown);
        }
        self.flush_all().await;
    }
}

impl Pending {
    fn portion(&self) -> Portion<'static> {
        Portion {
            metric: API_REQUESTS,
            at: self.bucket,
            quantity: self.requests,
        }
    }
}

fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(Actor::system("api.requests"), organization).unaudited(COUNTING)
}

/// When the quotas are other ones without anybody changing them: one begins or ends.
fn next_change(quotas: &[Quota], now: Timestamp) -> Option<Timestamp> {
    let edges = quotas
        .iter()
        .flat_map(|quota| [quota.in_force.from, quota.in_force.until])
        .flatten();
    edges.filter(|edge| *edge > now).min()
}

/// How much the hard quota leaves that leaves least, and what its refusal would be; none without a hard one.
async fn tightest(
    uow: &UnitOfWork,
    organization: OrganizationId,
    limits: &Limits,
) -> Result<Option<(i64, QuotaExceeded)>, DbError> {
    let mut tightest: Option<(i64, QuotaExceeded)> = None;
    for window in windows(API_REQUESTS, uow.now()) {
        let quota = limits.of(API_REQUESTS, window);
        let Some(quota) = quota.filter(|quota| quota.mode == QuotaMode::Hard) else {
            continue;
        };
        let used = counters::used(uow.scope(organization).reads(), API_REQUESTS, window).await?;
        let left = quota.limit.saturating_sub(used);
        if tightest.as_ref().is_none_or(|(least, _)| left < *least) {
            tightest = Some((left, exceeded(quota, window, used, uow.now())));
        }
    }
    Ok(tightest)
}
