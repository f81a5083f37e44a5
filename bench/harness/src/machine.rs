//! What a number depends on: the machine and the versions.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde::{Deserialize, Serialize};

use crate::subject::Subject;
use crate::{postgres, process};

/// What a number depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Circumstances {
    /// When the run began, UTC.
    pub date: String,
    /// The machine.
    pub machine: Machine,
    /// What was measured and what measured it.
    pub versions: Vec<(String, String)>,
}

impl Circumstances {
    /// Looks around; `work` is the folder for the databases, `subjects` are the servers.
    ///
    /// # Errors
    /// When the machine or a version cannot be read, or as [`Machine::look`].
    pub fn look(work: &Path, allow_memory_disk: bool, subjects: &[Subject]) -> anyhow::Result<Self> {
        let mut versions = versions()?;
        for subject in subjects {
            if let Ok(version) = subject.kind.version() {
                versions.push((subject.name.clone(), version));
            }
        }
        Ok(Self {
            date: jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC").to_string(),
            machine: Machine::look(work, allow_memory_disk)?,
            versions,
        })
    }
}

/// The machine of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors that a program may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// Version of the Linux kernel.
    pub kernel: String,
    /// Kind of the file system that the databases were on.
    pub file_system: String,
    /// Median time to write 4 KiB and have it on the disk, in µs: the floor of every commit.
    pub sync_micros: u64,
}

impl Machine {
    /// Looks at the machine; `work` is the folder for the databases.
    ///
    /// # Errors
    /// When `/proc` is not there or `work` is not writable; when it is in memory and `allow_memory_disk` does not say that this is known.
    pub fn look(work: &Path, allow_memory_disk: bool) -> anyhow::Result<Self> {
        let information = fs::read_to_string("/proc/cpuinfo")?;
        let cpu = field(&information, "model name").unwrap_or("unknown").to_owned();
        let memory = fs::read_to_string("/proc/meminfo")?;
        let memory_kib: u64 = field(&memory, "MemTotal")
            .context("no MemTotal")?
            .trim_end_matches(" kB")
            .parse()?;
        let file_system = process::output(Command::new("stat").args(["--file-system", "--format=%T"]).arg(work))?;
        ensure!(
            allow_memory_disk || !matches!(file_system.as_str(), "tmpfs" | "ramfs"),
            "{} is in memory, where a commit costs nothing: choose a folder on a disk with --work, or say --allow-memory-disk",
            work.display()
        );
        Ok(Self {
            cpu,
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: memory_kib / 1024,
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")?.trim().to_owned(),
            file_system,
            sync_micros: u64::try_from(sync_time(work)?.as_micros())?,
        })
    }
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.trim_start().strip_prefix(':'))
        .map(str::trim)
}

/// The median of 100 writes of 4 KiB, each followed by `fdatasync`.
fn sync_time(work: &Path) -> anyhow::Result<Duration> {
    let mut file: File = tempfile::tempfile_in(work)?;
    let mut times = Vec::with_capacity(100);
    for _ in 0..100 {
        let started = Instant::now();
        file.seek(SeekFrom::Start(0))?;
        file.write_all(&[7; 4096])?;
        file.sync_data()?;
        times.push(started.elapsed());
    }
    times.sort();
    times.get(times.len() / 2).copied().context("nothing was measured")
}

/// The versions of what measures, by name.
fn versions() -> anyhow::Result<Vec<(String, String)>> {
    let mut versions = vec![
        (
            "rustc".to_owned(),
            process::output(Command::new("rustc").arg("--version"))?,
        ),
        ("wrk".to_owned(), wrk()?),
        ("commit".to_owned(), commit()?),
    ];
    // Without PostgreSQL a run on SQLite is still a run.
    if let Ok(version) = postgres::version() {
        versions.push(("PostgreSQL".to_owned(), version));
    }
    Ok(versions)
}

/// `wrk -v` prints its version and fails.
fn wrk() -> anyhow::Result<String> {
    let output = Command::new("wrk")
        .arg("-v")
        .output()
        .context("wrk is not installed (Debian: apt install wrk)")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .lines()
        .next()
        .unwrap_or_default()
        .split(" [")
        .next()
        .unwrap_or_default()
        .to_owned())
}

fn commit() -> anyhow::Result<String> {
    let commit = process::output(Command::new("git").args(["rev-parse", "--short=12", "HEAD"]))?;
    let changed = process::output(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]))?;
    Ok(if changed.is_empty() {
        commit
    } else {
        format!("{commit} with uncommitted changes")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_with_tabs_before_the_colon() {
        assert_eq!(
            field("vendor_id\t: X\nmodel name\t: Some CPU @ 2 GHz\n", "model name"),
            Some("Some CPU @ 2 GHz")
        );
        assert_eq!(field("MemTotal:       24000000 kB\n", "MemTotal"), Some("24000000 kB"));
    }

    #[test]
    fn a_disk_in_memory_is_refused_unless_it_is_known() {
        let memory = Path::new("/dev/shm");
        if memory.is_dir() {
            assert!(
                Machine::look(memory, false)
                    .unwrap_err()
                    .to_string()
                    .contains("--allow-memory-disk")
            );
            assert_eq!(Machine::look(memory, true).unwrap().file_system, "tmpfs");
        }
        let disk = Machine::look(&std::env::temp_dir(), true).unwrap();
        assert!(disk.memory_mib > 0 && disk.cores > 0);
    }
}
