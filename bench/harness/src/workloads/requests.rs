//! Load with whatever requests, from `wrk` and the script `requests.lua`.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::Signal;
use serde::Deserialize;
use serde_json::Value;

use crate::process::{Child, tied};
use crate::workspace::Workspace;

/// A request. `{n}` in its path or body becomes digits that no other request has.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) method: &'static str,
    pub(super) path: String,
    pub(super) token: String,
    pub(super) body: String,
}

impl Request {
    pub(super) fn get(path: impl Into<String>, token: impl Into<String>) -> Self {
        Self {
            method: "GET",
            path: path.into(),
            token: token.into(),
            body: String::new(),
        }
    }

    pub(super) fn post(path: impl Into<String>, token: impl Into<String>, body: &Value) -> Self {
        Self {
            method: "POST",
            path: path.into(),
            token: token.into(),
            body: body.to_string(),
        }
    }
}

/// What `wrk` saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) struct Outcome {
    /// Answers received.
    pub(super) requests: u64,
    micros: u64,
    p50: u64,
    p99: u64,
    max: u64,
    connect: u64,
    read: u64,
    write: u64,
    /// Answers with a status of 400 or more.
    pub(super) status: u64,
    timeout: u64,
}

impl Outcome {
    /// How long it took.
    pub(super) fn elapsed(&self) -> Duration {
        Duration::from_micros(self.micros)
    }

    /// Half of the answers came within this time.
    pub(super) fn p50(&self) -> Duration {
        Duration::from_micros(self.p50)
    }

    /// 99 of 100 answers came within this time.
    pub(super) fn p99(&self) -> Duration {
        Duration::from_micros(self.p99)
    }

    /// All answers came within this time.
    pub(super) fn most(&self) -> Duration {
        Duration::from_micros(self.max)
    }

    /// Answers with a status below 400.
    pub(super) fn good(&self) -> u64 {
        self.requests.saturating_sub(self.status)
    }

    /// # Errors
    /// When a request failed, or none was answered: a rate of failures is not the rate of the work.
    pub(super) fn all_good(self, what: &str) -> anyhow::Result<Self> {
        ensure!(self.requests > 0, "{what}: not one answer");
        let broken = self.connect + self.read + self.write + self.timeout;
        ensure!(
            broken + self.status == 0,
            "{what}: {} answers of 400 or more and {broken} without an answer, of {}",
            self.status,
            self.requests
        );
        Ok(self)
    }
}

/// The load generator, with the script in the workspace.
pub(super) struct Load {
    script: PathBuf,
    folder: PathBuf,
    /// Names the loads of this generator apart.
    number: AtomicU64,
}

impl Load {
    /// Writes the script into the workspace.
    pub(super) fn new(workspace: &Workspace) -> anyhow::Result<Self> {
        let script = workspace.join("requests.lua");
        fs::write(&script, include_str!("requests.lua"))?;
        Ok(Self {
            script,
            folder: workspace.path().to_owned(),
            number: AtomicU64::new(0),
        })
    }

    /// Sends these requests over so many connections, each answered before the next is sent, for whole seconds. Refusals are counted.
    ///
    /// # Errors
    /// When `wrk` is not installed, fails, or does not end by itself.
    pub(super) fn run(
        &self,
        address: SocketAddr,
        requests: &[Request],
        connections: usize,
        duration: Duration,
    ) -> anyhow::Result<Outcome> {
        let number = self.number.fetch_add(1, Ordering::Relaxed);
        let file = self.folder.join(format!("requests-{number}"));
        let mut lines = String::new();
        for request in requests {
            let Request {
                method,
                path,
                token,
                body,
            } = request;
            if [path, token, body].iter().any(|text| text.contains(['\t', '\n'])) {
                bail!("a request cannot have tabs or line breaks: {method} {path}");
            }
            writeln!(lines, "{method}\t{path}\t{token}\t{body}")?;
        }
        fs::write(&file, lines)?;
        let mut command = tied(Path::new("wrk"), "KILL", None);
        command.args([
            format!("--threads={}", connections.min(2)),
            format!("--connections={connections}"),
            format!("--duration={}s", duration.as_secs()),
            "--timeout=10s".to_owned(),
        ]);
        command.arg("--script").arg(&self.script);
        command.arg(format!("http://{address}")).arg("--");
        command.arg(&file).arg(format!("{number:03}"));
        let log = self.folder.join(format!("wrk-{number}.log"));
        let wrk = Child::start("wrk", &mut command, &log, Signal::KILL)?;
        let said = wrk.finish(duration + Duration::from_secs(30))?;
        fs::remove_file(file)?;
        parse(&said)
    }
}

fn parse(output: &str) -> anyhow::Result<Outcome> {
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("SUMMARY "))
        .with_context(|| format!("wrk said:\n{output}"))?;
    Ok(serde_json::from_str(line)?)
}

/// Does `work` for every number below `count`, on several threads; the answers in the order of the numbers.
///
/// # Errors
/// The first failure.
pub(super) fn spread<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> anyhow::Result<T> + Sync,
) -> anyhow::Result<Vec<T>> {
    let work = &work;
    let share = |first: usize| -> anyhow::Result<Vec<(usize, T)>> {
        (first..count)
            .step_by(threads)
            .map(|number| {
                crate::process::sleep(Duration::ZERO)?;
                Ok((number, work(number)?))
            })
            .collect()
    };
    let share = &share;
    let shares = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|first| scope.spawn(move || share(first))).collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("a thread panicked")))
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let mut done: Vec<(usize, T)> = shares.into_iter().flatten().collect();
    done.sort_by_key(|(number, _)| *number);
    Ok(done.into_iter().map(|(_, answer)| answer).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_with_refusals_is_no_rate() {
        let outcome = parse(
            "Running\nSUMMARY {\"requests\":1000,\"micros\":500000,\"p50\":705,\"p99\":5786,\"max\":20379,\"connect\":0,\"read\":0,\
             \"write\":0,\"status\":4,\"timeout\":0}\n",
        )
        .unwrap();
        assert_eq!((outcome.good(), outcome.elapsed()), (996, Duration::from_millis(500)));
        assert!(outcome.all_good("reads").is_err());
        assert!(Outcome { status: 0, ..outcome }.all_good("reads").is_ok());
        assert!(parse("unable to connect").unwrap_err().to_string().contains("unable"));
    }

    #[test]
    fn work_is_spread_and_its_answers_keep_their_order() {
        let squares = spread(10, 3, |number| Ok(number * number)).unwrap();
        assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
        assert!(spread(10, 3, |number| if number == 7 { bail!("seven") } else { Ok(()) }).is_err());
    }
}
