//! Child processes that cannot outlive the harness.
//!
//! A [`Child`] is stopped by its pid when it is dropped. For the case that the harness itself is killed, each is started through `setpriv`
//! (util-linux), which asks the kernel to signal it when its parent ends.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

static STOPPED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// How often a wait looks again.
const POLL: Duration = Duration::from_millis(2);

/// From now on SIGINT and SIGTERM end the run in order: children stopped, temporary folder removed.
///
/// # Errors
/// When the handlers cannot be installed.
pub fn stop_on_signals() -> std::io::Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&STOPPED))?;
    }
    Ok(())
}

/// Sleeps for `duration`.
///
/// # Errors
/// When the run was stopped by a signal meanwhile.
pub fn sleep(duration: Duration) -> anyhow::Result<()> {
    let until = Instant::now() + duration;
    loop {
        ensure!(!STOPPED.load(Ordering::Relaxed), "stopped by a signal");
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(());
        }
        std::thread::sleep(left.min(Duration::from_millis(100)));
    }
}

/// Asks `ready` again and again until it answers something, for at most `limit`.
///
/// # Errors
/// The error of `ready`, that time is up, or that the run was stopped by a signal.
pub fn wait_for<T>(
    what: &str,
    limit: Duration,
    mut ready: impl FnMut() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(found) = ready()? {
            return Ok(found);
        }
        ensure!(started.elapsed() < limit, "{what}: not within {} s", limit.as_secs());
        sleep(POLL)?;
    }
}

/// Tells the person at the terminal where the run is.
pub fn progress(line: std::fmt::Arguments<'_>) {
    // Progress that nobody can read is no reason to end a measurement.
    let _ = writeln!(std::io::stderr(), "bench: {line}");
}

/// Runs the command called `name` to its end, its output shown.
///
/// # Errors
/// When it cannot be started or fails.
pub fn run(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {name} (through setpriv)"))?;
    ensure!(status.success(), "{name}: {status}");
    Ok(())
}

/// Runs a command to its end and returns what it printed, trimmed.
///
/// # Errors
/// When it cannot be started, fails (with what it said) or prints what is not UTF-8.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {program}"))?;
    ensure!(
        output.status.success(),
        "{program}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

/// A user to run as; only root can choose one.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of the user's first group.
    pub gid: u32,
}

/// A command that is signalled with `death` (`TERM`, `INT`, `KILL`) when the harness ends, run as `user` where given.
#[must_use]
pub fn tied(program: &Path, death: &str, user: Option<User>) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(User { uid, gid }) = user {
        command
            .arg(format!("--reuid={uid}"))
            .arg(format!("--regid={gid}"))
            .arg("--init-groups");
    }
    command.arg("--pdeathsig").arg(death).arg("--").arg(program);
    command.stdin(Stdio::null());
    command
}

/// A running process, stopped when dropped.
#[derive(Debug)]
pub struct Child {
    inner: std::process::Child,
    name: String,
    stop: Signal,
    log: PathBuf,
}

impl Child {
    /// Starts `command`, both of its outputs into the file `log`; [`Child::stop`] will send `stop`.
    ///
    /// # Errors
    /// When the log cannot be written or the process not be started.
    pub fn start(name: &str, command: &mut Command, log: &Path, stop: Signal) -> anyhow::Result<Self> {
        let file = File::create(log).with_context(|| log.display().to_string())?;
        let inner = command
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {name} (through setpriv)"))?;
        Ok(Self {
            inner,
            name: name.to_owned(),
            stop,
            log: log.to_owned(),
        })
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.inner.id()
    }

    /// What the process printed so far.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn said(&self) -> anyhow::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.log)?).into_owned())
    }

    /// # Errors
    /// When the process has ended, with the end of what it printed.
    pub fn ensure_running(&mut self) -> anyhow::Result<()> {
        match self.inner.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("{} ended: {status}\n{}", self.name, self.last_words()),
        }
    }

    /// Waits for the process to end by itself, at most for `limit`.
    ///
    /// # Errors
    /// When it fails or takes longer.
    pub fn finish(mut self, limit: Duration) -> anyhow::Result<String> {
        let name = self.name.clone();
        let status = wait_for(&name, limit, || Ok(self.inner.try_wait()?))?;
        ensure!(status.success(), "{}: {status}\n{}", self.name, self.last_words());
        self.said()
    }

    /// Asks the process to end and waits for it; kills it when it does not within `grace`.
    ///
    /// # Errors
    /// When it had to be killed or ended badly.
    pub fn stop(mut self, grace: Duration) -> anyhow::Result<()> {
        let status = self.end(grace)?;
        ensure!(status.success(), "{} ended: {status}\n{}", self.name, self.last_words());
        Ok(())
    }

    fn end(&mut self, grace: Duration) -> anyhow::Result<ExitStatus> {
        if let Some(status) = self.inner.try_wait()? {
            return Ok(status);
        }
        kill_process(Pid::from_child(&self.inner), self.stop)?;
        // Not `wait_for`: a run that was stopped by a signal still ends its children in order.
        let started = Instant::now();
        while started.elapsed() < grace {
            if let Some(status) = self.inner.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(POLL);
        }
        self.inner.kill()?;
        Ok(self.inner.wait()?)
    }

    fn last_words(&self) -> String {
        let said = self.said().unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines
            .get(lines.len().saturating_sub(20)..)
            .unwrap_or_default()
            .join("\n")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // The way out of a failed run: the failure is already being told.
        let _ = self.end(Duration::from_secs(10));
    }
}
