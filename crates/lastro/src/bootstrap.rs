//! The bootstrap token: how the platform's routes are reached until people can log in.
//!
//! `serve --demo` draws a token, prints it once and keeps only its SHA-256, in memory: the next start draws another. Whoever
//! sends it acts as the service account `bootstrap` inside the platform organization, the same one at every start: what was
//! asked under an `Idempotency-Key` before a restart is answered after it. Without `--demo` there is no token, and no credential
//! is accepted at all. This disappears when the identity context lands.

use std::sync::Arc;

use authz::decision::Loading;
use authz::snapshot::Explanation;
use authz::{BootstrapDecider, Decider, Decision, PermissionInfo};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::{self, BoxFuture, FutureExt as _};
use http::{ApiError, Authenticator, Credential, ErrorCode, Identity, RequestContext};
use kernel::{Actor, ActorKind, Generators, Id as _, OrganizationId};
use secrecy::{ExposeSecret as _, SecretString};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

/// What a token begins with, so that a leaked one is recognised for what it is.
const PREFIX: &str = "lastro_bootstrap_";

/// The operator who holds the token, and what recognises it.
pub struct Bootstrap {
    identity: Arc<Identity>,
    digest: Option<[u8; 32]>,
    /// Who knows everybody else.
    others: Option<Arc<dyn Authenticator>>,
}

impl Bootstrap {
    /// Accepts no credential.
    #[must_use]
    pub fn closed(platform: OrganizationId) -> Self {
        let operator = Actor {
            kind: ActorKind::ServiceAccount,
            id: operator_id(platform),
            name: "bootstrap".to_owned(),
        };
        Self {
            identity: Arc::new(Identity {
                actor: Arc::new(operator),
                organization: platform,
                session: None,
                is_platform_service: false,
            }),
            digest: None,
            others: None,
        }
    }

    /// Draws a token. It is handed out here and never again.
    #[must_use]
    pub fn open(platform: OrganizationId, generators: &Generators) -> (Self, SecretString) {
        let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(generators.bytes::<32>()));
        let digest = Some(Sha256::digest(&token).into());
        (
            Self {
                digest,
                ..Self::closed(platform)
            },
            SecretString::from(token),
        )
    }

    /// Leaves every other credential to `others`.
    #[must_use]
    pub fn beside(self, others: Option<Arc<dyn Authenticator>>) -> Self {
        Self { others, ..self }
    }

    /// The decider that lets the operator do everything inside the platform organization, and nobody anything else.
    #[must_use]
    pub fn decider(&self) -> BootstrapDecider {
        BootstrapDecider::new(Actor::clone(&self.identity.actor), self.identity.organization)
    }

    /// As [`decider`](Self::decider), with everybody else left to `others`.
    #[must_use]
    pub fn decider_beside(&self, others: Arc<dyn Decider>) -> impl Decider + use<> {
        Beside {
            operator: self.identity.actor.id,
            bootstrap: self.decider(),
            others,
        }
    }

    fn recognise(&self, token: &str) -> Result<Arc<Identity>, ApiError> {
        let presented: [u8; 32] = Sha256::digest(token).into();
        match &self.digest {
            Some(digest) if bool::from(digest.ct_eq(&presented)) => Ok(Arc::clone(&self.identity)),
            _ => Err(ApiError::new(ErrorCode::AuthInvalidToken)),
        }
    }
}

struct Beside {
    operator: Uuid,
    bootstrap: BootstrapDecider,
    others: Arc<dyn Decider>,
}

impl Beside {
    fn of(&self, actor: &Actor) -> &dyn Decider {
        if actor.kind == ActorKind::ServiceAccount && actor.id == self.operator {
            &self.bootstrap
        } else {
            self.others.as_ref()
        }
    }
}

impl Decider for Beside {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        self.of(actor).decide(actor, organization, permission)
    }

    fn load_and_decide<'a>(
        &'a self,
        actor: &'a Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Loading<'a> {
        self.of(actor).load_and_decide(actor, organization, permission)
    }

    fn explain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Explanation> {
        self.of(actor).explain(actor, organization, permission)
    }
}

/// The operator's id, which follows from the installation's platform organization: nothing stores it, and yet keys and audit
/// entries of different starts and of several nodes name one actor.
fn operator_id(platform: OrganizationId) -> Uuid {
    let digest = Sha256::new()
        .chain_update("lastro bootstrap operator")
        .chain_update(platform.as_uuid())
        .finalize();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, source)| *byte = source);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

impl Authenticator for Bootstrap {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        request: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let (Credential::Bearer(token) | Credential::ApiKey(token)) = credential;
        match (self.recognise(token), &self.others) {
            (Err(_), Some(others)) => others.authenticate(credential, request),
            (recognised, _) => future::ready(recognised).boxed(),
        }
    }
}

/// The header that carries the token, for a person to copy.
#[must_use]
pub fn header(token: &SecretString) -> String {
    format!("Authorization: Bearer {}", token.expose_secret())
}

#[cfg(test)]
mod tests {
    use kernel::{ManualClock, Timestamp};

    use super::*;

    fn generators(seed: u64) -> Generators {
        Generators::seeded(Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)), seed)
    }

    fn platform() -> OrganizationId {
        OrganizationId::from_uuid(Uuid::from_u128(1))
    }

    #[test]
    fn only_the_token_that_was_handed_out_is_recognised() {
        let (bootstrap, token) = Bootstrap::open(platform(), &generators(1));
        let identity = bootstrap.recognise(token.expose_secret()).unwrap();
        assert_eq!(identity.organization, platform());
        assert_eq!(identity.actor.name, "bootstrap");
        let (_, other) = Bootstrap::open(platform(), &generators(2));
        for wrong in [
            "",
            PREFIX,
            other.expose_secret(),
            &format!("{} ", token.expose_secret()),
        ] {
            assert!(bootstrap.recognise(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_operator_is_the_same_at_every_start_and_another_in_every_installation() {
        let actor = |platform, seed| Bootstrap::open(platform, &generators(seed)).0.identity.actor.id;
        assert_eq!(actor(platform(), 1), actor(platform(), 2));
        let elsewhere = OrganizationId::from_uuid(Uuid::from_u128(2));
        assert_ne!(actor(platform(), 1), actor(elsewhere, 1));
    }

    #[test]
    fn a_token_has_the_full_entropy_and_says_what_it_is() {
        let (_, token) = Bootstrap::open(platform(), &generators(1));
        let random = token.expose_secret().strip_prefix(PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len(), 32);
    }

    #[test]
    fn without_a_token_nobody_is_recognised() {
        let bootstrap = Bootstrap::closed(platform());
        let empty_digest_guess = "";
        assert!(bootstrap.recognise(empty_digest_guess).is_err());
    }
}
