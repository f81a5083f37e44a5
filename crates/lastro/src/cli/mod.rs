//! The command line: one file a command.

mod args;
mod commands;
mod failure;
mod installation;
mod output;
mod progress;
mod session;

use std::process::ExitCode;

use clap::Parser as _;

pub use args::{Cli, Command};
pub use failure::Failure;

/// Runs the command that the process was called with.
#[must_use]
pub fn main() -> ExitCode {
    match commands::run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) if failure.is_broken_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output::say(&format!("error: {failure}"));
            failure.exit_code()
        }
    }
}
