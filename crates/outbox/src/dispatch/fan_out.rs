//! From the queue to the log and to deliveries, in one transaction.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use authz::Undecided;
use db::{DbError, SystemScope, UnitContext, UnitOfWork};
use http::App;
use kernel::id::made_at;
use kernel::{Actor, Id, OrganizationId, Timestamp};
use uuid::Uuid;

use crate::domain::{Endpoint, EndpointId};
use crate::reading::may_read;
use crate::service::Service;
use crate::store::deliveries::NewDelivery;
use crate::store::events::Queued;
use crate::store::log::Placed;
use crate::store::{deliveries, endpoints, events, log};

/// How many events are handed on in one transaction.
const PART: i64 = 500;
/// The resources of which the platform hears from every organization.
const FOR_THE_PLATFORM: [&str; 3] = ["organization.", "module.", "package."];

/// One event and who gets it.
struct Planned {
    event: Queued,
    /// Endpoints of the organization itself, and of the platform.
    own: Vec<Reader>,
    guests: Vec<Reader>,
}

/// An endpoint that gets an event, and what it must not overtake others of.
struct Reader {
    endpoint: EndpointId,
    order_key: Option<Uuid>,
}

/// What handing on found.
pub(super) struct HandedOn {
    /// Since when the oldest of the events waited.
    pub(super) oldest: Option<Timestamp>,
    /// Whether more may be waiting, or why they still do.
    pub(super) more: Result<bool, DbError>,
}

/// Hands some of the organization's events on.
pub(super) async fn hand_on(app: &App, service: &Service, organization: OrganizationId) -> HandedOn {
    match events::waiting(service.db.scope(organization), PART).await {
        Ok(waiting) => HandedOn {
            oldest: waiting.first().map(|event| made_at(event.id.as_uuid())),
            more: hand_on_these(app, service, organization, waiting).await,
        },
        Err(error) => HandedOn {
            oldest: None,
            more: Err(error),
        },
    }
}

/// Hands these events on; whether more may be waiting.
async fn hand_on_these(
    app: &App,
    service: &Service,
    organization: OrganizationId,
    waiting: Vec<Queued>,
) -> Result<bool, DbError> {
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
    waiting: Vec<Queued>,
) -> Result<Vec<Planned>, DbError> {
    let own = endpoints::active(service.db.scope(organization)).await?;
    let concerns_platform =
        |kind: &str| organization != service.platform && FOR_THE_PLATFORM.iter().any(|prefix| kind.starts_with(prefix));
    let guests = if waiting.iter().any(|event| concerns_platform(&event.kind)) {
        endpoints::active(service.db.scope(service.platform)).await?
    } else {
        Vec::new()
    };
    let mut rights = Rights::default();
    let mut planned = Vec::with_capacity(waiting.len());
    for event in waiting {
        let own = rights.readers(app, service, &own, organization, &event).await?;
        let guests = if concerns_platform(&event.kind) {
            rights.readers(app, service, &guests, organization, &event).await?
        } else {
            Vec::new()
        };
        planned.push(Planned { event, own, guests });
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
        organization: OrganizationId,
        event: &Queued,
    ) -> Result<Vec<Reader>, DbError> {
        let mut readers = Vec::new();
        // An event that nobody declares is nobody's to read.
        let Some(kind) = service.manifests.event(&event.kind) else {
            return Ok(readers);
        };
        for endpoint in endpoints.iter().map(Endpoint::state) {
            if !endpoint.event_types.matches(kind.name) {
                continue;
            }
            let permission = kind.permission_in(endpoint.organization_id, organization);
            let key = (endpoint.organization_id, endpoint.maker.id, permission.code);
            let may = match self.0.get(&key) {
                Some(may) => *may,
                None => {
                    let may = may_read(app, &endpoint.maker, endpoint.organization_id, permission)
                        .await
                        // Why is not told; if the whole database is out, the next organization's events cannot be read.
                        .map_err(|Undecided(why)| DbError::Internal(format!("who may read cannot be told: {why}")))?;
                    self.0.insert(key, may);
                    may
                }
            };
            if may {
                readers.push(Reader {
                    endpoint: endpoint.id,
                    order_key: endpoint.ordering.key(organization, event.subject),
                });
            }
        }
        Ok(readers)
    }
}

/// Which of an event's endpoints.
type Chosen = fn(&Planned) -> &[Reader];

async fn write(
    uow: &UnitOfWork,
    organization: OrganizationId,
    platform: OrganizationId,
    planned: &[Planned],
) -> Result<(), DbError> {
    // From here on no other node hands on this organization's events.
    let last = log::hold(uow, organization).await?;
    let taken = events::take(uow, organization, planned.iter().map(|one| one.event.id)).await?;
    let taken: HashSet<Uuid> = taken.into_iter().map(Id::as_uuid).collect();
    let mine = planned.iter().filter(|one| taken.contains(&one.event.id.as_uuid()));
    let mine: Vec<(&Planned, i64)> = mine.zip(last + 1..).collect();
    let Some((_, end)) = mine.last() else {
        return Ok(());
    };
    let logged: Vec<Placed> = mine
        .iter()
        .map(|(one, position)| Placed {
            position: *position,
            event: one.event.id,
            kind: one.event.kind.clone(),
        })
        .collect();
    log::append(uow, organization, &logged, *end).await?;
    let chosen: [(OrganizationId, Chosen); 2] = [(organization, |one| &one.own), (platform, |one| &one.guests)];
    for (receiving, endpoints_of) in chosen {
        let new: Vec<NewDelivery> = mine
            .iter()
            .flat_map(|(one, position)| endpoints_of(one).iter().map(move |reader| (one, *position, reader)))
            .map(|(one, position, reader)| NewDelivery {
                id: uow.generators().id(),
                endpoint: reader.endpoint,
                event: one.event.id,
                kind: one.event.kind.clone(),
                order: reader.order_key.map(|key| (key, position)),
            })
            .collect();
        if new.is_empty() {
            continue;
        }
        deliveries::add(uow, receiving, organization, &new).await?;
        super::wake(
            uow,
            receiving,
            new.iter().map(|one| (one.endpoint, one.order.map(|(key, _)| key))),
        )
        .await?;
    }
    Ok(())
}
