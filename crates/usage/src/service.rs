//! The context as others use it: the port through which quota is reserved.

use std::sync::{Arc, Weak};

use contracts::Ports;
use contracts::catalog::Entitlements;
use contracts::usage::{Quotas, ReserveError};
use db::{Db, DbError, Engine, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{Clock, OrganizationId};

use crate::app::{Means, Portion, consume, give_back};
use crate::domain::Limits;

/// Reserves quota, and knows where quotas come from.
#[derive(Clone)]
pub(crate) struct Service {
    db: Db,
    clock: Arc<dyn Clock>,
    /// It is one of the ports itself.
    ports: Weak<Ports>,
}

impl Service {
    pub(crate) fn new(db: Db, clock: Arc<dyn Clock>, ports: &Arc<Ports>) -> Self {
        Self {
            db,
            clock,
            ports: Arc::downgrade(ports),
        }
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }

    pub(crate) fn engine(&self) -> Engine {
        self.db.engine()
    }

    /// What consuming needs beside the unit of work.
    pub(crate) fn means(&self) -> Means {
        Means {
            engine: self.engine(),
            mailbox: self.ports.upgrade().and_then(|ports| ports.find()),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// What quotas come from. It starts before this context, but nobody needs to know.
    pub(crate) fn entitlements(&self) -> Result<Arc<dyn Entitlements>, DbError> {
        let ports = self.ports.upgrade();
        let ports = ports.ok_or_else(|| DbError::Internal("the program has ended".into()))?;
        Ok(ports.get::<dyn Entitlements>()?)
    }

    async fn reserve_in(
        &self,
        uow: &UnitOfWork,
        organization: OrganizationId,
        metric: &str,
        quantity: i64,
    ) -> Result<(), ReserveError> {
        if quantity < 0 {
            let back = quantity.saturating_neg();
            return Ok(give_back(uow, self.engine(), organization, metric, back).await?);
        }
        let quotas = self.entitlements()?.quotas_in(uow, organization).await?;
        let limits = Limits::in_force(quotas, uow.now());
        let portion = Portion {
            metric,
            at: uow.now(),
            quantity,
        };
        consume(uow, &self.means(), organization, &limits, &[portion]).await
    }
}

impl Quotas for Service {
    fn reserve<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        metric: &'a str,
        quantity: i64,
    ) -> BoxFuture<'a, Result<(), ReserveError>> {
        Box::pin(self.reserve_in(uow, organization, metric, quantity))
    }
}
