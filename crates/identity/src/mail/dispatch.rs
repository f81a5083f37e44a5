//! From the queue to the mailer: claimed by one node, tried for 24 hours, given up where everybody can see it.

use std::collections::HashSet;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use contracts::access::AccessControl;
use contracts::identity::UserId;
use contracts::mail::{NotSent, OutgoingMail};
use contracts::settings::{Branding, Settings};
use db::{DbError, SystemScope, UnitContext, UnitOfWork};
use futures_util::future::join_all;
use http::App;
use kernel::{Actor, DomainEvent, FieldValue, Id as _, OrganizationId, Timestamp};
use tokio_util::sync::CancellationToken;

use super::counted::Settled;
use super::letter::{Letter, MailFact, MailId, Recipient};
use super::page::{self, Looks};
use super::words::{self, Facts};
use super::{Mailer, Post};
use crate::app::own_acts::MAIL;
use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::Email;
use crate::manifest::MAIL_FAILED;
use crate::store::mail_queue::{self, Waiting};
use crate::store::one_time_tokens::Purpose;
use crate::store::{invitations, one_time_tokens, users};

/// The queue is looked at so often even when nobody says that something waits: another node may have gone away with it.
const POLL: Duration = Duration::from_secs(1);
/// A mail that was claimed is another node's to try after so long: longer than handing it over can take.
const LEASE: Duration = Duration::from_secs(5 * 60);
/// For so long it is tried.
const PERSISTENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// The pause after the first attempt; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(4 * 60 * 60);

/// So many of those who administer an organization are told by mail: more need no mail to hear of it.
const MOST_ADMINISTRATORS: usize = 50;

/// What delivery changes is the state of mails alone, and nobody is to be told of it; who asked for the mail was.
const UNAUDITED: &str = "the state of a mail's delivery is not a fact about the organization until it is given up";

/// Sends what waits, until the server stops.
pub(crate) async fn work(app: App, stop: CancellationToken) {
    let Some(post) = app.ports().find::<Post>() else { return };
    let mut failing = false;
    let mut troubled = HashSet::new();
    while !stop.is_cancelled() {
        match post.round(&mut troubled).await {
            Ok((0, None)) => {
                failing = false;
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = post.wake.notified() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
            // The others' mails are worked off first, however many there are.
            Ok((1.., _)) => failing = false,
            Ok((0, Some(error))) | Err(error) => {
                // Said once per outage, not every second.
                if !failing {
                    failing = true;
                    tracing::warn!(error = %error, "the queue of mails cannot be worked off");
                }
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = tokio::time::sleep(POLL) => {}
                }
            }
        }
    }
}

/// A mail that is about to be written: what it needs beyond itself was looked up, and the token of its link made.
struct Claimed {
    id: MailId,
    recipient: Recipient,
    letter: Letter,
    token: Option<OpaqueSecret>,
    attempts: u32,
    created_at: Timestamp,
}

/// What came of an attempt.
enum Outcome {
    Sent,
    /// There is nobody to send it to, which is not told to who asked for it.
    Nobody,
    Failed(NotSent),
}

impl Post {
    /// Sends what is due, of up to 64 organizations; how many mails were claimed.
    pub(crate) async fn dispatch(&self) -> Result<u64, DbError> {
        let (claimed, failed) = self.round(&mut HashSet::new()).await?;
        failed.map_or(Ok(claimed), Err)
    }

    /// The same, again and again: `troubled` are the organizations whose mails could not be worked off the last time. What fails for
    /// one of them is told when all others' mails are sent.
    async fn round(&self, troubled: &mut HashSet<OrganizationId>) -> Result<(u64, Option<DbError>), DbError> {
        let Some(mailer) = &self.mailer else {
            return Ok((0, None));
        };
        let db = &self.service.db;
        let scope = db.system(SystemScope::new(
            "a worker looks in which organizations' queues mails are due",
        ));
        let organizations = mail_queue::organizations(scope, self.service.generators.now()).await?;
        let known = mem::take(troubled);
        let (mut claimed, mut failed) = (0, None);
        for organization in organizations {
            match self.work_off(&**mailer, organization).await {
                Ok(mails) => claimed += mails,
                // A database that refuses everybody is not asked once for each organization.
                Err(error) if error.concerns_everybody() => return Err(error),
                Err(error) => {
                    // Said once per outage, not every second.
                    if troubled.insert(organization) && !known.contains(&organization) {
                        tracing::warn!(error = %error, organization = %organization, "an organization's mails cannot be worked off");
                    }
                    failed.get_or_insert(error);
                }
            }
        }
        Ok((claimed, failed))
    }

    /// Sends what is due of one organization; how many mails were claimed.
    async fn work_off(&self, mailer: &dyn Mailer, organization: OrganizationId) -> Result<u64, DbError> {
        let mails = self.claim(organization).await?;
        let claimed = mails.len() as u64;
        let attempts = mails.into_iter().map(|mail| self.attempt(mailer, organization, mail));
        for outcome in join_all(attempts).await {
            outcome?;
        }
        Ok(claimed)
    }

    async fn claim(&self, organization: OrganizationId) -> Result<Vec<Claimed>, DbError> {
        let work = move |uow: UnitOfWork| async move {
            let lease = uow.now().plus(LEASE);
            let mut claimed = Vec::new();
            for mail in mail_queue::claim(&uow, organization, lease).await? {
                let id = mail.id;
                match prepare(&uow, organization, mail).await? {
                    Some(mail) => claimed.push(mail),
                    None => mail_queue::remove(&uow, organization, id).await?,
                }
            }
            Ok::<_, DbError>(claimed)
        };
        self.service.db.write(unit(organization), work).await
    }

    async fn attempt(&self, mailer: &dyn Mailer, organization: OrganizationId, mail: Claimed) -> Result<(), DbError> {
        if mail.recipient.is_administrators() {
            return self.address_to_administrators(organization, mail).await;
        }
        let outcome = match self.write(organization, &mail).await? {
            None => Outcome::Nobody,
            Some(written) => match mailer.send(&written).await {
                Ok(()) => Outcome::Sent,
                Err(failure) => Outcome::Failed(failure),
            },
        };
        let mail = Arc::new(mail);
        let outcome = Arc::new(outcome);
        let work = move |uow: UnitOfWork| {
            let (mail, outcome) = (Arc::clone(&mail), Arc::clone(&outcome));
            async move { settle(&uow, organization, &mail, &outcome).await }
        };
        let settled = self.service.db.write(unit(organization), work).await?;
        self.counted.count(settled);
        Ok(())
    }

    /// Puts in the place of a letter to those who administer the organization one to each of them.
    async fn address_to_administrators(&self, organization: OrganizationId, mail: Claimed) -> Result<(), DbError> {
        let mut recipients = Vec::new();
        if let Some(access) = self.service.ports.find::<dyn AccessControl>() {
            let judge = access.judge(organization).await?;
            let snapshot = judge.snapshot();
            let ids = snapshot.administrators().take(MOST_ADMINISTRATORS);
            let found = users::find_all(self.service.db.scope(organization), ids.map(UserId::from_uuid)).await?;
            recipients.extend(found.iter().map(Recipient::user));
        }
        let (mail, recipients) = (Arc::new(mail), Arc::new(recipients));
        let work = move |uow: UnitOfWork| {
            let (mail, recipients) = (Arc::clone(&mail), Arc::clone(&recipients));
            async move {
                for recipient in recipients.iter() {
                    mail_queue::add(&uow, organization, recipient, &mail.letter).await?;
                }
                mail_queue::remove(&uow, organization, mail.id).await
            }
        };
        self.service.db.write(unit(organization), work).await
    }

    /// The mail in the organization's language and looks; none when there is nothing to say.
    async fn write(&self, organization: OrganizationId, mail: &Claimed) -> Result<Option<OutgoingMail>, DbError> {
        let service = &self.service;
        let Some(known) = service.organization(organization).await? else {
            return Ok(None);
        };
        let (settings, branding) = match service.ports.find::<dyn Settings>() {
            Some(settings) => (settings.of(organization).await?, settings.branding(organization).await?),
            None => (Arc::default(), Arc::new(Branding::default())),
        };
        let organizations = match mail.letter {
            Letter::Organizations => self.organizations_of(&mail.recipient.email).await?,
            _ => Vec::new(),
        };
        if matches!(mail.letter, Letter::Organizations) && organizations.is_empty() {
            return Ok(None);
        }
        let locale = mail.recipient.locale.unwrap_or(settings.locale);
        let name = branding.display_name.as_deref().unwrap_or(&known.name);
        let link = mail.token.as_ref().map(|token| self.link(token));
        let facts = Facts {
            locale,
            organization: name,
            link: link.as_deref(),
            organizations: &organizations,
        };
        let words = words::words(&mail.letter, &facts);
        let looks = Looks {
            name,
            branding: &branding,
        };
        let to_name = mail.recipient.name.clone();
        Ok(Some(OutgoingMail {
            id: mail.id.to_string(),
            from_name: name.to_owned(),
            reply_to: branding.support_email.clone(),
            to: mail.recipient.email.clone(),
            text: page::text(&words, locale, to_name.as_deref(), &looks),
            html: page::html(&words, locale, to_name.as_deref(), &looks),
            to_name,
            subject: words.subject,
        }))
    }

    /// Where a token is taken.
    fn link(&self, token: &OpaqueSecret) -> String {
        let path = match token.kind() {
            SecretKind::Invitation => "invitations/accept",
            SecretKind::EmailConfirmation => "email/verify",
            _ => "password/reset",
        };
        format!("{}/{path}?token={}", self.service.http.base_url, token.expose())
    }

    /// The names of the active organizations in which the address belongs to an active user, each with the link to log in there.
    async fn organizations_of(&self, email: &str) -> Result<Vec<(String, String)>, DbError> {
        let scope = self.service.db.system(SystemScope::new(
            "an address asks for its organizations, and the answer is mailed to that address alone",
        ));
        let found = users::organizations_of(scope, email).await?;
        let base = &self.service.http.base_url;
        let login = |(name, slug): (String, String)| (name, format!("{base}/login?organization={slug}"));
        Ok(found.into_iter().map(login).collect())
    }
}

fn unit(organization: OrganizationId) -> UnitContext {
    UnitContext::tenant(Actor::system("mail"), organization).unaudited(UNAUDITED)
}

/// Looks up for whom the link of a letter is, and makes its token; none when there is nobody to write to.
async fn prepare(uow: &UnitOfWork, organization: OrganizationId, mail: Waiting) -> Result<Option<Claimed>, DbError> {
    let Waiting {
        id,
        mut recipient,
        letter,
        attempts,
        created_at,
    } = mail;
    let mint = async |user, purpose, email: &str| {
        one_time_tokens::mint(uow, organization, user, purpose, email, Some(id)).await
    };
    let token = match &letter {
        Letter::PasswordReset => {
            let Ok(email) = Email::new(&recipient.email) else {
                return Ok(None);
            };
            let found = users::find_for_reset(uow.scope(organization).reads(), &email).await?;
            let Some(user) = found else { return Ok(None) };
            recipient.name = Some(user.state().name.as_str().to_owned());
            Some(mint(user.state().id, Purpose::Reset, email.as_str()).await?)
        }
        Letter::EmailVerification | Letter::EmailChange => {
            let purpose = match letter {
                Letter::EmailChange => Purpose::EmailChange,
                _ => Purpose::Verify,
            };
            let Some(user) = recipient.user else { return Ok(None) };
            Some(mint(user, purpose, &recipient.email).await?)
        }
        Letter::Invitation { invitation, .. } => {
            let found = invitations::lock(uow, &MAIL, organization, *invitation).await?;
            if !found.is_some_and(|invitation| invitation.is_open(uow.now())) {
                return Ok(None);
            }
            let secret = OpaqueSecret::generate(SecretKind::Invitation, organization, &*uow.generators().random);
            invitations::give_token(uow, organization, *invitation, &secret.digest()).await?;
            Some(secret)
        }
        _ => None,
    };
    Ok(Some(Claimed {
        id,
        recipient,
        letter,
        token,
        attempts: attempts.saturating_add(1),
        created_at,
    }))
}

/// Takes down what came of an attempt.
async fn settle(
    uow: &UnitOfWork,
    organization: OrganizationId,
    mail: &Claimed,
    outcome: &Outcome,
) -> Result<Settled, DbError> {
    let failure = match outcome {
        Outcome::Sent => {
            mail_queue::sent(uow, organization, mail.id).await?;
            return Ok(Settled::Sent);
        }
        Outcome::Nobody => {
            mail_queue::remove(uow, organization, mail.id).await?;
            return Ok(Settled::Nobody);
        }
        Outcome::Failed(failure) => failure,
    };
    let (reason, next) = match failure {
        NotSent::Unsendable(_) => (failure.to_string(), None),
        NotSent::NotTaken(_) => (
            failure.to_string(),
            next_attempt(mail.created_at, mail.attempts, uow.now()),
        ),
    };
    if let Some(at) = next {
        mail_queue::again(uow, organization, mail.id, at, &reason).await?;
        return Ok(Settled::Failed);
    }
    if mail_queue::dead(uow, organization, mail.id, &reason).await? {
        let kind = mail.letter.kind();
        let event = DomainEvent::new(MAIL_FAILED, mail.id)
            .changed("kind", FieldValue::Null, kind)
            .changed_personal("recipient", FieldValue::Null, mail.recipient.email.as_str())
            .changed("reason", FieldValue::Null, reason.as_str());
        let fact = MailFact {
            id: mail.id,
            kind,
            reason,
        };
        uow.record_all(organization, [event], &fact)?;
    }
    Ok(Settled::Dead)
}

/// When to try again after so many attempts; none when it was tried for long enough.
fn next_attempt(created_at: Timestamp, attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let last = created_at.plus(PERSISTENCE);
    if now >= last {
        return None;
    }
    let doublings = attempts.saturating_sub(1);
    let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
    let pause = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
    Some(now.plus(pause).min(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_is_tried_for_24_hours_with_growing_pauses() {
        let start = Timestamp::from_micros(1_800_000_000_000_000);
        let mut now = start;
        let mut pauses = Vec::new();
        for attempts in 1..100 {
            let Some(next) = next_attempt(start, attempts, now) else {
                break;
            };
            pauses.push(next.since(now).as_secs() / 60);
            now = next;
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240, 225]);
        assert_eq!(now, start.plus(PERSISTENCE));
        assert_eq!(next_attempt(start, 200, now), None);
    }
}
