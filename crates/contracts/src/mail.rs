//! Mail as others ask for it.

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
}
