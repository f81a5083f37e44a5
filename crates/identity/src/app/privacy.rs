//! What this context holds of one person (LGPD, Lei 13.709/2018, art. 18): told, and taken out.

use contracts::Ports;
use contracts::access::{Judge, JudgeError, Judged};
use contracts::identity::{UserId, UserView};
use db::{DbError, UnitOfWork};
use kernel::OrganizationId;
use serde::Serialize;
use serde_json::Value;

use super::own_acts::OPERATOR;
use super::{Guesses, Refusal, end_sessions, headcount, user_changed};
use crate::domain::{Email, RevocationReason, UserName};
use crate::service::Service;
use crate::store::{pending_registrations, personal, second_factors, users};

/// What is called a user whose person was erased.
const NOBODY: &str = "Erased";

/// All that this context holds of a person but what is secret.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PersonalData {
    /// As the API shows it.
    pub user: UserView,
    /// Whom other systems know the person as.
    pub external_identities: Vec<Value>,
    /// Logins with their devices and addresses, also those that ended, as long as they are kept.
    pub sessions: Vec<Value>,
    /// Those that were neither accepted nor revoked.
    pub invitations: Vec<Value>,
    /// Keys that the person made.
    pub api_keys: Vec<Value>,
    /// Mails to the person that wait, and those before as long as they are kept.
    pub mails: Vec<Value>,
}

/// Why a person was not erased.
#[derive(Debug, thiserror::Error)]
pub enum NotErased {
    /// The organization has no such user.
    #[error("there is no such user")]
    NoUser,
    /// Nobody would administer the organization any more, or access changed meanwhile.
    #[error(transparent)]
    Judged(#[from] JudgeError),
    /// The database, or another part of the program.
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl Judged for NotErased {
    fn is_outdated(&self) -> bool {
        matches!(self, Self::Judged(error) if error.is_outdated())
    }
}

impl From<Refusal> for NotErased {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::NoUser,
            Refusal::Judged(error) => Self::Judged(error),
            Refusal::Storage(error) => Self::Storage(error),
            other => Self::Storage(DbError::Internal(format!("a person cannot be erased: {other:?}"))),
        }
    }
}

/// All that is held of the person with the address; `None` when nobody in the organization has it.
///
/// # Errors
/// [`DbError`].
pub async fn personal_data(
    ports: &Ports,
    organization: OrganizationId,
    email: &Email,
) -> Result<Option<PersonalData>, DbError> {
    let service = ports.get::<Service>()?;
    let scope = service.db.scope(organization);
    let Some(user) = users::find_by_email(scope, email).await? else {
        return Ok(None);
    };
    let id = user.state().id;
    Ok(Some(PersonalData {
        user: UserView::from(&user),
        external_identities: personal::external_identities(scope, id).await?,
        sessions: personal::sessions(scope, id).await?,
        invitations: personal::invitations(scope, id, email).await?,
        api_keys: personal::api_keys(scope, id).await?,
        mails: personal::mails(scope, id, email).await?,
    }))
}

/// Takes a person out of this context: the user stays, inactive, under a name and an address that are nobody's, so that what it did
/// still has somebody who did it. Its sessions end everywhere, and its links, mails, keys and second factor are gone.
///
/// # Errors
/// [`NotErased`]: no such user; the last administrator.
pub async fn erase_person(
    ports: &Ports,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    organization: OrganizationId,
    id: UserId,
) -> Result<(), NotErased> {
    let service = ports.get::<Service>().map_err(DbError::from)?;
    let (name, email) = nobody(id)?;
    judge.confirm(uow).await?;
    let user = users::lock(uow, &OPERATOR, organization, id).await?;
    let mut user = user.ok_or(NotErased::NoUser)?;
    let was_active = user.state().is_active;
    if was_active {
        judge.keeps_an_administrator_without(id, uow.now())?;
    }
    let address = user.state().email.clone();
    Guesses::at(&service, organization, &address, None)
        .forget_all(uow)
        .await?;
    // Before the sessions end, so that their events tell no device.
    personal::forget(uow, organization, id, &address).await?;
    second_factors::remove(uow, organization, id).await?;
    pending_registrations::remove(uow, organization, id).await?;
    end_sessions(uow, organization, id, None, RevocationReason::UserDeactivated).await?;
    user.erase(name, email, uow.now());
    users::save(uow, &OPERATOR, &mut user).await?;
    user_changed(uow, &user);
    if was_active {
        headcount(uow, &service, organization, -1)
            .await
            .map_err(Refusal::from)?;
    }
    Ok(())
}

/// A name that tells nothing, and an address that no mail reaches (RFC 2606) and nobody else has.
fn nobody(id: UserId) -> Result<(UserName, Email), DbError> {
    let address = Email::new(&format!("erased-{id}@erased.invalid"));
    UserName::new(NOBODY)
        .and_then(|name| Ok((name, address?)))
        .map_err(|violation| DbError::Internal(format!("nobody has no name: {violation}")))
}
