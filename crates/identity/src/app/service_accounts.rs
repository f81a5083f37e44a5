//! The life of a service account: made, given another secret, deactivated.
//!
//! Whoever makes one, or gets its secret by a rotation, holds every permission on its list.

use std::time::Duration;

use authz::{Permission, Within};
use contracts::access::Judge;
use contracts::identity::ServiceAccountId;
use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::{Id as _, Timestamp};

use super::own_acts::ENDED;
use super::{Refusal, listed};
use crate::crypto::OpaqueSecret;
use crate::domain::{CredentialName, PermissionList, ServiceAccount};
use crate::manifest::{ServiceAccountCreate, ServiceAccountDelete, ServiceAccountUpdate};
use crate::store::service_accounts;

/// Makes a service account with this secret.
///
/// # Errors
/// [`Refusal`]: out of reach, beyond what the actor holds.
pub(crate) async fn create_service_account(
    within: &Within<ServiceAccountCreate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    name: CredentialName,
    permissions: PermissionList,
    secret: &OpaqueSecret,
) -> Result<ServiceAccount, Refusal> {
    let list = listed(judge, permissions.codes())?;
    let id = uow.generators().id();
    let mut account = ServiceAccount::create(id, within.organization(), name, permissions, uow.now());
    judge.may_list(within.actor(), &list, uow.now())?;
    service_accounts::add(uow, within, &mut account, &list).await?;
    service_accounts::add_secret(uow, &account, uow.generators().id(), secret.digest()).await?;
    account_changed(uow, &account);
    Ok(account)
}

/// Gives an account another secret; those before, and the tokens asked for with them, work for `overlap` longer.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, beyond what the actor holds, deactivated.
pub(crate) async fn rotate_secret(
    within: &Within<ServiceAccountUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: ServiceAccountId,
    secret: &OpaqueSecret,
    overlap: Duration,
) -> Result<ServiceAccount, Refusal> {
    let mut account = reach_account(within, uow, id).await?;
    let permissions = listed(judge, account.state().permissions.codes())?;
    judge.may_list(within.actor(), &permissions, uow.now())?;
    account.rotate()?;
    service_accounts::save(uow, within, &mut account).await?;
    end_secrets(uow, &account, uow.now().plus(overlap)).await?;
    service_accounts::add_secret(uow, &account, uow.generators().id(), secret.digest()).await?;
    Ok(account)
}

/// Deactivates a service account for good: its secrets, its tokens and the keys that it made are worth nothing from then on.
/// Deactivating it again changes nothing.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, stale.
pub(crate) async fn deactivate_service_account(
    within: &Within<ServiceAccountDelete>,
    uow: &UnitOfWork,
    id: ServiceAccountId,
    is_current: impl FnOnce(&ServiceAccount) -> bool,
) -> Result<(), Refusal> {
    let mut account = reach_account(within, uow, id).await?;
    if !is_current(&account) {
        return Err(Refusal::Stale);
    }
    if !account.state().is_active {
        return Ok(());
    }
    account.deactivate();
    service_accounts::save(uow, &ENDED, &mut account).await?;
    end_secrets(uow, &account, uow.now()).await?;
    account_changed(uow, &account);
    Ok(())
}

/// The account for a change, within the actor's grant, held until the unit ends.
async fn reach_account<P: Permission>(
    within: &Within<P>,
    uow: &UnitOfWork,
    id: ServiceAccountId,
) -> Result<ServiceAccount, Refusal> {
    let found = service_accounts::lock(uow, within, within.organization(), id).await?;
    found.ok_or(Refusal::NotFound)
}

/// Ends all secrets then, and tells every node: a token must not outlive the secret that it was asked for with.
async fn end_secrets(uow: &UnitOfWork, account: &ServiceAccount, until: Timestamp) -> Result<(), Refusal> {
    for secret in service_accounts::end_secrets(uow, account, until).await? {
        uow.access_changed(AccessChange {
            organization_id: Some(account.state().organization),
            kind: ChangeKind::Credential,
            subject: Some(secret.as_uuid()),
            until: None,
        });
    }
    Ok(())
}

fn account_changed(uow: &UnitOfWork, account: &ServiceAccount) {
    let state = account.state();
    uow.access_changed(AccessChange {
        organization_id: Some(state.organization),
        kind: ChangeKind::ServiceAccount,
        subject: Some(state.id.as_uuid()),
        until: None,
    });
}
