//! Periodic work: what is old is removed, a few rows at a time.

use std::sync::Arc;
use std::time::Duration;

use db::{DbError, SystemScope, UnitContext};
use futures_util::future::BoxFuture;
use http::{App, Job, StartFailed};
use kernel::{Actor, Id as _, OrganizationId, Timestamp};
use uuid::Uuid;

use crate::service::Service;
use crate::store::{attempts, deliveries, events, log};

/// How many rows leave in one unit of work: the writer of SQLite is not held up for long.
const PART: i64 = 500;
/// How many organizations are looked up at once.
const ORGANIZATIONS: i64 = 100;

/// The jobs of this context.
pub(crate) const JOBS: &[Job] = &[
    Job {
        name: "webhook-delivery-retention",
        description: "Removes deliveries that are done and no longer shown",
        every: Duration::from_secs(60 * 60),
        run: |app| Box::pin(forget_deliveries(app)),
    },
    Job {
        name: "event-retention",
        description: "Removes events that are no longer listed, streamed or replayed",
        every: Duration::from_secs(60 * 60),
        run: |app| Box::pin(forget_events(app)),
    },
];

async fn forget_deliveries(app: App) -> Result<u64, StartFailed> {
    let service = app.ports().get::<Service>()?;
    let before = service.generators.now().minus(service.config.keep_deliveries);
    each_organization(&service, before, |service, organization, before| {
        let work = async move {
            let context = unit(organization);
            let gone = service
                .db
                .write(context, move |uow| async move {
                    let gone = deliveries::forget(&uow, organization, before, PART).await?;
                    attempts::forget(&uow, organization, &gone).await?;
                    Ok::<_, DbError>(gone.len())
                })
                .await?;
            Ok(u64::try_from(gone).unwrap_or(u64::MAX))
        };
        Box::pin(work)
    })
    .await
}

async fn forget_events(app: App) -> Result<u64, StartFailed> {
    let service = app.ports().get::<Service>()?;
    let before = service.generators.now().minus(service.config.keep_events);
    each_organization(&service, before, |service, organization, before| {
        let work = async move {
            let context = unit(organization);
            service
                .db
                .write(context, move |uow| async move {
                    let gone = events::forget(&uow, organization, before, PART).await?;
                    Ok::<_, DbError>(gone + log::forget(&uow, organization, before, PART).await?)
                })
                .await
        };
        Box::pin(work)
    })
    .await
}

/// Some of one organization's work: how much it did, nothing when nothing is left.
type Part = fn(Arc<Service>, OrganizationId, Timestamp) -> BoxFuture<'static, Result<u64, DbError>>;

/// Does a part of one organization's work until nothing is left of it, then the next one's.
async fn each_organization(service: &Arc<Service>, before: Timestamp, part: Part) -> Result<u64, StartFailed> {
    let (mut done, mut last) = (0, OrganizationId::from_uuid(Uuid::nil()));
    loop {
        let scope = SystemScope::new("what is old is removed in every organization");
        let organizations = log::organizations(service.db.system(scope), last, ORGANIZATIONS).await?;
        let Some(end) = organizations.last() else {
            return Ok(done);
        };
        last = *end;
        for organization in organizations {
            loop {
                let removed = part(Arc::clone(service), organization, before).await?;
                done += removed;
                if removed == 0 {
                    break;
                }
            }
        }
    }
}

fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(Actor::system("retention"), organization)
        .unaudited("what was kept for its time leaves without a trace; the trail is kept elsewhere")
}
