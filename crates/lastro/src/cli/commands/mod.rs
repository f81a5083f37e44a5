//! What each command does.

mod access;
mod access_matrix;
mod admin;
mod audit;
mod backup;
mod completions;
mod config;
mod doctor;
mod jobs;
mod keys;
mod migrate;
mod openapi;
mod privacy;
mod restore;
mod seed;
mod serve;
mod tenant;
mod transfer;
mod usage;
mod users;

use super::args::{Cli, Command};
use super::failure::Failure;

/// Runs one command to its end.
pub(super) fn run(cli: Cli) -> Result<(), Failure> {
    let file = cli.config;
    match cli.command {
        Command::Serve(args) => serve::run(file, &args),
        Command::Migrate(args) => migrate::run(file, &args),
        Command::Seed(args) => seed::run(file, &args),
        Command::Tenant(command) => tenant::run(file, &command),
        Command::Config(command) => config::run(file, &command),
        Command::Openapi => openapi::run(),
        Command::Access(command) => access::run(file, command),
        Command::AccessMatrix => access_matrix::run(),
        Command::Doctor => doctor::run(file),
        Command::Backup(args) => backup::run(file, &args),
        Command::Restore(args) => restore::run(file, &args),
        Command::Move(args) => transfer::run(file, &args),
        Command::Audit(command) => audit::run(file, &command),
        Command::Privacy(command) => privacy::run(file, &command),
        Command::Jobs(command) => jobs::run(file, &command),
        Command::Keys(command) => keys::run(file, &command),
        Command::Usage(command) => usage::run(file, command),
        Command::Admin(command) => admin::run(file, &command),
        Command::Users(command) => users::run(file, &command),
        Command::Completions(args) => completions::run(&args),
    }
}
