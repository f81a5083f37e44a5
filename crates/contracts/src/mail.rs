//! Mail as others ask for it, and as it is handed to whatever carries it.

use std::fmt;

use db::{DbError, UnitOfWork};
use futures_util::future::BoxFuture;
use kernel::{Locale, OrganizationId};

/// A notice to be mailed: queued with the change that is its reason, sent after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// To whom.
    pub email: String,
    /// The recipient's name.
    pub name: String,
    /// In which language; the organization's when `None`.
    pub locale: Option<Locale>,
    /// What about.
    pub kind: NoticeKind,
}

/// What a notice is about. None carries a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoticeKind {
    /// A webhook endpoint was disabled: its URL, and why in a few words.
    WebhookDisabled {
        /// The endpoint's URL, without credentials or query.
        url: String,
    },
    /// A quota reached a share of its limit.
    QuotaThreshold {
        /// What is counted.
        metric: String,
        /// 80 or 100.
        percent: u8,
    },
}

/// Queues mails. Provided by identity.
pub trait Mailbox: Send + Sync {
    /// Queues a notice in the unit of work.
    ///
    /// # Errors
    /// [`DbError`].
    fn queue<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        notice: &'a Notice,
    ) -> BoxFuture<'a, Result<(), DbError>>;

    /// Queues a notice to everybody who administers the organization when it is sent.
    ///
    /// # Errors
    /// [`DbError`].
    fn queue_for_administrators<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        kind: &'a NoticeKind,
    ) -> BoxFuture<'a, Result<(), DbError>>;
}

/// A mail as it is handed over, its text written. It carries links that open accounts: it prints nothing of itself but its id.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingMail {
    /// Names it towards the server that takes it: the same at every attempt, so that a repeated one is recognised.
    pub id: String,
    /// Who writes, beside the installation's own address.
    pub from_name: String,
    /// Where answers go.
    pub reply_to: Option<String>,
    /// The address that it goes to.
    pub to: String,
    /// The name of whom it goes to, if that is known.
    pub to_name: Option<String>,
    /// What about, in a line.
    pub subject: String,
    /// As plain text.
    pub text: String,
    /// The same as a page.
    pub html: String,
}

impl fmt::Debug for OutgoingMail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutgoingMail")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// A mail was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    /// It cannot be written or addressed: another attempt would end alike.
    #[error("the mail cannot be sent: {0}")]
    Unsendable(String),
    /// The server could not be reached, or did not take it: another attempt may.
    #[error("the mail was not taken: {0}")]
    NotTaken(String),
}

/// Carries mails away: over SMTP, into a folder, or into the hands of a test.
pub trait Mailer: Send + Sync {
    /// Hands the mail over.
    ///
    /// # Errors
    /// [`NotSent`]; what it says holds no part of the mail.
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> BoxFuture<'a, Result<(), NotSent>>;
}
