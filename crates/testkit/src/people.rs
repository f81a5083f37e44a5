//! Who calls in a test: credentials that are told apart by their text, and what each may do.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use authz::bootstrap::BootstrapDecider;
use authz::{Decider, Decision, PermissionInfo, PermissionScope};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, Authenticator, Credential, ErrorCode, Identity, RequestContext};
use kernel::{Actor, OrganizationId};
use parking_lot::RwLock;

/// The credentials of a test, and their grants.
#[derive(Default)]
pub(crate) struct People {
    identities: RwLock<HashMap<String, Arc<Identity>>>,
    administrators: RwLock<Vec<BootstrapDecider>>,
    platform: OnceLock<OrganizationId>,
}

impl People {
    /// Says which organization is the platform's: the only one in which its permissions can be held.
    pub(crate) fn settle(&self, platform: OrganizationId) {
        let _settled = self.platform.set(platform);
    }

    /// Gives the identity a credential.
    pub(crate) fn enter(&self, credential: &str, identity: Identity) {
        self.identities
            .write()
            .insert(credential.to_owned(), Arc::new(identity));
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
        _: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let (Credential::Bearer(text) | Credential::ApiKey(text)) = credential;
        let found = self.identities.read().get(text).cloned();
        std::future::ready(found.ok_or_else(|| ApiError::new(ErrorCode::AuthInvalidToken))).boxed()
    }
}

impl Decider for People {
    fn decide(&self, actor: &Actor, organization: OrganizationId, permission: &'static PermissionInfo) -> Decision {
        if permission.scope == PermissionScope::Platform && self.platform.get() != Some(&organization) {
            return Decision::denied(actor, organization, permission, authz::Step::Grant);
        }
        let administrators = self.administrators.read();
        let mut decisions = administrators
            .iter()
            .map(|decider| decider.decide(actor, organization, permission));
        let allowed = decisions.find(Decision::is_allowed);
        allowed.unwrap_or_else(|| Decision::denied(actor, organization, permission, authz::Step::Grant))
    }
}
