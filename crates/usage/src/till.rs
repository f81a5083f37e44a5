//! Where usage is reported: what an organization reports at the same time is recorded together.
//!
//! A unit of work holds the rows of its organization's sums and counters from the moment it changes them until it has committed, so
//! units of one organization wait for each other, and each of them for the database. What is reported while one is under way is
//! therefore recorded by the next one together, which changes the same rows once. Nobody waits for company: who comes alone is
//! recorded at once. Each report is answered for itself; where the quotas do not reach for all of them, each is recorded alone, in
//! the order in which they came, so that as much is let through as the limit allows.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use contracts::usage::ReserveError;
use db::{DbError, UnitContext, UnitOfWork};
use kernel::{Actor, OrganizationId};
use parking_lot::Mutex;
use tokio::sync::oneshot;

use crate::app::{COUNTING, Recorded, Report, record};
use crate::service::Service;

/// The most reports of one unit of work.
const MOST_REPORTS: usize = 64;
/// The events after which a unit of work takes no further report.
const ENOUGH_EVENTS: usize = 1_000;

/// Takes reports on one node.
pub(crate) struct Till {
    service: Service,
    /// What waits, for each organization for which reports are being recorded.
    lanes: Mutex<HashMap<OrganizationId, Vec<Waiting>, foldhash::fast::RandomState>>,
}

/// A report whose sender waits for the answer.
struct Waiting {
    report: Report,
    context: UnitContext,
    answer: oneshot::Sender<Result<Recorded, ReserveError>>,
}

impl Till {
    pub(crate) fn new(service: Service) -> Self {
        Self {
            service,
            lanes: Mutex::default(),
        }
    }

    /// Records the report; `context` is who sent it. A sender who goes away while it still waits takes it along.
    ///
    /// # Errors
    /// [`ReserveError`]; nothing of it is recorded then.
    pub(crate) async fn record(
        self: &Arc<Self>,
        report: Report,
        context: UnitContext,
    ) -> Result<Recorded, ReserveError> {
        let organization = report.granted.organization();
        let (answer, answered) = oneshot::channel();
        let waiting = Waiting {
            report,
            context,
            answer,
        };
        let is_first = match self.lanes.lock().entry(organization) {
            Entry::Occupied(mut lane) => {
                lane.get_mut().push(waiting);
                false
            }
            Entry::Vacant(lane) => {
                lane.insert(vec![waiting]);
                true
            }
        };
        if is_first {
            let mut lane = Lane {
                till: Arc::clone(self),
                organization,
                is_open: true,
            };
            // In a task of its own: the first is not to answer for the others with its patience.
            tokio::spawn(async move { lane.work().await });
        }
        let lost = || DbError::Internal("a report of usage got no answer".into());
        answered.await.unwrap_or_else(|_| Err(lost().into()))
    }
}

/// The work on one organization's reports, as long as there are any.
struct Lane {
    till: Arc<Till>,
    organization: OrganizationId,
    is_open: bool,
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Should it end before its time, whoever waits hears so, and the next report begins another one.
        if self.is_open {
            self.till.lanes.lock().remove(&self.organization);
        }
    }
}

impl Lane {
    async fn work(&mut self) {
        while let Some(reports) = self.next() {
            self.settle(reports).await;
        }
    }

    /// The reports of the next unit of work; closes the lane when there are none.
    fn next(&mut self) -> Option<Vec<Waiting>> {
        let mut lanes = self.till.lanes.lock();
        let waiting = lanes.get_mut(&self.organization)?;
        waiting.retain(|waiting| !waiting.answer.is_closed());
        if waiting.is_empty() {
            lanes.remove(&self.organization);
            self.is_open = false;
            return None;
        }
        let mut events = 0;
        let fits = waiting.iter().take(MOST_REPORTS).take_while(|waiting| {
            let fits = events < ENOUGH_EVENTS;
            events += waiting.report.events.len();
            fits
        });
        let count = fits.count();
        Some(waiting.drain(..count).collect())
    }

    async fn settle(&self, mut waiting: Vec<Waiting>) {
        if waiting.len() > 1 {
            let reports = waiting.iter().map(|waiting| waiting.report.clone()).collect();
            let context = UnitContext::tenant(Actor::system("usage"), self.organization);
            match self.record(context, reports).await {
                Ok(recorded) => {
                    for (waiting, recorded) in waiting.drain(..).zip(recorded) {
                        let _gone = waiting.answer.send(Ok(recorded));
                    }
                }
                Err(ReserveError::Storage(error)) => {
                    for waiting in waiting.drain(..) {
                        let _gone = waiting.answer.send(Err(error.clone().into()));
                    }
                }
                // It may still reach for some.
                Err(ReserveError::Exceeded(_)) => {}
            }
        }
        for waiting in waiting {
            let recorded = self.record(waiting.context, vec![waiting.report]).await;
            let alone = recorded.and_then(|recorded| {
                let lost = || DbError::Internal("a report of usage was lost".into());
                Ok(recorded.into_iter().next().ok_or_else(lost)?)
            });
            let _gone = waiting.answer.send(alone);
        }
    }

    async fn record(&self, context: UnitContext, reports: Vec<Report>) -> Result<Vec<Recorded>, ReserveError> {
        let service = self.till.service.clone();
        let reports: Arc<[Report]> = reports.into();
        let work = move |uow: UnitOfWork| {
            let (service, reports) = (service.clone(), Arc::clone(&reports));
            async move { record(&reports, &uow, &service.means(), service.entitlements()?.as_ref()).await }
        };
        self.till.service.db().write(context.unaudited(COUNTING), work).await
    }
}
