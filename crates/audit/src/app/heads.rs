//! The heads of chains, kept outside the database: a tail that was cut off shows.

use std::io;
use std::path::PathBuf;

use kernel::OrganizationId;

use crate::domain::Hash;

/// A folder with a file for each organization, which holds the last seal that this node made. Whoever administers the database
/// must not reach it.
///
/// The composition root provides it as a port; without it heads are in the log alone.
#[derive(Debug, Clone)]
pub struct Heads(pub PathBuf);

impl Heads {
    /// Keeps an organization's head in place of the one before. A failure is told in the log and stops nothing: the head is there too.
    pub(crate) async fn keep(&self, organization: OrganizationId, sequence: i64, seal: &Hash) {
        if let Err(error) = self.write(organization, sequence, seal).await {
            tracing::warn!(%error, organization = %organization, "the head of a trail cannot be kept in its file");
        }
    }

    async fn write(&self, organization: OrganizationId, sequence: i64, seal: &Hash) -> io::Result<()> {
        tokio::fs::create_dir_all(&self.0).await?;
        let (path, draft) = (
            self.0.join(format!("{organization}.head")),
            self.0.join(format!("{organization}.draft")),
        );
        let line = format!("{organization} head {sequence} {}\n", kernel::hexadecimal(seal));
        tokio::fs::write(&draft, line).await?;
        // In one step: whoever reads finds the former head or this one.
        tokio::fs::rename(&draft, &path).await
    }
}
