//! `lastro completions`.

use clap::CommandFactory as _;

use super::super::args::{Cli, CompletionsArgs};
use super::super::failure::Failure;
use super::super::output;

pub(super) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "lastro", &mut script);
    output::answer(&String::from_utf8_lossy(&script))?;
    Ok(())
}
