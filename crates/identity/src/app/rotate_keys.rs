//! Signing with another key from now on.

use std::sync::Arc;
use std::time::Duration;

use db::{AccessChange, ChangeKind, DbError, UnitContext};
use kernel::{Actor, DomainEvent, FieldValue};

use crate::manifest::SIGNING_KEY_ROTATED;
use crate::service::Service;
use crate::store::signing_keys;
use crate::view::SigningKeyFact;

/// Clocks differ, and a node signs with the key it knows for up to a second: what the old key signed is accepted so much longer than
/// a token lives.
const OVERLAP: Duration = Duration::from_secs(60);

/// Makes a new key sign. What the old one signed is accepted until it ends, and its public half published; with `revoke` it is
/// accepted no more, as when a private key has leaked: whoever is logged in goes on with their refresh token. The new key's name.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn rotate_keys(service: &Service, revoke: bool) -> Result<String, DbError> {
    let new = service.keys.make(&service.pool).await?;
    let kid = new.key.public().kid().to_owned();
    let algorithm = service.config.algorithm;
    let overlap = service.config.access_ttl.saturating_add(OVERLAP);
    let platform = service.platform;
    let context = UnitContext::tenant(Actor::system("keys rotate"), platform);
    service
        .db
        .write(context, move |uow| {
            let new = Arc::clone(&new);
            async move {
                signing_keys::retire(&uow, algorithm, uow.now().plus(overlap)).await?;
                if revoke {
                    signing_keys::withdraw(&uow, algorithm).await?;
                }
                signing_keys::add(&uow, new.id, new.key.public(), &new.sealed).await?;
                let fact = SigningKeyFact {
                    id: new.id,
                    kid: new.key.public().kid().to_owned(),
                    algorithm: algorithm.as_str(),
                };
                let event = DomainEvent::new(SIGNING_KEY_ROTATED, new.id)
                    .changed("kid", FieldValue::Null, fact.kid.as_str())
                    .changed("formerRevoked", FieldValue::Null, revoke);
                uow.record_all(platform, [event], &fact)?;
                uow.access_changed(AccessChange {
                    organization_id: None,
                    kind: ChangeKind::SigningKeys,
                    subject: None,
                    until: None,
                });
                Ok::<_, DbError>(())
            }
        })
        .await?;
    Ok(kid)
}
