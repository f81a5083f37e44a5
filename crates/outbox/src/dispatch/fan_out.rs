//! From the queue to the log and to deliveries, in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use authz::Undecided;
use db::{DbError, EventId, SystemScope, UnitContext, UnitOfWork};
use http::App;
use kernel::{Actor, Id as _, OrganizationId};
use uuid::Uuid;

use crate::domain::{Endpoint, EndpointId};
use crate::reading::may_read;
use crate::service::Service;
use crate::store::deliveries::NewDelivery;
use crate::store::{deliveries, endpoints, events, log};

/// How many events are handed on in one transaction.
const PART: i64 = 500;
/// The resources of which the platform hears from every organization.
const FOR_THE_PLATFORM: [&str; 3] = ["organization.", "module.", "package."];

/// One event and who gets it.
struct Planned {
    event: EventId,
    kind: String,
    /// Endpoints of the organization itself, and of the platform.
    own: Vec<EndpointId>,
    guests: Vec<EndpointId>,
}

/// Hands some of the organization's events on; true when more may be waiting.
pub(super) async fn hand_on(app: &App, service: &Service, organization: OrganizationId) -> Result<bool, DbError> {
    let waiting = events::waiting(service.db.scope(organization), PART).await?;
    if waiting.is_empty() {
        return Ok(false);
    }
    let more = waiting.len() >= usize::try_from(PART).unwrap_or(usize::MAX);
    let planned = plan(app, service, organization, waiting).await?;
    let is_shared = planned.iter().any(|one| !one.guests.is_empty());
    let actor = Actor::system("webhooks");
    let context = if is_shared {
        let scope = SystemScope::new("the platform's endpoints hear of organizations, modules and packages of all");
        UnitContext::system(actor, organization, scope)
    } else {
        UnitContext::tenant(actor, organization)
    };
    let context = context.unaudited("an event on its way is no change of its own");
    let (planned, platform) = (Arc::new(planned), service.platform);
    service
        .db
        .write(context, move |uow| {
            let planned = Arc::clone(&planned);
            async move { write(&uow, organization, platform, &planned).await }
        })
        .await?;
    service.handed_on.send_replace(());
    Ok(more)
}

/// Decides who gets what. What it decides by is read outside of the transaction; a right that ends in between is looked at once
/// more before each delivery.
async fn plan(
    app: &App,
    service: &Service,
    organization: OrganizationId,
    waiting: Vec<(EventId, String)>,
) -> Result<Vec<Planned>, DbError> {
    let own = endpoints::active(service.db.scope(organization)).await?;
    let concerns_platform =
        |kind: &str| organization != service.platform && FOR_THE_PLATFORM.iter().any(|prefix| kind.starts_with(prefix));
    let guests = if waiting.iter().any(|(_, kind)| concerns_platform(kind)) {
        endpoints::active(service.db.scope(service.platform)).await?
    } else {
        Vec::new()
    };
    let mut rights = Rights::default();
    let mut planned = Vec::with_capacity(waiting.len());
    for (event, kind) in waiting {
        let own = rights.readers(app, service, &own, &kind).await?;
        let guests = if concerns_platform(&kind) {
            rights.readers(app, service, &guests, &kind).await?
        } else {
            Vec::new()
        };
        planned.push(Planned {
            event,
            kind,
            own,
            guests,
        });
    }
    Ok(planned)
}

/// Who may read what, each asked for once.
#[derive(Default)]
struct Rights(HashMap<(OrganizationId, Uuid, &'static str), bool>);

impl Rights {
    async fn readers(
        &mut self,
        app: &App,
        service: &Service,
        endpoints: &[Endpoint],
        kind: &str,
    ) -> Result<Vec<EndpointId>, DbError> {
        let mut readers = Vec::new();
        // An event that nobody declares is nobody's to read.
        let Some(event) = service.manifests.event(kind) else {
            return Ok(readers);
        };
        for endpoint in endpoints.iter().map(Endpoint::state) {
            if !endpoint.event_types.matches(kind) {
                continue;
            }
            let key = (endpoint.organization_id, endpoint.maker.id, event.permission.code);
            let may = match self.0.get(&key) {
                Some(may) => *may,
                None => {
                    let may = may_read(app, &endpoint.maker, endpoint.organization_id, event.permission)
                        .await
                        .map_err(|Undecided(why)| DbError::Unavailable(why))?;
                    self.0.insert(key, may);
                    may
                }
            };
            if may {
                readers.push(endpoint.id);
            }
        }
        Ok(readers)
    }
}

/// Which of an event's endpoints.
type Chosen = fn(&Planned) -> &[EndpointId];

async fn write(
    uow: &UnitOfWork,
    organization: OrganizationId,
    platform: OrganizationId,
    planned: &[Planned],
) -> Result<(), DbError> {
    // From here on no other node hands on this organization's events.
    let last = log::hold(uow, organization).await?;
    let taken = events::take(uow, organization, planned.iter().map(|one| one.event)).await?;
    let taken: HashSet<Uuid> = taken.into_iter().map(EventId::as_uuid).collect();
    let mine: Vec<&Planned> = planned
        .iter()
        .filter(|one| taken.contains(&one.event.as_uuid()))
        .collect();
    if mine.is_empty() {
        return Ok(());
    }
    let logged: Vec<_> = mine.iter().map(|one| (one.event, one.kind.clone())).collect();
    log::append(uow, organization, last, &logged).await?;
    let chosen: [(OrganizationId, Chosen); 2] = [(organization, |one| &one.own), (platform, |one| &one.guests)];
    for (receiving, endpoints_of) in chosen {
        let new: Vec<NewDelivery> = mine
            .iter()
            .flat_map(|one| endpoints_of(one).iter().map(move |endpoint| (one, *endpoint)))
            .map(|(one, endpoint)| NewDelivery {
                id: uow.generators().id(),
                endpoint,
                event: one.event,
                kind: one.kind.clone(),
            })
            .collect();
        if new.is_empty() {
            continue;
        }
        deliveries::add(uow, receiving, organization, &new).await?;
        let touched: HashSet<Uuid> = new.iter().map(|one| one.endpoint.as_uuid()).collect();
        let mut touched: Vec<Uuid> = touched.into_iter().collect();
        // In one order everywhere, so that nobody waits in a circle for their rows.
        touched.sort_unstable();
        endpoints::wake(
            uow,
            receiving,
            touched.into_iter().map(EndpointId::from_uuid),
            uow.now(),
        )
        .await?;
    }
    Ok(())
}
