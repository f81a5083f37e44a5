//! The life of an API key: made, changed, rotated, revoked.
//!
//! Whoever makes, changes or rotates one holds every permission on its list: who has the secret has the permissions.

use std::time::Duration;

use authz::{Permission, Within};
use contracts::access::{Judge, JudgeError, Refused};
use contracts::identity::{ApiKeyId, UserId};
use db::{AccessChange, ChangeKind, UnitOfWork};
use kernel::{ActorKind, Id as _};

use super::own_acts::{ENDED, MAIL};
use super::{Refusal, listed};
use crate::crypto::OpaqueSecret;
use crate::domain::{ApiKey, ApiKeyChanges, NewApiKey};
use crate::mail::{Letter, Queue, Recipient};
use crate::manifest::{ApiKeyCreate, ApiKeyDelete, ApiKeyUpdate};
use crate::store::{api_keys, users};

/// Makes a key with this secret, and tells its maker by mail: who did not make it hears of it.
///
/// # Errors
/// [`Refusal`]: made by a key or by an account of the platform, out of reach, beyond what the actor holds.
pub(crate) async fn create_api_key(
    within: &Within<ApiKeyCreate>,
    uow: &UnitOfWork,
    queue: Queue,
    judge: &dyn Judge,
    new: NewApiKey,
    secret: &OpaqueSecret,
) -> Result<ApiKey, Refusal> {
    let (organization, maker) = (within.organization(), within.actor());
    if judge.is_guest_account(maker) {
        return Err(JudgeError::Escalation(Refused {
            permission: None,
            reason:
                "a key dies with who made it, who is of its organization; the platform's accounts make service accounts"
                    .to_owned(),
        })
        .into());
    }
    let permissions = listed(judge, new.permissions.codes())?;
    let id = uow.generators().id();
    let mut key = ApiKey::create(id, organization, new, secret.shown_prefix(), maker, uow.now())?;
    judge.may_list(maker, &permissions, uow.now())?;
    api_keys::add(uow, within, &mut key, &permissions, secret.digest()).await?;
    key_changed(uow, &key);
    if maker.kind == ActorKind::User
        && let Some(user) = users::lookup(uow.scope(organization).reads(), &MAIL, UserId::from_uuid(maker.id)).await?
    {
        let letter = Letter::ApiKeyCreated {
            name: key.state().name.as_str().to_owned(),
            prefix: key.state().prefix.clone(),
        };
        queue.add(uow, organization, &Recipient::user(&user), &letter).await?;
    }
    Ok(key)
}

/// Changes a key, if it still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: not found, out of reach before or after the change, beyond what the actor holds, stale, revoked.
pub(crate) async fn update_api_key(
    within: &Within<ApiKeyUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: ApiKeyId,
    is_current: impl FnOnce(&ApiKey) -> bool,
    changes: ApiKeyChanges,
) -> Result<ApiKey, Refusal> {
    let mut key = held(within, uow, judge, id).await?;
    let before = key.state().permissions.clone();
    if let Some(after) = &changes.permissions {
        judge.may_list(within.actor(), &listed(judge, after.codes())?, uow.now())?;
    }
    if !is_current(&key) {
        return Err(Refusal::Stale);
    }
    key.change(changes)?;
    api_keys::save(uow, within, &mut key).await?;
    if key.state().permissions != before {
        api_keys::replace_list(uow, &key, &listed(judge, key.state().permissions.codes())?).await?;
    }
    key_changed(uow, &key);
    Ok(key)
}

/// Gives a key another secret; the one before works for `overlap` longer.
///
/// # Errors
/// [`Refusal`]: not found, out of reach before or after the change, beyond what the actor holds, revoked.
pub(crate) async fn rotate_api_key(
    within: &Within<ApiKeyUpdate>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: ApiKeyId,
    secret: &OpaqueSecret,
    overlap: Duration,
) -> Result<ApiKey, Refusal> {
    let mut key = held(within, uow, judge, id).await?;
    key.rotate(secret.shown_prefix())?;
    api_keys::save(uow, within, &mut key).await?;
    api_keys::replace_secret(uow, &key, secret.digest(), uow.now().plus(overlap)).await?;
    key_changed(uow, &key);
    Ok(key)
}

/// Revokes a key for good: on this node with the commit, on the others when they read the change feed. Revoking it again changes
/// nothing.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, stale.
pub(crate) async fn revoke_api_key(
    within: &Within<ApiKeyDelete>,
    uow: &UnitOfWork,
    id: ApiKeyId,
    is_current: impl FnOnce(&ApiKey) -> bool,
) -> Result<(), Refusal> {
    let mut key = reach_key(within, uow, id).await?;
    if !is_current(&key) {
        return Err(Refusal::Stale);
    }
    if key.state().revoked_at.is_some() {
        return Ok(());
    }
    key.revoke(uow.now());
    api_keys::save(uow, &ENDED, &mut key).await?;
    api_keys::end_secrets(uow, &key, uow.now()).await?;
    key_changed(uow, &key);
    Ok(())
}

/// The key for a change, within the actor's grant, held until the unit ends.
async fn reach_key<P: Permission>(within: &Within<P>, uow: &UnitOfWork, id: ApiKeyId) -> Result<ApiKey, Refusal> {
    let found = api_keys::lock(uow, within, within.organization(), id).await?;
    found.ok_or(Refusal::NotFound)
}

/// As [`reach_key`], a key whose whole list the actor holds.
async fn held<P: Permission>(
    within: &Within<P>,
    uow: &UnitOfWork,
    judge: &dyn Judge,
    id: ApiKeyId,
) -> Result<ApiKey, Refusal> {
    let key = reach_key(within, uow, id).await?;
    let permissions = listed(judge, key.state().permissions.codes())?;
    judge.may_list(within.actor(), &permissions, uow.now())?;
    Ok(key)
}

fn key_changed(uow: &UnitOfWork, key: &ApiKey) {
    let state = key.state();
    uow.access_changed(AccessChange {
        organization_id: Some(state.organization),
        kind: ChangeKind::ApiKey,
        subject: Some(state.id.as_uuid()),
        until: None,
    });
}
