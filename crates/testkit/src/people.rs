//! Who calls in a test: credentials that are told apart by their text, and what each may do.

use std::collections::HashMap;
use std::sync::Arc;

use authz::bootstrap::BootstrapDecider;
use authz::snapshot::Explanation;
use authz::{Decider, Decision, Loading, PermissionInfo, PermissionScope, Undecided};
use contracts::Ports;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, Authenticator, Credential, ErrorCode, Identity, RequestContext};
use kernel::{Actor, OrganizationId};
use parking_lot::RwLock;

/// The credentials of a test, and their grants.
pub(crate) struct People {
    identities: RwLock<HashMap<String, Arc<Identity>>>,
    administrators: RwLock<Vec<BootstrapDecider>>,
    /// The only organization in which the platform's permissions can be held.
    platform: OrganizationId,
    /// Who knows everybody else, when the modules under test bring that.
    authenticator: Option<Arc<dyn Authenticator>>,
    decider: Option<Arc<dyn Decider>>,
}

impl People {
    /// Nobody yet, beside those whom the modules know.
    pub(crate) fn new(platform: OrganizationId, ports: &Ports) -> Self {
        Self {
            identities: RwLock::default(),
            administrators: RwLock::default(),
            platform,
            authenticator: ports.find(),
            decider: ports.find(),
        }
    }

    /// Gives the identity a credential.
    pub(crate) fn enter(&self, credential: &str, identity: Identity) {
        self.identities
            .write()
            .insert(credential.to_owned(), Arc::new(identity));
    }

    /// Takes a credential away.
    pub(crate) fn forget(&self, credential: &str) {
        self.identities.write().remove(credential);
    }

    /// Lets the actor do everything inside the organization.
    pub(crate) fn promote(&self, actor: Actor, organization: OrganizationId) {
        self.administrators
            .write()
            .push(BootstrapDecider::new(actor, organization));
    }
}

impl Authenticator for People {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        request: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let (Credential::Bearer(text) | Credential::ApiKey(text)) = credential;
        let found = self.identities.read().get(text).cloned();
        if found.is_none()
            && let Some(authenticator) = &self.authenticator
        {
            return authenticator.authenticate(credential, request);
        }
        std::future::ready(found.ok_or_else(|| ApiError::new(ErrorCode::AuthInvalidToken))).boxed()
    }
}

impl Decider for People {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        if permission.scope == PermissionScope::Platform && self.platform != organization {
            return Some(Decision::denied(actor, organization, permission, authz::Step::Scope));
        }
        let administrators = self.administrators.read();
        let mut decisions = administrators
            .iter()
            .filter_map(|decider| decider.decide(actor, organization, permission));
        let allowed = decisions.find(Decision::is_allowed);
        allowed.or_else(|| match &self.decider {
            Some(decider) => decider.decide(actor, organization, permission),
            None => Some(Decision::denied(actor, organization, permission, authz::Step::Grant)),
        })
    }

    fn load_and_decide<'a>(
        &'a self,
        actor: &'a Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Loading<'a> {
        match &self.decider {
            Some(decider) => decider.load_and_decide(actor, organization, permission),
            None => Box::pin(std::future::ready(Err(Undecided("no module decides".to_owned())))),
        }
    }

    fn explain(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Explanation> {
        self.decider.as_ref()?.explain(actor, organization, permission)
    }
}
