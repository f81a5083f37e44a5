//! Switching an endpoint off where nothing arrives.

use contracts::mail::{Mailbox, Notice, NoticeKind};
use db::{DbError, UnitOfWork};
use kernel::OrganizationId;

use crate::domain::EndpointId;
use crate::store::endpoints;

/// Who is told.
#[derive(Debug, Clone)]
pub(crate) struct Recipient {
    pub(crate) email: String,
    pub(crate) name: String,
}

/// Switches the endpoint off and has its maker told; false when it was off already, or is gone.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn disable_endpoint(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: EndpointId,
    told: Option<(&dyn Mailbox, &Recipient)>,
) -> Result<bool, DbError> {
    let Some(mut endpoint) = endpoints::lock(uow, organization, id).await? else {
        return Ok(false);
    };
    if !endpoint.disable(uow.now()) {
        return Ok(false);
    }
    endpoints::save(uow, &mut endpoint).await?;
    if let Some((mailbox, recipient)) = told {
        let notice = Notice {
            email: recipient.email.clone(),
            name: recipient.name.clone(),
            locale: None,
            kind: NoticeKind::WebhookDisabled {
                url: endpoint.state().url.without_query(),
            },
        };
        mailbox.queue(uow, organization, &notice).await?;
    }
    Ok(true)
}
