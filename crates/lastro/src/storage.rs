//! The data folder and the way to the database, with words for what can be wrong with them.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use db::DbConfig;

use crate::config::{Config, Database, DatabaseUrl};

/// Why the data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the data folder {} (LASTRO_DATA_DIR, or the folder of the SQLite file) cannot be written to", path.display())]
pub struct UnusableFolder {
    path: PathBuf,
    source: std::io::Error,
}

/// Makes the data folder, and that of an SQLite file, where they are missing, and sees that they can be written to.
///
/// # Errors
///
/// [`UnusableFolder`], naming the folder.
pub fn prepare_folders(config: &Config) -> Result<(), UnusableFolder> {
    prepare(&config.data_folder)?;
    match sqlite_folder(&config.database.url) {
        Some(folder) if folder != config.data_folder => prepare(&folder),
        _ => Ok(()),
    }
}

/// The folder of an SQLite database's file.
fn sqlite_folder(url: &DatabaseUrl) -> Option<PathBuf> {
    let file = url.file()?;
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    Some(folder.unwrap_or(Path::new(".")).to_owned())
}

fn prepare(folder: &Path) -> Result<(), UnusableFolder> {
    let unusable = |source| UnusableFolder {
        path: folder.to_owned(),
        source,
    };
    // What is inside is customers' data and the master key: nobody else looks.
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(unusable)?;
    // The only way to know is to try: permissions, read-only mounts and full disks all show here.
    let probe = folder.join(format!(".lastro-{}.probe", std::process::id()));
    let written = std::fs::write(&probe, b"lastro");
    // On a full disk the name is there and its content is not: it goes in any case.
    let removed = std::fs::remove_file(&probe);
    written.and(removed).map_err(unusable)
}

/// What the `db` crate needs to know.
#[must_use]
pub fn db_config(database: &Database) -> DbConfig {
    let address = |url: &DatabaseUrl| url.expose().to_owned();
    DbConfig {
        migration_url: Some(address(&database.migration_url)),
        replica_url: database.replica_url.as_ref().map(address),
        direct_url: database.direct_url.as_ref().map(address),
        ..DbConfig::new(address(&database.url))
    }
}
