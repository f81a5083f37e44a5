//! Which engines a run of the test suite used, counted over all of its processes.
//!
//! `cargo test` starts one process a test binary and prints nothing of its own at the end, so a machine without
//! PostgreSQL would pass half of the suite and look as green as one that ran all of it. Every test database that is
//! handed out is therefore noted in a file that the processes of one run share (they have the same parent, cargo),
//! and the last test binary in cargo's order, `zz_engines`, prints the sum.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;

use crate::harness::{Doing, Folder, HarnessError};

/// A database engine that the suite runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// How many test databases a run has opened on each engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EngineUse {
    /// Databases on the embedded engine.
    pub sqlite: usize,
    /// Databases on PostgreSQL.
    pub postgres: usize,
}

/// Notes that a test database was handed out.
pub(crate) fn record(engine: Engine) -> Result<(), HarnessError> {
    let mark = match engine {
        Engine::Sqlite => b"S",
        Engine::Postgres => b"P",
    };
    // One byte appended at once: processes that write at the same time cannot tear each other's marks.
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(tally()?)
        .and_then(|mut file| file.write_all(mark))
        .doing(|| "noting which engine a test uses".to_owned())
}

/// What the run that this process belongs to has used until now; the count starts again from zero afterwards.
///
/// # Errors
/// When the shared file cannot be read.
pub fn take_use() -> Result<EngineUse, HarnessError> {
    let path = tally()?;
    let marks = match fs::read(&path) {
        Ok(marks) => marks,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(EngineUse::default()),
        Err(error) => return Err(error).doing(|| format!("reading {}", path.display())),
    };
    fs::remove_file(&path).doing(|| format!("removing {}", path.display()))?;
    let count = |mark: u8| marks.iter().filter(|found| **found == mark).count();
    Ok(EngineUse {
        sqlite: count(b'S'),
        postgres: count(b'P'),
    })
}

fn tally() -> Result<PathBuf, HarnessError> {
    Ok(Folder::open()?.path(&format!("engines-{}", std::os::unix::process::parent_id())))
}
