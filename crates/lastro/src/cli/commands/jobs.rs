//! `lastro jobs`.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Context as _;
use http::Jobs;
use organization::Ran;

use super::super::args::JobsCommand;
use super::super::failure::Failure;
use super::super::installation;
use super::super::output;
use super::super::session::{Session, Talk};

pub(super) fn run(file: Option<PathBuf>, command: &JobsCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        let jobs = app.ports().get::<Jobs>()?;
        match command {
            JobsCommand::List => {
                let mut text = String::new();
                for job in jobs.iter() {
                    let every = kernel::format_duration(job.every);
                    writeln!(text, "{:<28} every {every:<5} {}", job.name, job.description)?;
                }
                output::answer(&text)?;
            }
            JobsCommand::Run { name } => {
                let job = jobs
                    .find(name)
                    .with_context(|| format!("there is no job {name}; `lastro jobs list` names them"))?;
                let scheduler = organization::scheduler(app.clone()).await?;
                scheduler.declare().await?;
                match scheduler.attempt_now(job).await? {
                    Ran::Done(done) => output::answer(&format!("{name} is done: {done}\n"))?,
                    Ran::NotNow => anyhow::bail!("another node is at {name}"),
                    Ran::Failed(failure) => anyhow::bail!("{name} failed: {failure}"),
                }
            }
        }
        Ok(())
    })?;
    Ok(())
}
