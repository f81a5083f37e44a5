//! The wish to be reached at another address.

use db::UnitOfWork;

use super::Refusal;
use crate::domain::{Email, User};
use crate::mail::{Letter, Queue, Recipient};
use crate::store::one_time_tokens::{self, Purpose};
use crate::store::{mail_queue, users};

/// Takes down that a user, held by the unit, is to be reached at another address. It counts once its new owner follows the link that
/// is mailed there; the address until now is told at once. A wish before it is forgotten. Nothing happens when the address is the
/// user's already.
///
/// The caller asks [`Post::require`](crate::mail::Post::require) before the unit begins: without mail nobody could confirm it.
///
/// # Errors
/// [`Refusal::EmailTaken`].
pub(crate) async fn request_email_change(
    uow: &UnitOfWork,
    queue: &Queue,
    user: &mut User,
    email: &Email,
) -> Result<(), Refusal> {
    let (organization, id) = (user.state().organization, user.state().id);
    if *email == user.state().email {
        return Ok(());
    }
    let holder = users::find_by_email(uow.scope(organization).reads(), email).await?;
    if holder.is_some() {
        return Err(Refusal::EmailTaken);
    }
    mail_queue::withdraw(uow, organization, id, Letter::EmailChange.kind()).await?;
    one_time_tokens::forget(uow, organization, id, Purpose::EmailChange).await?;
    user.wish_email(email);
    users::record(uow, user)?;
    let there = Recipient::user_at(user, email);
    queue.add(uow, organization, &there, &Letter::EmailChange).await?;
    let here = Recipient::user(user);
    queue
        .add(uow, organization, &here, &Letter::EmailChangeRequested)
        .await?;
    Ok(())
}
