//! The key that encrypts secrets at rest: configured, or in development made once and kept in the data folder.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use kernel::Random;

use db::{Db, DbError};
use vault::{MasterKey, Sealer};

use crate::app;
use crate::config::Config;

/// The file in the data folder.
pub const FILE: &str = "master.key";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file cannot be read or written.
    #[error("the master key {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file holds something else.
    #[error("{} does not hold a master key, 32 bytes as base64", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

/// The configured key, else the one in the data folder, which is made from `random` when there is none.
///
/// # Errors
///
/// [`MasterKeyError`]. An unreadable file is never replaced: what it encrypted would be lost.
pub fn obtain(config: &Config, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
    match &config.master_key {
        Some(key) => Ok(key.clone()),
        None => {
            let path = config.data_folder.join(FILE);
            match read(&path)? {
                Some(key) => Ok(key),
                None => make(&path, random),
            }
        }
    }
}

/// The configured key, else the one in the data folder; `None` when there is none yet.
///
/// # Errors
///
/// [`MasterKeyError`].
pub fn at_hand(config: &Config) -> Result<Option<MasterKey>, MasterKeyError> {
    match &config.master_key {
        Some(key) => Ok(Some(key.clone())),
        None => read(&config.data_folder.join(FILE)),
    }
}

/// What in the database does not open under the keys that are here, each with the reason; empty when everything does. The database
/// is at this program's version.
///
/// # Errors
///
/// [`DbError`].
pub async fn closed(db: &Db, sealer: &Sealer) -> Result<Vec<String>, DbError> {
    let mut closed = Vec::new();
    for column in app::modules().iter().flat_map(|module| &module.sealed) {
        if let Some(why) = http::why_closed(db, sealer, column).await? {
            closed.push(format!("{}: {why}", column.name));
        }
    }
    Ok(closed)
}

/// Whether the keys that an installation has open the secrets of its database; in words for the operator when they do not. Without a key,
/// the next start would make a new one, which would open none.
///
/// # Errors
///
/// [`DbError`].
pub async fn why_unfit(
    config: &Config,
    key: Option<MasterKey>,
    db: &Db,
    random: &dyn Random,
) -> Result<Option<String>, DbError> {
    let is_missing = key.is_none();
    let key = key.unwrap_or_else(|| MasterKey::generate(random));
    let closed = closed(db, &Sealer::new(key, config.former_master_keys.clone())).await?;
    Ok(match (closed.is_empty(), is_missing) {
        (true, _) => None,
        (false, true) => Some(
            "there is no master key here, and the database holds secrets: set LASTRO_MASTER_KEY to theirs".to_owned(),
        ),
        (false, false) => Some(format!(
            "the master key at hand does not open the database's secrets ({}): set LASTRO_MASTER_KEY, or LASTRO_MASTER_KEY_PREVIOUS, \
             to the one they were sealed under",
            closed.join("; ")
        )),
    })
}

/// The key in a file; `None` when there is no file.
///
/// # Errors
///
/// [`MasterKeyError`] when the file is there and of no use.
pub fn read(path: &Path) -> Result<Option<MasterKey>, MasterKeyError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(MasterKeyError::File {
                path: path.to_owned(),
                source,
            });
        }
    };
    text.parse()
        .map(Some)
        .map_err(|_| MasterKeyError::Unreadable { path: path.to_owned() })
}

fn make(path: &Path, random: &dyn Random) -> Result<MasterKey, MasterKeyError> {
    let failed = |source| MasterKeyError::File {
        path: path.to_owned(),
        source,
    };
    let key = MasterKey::generate(random);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(mut file) => {
            file.write_all(format!("{}\n", key.to_text().as_str()).as_bytes())
                .map_err(failed)?;
            file.sync_all().map_err(failed)?;
            Ok(key)
        }
        // Another node on the same folder was faster: its key is the key.
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            read(path)?.ok_or_else(|| MasterKeyError::Unreadable { path: path.to_owned() })
        }
        Err(source) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let made = make(&path, &SeededRandom::new(1)).unwrap();
        let again = make(&path, &SeededRandom::new(2)).unwrap();
        assert_eq!(made.id(), again.id());
        assert_eq!(read(&path).unwrap().unwrap().id(), made.id());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_file_with_something_else_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, "hunter2").unwrap();
        let error = read(&path).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
        assert!(make(&path, &SeededRandom::new(1)).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "hunter2");
    }
}
