//! One measurement: `wrk` with the script `load.lua`.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};

use crate::process::{Child, tied};
use crate::workspace::Workspace;

/// Requests that got no good answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errors {
    /// Connections refused or lost while connecting.
    pub connect: u64,
    /// Answers that could not be read.
    pub read: u64,
    /// Requests that could not be sent.
    pub write: u64,
    /// Answers with a status of 400 or more.
    pub status: u64,
    /// Answers that took longer than five seconds.
    pub timeout: u64,
}

impl Errors {
    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.connect + self.read + self.write + self.status + self.timeout
    }
}

/// What the load generator saw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Answers received.
    pub requests: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Half of the answers came within this time.
    pub p50: Duration,
    /// 99 of 100 answers came within this time.
    pub p99: Duration,
    /// Requests that failed.
    pub errors: Errors,
}

impl Outcome {
    /// Answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }
}

/// The load generator with everything that stays the same over a run.
#[derive(Debug)]
pub struct Generator {
    script: PathBuf,
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
        let script = workspace.join("load.lua");
        fs::write(&script, include_str!("load.lua"))?;
        Ok(Self {
            script,
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
        let mut command = tied(Path::new("wrk"), "KILL", None);
        command.args([
            format!("--threads={}", self.threads),
            format!("--connections={}", self.connections),
            format!("--duration={}s", duration.as_secs()),
            "--timeout=5s".to_owned(),
        ]);
        command
            .arg("--script")
            .arg(&self.script)
            .arg(format!("http://{}", target.address))
            .arg("--");
        command.arg(target.requests).arg(target.tokens).arg(tag);
        let wrk = Child::start("wrk", &mut command, &self.log, Signal::KILL)?;
        parse(&wrk.finish(duration + Duration::from_secs(20))?)
    }
}

fn parse(output: &str) -> anyhow::Result<Outcome> {
    #[derive(Deserialize)]
    struct Summary {
        requests: u64,
        micros: u64,
        p50: u64,
        p99: u64,
        connect: u64,
        read: u64,
        write: u64,
        status: u64,
        timeout: u64,
    }
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("SUMMARY "))
        .with_context(|| format!("wrk said:\n{output}"))?;
    let Summary {
        requests,
        micros,
        p50,
        p99,
        connect,
        read,
        write,
        status,
        timeout,
    } = serde_json::from_str(line)?;
    Ok(Outcome {
        requests,
        elapsed: Duration::from_micros(micros),
        p50: Duration::from_micros(p50),
        p99: Duration::from_micros(p99),
        errors: Errors {
            connect,
            read,
            write,
            status,
            timeout,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_found_among_what_wrk_prints() {
        let outcome = parse(
            "Running 5s test\n  2 threads\nSUMMARY {\"requests\":1000,\"micros\":500000,\"p50\":705,\"p99\":5786,\"max\":20379,\"connect\":1,\
             \"read\":2,\"write\":3,\"status\":4,\"timeout\":5}\n",
        )
        .unwrap();
        assert!((outcome.per_second() - 2000.0).abs() < 1e-9);
        assert_eq!(outcome.p99, Duration::from_micros(5786));
        assert_eq!(outcome.errors.total(), 15);
    }

    #[test]
    fn a_run_without_a_summary_is_an_error_that_shows_what_was_said() {
        let error = parse("unable to connect to 127.0.0.1:1 Connection refused").unwrap_err();
        assert!(error.to_string().contains("Connection refused"));
    }
}
