//! `lastro serve`.

use std::path::PathBuf;

use super::super::args::ServeArgs;
use super::super::failure::Failure;
use super::super::output;
use super::super::session::{Session, Talk};
use crate::serve::Server;
use crate::stop::Stop;

pub(super) fn run(file: Option<PathBuf>, args: &ServeArgs) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Work)?;
    let config = session.config();
    if args.demo && config.environment.is_strict() {
        return Err(Failure::Usage(format!(
            "--demo is refused in {}: it makes administrators whose passwords are shown on the screen",
            config.environment
        )));
    }
    session.runtime.block_on(async {
        let stop = Stop::on_signals()?;
        let server = Server::start(config, &session.clock, &session.telemetry, args.demo).await?;
        output::answer(&format!("{}\n", server.greeting))?;
        if let Some(demo) = &server.demo {
            output::answer(&demo.instructions(server.address()?))?;
        }
        if let Some(setup) = &server.setup {
            output::answer(setup)?;
        }
        server.run(stop).await;
        Ok(())
    })
}
