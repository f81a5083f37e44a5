//! Load with whatever requests, from `wrk` and the script `requests.lua`.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;

use crate::workspace::Workspace;
use crate::wrk::{Outcome, Script, Wrk};

/// For how long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

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

/// The load generator, with the script in the workspace.
pub(super) struct Load {
    script: Script,
    folder: PathBuf,
    /// Names the loads of this generator apart.
    number: AtomicU64,
}

impl Load {
    /// Writes the script into the workspace.
    pub(super) fn new(workspace: &Workspace) -> anyhow::Result<Self> {
        Ok(Self {
            script: Script::write(workspace, "requests.lua", include_str!("requests.lua"))?,
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
        let log = self.folder.join(format!("wrk-{number}.log"));
        let wrk = Wrk {
            script: &self.script,
            log: &log,
            address,
            threads: connections.min(2),
            connections,
            duration,
            patience: PATIENCE,
        };
        let outcome = wrk.run(&[file.as_ref(), format!("{number:03}").as_ref()]);
        fs::remove_file(file)?;
        outcome
    }
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
    fn work_is_spread_and_its_answers_keep_their_order() {
        let squares = spread(10, 3, |number| Ok(number * number)).unwrap();
        assert_eq!(squares, [0, 1, 4, 9, 16, 25, 36, 49, 64, 81]);
        assert!(spread(10, 3, |number| if number == 7 { bail!("seven") } else { Ok(()) }).is_err());
    }
}
