//! Administrative statements through the server's own client.
//!
//! Only the crate `db` may name a driver, and the harness should not depend on the code it tests anyway. One `psql`
//! stays open per test process: a statement then costs a round trip, not a process.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

use super::cluster::clean_command;
use crate::harness::{Doing, HarnessError, nonce};

/// An open session of the superuser.
#[derive(Debug)]
pub(super) struct Psql {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Ends each answer; not to be guessed, so that no row looks like it.
    marker: String,
}

impl Psql {
    /// Connects to `url` with the client `program`.
    ///
    /// # Errors
    /// When the client is not there or the server refuses; the client's own words are in the text.
    pub(super) fn connect(program: &Path, url: &str) -> Result<Self, HarnessError> {
        let arguments = [
            "--no-psqlrc",
            "--quiet",
            "--no-align",
            "--tuples-only",
            "--no-password",
            "--dbname",
        ];
        let probe = clean_command(program)
            .args(arguments)
            .arg(OsString::from(url))
            .args(["--command", "SELECT 1"])
            .output()
            .doing(|| format!("running {}", program.display()))?;
        if !probe.status.success() {
            return Err(HarnessError::new(format!(
                "PostgreSQL does not answer: {}",
                String::from_utf8_lossy(&probe.stderr).trim()
            )));
        }
        let mut child = clean_command(program)
            .args(arguments)
            .arg(OsString::from(url))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .doing(|| format!("running {}", program.display()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(HarnessError::new("psql has no input or output"));
        };
        Ok(Self {
            child,
            input,
            output: BufReader::new(output),
            marker: nonce()?,
        })
    }

    /// Runs one statement and returns its rows, fields separated by `|`.
    ///
    /// # Errors
    /// The server's message with its SQLSTATE, or that the session was lost.
    pub(super) fn execute(&mut self, statement: &str) -> Result<Vec<String>, HarnessError> {
        let marker = self.marker.clone();
        // An empty statement after the real one would reset the error that is asked for next.
        let statement = statement.trim_end().trim_end_matches(';');
        let script = format!(
            "{statement}\n;\n\\echo {marker} rows\n\\echo :SQLSTATE :LAST_ERROR_MESSAGE\n\\echo {marker} end\n"
        );
        self.input
            .write_all(script.as_bytes())
            .and_then(|()| self.input.flush())
            .doing(|| "writing to psql".to_owned())?;
        let rows = self.read_until(&format!("{marker} rows"))?;
        let complaint = self.read_until(&format!("{marker} end"))?;
        if complaint.first().is_some_and(|line| line.starts_with("00000")) {
            return Ok(rows);
        }
        Err(HarnessError::new(format!("{} (in: {statement})", complaint.join(" "))))
    }

    /// The lines before the line `end`.
    fn read_until(&mut self, end: &str) -> Result<Vec<String>, HarnessError> {
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            if self
                .output
                .read_line(&mut line)
                .doing(|| "reading from psql".to_owned())?
                == 0
            {
                return Err(HarnessError::new("the session with PostgreSQL was lost"));
            }
            let line = line.trim_end_matches('\n');
            if line == end {
                return Ok(lines);
            }
            lines.push(line.to_owned());
        }
    }
}

impl Drop for Psql {
    fn drop(&mut self) {
        // It holds nothing that needs an orderly end, and an ended process must be waited for.
        if self.child.kill().is_ok() {
            self.child.wait().ok();
        }
    }
}
