//! Copying the embedded database while it is in use. PostgreSQL brings its own tools for that.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::config::sqlite_path;
use crate::error::DbError;
use crate::sqlite::{open_reader, open_writer};

/// Pages copied at a time; between two steps writers go on.
const PAGES: std::ffi::c_int = 1_024;

/// Why a copy was not made.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The engine refused.
    #[error(transparent)]
    Database(#[from] DbError),
    /// A file could not be used.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Another process has the database open.
    #[error("{0} is in use; stop every server on it first")]
    InUse(String),
    /// The copy is not a sound database.
    #[error("the file is not a sound database: {0}")]
    Unsound(String),
}

/// Copies the database at `url` into `file` with the engine's online backup; the server may go on writing. The copy appears
/// under its name only when it is whole and checked. `progress` is told (pages copied, pages in all).
///
/// # Errors
/// [`BackupError`].
pub fn sqlite_backup(url: &str, file: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    let source = open_reader(&sqlite_path(url)?)?;
    copy_checked(&source, file, progress)
}

/// Replaces the database at `url` by the copy in `file`. No server may have it open. The present database stays until the copy
/// is whole and checked.
///
/// # Errors
/// [`BackupError`].
pub fn sqlite_restore(file: &Path, url: &str, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    let target = sqlite_path(url)?;
    let source = open_reader(file)?;
    sound(&source)?;
    unused(&target)?;
    copy_checked(&source, &target, progress)
}

/// Removes what SQLite keeps beside a database file: its log and the log's index.
fn remove_log(database: &Path) -> Result<(), BackupError> {
    for ending in ["-wal", "-shm", "-journal"] {
        let mut name = database.to_path_buf().into_os_string();
        name.push(ending);
        remove(Path::new(&name))?;
    }
    Ok(())
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(BackupError::File {
            path: path.display().to_string(),
            source,
        }),
        _ => Ok(()),
    }
}

/// Whether nobody has the database open: folding its write-ahead log into it takes the file alone. A server that went on writing
/// to a file that was replaced would lose what it acknowledges.
fn unused(target: &Path) -> Result<(), BackupError> {
    if !target.exists() {
        return Ok(());
    }
    let folded =
        open_writer(target).and_then(|connection| Ok(connection.pragma_update(None, "journal_mode", "DELETE")?));
    match folded {
        Err(DbError::Busy { .. }) => Err(BackupError::InUse(target.display().to_string())),
        // A damaged file is a reason to restore, not to refuse it.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn copy_checked(source: &Connection, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    let mut partial = target.to_path_buf().into_os_string();
    partial.push(".partial");
    let partial = Path::new(&partial);
    let placed = copy_into(source, partial, progress).and_then(|()| place(partial, target));
    if placed.is_err() {
        // The reason is reported; a leftover that cannot be removed is visible beside the target.
        let _leftover = remove(partial).and_then(|()| remove_log(partial));
    }
    placed
}

/// Gives the finished copy its name.
fn place(partial: &Path, target: &Path) -> Result<(), BackupError> {
    // A log of the database that is replaced must not be read into the new one. It is empty of what matters: see `unused`.
    remove_log(target)?;
    let folder = match target.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    std::fs::File::open(partial)
        .and_then(|partial| partial.sync_all())
        .and_then(|()| std::fs::rename(partial, target))
        // The name is in the folder, and survives a power cut only with it.
        .and_then(|()| std::fs::File::open(folder)?.sync_all())
        .map_err(|source| BackupError::File {
            path: target.display().to_string(),
            source,
        })
}

fn copy_into(source: &Connection, target: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<(), BackupError> {
    // What an earlier copy left behind when it was killed.
    remove(target)?;
    remove_log(target)?;
    let mut copy = open_writer(target)?;
    // One state of the source, however long the copy takes: without it, each foreign commit would begin the copy anew, and on a
    // busy server it would never end.
    source
        .execute_batch("BEGIN; SELECT 1 FROM sqlite_master")
        .map_err(DbError::from)?;
    let copied = copy_pages(source, &mut copy, progress);
    source.execute_batch("ROLLBACK").map_err(DbError::from)?;
    copied?;
    sound(&copy)?;
    // One file that is complete by itself: no log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")
        .map_err(DbError::from)?;
    copy.close().map_err(|(_, error)| DbError::from(error))?;
    Ok(())
}

fn copy_pages(
    source: &Connection,
    copy: &mut Connection,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<(), BackupError> {
    let backup = Backup::new(source, copy).map_err(DbError::from)?;
    loop {
        let step = backup.step(PAGES).map_err(DbError::from)?;
        let state = backup.progress();
        let total = u64::try_from(state.pagecount).unwrap_or(0);
        progress(total.saturating_sub(u64::try_from(state.remaining).unwrap_or(0)), total);
        match step {
            StepResult::Done => return Ok(()),
            StepResult::Busy | StepResult::Locked => std::thread::sleep(Duration::from_millis(50)),
            _ => {}
        }
    }
}

fn sound(connection: &Connection) -> Result<(), BackupError> {
    let verdict: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(DbError::from)?;
    if verdict == "ok" {
        Ok(())
    } else {
        Err(BackupError::Unsound(verdict))
    }
}
