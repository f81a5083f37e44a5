//! Registering oneself, where an organization lets people do so.

use std::sync::Arc;

use contracts::identity::UserView;
use contracts::organization::OrganizationSummary;
use contracts::settings::Registration;
use db::UnitOfWork;
use http::RequestContext;

use super::login::{Named, unit};
use super::own_acts::ENTRY;
use super::{EntryRefusal, Refusal, headcount, user_changed};
use crate::domain::{Email, NewUser, User};
use crate::mail::{Letter, Post, Queue, Recipient};
use crate::service::Service;
use crate::store::{pending_registrations, users};

/// An organization that somebody may register with.
pub(crate) struct Open {
    /// Which one.
    pub(crate) organization: OrganizationSummary,
    /// Whether the address is to be confirmed first.
    pub(crate) confirms: bool,
}

/// Whether somebody with this address may register. That there is no such organization, that it is inactive and that it is closed
/// is told alike.
///
/// # Errors
/// [`EntryRefusal::RegistrationClosed`].
pub(crate) async fn open_to(service: &Service, organization: &Named, email: &Email) -> Result<Open, EntryRefusal> {
    let organization = service.named(organization).await?;
    let organization = organization
        .filter(|known| known.is_active)
        .ok_or(EntryRefusal::RegistrationClosed)?;
    let settings = service.settings(organization.id).await?;
    let is_listed = || {
        settings
            .registration_domains
            .iter()
            .any(|domain| domain == email.domain())
    };
    match settings.registration {
        Registration::Open => Ok(Open {
            organization,
            confirms: false,
        }),
        Registration::Domains if is_listed() => Ok(Open {
            organization,
            confirms: true,
        }),
        Registration::Closed | Registration::Domains => Err(EntryRefusal::RegistrationClosed),
    }
}

/// Registers somebody, who holds nothing. With an open organization they may log in at once, and a taken address is told. Where the
/// address is to be confirmed they may log in once it is; whether it was taken only its owner is told, by mail, and the answer is
/// the same.
///
/// # Errors
/// A taken address, of an open organization; a quota.
pub(crate) async fn register(
    service: &Arc<Service>,
    post: &Post,
    open: Open,
    new: NewUser,
    request: &RequestContext,
) -> Result<UserView, EntryRefusal> {
    let user = User::create(
        service.generators.id(),
        open.organization.id,
        new,
        service.generators.now(),
    );
    let (of, queue) = (Arc::clone(service), post.queue());
    let (user, mut context) = if open.confirms {
        let user = user.awaiting_confirmation();
        let context = unit(&user, request);
        (
            user,
            context.unaudited("somebody registered once more, and nothing changed"),
        )
    } else {
        let context = unit(&user, request);
        (user, context)
    };
    context = context.from_origin(request.origin());
    let work = move |uow: UnitOfWork| {
        let (user, queue, service) = (user.clone(), queue, Arc::clone(&of));
        async move {
            match open.confirms {
                true => confirm_first(&uow, &queue, user).await,
                false => at_once(&uow, &service, user).await,
            }
        }
    };
    let view = service.db.write(context, work).await?;
    post.wake();
    Ok(view)
}

async fn at_once(uow: &UnitOfWork, service: &Service, mut user: User) -> Result<UserView, EntryRefusal> {
    let scope = uow.scope(user.state().organization).reads();
    if users::find_by_email(scope, &user.state().email).await?.is_some() {
        return Err(Refusal::EmailTaken.into());
    }
    users::add(uow, &ENTRY, &mut user).await?;
    user_changed(uow, &user);
    headcount(uow, service, user.state().organization, 1).await?;
    Ok(UserView::from(&user))
}

async fn confirm_first(uow: &UnitOfWork, queue: &Queue, mut user: User) -> Result<UserView, EntryRefusal> {
    let organization = user.state().organization;
    let view = UserView::from(&user);
    let holder = users::find_by_email(uow.scope(organization).reads(), &user.state().email).await?;
    let is_pending = match &holder {
        Some(holder) => pending_registrations::contains(uow, organization, holder.state().id).await?,
        None => false,
    };
    let (recipient, letter) = match holder {
        // Who registered before and has not confirmed yet gets the link once more; nothing that was entered now is kept, so that
        // nobody confirms somebody else's password.
        Some(holder) if is_pending => (Recipient::user(&holder), Letter::EmailVerification),
        Some(holder) => (Recipient::user(&holder), Letter::RegistrationTaken),
        None => {
            users::add(uow, &ENTRY, &mut user).await?;
            pending_registrations::add(uow, organization, user.state().id).await?;
            (Recipient::user(&user), Letter::EmailVerification)
        }
    };
    queue.add(uow, organization, &recipient, &letter).await?;
    Ok(view)
}
