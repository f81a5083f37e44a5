//! `lastro doctor`.

use std::fmt::Write as _;
use std::path::PathBuf;

use super::super::failure::Failure;
use super::super::output;
use super::super::session::{Session, Talk};
use crate::config::{Loaded, Origin};
use crate::doctor::{self, Finding, Verdict};
use crate::postgres_tools::Tools;

pub(super) fn run(file: Option<PathBuf>) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    let tools = Tools::in_path(&session.search_path);
    let mut findings = vec![configuration(&session.loaded)];
    findings.extend(session.runtime.block_on(doctor::examine(session.config(), &tools)));
    let mut text = String::new();
    for finding in &findings {
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>7}  {:<14} {}",
            finding.verdict, finding.subject, finding.words
        );
    }
    output::answer(&text)?;
    match findings
        .iter()
        .filter(|finding| finding.verdict == Verdict::Failed)
        .count()
    {
        0 => Ok(()),
        1 => Err(anyhow::anyhow!("one thing keeps the server from working").into()),
        count => Err(anyhow::anyhow!("{count} things keep the server from working").into()),
    }
}

/// That it is valid is known: the session would not have begun.
fn configuration(loaded: &Loaded) -> Finding {
    let chosen = loaded
        .effective
        .iter()
        .filter(|entry| entry.origin != Origin::Default)
        .count();
    let words = format!("valid, {chosen} of {} keys set", loaded.effective.len());
    match loaded.warnings.as_slice() {
        [] => Finding::fine("configuration", words),
        warnings => Finding::doubtful("configuration", format!("{words}; {}", warnings.join("; "))),
    }
}
