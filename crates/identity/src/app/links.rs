//! The links of mails: asking for them, and what following one does.

use std::sync::Arc;

use db::{DbError, UnitContext, UnitOfWork};
use http::RequestContext;
use kernel::Actor;

use super::end_sessions::end_sessions;
use super::login::{Named, unit};
use super::own_acts::ENTRY;
use super::{EntryRefusal, Refusal, headcount, user_changed};
use crate::crypto::{OpaqueSecret, PasswordHash};
use crate::domain::{Email, RevocationReason, User};
use crate::mail::{Letter, Post, Recipient};
use crate::service::Service;
use crate::store::one_time_tokens::{self, Purpose, Token};
use crate::store::{pending_registrations, users};

/// Asking changes nothing about anybody; what follows from the link does.
const ASKING: &str = "asking for a mail changes nothing about anybody";

/// Mails the link to set another password to the address, if it is that of an active user. Whose it is, is looked up when the
/// mail is sent: here the same is done for every address.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn ask_for_reset(
    service: &Service,
    post: &Post,
    organization: &Named,
    email: &Email,
    request: &RequestContext,
) -> Result<(), DbError> {
    let organization = service.named(organization).await?;
    let Some(organization) = organization.filter(|known| known.is_active) else {
        return Ok(());
    };
    let context = UnitContext::tenant(Actor::system("password reset"), organization.id);
    ask(
        service,
        post,
        context,
        organization.id,
        email,
        Letter::PasswordReset,
        request,
    )
    .await
}

/// Mails the links of all organizations of the address to it. They are looked up when the mail is sent.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn ask_for_organizations(
    service: &Service,
    post: &Post,
    email: &Email,
    request: &RequestContext,
) -> Result<(), DbError> {
    let platform = service.platform;
    let context = UnitContext::tenant(Actor::system("organizations of an address"), platform);
    ask(service, post, context, platform, email, Letter::Organizations, request).await
}

async fn ask(
    service: &Service,
    post: &Post,
    context: UnitContext,
    organization: kernel::OrganizationId,
    email: &Email,
    letter: Letter,
    request: &RequestContext,
) -> Result<(), DbError> {
    let recipient = Recipient::address(email);
    let context = context.from_origin(request.origin()).unaudited(ASKING);
    let queue = post.queue();
    let work = move |uow: UnitOfWork| {
        let (queue, recipient, letter) = (queue, recipient.clone(), letter.clone());
        async move { queue.add(&uow, organization, &recipient, &letter).await }
    };
    service.db.write::<_, DbError, _, _>(context, work).await?;
    post.wake();
    Ok(())
}

/// A link that somebody followed, whose token holds at this moment, and whom it is for.
#[derive(Clone)]
pub(crate) struct Followed {
    secret: OpaqueSecret,
    /// Whom it is for.
    pub(crate) user: User,
}

/// Looks a token up, without spending it.
///
/// # Errors
/// [`EntryRefusal::Spent`].
pub(crate) async fn follow(service: &Service, token: &str, purposes: &[Purpose]) -> Result<Followed, EntryRefusal> {
    let secret = OpaqueSecret::parse(token).map_err(|_| EntryRefusal::Spent)?;
    let organization = service.organization(secret.organization()).await?;
    if !organization.is_some_and(|known| known.is_active) {
        return Err(EntryRefusal::Spent);
    }
    let scope = service.db.scope(secret.organization());
    let token = one_time_tokens::find(scope, &secret, service.generators.now()).await?;
    let token = token.filter(|token| purposes.contains(&token.purpose));
    let token = token.ok_or(EntryRefusal::Spent)?;
    let user = users::lookup(scope, &ENTRY, token.user).await?;
    let user = user.ok_or(EntryRefusal::Spent)?;
    Ok(Followed { secret, user })
}

impl Followed {
    /// Spends the token and holds its user, inside the unit.
    async fn spend(&self, uow: &UnitOfWork) -> Result<(Token, User), EntryRefusal> {
        let token = one_time_tokens::spend(uow, &self.secret).await?;
        let token = token.ok_or(EntryRefusal::Spent)?;
        let user = users::lock(uow, &ENTRY, self.secret.organization(), token.user).await?;
        Ok((token, user.ok_or(EntryRefusal::Spent)?))
    }
}

/// Sets another password: all sessions end, and the second factor is asked for as before. The mail reached the address, so it is
/// its owner's.
///
/// # Errors
/// [`EntryRefusal::Spent`].
pub(crate) async fn reset_password(
    service: &Service,
    post: &Post,
    followed: Followed,
    hash: PasswordHash,
    request: &RequestContext,
) -> Result<User, EntryRefusal> {
    let (context, queue) = (unit(&followed.user, request), post.queue());
    let work = move |uow: UnitOfWork| {
        let (followed, hash, queue) = (followed.clone(), hash.clone(), queue);
        async move {
            let (token, mut user) = followed.spend(&uow).await?;
            let (organization, id) = (user.state().organization, user.state().id);
            if !user.state().is_active || user.state().email != token.email {
                return Err(EntryRefusal::Spent);
            }
            user.change_password(hash, uow.now());
            user.confirm_email(token.email, uow.now());
            users::save(&uow, &ENTRY, &mut user).await?;
            end_sessions(&uow, organization, id, None, RevocationReason::PasswordChanged).await?;
            one_time_tokens::forget(&uow, organization, id, Purpose::Reset).await?;
            one_time_tokens::forget(&uow, organization, id, Purpose::Setup).await?;
            let letter = Letter::PasswordChanged { at: uow.now() };
            queue.add(&uow, organization, &Recipient::user(&user), &letter).await?;
            Ok(user)
        }
    };
    let user = service.db.write(context, work).await?;
    post.wake();
    Ok(user)
}

/// Confirms an address: that of somebody who registered, who may log in from then on, or a changed one, which counts from then
/// on.
///
/// # Errors
/// [`EntryRefusal::Spent`]; an address that somebody else has by now; a quota.
pub(crate) async fn verify_email(
    service: &Arc<Service>,
    post: &Post,
    followed: Followed,
    request: &RequestContext,
) -> Result<User, EntryRefusal> {
    let (context, queue) = (unit(&followed.user, request), post.queue());
    let of = Arc::clone(service);
    let work = move |uow: UnitOfWork| {
        let (followed, queue, service) = (followed.clone(), queue, Arc::clone(&of));
        async move {
            let (token, mut user) = followed.spend(&uow).await?;
            let before = user.clone();
            let (organization, id) = (user.state().organization, user.state().id);
            let is_pending = match token.purpose {
                Purpose::Verify if user.state().email == token.email => {
                    pending_registrations::remove(&uow, organization, id).await?
                }
                Purpose::EmailChange => false,
                _ => return Err(EntryRefusal::Spent),
            };
            let joins = is_pending && !user.state().is_active;
            if !joins && !user.state().is_active {
                return Err(EntryRefusal::Spent);
            }
            let holder = users::find_by_email(uow.scope(organization).reads(), &token.email).await?;
            if holder.is_some_and(|holder| holder.state().id != id) {
                return Err(Refusal::EmailTaken.into());
            }
            user.confirm_email(token.email, uow.now());
            if joins {
                user.activate(uow.now());
            }
            users::save(&uow, &ENTRY, &mut user).await?;
            user_changed(&uow, &user);
            // What was mailed to the address before opens nothing any more.
            for purpose in [Purpose::Reset, Purpose::Verify, Purpose::EmailChange] {
                one_time_tokens::forget(&uow, organization, id, purpose).await?;
            }
            if before.state().email != user.state().email {
                let recipient = Recipient::user(&before);
                queue.add(&uow, organization, &recipient, &Letter::EmailChanged).await?;
            }
            if joins {
                headcount(&uow, &service, organization, 1).await?;
            }
            Ok(user)
        }
    };
    let user = service.db.write(context, work).await?;
    post.wake();
    Ok(user)
}
