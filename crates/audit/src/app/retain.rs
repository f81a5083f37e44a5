//! Retention: what is older than an organization keeps is written to a signed file and removed.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use contracts::settings::Settings;
use db::{DbError, SystemScope};
use http::{App, StartFailed};
use kernel::{OrganizationId, Timestamp, hexadecimal};

use super::{Config, seal_key};
use crate::domain::{Hash, SealKey, ZERO};
use crate::store::{archives, seals};

/// Why retention looks at all organizations.
const DISCOVERY: SystemScope = SystemScope::new("each organization's audit entries are kept for as long as it says");

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Archives what is past its time, of every organization; how many entries were removed.
///
/// # Errors
/// When settings or rows cannot be read, a file cannot be written, or the owner of the tables cannot be reached. What was
/// archived before stays so; what was not is done at the next run.
pub(crate) async fn retain_all(app: &App) -> Result<u64, StartFailed> {
    let config = app.ports().get::<Config>()?;
    let settings = app.ports().get::<dyn Settings>()?;
    let (key, key_id) = seal_key(app.ports())?;
    let mut removed = 0;
    for organization in seals::sealed_organizations(app.db().system(DISCOVERY)).await? {
        let days = settings.of(organization).await?.audit_retention_days;
        let before = app.generators().now().minus(DAY * days);
        removed += retain(app, &config.archives, &key, &key_id, organization, before).await?;
    }
    Ok(removed)
}

async fn retain(
    app: &App,
    folder: &Path,
    key: &SealKey,
    key_id: &str,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, StartFailed> {
    let scope = || app.db().scope(organization);
    let mut removed = 0;
    loop {
        let after = archives::last(scope()).await?;
        let batches = archives::sealed_before(scope(), after, before).await?;
        let (Some(first), Some(last)) = (batches.first(), batches.last()) else {
            return Ok(removed);
        };
        let name = format!("{organization}-{first:010}-{last:010}.ndjson");
        let mut file = ArchiveFile::begin(folder, &name)?;
        for sequence in &batches {
            for entry in archives::entries(scope(), *sequence).await? {
                file.add(&crate::view::line(entry)?)?;
            }
        }
        let (entries, digest) = file.finish()?;
        let signature = key.sign_archive(organization, *last, &digest);
        write_signature(folder, &name, key_id, &digest, &signature)?;
        let archive = archives::Archive {
            after,
            until: *last,
            entries,
            file: name,
            digest,
            signature,
            archived_at: app.generators().now(),
        };
        match app.db().maintain(organization, archives::replace(&archive)).await {
            Ok(touched) => removed += touched.get(1).copied().unwrap_or_default(),
            // Another node was faster, with the same file.
            Err(DbError::Unique { .. }) => return Ok(removed),
            Err(error) => return Err(error.into()),
        }
    }
}

/// A file that appears under its name when it is whole.
struct ArchiveFile {
    writer: BufWriter<File>,
    hash: Context,
    entries: i64,
    draft: PathBuf,
    path: PathBuf,
}

impl ArchiveFile {
    fn begin(folder: &Path, name: &str) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let draft = folder.join(format!("{name}.part"));
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        Ok(Self {
            writer: BufWriter::new(file),
            hash: Context::new(&SHA256),
            entries: 0,
            draft,
            path: folder.join(name),
        })
    }

    fn add(&mut self, line: &str) -> io::Result<()> {
        self.writer.write_all(line.as_bytes())?;
        self.hash.update(line.as_bytes());
        self.entries += 1;
        Ok(())
    }

    fn finish(self) -> io::Result<(i64, Hash)> {
        let file = self.writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&self.draft, &self.path)?;
        let mut digest = ZERO;
        digest.copy_from_slice(self.hash.finish().as_ref());
        Ok((self.entries, digest))
    }
}

/// The signature stands beside the file, so that the two can be carried away and checked together.
fn write_signature(folder: &Path, name: &str, key_id: &str, digest: &Hash, signature: &Hash) -> io::Result<()> {
    let text = format!(
        "sha256 {}\nhmac-sha256 {}\nkey {key_id}\n",
        hexadecimal(digest),
        hexadecimal(signature)
    );
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(folder.join(format!("{name}.sig")))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}
