//! What a process costs, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// The CPU time of a process since its start, threads and ended children included, plus that of its living children: for PostgreSQL the
/// postmaster and all its sessions and workers. It never runs backwards, because a child that ends moves from the living to the ended.
///
/// # Errors
/// When the process is gone.
pub fn cpu(pid: u32) -> anyhow::Result<Duration> {
    let own = Stat::read(pid).with_context(|| format!("process {pid} is gone"))?;
    let mut total = own.ticks;
    for entry in fs::read_dir("/proc")? {
        let Some(other) = entry?.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        // A process that ended since the listing is counted by its parent.
        if let Some(stat) = Stat::read(other)
            && stat.parent == pid
        {
            total += stat.ticks;
        }
    }
    Ok(ticks(total))
}

/// The CPU time of this process and of its ended children: of the load generator, that is.
///
/// # Errors
/// When `/proc` is not there.
pub fn own_cpu() -> anyhow::Result<Duration> {
    Ok(ticks(Stat::read(std::process::id()).context("no /proc")?.ticks))
}

/// The CPU time that the whole machine spent on anything since it started, or that its host took from it.
///
/// # Errors
/// When `/proc` is not there.
pub fn machine_cpu() -> anyhow::Result<Duration> {
    let text = fs::read_to_string("/proc/stat")?;
    Ok(ticks(busy(&text).context("an unknown /proc/stat")?))
}

/// proc_stat(5): user, nice, system, idle, iowait, irq, softirq, steal; what follows is part of the first two.
fn busy(text: &str) -> Option<u64> {
    let fields: Vec<u64> = text
        .lines()
        .next()?
        .split_ascii_whitespace()
        .skip(1)
        .take(8)
        .map_while(|field| field.parse().ok())
        .collect();
    let idle: u64 = fields.get(3..5)?.iter().sum();
    Some(fields.iter().sum::<u64>() - idle)
}

fn ticks(count: u64) -> Duration {
    Duration::from_secs_f64(count as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// The resident memory of a process in KiB.
///
/// # Errors
/// When the process is gone.
pub fn resident_kib(pid: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).with_context(|| format!("process {pid} is gone"))?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

struct Stat {
    parent: u32,
    ticks: u64,
}

impl Stat {
    fn read(pid: u32) -> Option<Self> {
        Self::parse(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    /// `pid (name) state ppid ...`: the name may contain spaces and parentheses, so fields are counted from the last one. proc_pid_stat(5):
    /// the 4th field is the parent, the 14th to 17th are user and system time of the process and of its ended children.
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.rsplit_once(')')?.1.split_ascii_whitespace().skip(1);
        let parent = fields.next()?.parse().ok()?;
        let ticks = fields
            .skip(9)
            .take(4)
            .map(str::parse::<u64>)
            .sum::<Result<_, _>>()
            .ok()?;
        Some(Self { parent, ticks })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = "4711 (a) b (c) S 17 4711 4711 0 -1 4194304 100 0 0 0 250 30 7 5 20 0 4 0 12345 1000000 250 18446744073709551615";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.parent, stat.ticks), (17, 292));
    }

    #[test]
    fn the_machine_is_busy_with_all_but_idling_and_waiting() {
        assert_eq!(
            busy("cpu  100 20 30 5000 600 7 8 9 40 2\ncpu0 1 1 1 1 1 1 1 1 0 0\n"),
            Some(174)
        );
        assert_eq!(busy("nonsense"), None);
    }

    #[test]
    fn work_done_here_is_counted() {
        let before = cpu(std::process::id()).unwrap();
        let started = std::time::Instant::now();
        let mut sum = 0_u64;
        while cpu(std::process::id()).unwrap() < before + Duration::from_millis(50) {
            sum = std::hint::black_box(sum.wrapping_add(1));
            assert!(started.elapsed() < Duration::from_secs(60), "no CPU time was counted");
        }
        assert!(resident_kib(std::process::id()).unwrap() > 100);
        assert!(machine_cpu().unwrap() > own_cpu().unwrap());
    }
}
