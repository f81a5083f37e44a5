//! Mail: what people are told, and how it reaches them.
//!
//! A mail is outbox work. Whoever changes something queues a [`Letter`] in the same unit of work; after COMMIT a
//! [worker](dispatch) on some node claims it, makes the token of its link, writes it in the language and the looks of the
//! organization, and hands it to a [`Mailer`]. So no mail tells of a change that did not happen, no change waits for a mail
//! server, and the database never holds a token, only the digest of one.
//!
//! | step | where |
//! |---|---|
//! | what a mail is about | [`letter`] |
//! | its words, in both languages | [`words`] |
//! | text and page from the same words, in the organization's looks | [`page`] |
//! | queue, claim, retry, give up | [`dispatch`] and the table `mail_queue` |
//! | carried over SMTP, or into a folder | [`smtp`], [`folder`] |
//!
//! What was not taken is tried again for 24 hours with growing pauses. Then it is a dead letter: its row stays with the state
//! `dead` and the last error, and the event `mail.failed` tells of it in the organization's audit trail and to its webhooks.

mod counted;
pub(crate) mod dispatch;
mod folder;
pub(crate) mod letter;
mod message;
mod page;
mod smtp;
mod words;

use std::path::PathBuf;
use std::sync::Arc;

use contracts::mail::{Mailbox, Mailer, Notice, NoticeKind};
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{ApiError, App, Message, Metrics, StartFailed, Worker};
use kernel::OrganizationId;
use kernel::secret::SecretString;
use tokio::sync::Notify;

use crate::service::Service;
use crate::store::mail_queue;
use counted::Counted;
use folder::Folder;
pub(crate) use letter::{Letter, Recipient};
use message::Sender;
use smtp::Smtp;

/// Where mail goes, as the operator set it. The composition root provides it; without it mail goes to the port [`Mailer`], if
/// anybody provides that.
#[derive(Debug, Clone)]
pub enum MailConfig {
    /// Nowhere: routes that send mail answer 503, and nobody is told of anything.
    Off,
    /// Each mail becomes a file in this folder.
    Folder(PathBuf),
    /// To an SMTP server.
    Smtp {
        /// `smtps://USER:PASSWORD@HOST:PORT` or `smtp://HOST:PORT`. The sender's address is its parameter `from`, else its user
        /// if that is an address, else `noreply@` and the host that links are made from.
        url: SecretString,
    },
}

/// The way into the queue, for units of work.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Queue {
    is_on: bool,
}

impl Queue {
    /// The queue of the node that the service is of.
    pub(crate) fn of(service: &Service) -> Self {
        let post = service.ports.find::<Post>();
        post.map_or(Self { is_on: false }, |post| post.queue())
    }

    /// Queues a letter in the unit of work. Without mail nothing is queued: it would wait for ever.
    ///
    /// # Errors
    /// [`DbError`].
    pub(crate) async fn add(
        self,
        uow: &UnitOfWork,
        organization: OrganizationId,
        recipient: &Recipient,
        letter: &Letter,
    ) -> Result<(), DbError> {
        if self.is_on {
            mail_queue::add(uow, organization, recipient, letter).await
        } else {
            Ok(())
        }
    }
}

/// The running mail of one node.
pub(crate) struct Post {
    service: Arc<Service>,
    /// None: mail is switched off.
    mailer: Option<Arc<dyn Mailer>>,
    wake: Notify,
    counted: Counted,
}

impl Post {
    /// Puts it together from what the composition root provided.
    pub(crate) fn start(service: &Arc<Service>, metrics: &Metrics) -> Result<Arc<Self>, StartFailed> {
        let mailer = match service.ports.find::<MailConfig>() {
            Some(config) => mailer(service, &config)?,
            None => service.ports.find::<dyn Mailer>(),
        };
        Ok(Arc::new(Self {
            service: Arc::clone(service),
            mailer,
            wake: Notify::new(),
            counted: Counted::new(metrics),
        }))
    }

    /// Refuses what cannot be done without mail.
    ///
    /// # Errors
    /// `INTERNAL_UNAVAILABLE` when mail is switched off.
    pub(crate) fn require(&self) -> Result<(), ApiError> {
        if self.mailer.is_some() {
            return Ok(());
        }
        Err(
            ApiError::unavailable("mail is switched off (LASTRO_SMTP_URL)").because(Message::new(
                "This installation sends no mail.",
                "Esta instalação não envia e-mails.",
            )),
        )
    }

    /// Where letters are queued, to be taken into a unit of work.
    pub(crate) fn queue(&self) -> Queue {
        Queue {
            is_on: self.mailer.is_some(),
        }
    }

    /// Says that something may have been queued, once its unit has committed. Without it the mail leaves within a second.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }
}

/// Sends what waits, on every node.
pub(crate) const WORKER: Worker = Worker {
    name: "mail",
    run: |app, stop| dispatch::work(app, stop).boxed(),
};

/// Sends what is due now, and tells how many mails were tried. The worker does it all the time; this is for a program without
/// one, such as a test or a command.
///
/// # Errors
/// [`DbError`].
pub async fn deliver(app: &App) -> Result<u64, DbError> {
    let post = app.ports().get::<Post>()?;
    let mut delivered = 0;
    loop {
        match post.dispatch().await? {
            0 => return Ok(delivered),
            tried => delivered += tried,
        }
    }
}

/// The running mail, from a handler's application.
pub(crate) fn post(app: &App) -> Result<Arc<Post>, ApiError> {
    app.port::<Post>()
}

fn mailer(service: &Service, config: &MailConfig) -> Result<Option<Arc<dyn Mailer>>, StartFailed> {
    let clock = Arc::clone(&service.generators.clock);
    let host = message::host_of(&service.http.base_url);
    Ok(match config {
        MailConfig::Off => None,
        MailConfig::Folder(path) => Some(Arc::new(Folder::new(path.clone(), Sender::of_host(&host)?, clock))),
        MailConfig::Smtp { url } => Some(Arc::new(Smtp::new(url, &host, clock)?)),
    })
}

impl Mailbox for Post {
    fn queue<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        notice: &'a Notice,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            let recipient = Recipient {
                email: notice.email.clone(),
                name: Some(notice.name.clone()),
                user: None,
                locale: notice.locale,
            };
            let letter = Letter::from(&notice.kind);
            Self::queue(self).add(uow, organization, &recipient, &letter).await
        }
        .boxed()
    }

    fn queue_for_administrators<'a>(
        &'a self,
        uow: &'a UnitOfWork,
        organization: OrganizationId,
        kind: &'a NoticeKind,
    ) -> BoxFuture<'a, Result<(), DbError>> {
        async move {
            let letter = Letter::from(kind);
            let recipient = Recipient::administrators();
            Self::queue(self).add(uow, organization, &recipient, &letter).await
        }
        .boxed()
    }
}
