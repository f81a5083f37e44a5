//! One measurement: `wrk` with the script `load.lua`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::workspace::Workspace;
use crate::wrk::{Outcome, Script, Wrk};

/// For how long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The load generator with everything that stays the same over a run.
#[derive(Debug)]
pub struct Generator {
    script: Script,
    log: PathBuf,
    connections: usize,
    threads: usize,
}

/// What is driven, and with what.
#[derive(Debug, Clone, Copy)]
pub struct Target<'a> {
    /// The server.
    pub address: SocketAddr,
    /// A file with the requests: a method, the number of a token (from 1) and a path a line.
    pub requests: &'a Path,
    /// A file with one bearer token a line.
    pub tokens: &'a Path,
}

impl Generator {
    /// Writes the script into the workspace.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(workspace: &Workspace, connections: usize, threads: usize) -> anyhow::Result<Self> {
        Ok(Self {
            script: Script::write(workspace, "load.lua", include_str!("load.lua"))?,
            log: workspace.join("wrk.log"),
            connections,
            threads,
        })
    }

    /// Drives the target for `duration` (whole seconds). `tag` keeps the slugs and codes of one load apart from those of the others.
    ///
    /// # Errors
    /// When `wrk` is not installed, fails, or does not end by itself.
    pub fn run(&self, target: Target<'_>, duration: Duration, tag: &str) -> anyhow::Result<Outcome> {
        let wrk = Wrk {
            script: &self.script,
            log: &self.log,
            address: target.address,
            threads: self.threads,
            connections: self.connections,
            duration,
            patience: PATIENCE,
        };
        wrk.run(&[target.requests.as_ref(), target.tokens.as_ref(), tag.as_ref()])
    }
}
