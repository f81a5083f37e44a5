//! Inviting somebody, and coming in by an invitation.

use std::sync::Arc;

use authz::{Granted, Permission as _, Within};
use contracts::access::{AccessControl, Judge, JudgeError, Refused, RoleId, judged};
use contracts::identity::InvitationId;
use contracts::{Admits, NotAdmitted};
use db::{UnitContext, UnitOfWork};
use http::RequestContext;
use kernel::{Actor, ActorKind, Id as _, Rule, RuleViolation};

use super::end_sessions::end_sessions;
use super::own_acts::{ENTRY, NAMED, OPERATOR};
use super::{EntryRefusal, Refusal, headcount, user_changed};
use crate::crypto::{OpaqueSecret, PasswordHash, SecretKind};
use crate::domain::{Email, Invitation, NewInvitation, NewUser, RevocationReason, User, UserId, UserName};
use crate::mail::{Letter, Post, Queue, Recipient};
use crate::manifest::UserCreate;
use crate::service::Service;
use crate::store::{invitations, users};

/// Whom to invite, and what to grant them.
#[derive(Debug, Clone)]
pub(crate) struct Guest {
    pub(crate) email: Email,
    pub(crate) roles: Vec<RoleId>,
}

/// Invites somebody, granting no more than the actor holds. An invitation of the same address that has expired is replaced.
///
/// # Errors
/// [`Refusal`]: out of reach, beyond what the actor holds, an unknown role or one that needs a scope, an address that is a user's or was
/// invited already.
pub(crate) async fn invite(
    within: &Within<UserCreate>,
    uow: &UnitOfWork,
    queue: &Queue,
    judge: &dyn Judge,
    guest: Guest,
) -> Result<Invitation, Refusal> {
    let (organization, inviter) = (within.organization(), within.actor());
    let new = NewInvitation {
        organization,
        email: guest.email,
        roles: guest.roles,
        user: None,
        inviter: inviter.as_ref().clone(),
    };
    let mut invitation = Invitation::create(uow.generators().id(), new, uow.now());
    // Before anything is looked up: who may not invite them does not learn whether they are here.
    within.admit(&invitation)?;
    let (email, roles) = (&invitation.state().email, &invitation.state().roles);
    for &role in roles {
        let judged = judge.may_grant_role(uow, inviter, role).await;
        judged.map_err(|refusal| match refusal {
            // The role of one module; an invitation cannot say of which.
            JudgeError::Scope => Refusal::Invalid(RuleViolation::new("roleIds", Rule::Invalid)),
            other => other.into(),
        })?;
    }
    let scope = uow.scope(organization).reads();
    if users::find_by_email(scope, email).await?.is_some() {
        return Err(Refusal::EmailTaken);
    }
    if let Some(mut earlier) = invitations::lock_by_email(uow, organization, email).await? {
        if earlier.is_open(uow.now()) {
            return Err(Refusal::EmailTaken);
        }
        invitations::remove(uow, &mut earlier).await?;
    }
    issue(uow, within, queue, &mut invitation, None).await?;
    Ok(invitation)
}

/// Invites somebody who is a user already and has no password yet: the first administrator of an organization. What it grants was
/// granted before, so nothing is judged at acceptance.
///
/// # Errors
/// [`db::DbError`].
pub(crate) async fn issue_for(uow: &UnitOfWork, queue: &Queue, user: &User) -> Result<Invitation, db::DbError> {
    let state = user.state();
    let new = NewInvitation {
        organization: state.organization,
        email: state.email.clone(),
        roles: Vec::new(),
        user: Some(state.id),
        inviter: Actor::system("onboarding"),
    };
    let mut invitation = Invitation::create(uow.generators().id(), new, uow.now());
    issue(uow, &OPERATOR, queue, &mut invitation, Some(user)).await?;
    Ok(invitation)
}

async fn issue<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    queue: &Queue,
    invitation: &mut Invitation,
    user: Option<&User>,
) -> Result<(), A::Error> {
    invitations::add(uow, by, invitation).await?;
    let recipient = match user {
        Some(user) => Recipient::user(user),
        None => Recipient::address(&invitation.state().email),
    };
    Ok(mail(uow, queue, invitation, &recipient).await?)
}

async fn mail(
    uow: &UnitOfWork,
    queue: &Queue,
    invitation: &Invitation,
    recipient: &Recipient,
) -> Result<(), db::DbError> {
    let state = invitation.state();
    let letter = Letter::Invitation {
        invitation: state.id,
        inviter: (state.inviter.kind != ActorKind::System).then(|| state.inviter.name.clone()),
    };
    queue.add(uow, state.organization, recipient, &letter).await
}

/// Sends an invitation once more, with a link of its own; it lives from now on, and the link before opens nothing any more.
///
/// # Errors
/// [`Refusal`]: not found, out of reach.
pub(crate) async fn resend_invitation(
    within: &Within<UserCreate>,
    uow: &UnitOfWork,
    queue: &Queue,
    id: InvitationId,
) -> Result<Invitation, Refusal> {
    let mut invitation = reach_invitation(within, uow, id).await?;
    invitation.resend(uow.now());
    invitations::save(uow, within, &mut invitation).await?;
    let recipient = Recipient::address(&invitation.state().email);
    mail(uow, queue, &invitation, &recipient).await?;
    Ok(invitation)
}

/// Takes an invitation back: its link opens nothing any more.
///
/// # Errors
/// [`Refusal`]: not found, out of reach, stale.
pub(crate) async fn revoke_invitation(
    within: &Within<UserCreate>,
    uow: &UnitOfWork,
    id: InvitationId,
    is_current: impl FnOnce(&Invitation) -> bool,
) -> Result<(), Refusal> {
    let mut invitation = reach_invitation(within, uow, id).await?;
    if !is_current(&invitation) {
        return Err(Refusal::Stale);
    }
    invitation.revoke();
    invitations::remove(uow, &mut invitation).await?;
    Ok(())
}

/// The invitation for a change, within the actor's grant, held until the unit ends.
async fn reach_invitation(
    within: &Within<UserCreate>,
    uow: &UnitOfWork,
    id: InvitationId,
) -> Result<Invitation, Refusal> {
    let found = invitations::lock(uow, within, within.organization(), id).await?;
    found.ok_or(Refusal::NotFound)
}

/// An invitation whose link somebody followed.
#[derive(Clone)]
pub(crate) struct Presented {
    secret: OpaqueSecret,
    /// The invitation, as it was found.
    pub(crate) invitation: Invitation,
}

/// Looks up the invitation that a token is of.
///
/// # Errors
/// [`EntryRefusal::Spent`].
pub(crate) async fn present(service: &Service, token: &str) -> Result<Presented, EntryRefusal> {
    let secret = OpaqueSecret::parse(token).map_err(|_| EntryRefusal::Spent)?;
    if secret.kind() != SecretKind::Invitation {
        return Err(EntryRefusal::Spent);
    }
    let organization = service.organization(secret.organization()).await?;
    if !organization.is_some_and(|known| known.is_active) {
        return Err(EntryRefusal::Spent);
    }
    let found = invitations::find_by_token(service.db.scope(secret.organization()), &secret).await?;
    let invitation = found
        .filter(|invitation| invitation.is_open(service.generators.now()))
        .ok_or(EntryRefusal::Spent)?;
    Ok(Presented { secret, invitation })
}

/// What somebody chose who accepts an invitation.
#[derive(Clone)]
pub(crate) struct Chosen {
    pub(crate) name: Option<UserName>,
    pub(crate) hash: PasswordHash,
}

/// Makes the invited person a member who may log in, with the roles of the invitation, as far as the inviter may still grant them.
///
/// # Errors
/// [`EntryRefusal::Spent`]; an inviter who lost the right; an address that is a user's by now; a quota.
pub(crate) async fn accept_invitation(
    service: &Arc<Service>,
    post: &Post,
    presented: Presented,
    chosen: Chosen,
    request: &RequestContext,
) -> Result<User, EntryRefusal> {
    let access = service.ports.get::<dyn AccessControl>().map_err(db::DbError::from)?;
    let organization = presented.invitation.state().organization;
    let id = presented
        .invitation
        .state()
        .user
        .unwrap_or_else(|| service.generators.id());
    let actor = Actor {
        kind: ActorKind::User,
        id: id.as_uuid(),
        name: name_of(&presented.invitation, chosen.name.as_ref())?
            .as_str()
            .to_owned(),
    };
    let context = UnitContext::tenant(actor, organization).from_origin(request.origin());
    let user = judged(&*access, organization, |judge| {
        let (access, service) = (Arc::clone(&access), Arc::clone(service));
        let (presented, chosen, context) = (presented.clone(), chosen.clone(), context.clone());
        async move {
            let db = service.db.clone();
            let work = move |uow: UnitOfWork| {
                let (access, service, judge) = (Arc::clone(&access), Arc::clone(&service), Arc::clone(&judge));
                let (presented, chosen) = (presented.clone(), chosen.clone());
                async move {
                    judge.confirm(&uow).await?;
                    let acceptance = Acceptance {
                        uow: &uow,
                        service: &service,
                        access: &*access,
                        judge: &*judge,
                    };
                    acceptance.make(id, presented, chosen).await
                }
            };
            db.write::<_, EntryRefusal, _, _>(context, work).await
        }
    })
    .await?;
    post.wake();
    Ok(user)
}

/// What an acceptance works with, inside its unit.
struct Acceptance<'a> {
    uow: &'a UnitOfWork,
    service: &'a Service,
    access: &'a dyn AccessControl,
    judge: &'a dyn Judge,
}

impl Acceptance<'_> {
    async fn make(&self, id: UserId, presented: Presented, chosen: Chosen) -> Result<User, EntryRefusal> {
        let (uow, organization) = (self.uow, presented.invitation.state().organization);
        let found = invitations::lock(uow, &ENTRY, organization, presented.invitation.state().id).await?;
        let mut invitation = found
            .filter(|invitation| invitation.is_open(uow.now()))
            .ok_or(EntryRefusal::Spent)?;
        invitation.accept(id);
        if !invitations::take(uow, &mut invitation, &presented.secret).await? {
            return Err(EntryRefusal::Spent);
        }
        match invitation.state().user {
            Some(user) => self.admit_known(user, &invitation, chosen).await,
            None => self.admit_new(id, &invitation, chosen).await,
        }
    }

    /// Somebody who was made a user with the organization itself.
    async fn admit_known(&self, id: UserId, invitation: &Invitation, chosen: Chosen) -> Result<User, EntryRefusal> {
        let (uow, organization) = (self.uow, invitation.state().organization);
        let held = users::lock(uow, &ENTRY, organization, id).await?;
        let mut user = held
            .filter(|user| user.state().is_active && user.state().email == invitation.state().email)
            .ok_or(EntryRefusal::Spent)?;
        if let Some(name) = chosen.name {
            user.rename(name, uow.now());
        }
        user.change_password(chosen.hash, uow.now());
        user.confirm_email(invitation.state().email.clone(), uow.now());
        users::save(uow, &ENTRY, &mut user).await?;
        user_changed(uow, &user);
        end_sessions(uow, organization, id, None, RevocationReason::PasswordChanged).await?;
        Ok(user)
    }

    async fn admit_new(&self, id: UserId, invitation: &Invitation, chosen: Chosen) -> Result<User, EntryRefusal> {
        let (uow, state) = (self.uow, invitation.state());
        let inviting = self.still_inviting(invitation).await?;
        let roles = still_grantable(self.judge, uow, invitation).await?;
        let scope = uow.scope(state.organization).reads();
        if users::find_by_email(scope, &state.email).await?.is_some() {
            return Err(Refusal::EmailTaken.into());
        }
        let new = NewUser {
            name: name_of(invitation, chosen.name.as_ref())?,
            email: state.email.clone(),
            password: Some(chosen.hash),
            email_verified: true,
        };
        let mut user = User::create(id, state.organization, new, uow.now());
        let added = users::add(uow, &inviting, &mut user).await;
        added.map_err(|error| match error {
            NotAdmitted::Denied(_) => EntryRefusal::from(no_longer_inviting()),
            NotAdmitted::Storage(error) => error.into(),
        })?;
        user_changed(uow, &user);
        if !roles.is_empty() {
            self.access
                .grant_roles(uow, state.organization, id, &roles, &state.inviter)
                .await?;
        }
        headcount(uow, self.service, state.organization, 1).await?;
        Ok(user)
    }

    /// What the inviter may still invite.
    async fn still_inviting(&self, invitation: &Invitation) -> Result<Within<UserCreate>, EntryRefusal> {
        let (uow, state) = (self.uow, invitation.state());
        let decision = self.judge.decide(&state.inviter, UserCreate::INFO, uow.now());
        let inviter = Arc::new(state.inviter.clone());
        let granted =
            Granted::from_decision(decision, inviter, state.organization).map_err(|_| no_longer_inviting())?;
        let email = match granted.residual() {
            Some(residual) if residual.uses_user_email() && state.inviter.kind == ActorKind::User => {
                let scope = uow.scope(state.organization).reads();
                let inviter = users::lookup(scope, &NAMED, UserId::from_uuid(state.inviter.id)).await?;
                inviter.map(|inviter| inviter.state().email.as_str().into())
            }
            _ => None,
        };
        Ok(Within::new(granted, email, uow.now()))
    }
}

fn no_longer_inviting() -> JudgeError {
    JudgeError::Escalation(Refused {
        permission: Some(UserCreate::INFO.code.to_owned()),
        reason: "who invited may not invite this person any more".to_owned(),
    })
}

/// The roles that the inviter may grant now, all or none. One that was deleted meanwhile is left out: it grants nothing.
async fn still_grantable(
    judge: &dyn Judge,
    uow: &UnitOfWork,
    invitation: &Invitation,
) -> Result<Vec<RoleId>, JudgeError> {
    let state = invitation.state();
    let mut roles = Vec::new();
    for &role in &state.roles {
        match judge.may_grant_role(uow, &state.inviter, role).await {
            Ok(()) => roles.push(role),
            Err(JudgeError::Missing(_)) => {}
            Err(refusal) => return Err(refusal),
        }
    }
    Ok(roles)
}

/// What the person is called: as they say, else by what stands before the `@` of the address, else by the address.
fn name_of(invitation: &Invitation, chosen: Option<&UserName>) -> Result<UserName, EntryRefusal> {
    let email = &invitation.state().email;
    match chosen {
        Some(name) => Ok(name.clone()),
        None => UserName::new(email.local_part())
            .or_else(|_| UserName::new(email.as_str()))
            .map_err(|violation| EntryRefusal::Violations(vec![violation])),
    }
}
