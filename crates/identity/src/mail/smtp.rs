//! Mails over SMTP.

use std::sync::Arc;
use std::time::Duration;

use contracts::mail::{Mailer, NotSent, OutgoingMail};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::StartFailed;
use kernel::Clock;
use kernel::secret::{ExposeSecret as _, SecretString};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};

use super::message::{Encoding, Sender, message};

/// A server that does not answer for so long is as good as away.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The server that mails are handed to. A connection each: mails are few, and an idle connection is one more thing that ends.
pub(super) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Sender,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    /// The server of the URL. Nothing is connected yet.
    pub(super) fn new(url: &SecretString, host: &str, clock: Arc<dyn Clock>) -> Result<Self, StartFailed> {
        let url = url.expose_secret();
        let parsed = url::Url::parse(url).map_err(|_| "LASTRO_SMTP_URL is not an address")?;
        // The library's error may repeat the URL, and so the password.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url)
            .map_err(|_| "LASTRO_SMTP_URL is neither smtps://USER:PASSWORD@HOST:PORT nor smtp://HOST:PORT")?;
        let transport = builder
            .hello_name(ClientId::Domain(host.to_owned()))
            .timeout(Some(TIMEOUT))
            .build();
        Ok(Self {
            transport,
            sender: Sender::of_url(&parsed, host)?,
            clock,
        })
    }

    async fn hand_over(&self, mail: &OutgoingMail) -> Result<(), NotSent> {
        let message = message(mail, &self.sender, self.clock.now(), Encoding::Portable)?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(NotSent::NotTaken(reason(&error))),
        }
    }
}

/// Why, in words that hold neither the mail nor an address: a server's own words often repeat whom they refuse.
fn reason(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(status) => format!("the server answered {status}"),
        None if error.is_timeout() => "the server did not answer in time".to_owned(),
        None if error.is_tls() => "no encrypted connection came about".to_owned(),
        None => "the server could not be reached, or does not speak SMTP as expected".to_owned(),
    }
}

impl Mailer for Smtp {
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> BoxFuture<'a, Result<(), NotSent>> {
        self.hand_over(mail).boxed()
    }
}
