//! Reading connections, used in place: a point read costs less than handing it to another thread.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use rusqlite::Connection;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::Semaphore;

use super::{Text, open_reader};
use crate::error::DbError;
use crate::row::Sink;
use crate::sql::Sql;
use crate::value::Value;

/// Connections kept open; more are opened when needed and closed after.
const KEPT: usize = 16;
/// Reads outside the point lane that run at a time: each occupies a thread.
const LONG_READS: usize = 4;

/// The readers of one file.
pub(crate) struct Readers {
    path: PathBuf,
    free: Mutex<Vec<Connection>>,
    long: Semaphore,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Self {
        Self {
            path: path.to_path_buf(),
            free: Mutex::default(),
            long: Semaphore::new(LONG_READS),
        }
    }

    /// Runs a statement outside the point lane; how many rows there were.
    pub(crate) async fn read(&self, sql: &Sql<'_>, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let text = Text::of(sql);
        let _turn = self
            .long
            .acquire()
            .await
            .map_err(|error| DbError::Internal(error.to_string()))?;
        // On the multi-threaded runtime the thread's other tasks move away first; a test's single thread just waits.
        if Handle::current().runtime_flavor() == RuntimeFlavor::MultiThread {
            tokio::task::block_in_place(|| self.in_place(text, values, sink))
        } else {
            self.in_place(text, values, sink)
        }
    }

    /// Runs a statement on this thread; how many rows there were.
    pub(crate) fn in_place(&self, text: Text<'_>, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let free = self.free.lock().pop();
        let connection = match free {
            Some(connection) => connection,
            None => open_reader(&self.path)?,
        };
        let result = super::read(&connection, text, values, sink);
        // After an engine error the connection is not kept: it may be the reason.
        if !matches!(&result, Err(DbError::Unavailable(_) | DbError::Inconsistency { .. })) {
            let mut free = self.free.lock();
            if free.len() < KEPT {
                free.push(connection);
            }
        }
        result
    }
}
