//! Mails into a folder, for development: each a file that a mail program opens and a person reads.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use contracts::mail::{Mailer, NotSent, OutgoingMail};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use kernel::Clock;
use tokio::io::AsyncWriteExt as _;

use super::message::{Encoding, Sender, message};

/// The folder. It is made with the first mail, for its owner only: mails open accounts.
pub(super) struct Folder {
    path: PathBuf,
    sender: Sender,
    clock: Arc<dyn Clock>,
}

impl Folder {
    pub(super) fn new(path: PathBuf, sender: Sender, clock: Arc<dyn Clock>) -> Self {
        Self { path, sender, clock }
    }

    async fn store(&self, mail: &OutgoingMail) -> Result<(), NotSent> {
        let message = message(mail, &self.sender, self.clock.now(), Encoding::Readable)?;
        write(&self.path, &mail.id, &message.formatted())
            .await
            .map_err(|error| NotSent::NotTaken(format!("the folder of mails: {}", error.kind())))
    }
}

/// Writes the file under another name first, so that nobody reads half a mail.
async fn write(folder: &Path, id: &str, bytes: &[u8]) -> std::io::Result<()> {
    let mut maker = tokio::fs::DirBuilder::new();
    maker.recursive(true);
    #[cfg(unix)]
    maker.mode(0o700);
    maker.create(folder).await?;
    let draft = folder.join(format!("{id}.part"));
    let mut options = tokio::fs::OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    options.mode(0o600);
    let mut file = options.open(&draft).await?;
    file.write_all(bytes).await?;
    file.flush().await?;
    // Ids begin with the time: the files stand in the order in which their mails were asked for.
    tokio::fs::rename(&draft, folder.join(format!("{id}.eml"))).await
}

impl Mailer for Folder {
    fn send<'a>(&'a self, mail: &'a OutgoingMail) -> BoxFuture<'a, Result<(), NotSent>> {
        self.store(mail).boxed()
    }
}
