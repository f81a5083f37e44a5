//! `wrk`, the load generator: one load with a script, and what came of it.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
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
    /// Answers that took longer than they were waited for.
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
    /// All answers came within this time.
    pub most: Duration,
    /// Requests that failed.
    pub errors: Errors,
}

impl Outcome {
    /// Answers a second.
    #[must_use]
    pub fn per_second(&self) -> f64 {
        self.requests as f64 / self.elapsed.as_secs_f64()
    }

    /// Answers with a status below 400.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.requests.saturating_sub(self.errors.status)
    }

    /// # Errors
    /// When a request failed, or none was answered: a rate of failures is not the rate of the work.
    pub fn all_good(self, what: &str) -> anyhow::Result<Self> {
        ensure!(self.requests > 0, "{what}: not one answer");
        let Errors { status, .. } = self.errors;
        ensure!(
            self.errors.total() == 0,
            "{what}: {status} answers of 400 or more and {} without an answer, of {}",
            self.errors.total() - status,
            self.requests
        );
        Ok(self)
    }
}

/// A script in the workspace: what every load has, and what the requests of this one are.
#[derive(Debug)]
pub(crate) struct Script(PathBuf);

impl Script {
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write(workspace: &Workspace, name: &str, requests: &str) -> anyhow::Result<Self> {
        let path = workspace.join(name);
        fs::write(&path, [include_str!("wrk.lua"), requests].concat())?;
        Ok(Self(path))
    }
}

/// One load.
#[derive(Debug)]
pub(crate) struct Wrk<'a> {
    pub(crate) script: &'a Script,
    pub(crate) log: &'a Path,
    pub(crate) address: SocketAddr,
    pub(crate) threads: usize,
    pub(crate) connections: usize,
    /// Whole seconds.
    pub(crate) duration: Duration,
    /// For how long an answer is waited for, in whole seconds.
    pub(crate) patience: Duration,
}

impl Wrk<'_> {
    /// Runs it, with `arguments` for the script.
    ///
    /// # Errors
    /// When `wrk` is not installed, fails, or does not end by itself.
    pub(crate) fn run(&self, arguments: &[&OsStr]) -> anyhow::Result<Outcome> {
        let mut command = tied(Path::new("wrk"), "KILL", None);
        command.args([
            format!("--threads={}", self.threads),
            format!("--connections={}", self.connections),
            format!("--duration={}s", self.duration.as_secs()),
            format!("--timeout={}s", self.patience.as_secs()),
        ]);
        command
            .arg("--script")
            .arg(&self.script.0)
            .arg(format!("http://{}", self.address))
            .arg("--")
            .args(arguments);
        let wrk = Child::start("wrk", &mut command, self.log, Signal::KILL)?;
        parse(&wrk.finish(self.duration + 2 * self.patience + Duration::from_secs(10))?)
    }
}

fn parse(output: &str) -> anyhow::Result<Outcome> {
    #[derive(Deserialize)]
    struct Summary {
        requests: u64,
        micros: u64,
        p50: u64,
        p99: u64,
        max: u64,
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
        max,
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
        most: Duration::from_micros(max),
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
    fn an_outcome_with_refusals_is_no_rate() {
        let outcome = parse(
            "Running\nSUMMARY {\"requests\":1000,\"micros\":500000,\"p50\":705,\"p99\":5786,\"max\":20379,\"connect\":0,\"read\":0,\
             \"write\":0,\"status\":4,\"timeout\":0}\n",
        )
        .unwrap();
        assert_eq!((outcome.good(), outcome.elapsed), (996, Duration::from_millis(500)));
        assert!(outcome.all_good("reads").is_err());
        let errors = Errors::default();
        assert!(Outcome { errors, ..outcome }.all_good("reads").is_ok());
        assert!(parse("unable to connect").unwrap_err().to_string().contains("unable"));
    }

    #[test]
    fn a_run_without_a_summary_is_an_error_that_shows_what_was_said() {
        let error = parse("unable to connect to 127.0.0.1:1 Connection refused").unwrap_err();
        assert!(error.to_string().contains("Connection refused"));
    }
}
