//! What each command does.

mod access_matrix;
mod audit;
mod backup;
mod completions;
mod config;
mod doctor;
mod jobs;
mod keys;
mod migrate;
mod openapi;
mod restore;
mod seed;
mod serve;
mod usage;

use super::args::{Cli, Command};
use super::failure::Failure;

/// Runs one command to its end.
pub(super) fn run(cli: Cli) -> Result<(), Failure> {
    let file = cli.config;
    match cli.command {
        Command::Serve(args) => serve::run(file, &args),
        Command::Migrate(args) => migrate::run(file, &args),
        Command::Seed => seed::run(file),
        Command::Config(command) => config::run(file, &command),
        Command::Openapi => openapi::run(),
        Command::AccessMatrix => access_matrix::run(),
        Command::Doctor => doctor::run(file),
        Command::Backup(args) => backup::run(file, &args),
        Command::Restore(args) => restore::run(file, &args),
        Command::Audit(command) => audit::run(file, &command),
        Command::Jobs(command) => jobs::run(file, &command),
        Command::Keys(command) => keys::run(file, &command),
        Command::Usage(command) => usage::run(file, command),
        Command::Completions(args) => completions::run(&args),
    }
}
