//! Judging by what somebody holds.

use std::sync::Arc;

use authz::snapshot::{AmendError, Held, Offer, Principal, Snapshot, SystemRole, Touched, UserRow, may_grant};
use authz::{Decision, PermissionInfo, PermissionScope};
use contracts::access::{Judge, JudgeError, Refused, RoleId};
use contracts::catalog::PermissionId;
use contracts::identity::UserId;
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Timestamp};

use super::service::decide_by;
use crate::store::{grants, lock, roles};

/// A snapshot with the access version that it is at least as new as.
pub(crate) struct Judged {
    pub(super) organization: OrganizationId,
    pub(super) snapshot: Arc<Snapshot>,
    /// That of the platform, whose service accounts hold there what they may do elsewhere; none in the platform itself.
    pub(super) platform: Option<Arc<Snapshot>>,
    pub(super) version: i64,
}

impl Judged {
    /// The ways in which the giver holds what is offered.
    fn held(&self, giver: Principal, offer: &Offer, now: Timestamp) -> Vec<Held> {
        let held = self.snapshot.ways(giver, offer.permission, now);
        match &self.platform {
            Some(platform) if held.is_empty() && giver.kind == ActorKind::ServiceAccount => {
                // The two snapshots need not be of the same catalogue.
                let code = self.snapshot.catalogue().code(offer.permission);
                let permission = platform.catalogue().find(code);
                permission.map_or_else(Vec::new, |permission| platform.ways(giver, permission, now))
            }
            _ => held,
        }
    }
}

impl Judge for Judged {
    fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    fn decide(&self, actor: &Actor, permission: &'static PermissionInfo, now: Timestamp) -> Decision {
        let platform = self
            .platform
            .as_deref()
            .filter(|_| actor.kind == ActorKind::ServiceAccount);
        decide_by(&self.snapshot, platform, actor, permission, now)
    }

    fn is_guest_account(&self, actor: &Actor) -> bool {
        actor.kind == ActorKind::ServiceAccount && !self.snapshot.knows_account(actor.id)
    }

    fn confirm<'a>(&'a self, uow: &'a UnitOfWork) -> BoxFuture<'a, Result<(), JudgeError>> {
        async move {
            if lock::lock(uow, self.organization).await? == self.version {
                Ok(())
            } else {
                Err(JudgeError::Outdated)
            }
        }
        .boxed()
    }

    fn may_grant_role<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        giver: &'a Actor,
        role: RoleId,
    ) -> BoxFuture<'a, Result<(), JudgeError>> {
        async move {
            if !self.snapshot.knows_role(role.as_uuid())
                && roles::lookup_in(uow, self.organization, role).await?.is_none()
            {
                return Err(JudgeError::Missing("role"));
            }
            let offers = offers_of_role(&self.snapshot, role, None, None)?;
            self.may_offer(giver, &offers, uow.now())
        }
        .boxed()
    }

    fn may_list(&self, giver: &Actor, permissions: &[PermissionId], now: Timestamp) -> Result<(), JudgeError> {
        let catalogue = self.snapshot.catalogue();
        let offers = permissions.iter().map(|permission| {
            let permission = catalogue.find_by_id(permission.as_uuid());
            permission.map(|permission| Offer {
                permission,
                condition: None,
                expires_at: None,
            })
        });
        let offers: Option<Vec<Offer>> = offers.collect();
        self.may_offer(giver, &offers.ok_or(JudgeError::Missing("permission"))?, now)
    }

    fn may_act_on(&self, actor: &Actor, other: Principal, now: Timestamp) -> Result<(), JudgeError> {
        if Principal::from(actor) == other {
            return Ok(());
        }
        self.may_offer(actor, &self.snapshot.offers_of_principal(other, now), now)
    }

    fn keeps_an_administrator_without(&self, user: UserId, _now: Timestamp) -> Result<(), JudgeError> {
        let snapshot = &self.snapshot;
        if snapshot.has_administrator(Some(user.as_uuid())) || !snapshot.has_administrator(None) {
            Ok(())
        } else {
            Err(JudgeError::LastAdministrator)
        }
    }

    fn may_offer(&self, giver: &Actor, offers: &[Offer], now: Timestamp) -> Result<(), JudgeError> {
        if giver.kind == ActorKind::System {
            return Ok(());
        }
        if giver.kind == ActorKind::User && self.snapshot.is_guest(giver.id) {
            return Err(JudgeError::Escalation(Refused {
                permission: None,
                reason: "a support session grants nothing and makes no keys".to_owned(),
            }));
        }
        let catalogue = self.snapshot.catalogue();
        for offer in offers {
            let is_platform_scope = catalogue.scope(offer.permission) == PermissionScope::Platform;
            let held = self.held(giver.into(), offer, now);
            may_grant(&held, offer, is_platform_scope, self.snapshot.is_platform()).map_err(|reason| {
                JudgeError::Escalation(Refused {
                    permission: Some(catalogue.code(offer.permission).to_owned()),
                    reason: reason.to_string(),
                })
            })?;
        }
        Ok(())
    }

    fn keeps_an_administrator<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        touched: &'a [Touched],
    ) -> BoxFuture<'a, Result<(), JudgeError>> {
        async move {
            if !self.snapshot.has_administrator(None) {
                return Ok(());
            }
            let mut rows = grants::of(uow.scope(self.organization).reads(), touched, uow.now()).await?;
            // Whether users are active is identity's to say, and nothing that this context does changes it.
            rows.users = touched
                .iter()
                .filter_map(|touched| match *touched {
                    Touched::User(id) => self
                        .snapshot
                        .is_active_user(id)
                        .map(|is_active| UserRow { id, is_active }),
                    _ => None,
                })
                .collect();
            let after = self.snapshot.amended(touched, &rows).map_err(|error| match error {
                // Under the structural lock nothing changes but what was touched.
                AmendError::Dangling => JudgeError::Outdated,
                AmendError::TooLarge(error) => JudgeError::Storage(DbError::Internal(error.to_string())),
            })?;
            if after.has_administrator(None) {
                Ok(())
            } else {
                Err(JudgeError::LastAdministrator)
            }
        }
        .boxed()
    }

    fn permissions(&self, codes: &[String]) -> Result<Vec<PermissionId>, usize> {
        let catalogue = self.snapshot.catalogue();
        codes
            .iter()
            .enumerate()
            .map(|(position, code)| {
                let permission = catalogue.find(code).ok_or(position)?;
                Ok(PermissionId::from_uuid(catalogue.id(permission)))
            })
            .collect()
    }
}

/// What a role gives until then, which the caller saw to be there: one that the snapshot does not know is new and holds nothing.
///
/// # Errors
/// [`JudgeError::Scope`]; [`JudgeError::Missing`] for a module that the snapshot does not know.
pub(crate) fn offers_of_role(
    snapshot: &Snapshot,
    role: RoleId,
    module: Option<&str>,
    expires_at: Option<Timestamp>,
) -> Result<Vec<Offer>, JudgeError> {
    let system = snapshot.catalogue().system_role(role.as_uuid());
    if (system == Some(SystemRole::ModuleManager)) != module.is_some() {
        return Err(JudgeError::Scope);
    }
    match snapshot.offers_of_role(role.as_uuid(), module, expires_at) {
        Some(offers) => Ok(offers),
        None if system.is_none() => Ok(Vec::new()),
        // A manager of a module that the catalogue does not have.
        None => Err(JudgeError::Missing("role")),
    }
}
