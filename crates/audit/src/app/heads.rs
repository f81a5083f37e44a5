//! The heads of chains, kept outside the database: a tail that was cut off shows.

use std::io;
use std::path::{Path, PathBuf};

use db::{Db, DbError};
use kernel::OrganizationId;

use super::seal_at;
use crate::domain::Hash;

/// A folder with a file for each organization, which holds the last seal that this node made. Whoever administers the database
/// must not reach it.
///
/// The composition root provides it as a port; without it heads are in the log alone.
#[derive(Debug, Clone)]
pub struct Heads(pub PathBuf);

#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    File(#[from] io::Error),
    #[error(transparent)]
    Storage(#[from] DbError),
}

impl Heads {
    /// Keeps an organization's head. It takes the place of the one before, if that is still in the chain: one that is missing shows that
    /// something was cut off, and stays in the file for as long as nobody removes it. A failure is told in the log and stops nothing:
    /// the head is there too.
    pub(crate) async fn keep(&self, db: &Db, organization: OrganizationId, sequence: i64, seal: &Hash) {
        if let Err(error) = self.replace(db, organization, sequence, seal).await {
            tracing::warn!(%error, organization = %organization, "the head of a trail cannot be kept in its file");
        }
    }

    async fn replace(&self, db: &Db, organization: OrganizationId, sequence: i64, seal: &Hash) -> Result<(), NotKept> {
        tokio::fs::create_dir_all(&self.0).await?;
        let (path, draft) = (
            self.0.join(format!("{organization}.head")),
            self.0.join(format!("{organization}.draft")),
        );
        let mut lines = missing(db, organization, &path).await?;
        let head = format!("{organization} head {sequence} {}\n", kernel::hexadecimal(seal));
        lines.push_str(&head);
        tokio::fs::write(&draft, lines).await?;
        // In one step: whoever reads finds the former head or this one.
        Ok(tokio::fs::rename(&draft, &path).await?)
    }
}

/// The lines of a file whose heads are not in the organization's chain.
async fn missing(db: &Db, organization: OrganizationId, path: &Path) -> Result<String, NotKept> {
    let kept = match tokio::fs::read_to_string(path).await {
        Ok(kept) => kept,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(String::new()),
        Err(error) => return Err(error.into()),
    };
    let mut missing = String::new();
    for line in kept.lines() {
        let mut fields = line.rsplit(' ');
        let (seal, sequence) = (fields.next(), fields.next().and_then(|sequence| sequence.parse().ok()));
        let there = match sequence {
            Some(sequence) => seal_at(db, organization, sequence).await?,
            None => None,
        };
        if there.is_none() || there.as_deref() != seal {
            tracing::error!(
                target: "lastro::audit",
                organization = %organization,
                sequence,
                "a head that was kept is not in the trail any more: its tail was cut off, or an older backup was restored"
            );
            missing.push_str(line);
            missing.push('\n');
        }
    }
    Ok(missing)
}
