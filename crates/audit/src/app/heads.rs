//! The heads of chains, kept outside the database: a tail that was cut off shows.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use db::{Db, DbError};
use kernel::OrganizationId;

use crate::domain::Hash;
use crate::store::seals;

/// The head of an organization's chain at some time, as a line tells it: `ID head SEQUENCE SEAL` of the server, or one of `audit verify`,
/// which has the organization's short name before its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose chain.
    pub organization: OrganizationId,
    /// The number of its last seal.
    pub sequence: i64,
    /// That seal, in hexadecimal.
    pub seal: String,
}

impl Head {
    /// Reads a line; `None` where it does not tell a head.
    #[must_use]
    pub fn read(line: &str) -> Option<Self> {
        let (before, head) = line.rsplit_once(" head ")?;
        let (sequence, seal) = head.split_once(' ')?;
        let organization = match before.split_whitespace().collect::<Vec<_>>().as_slice() {
            [id] | [_, id, ..] => id.parse().ok()?,
            [] => return None,
        };
        Some(Self {
            organization,
            sequence: sequence.parse().ok()?,
            seal: seal.to_owned(),
        })
    }

    /// Whether the chain has this seal at its place. It may be longer by now, also after its tail was cut off.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn is_there(&self, db: &Db) -> Result<bool, DbError> {
        let found = seals::at(db.scope(self.organization), self.sequence).await?;
        Ok(found.is_some_and(|seal| kernel::hexadecimal(&seal) == self.seal))
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} head {} {}", self.organization, self.sequence, self.seal)
    }
}

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
        let head = Head {
            organization,
            sequence,
            seal: kernel::hexadecimal(seal),
        };
        if let Err(error) = self.replace(db, &head).await {
            tracing::warn!(%error, organization = %organization, "the head of a trail cannot be kept in its file");
        }
    }

    async fn replace(&self, db: &Db, head: &Head) -> Result<(), NotKept> {
        let organization = head.organization;
        tokio::fs::create_dir_all(&self.0).await?;
        let (path, draft) = (
            self.0.join(format!("{organization}.head")),
            self.0.join(format!("{organization}.draft")),
        );
        let mut lines = missing(db, organization, &path).await?;
        lines.push_str(&head.to_string());
        lines.push('\n');
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
        let head = Head::read(line).filter(|head| head.organization == organization);
        let is_there = match &head {
            Some(head) => head.is_there(db).await?,
            None => false,
        };
        if !is_there {
            tracing::error!(
                target: "lastro::audit",
                organization = %organization,
                sequence = head.map(|head| head.sequence),
                "a head that was kept is not in the trail any more: its tail was cut off, or an older backup was restored"
            );
            missing.push_str(line);
            missing.push('\n');
        }
    }
    Ok(missing)
}
