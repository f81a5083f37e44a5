//! Who may read which events: each kind names the permission to read its object.

use authz::{Denial, PermissionInfo, Step, Undecided};
use contracts::EventType;
use http::{ApiError, App, Caller};
use kernel::{Actor, OrganizationId};

use crate::domain::EventTypes;
use crate::service::Service;

/// Whether the actor may read objects under this permission, every one of them: under a condition that holds of some objects only,
/// nothing tells of which an event would be.
async fn judged(
    app: &App,
    actor: &Actor,
    organization: OrganizationId,
    permission: &'static PermissionInfo,
) -> Result<Result<(), Denial>, Undecided> {
    let decider = app.decider();
    let decision = match decider.decide(actor, organization, permission) {
        Some(decision) => decision,
        None => decider.load_and_decide(actor, organization, permission).await?,
    };
    if decision.residual().is_some() {
        return Ok(Err(Denial::new(permission, Step::Condition)));
    }
    Ok(decision.into_denial().map_or(Ok(()), Err))
}

/// Whether the actor may read events of the kind.
///
/// # Errors
/// [`Undecided`] when that cannot be told right now.
pub(crate) async fn may_read(
    app: &App,
    actor: &Actor,
    organization: OrganizationId,
    permission: &'static PermissionInfo,
) -> Result<bool, Undecided> {
    Ok(judged(app, actor, organization, permission).await?.is_ok())
}

/// The kinds among `types` that the caller may read. A kind that is named exactly must be among them, and of a resource or of all
/// at least one.
///
/// # Errors
/// `RBAC_FORBIDDEN`, `RBAC_MODULE_NOT_CONTRACTED`; `INTERNAL_UNAVAILABLE`.
pub(crate) async fn readable(
    service: &Service,
    caller: &Caller,
    types: &EventTypes,
) -> Result<Vec<&'static EventType>, ApiError> {
    let mut readable = Vec::new();
    let mut refused = None;
    for event in service.manifests.events().filter(|event| types.matches(event.name)) {
        let judged = judged(caller.app(), caller.actor(), caller.organization(), event.permission)
            .await
            .map_err(|undecided| ApiError::unavailable(undecided.to_string()))?;
        match judged {
            Ok(()) => readable.push(event),
            Err(denial) if types.exact().any(|exact| exact == event.name) => return Err(caller.refused(denial)),
            Err(denial) => refused = refused.or(Some(denial)),
        }
    }
    match refused {
        Some(denial) if readable.is_empty() => Err(caller.refused(denial)),
        _ => Ok(readable),
    }
}
