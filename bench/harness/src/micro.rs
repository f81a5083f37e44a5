//! The micro-benchmarks of the storage layer: started as `cargo bench`, read back as JSON.

use std::path::Path;

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::process;

/// The variable that names the file for the results.
pub const OUTPUT: &str = "LASTRO_BENCH_MICRO_OUTPUT";
/// The variable that names the folder for the databases.
pub const WORK: &str = "LASTRO_BENCH_WORK";

/// The storage layer against the bare driver, in one case.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pair {
    /// `postgres` or `sqlite`.
    pub engine: String,
    /// What is done.
    pub case: String,
    /// Median time of one operation with the bare driver, in ns.
    pub bare_ns: f64,
    /// Median time of one operation through the storage layer, in ns.
    pub layer_ns: f64,
    /// By how many percent the layer is slower: the median over pairs of blocks that were measured next to each other.
    pub overhead_percent: f64,
    /// Half of the pairs lie between this and `upper_percent`.
    pub lower_percent: f64,
    /// See `lower_percent`.
    pub upper_percent: f64,
    /// How many pairs.
    pub pairs: usize,
    /// What the layer may cost, where there is a goal.
    pub goal_percent: Option<f64>,
}

/// Runs the micro-benchmarks with their databases in `work`: all, or those of the storage layer whose names match `filter`.
///
/// # Errors
/// When they fail.
pub fn run(work: &Path, filter: Option<&str>) -> anyhow::Result<Vec<Pair>> {
    process::progress(format_args!("micro-benchmarks"));
    let file = tempfile::NamedTempFile::new_in(work)?;
    let mut command = process::tied(Path::new("cargo"), "TERM", None);
    command.args(["bench", "--quiet", "--package", "lastro-bench-micro"]);
    if let Some(filter) = filter {
        command.args(["--bench", "storage", "--", filter]);
    }
    process::run("the micro-benchmarks", command.env(OUTPUT, file.path()).env(WORK, work))?;
    read(file.path())
}

/// Reads one pair a line.
fn read(path: &Path) -> anyhow::Result<Vec<Pair>> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}
