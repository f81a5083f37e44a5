//! Where a test's mails arrive.

use contracts::mail::{Mailer, NotSent, OutgoingMail};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;

/// Takes every mail and keeps it, until it is told to refuse.
#[derive(Debug, Default)]
pub struct Mails {
    arrived: Mutex<Vec<OutgoingMail>>,
    refusal: Mutex<Option<NotSent>>,
}

impl Mails {
    /// Every mail that arrived, in order.
    #[must_use]
    pub fn all(&self) -> Vec<OutgoingMail> {
        self.arrived.lock().clone()
    }

    /// The mails to this address, in order.
    #[must_use]
    pub fn to(&self, address: &str) -> Vec<OutgoingMail> {
        self.all().into_iter().filter(|mail| mail.to == address).collect()
    }

    /// From now on every mail is refused like this; `None` takes them again.
    pub fn refuse(&self, refusal: Option<NotSent>) {
        *self.refusal.lock() = refusal;
    }

    /// The token in the link of the last mail to this address.
    ///
    /// # Panics
    /// When none arrived there, or it has no link.
    #[must_use]
    #[track_caller]
    #[expect(clippy::expect_used, reason = "a test that expects a mail and gets none has failed")]
    pub fn token(&self, address: &str) -> String {
        let mails = self.to(address);
        let mail = mails.last().expect("a mail to the address");
        let (_, rest) = mail.text.split_once("?token=").expect("a link with a token");
        rest.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .next()
            .unwrap_or_default()
            .to_owned()
    }
}

impl Mailer for Mails {
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> BoxFuture<'a, Result<(), NotSent>> {
        let refusal = self.refusal.lock().clone();
        let outcome = match refusal {
            Some(refusal) => Err(refusal),
            None => {
                self.arrived.lock().push(mail.clone());
                Ok(())
            }
        };
        std::future::ready(outcome).boxed()
    }
}
