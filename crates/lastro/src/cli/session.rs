//! What every command that works on the installation begins with: the configuration, the log, and a runtime.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Clock, SystemClock};
use tokio::runtime::Runtime;

use super::failure::Failure;
use super::output;
use crate::config::{Config, Loaded, Origin, Sources, keys};
use crate::telemetry::{Settings, Telemetry};

/// Which lines a command logs when nobody said which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Talk {
    /// A server: what it does.
    Work,
    /// A command that answers a person: only what is wrong.
    Trouble,
}

/// The beginning of a command, and with `Drop` its orderly end.
pub(super) struct Session {
    pub(super) loaded: Loaded,
    pub(super) clock: Arc<SystemClock>,
    pub(super) telemetry: Telemetry,
    pub(super) runtime: Runtime,
    /// Where programs are looked for: `PATH`.
    pub(super) search_path: OsString,
}

impl Session {
    /// Reads the configuration and starts the log.
    pub(super) fn begin(file: Option<PathBuf>, talk: Talk) -> Result<Self, Failure> {
        let sources = Sources::of_process(file);
        let loaded = Config::load(&sources).map_err(Failure::Config)?;
        let clock = Arc::new(SystemClock::new());
        let mut settings = Settings::new(
            &loaded.config.observability,
            loaded.config.environment,
            output::is_watched(),
        );
        if talk == Talk::Trouble && !is_chosen(&loaded, &keys::LASTRO_LOG) {
            "warn".clone_into(&mut settings.filter);
        }
        let telling_time: Arc<dyn Clock> = clock.clone();
        let telemetry = Telemetry::build(&settings, &telling_time, Box::new(io::stderr()))?;
        telemetry.install()?;
        let left_out = Telemetry::left_out(&settings);
        for warning in loaded.warnings.iter().map(String::as_str).chain(left_out) {
            tracing::warn!("{warning}");
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        Ok(Self {
            loaded,
            clock,
            telemetry,
            runtime,
            search_path: sources.search_path(),
        })
    }

    pub(super) fn config(&self) -> &Config {
        &self.loaded.config
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.telemetry.shutdown();
    }
}

/// Reads the configuration.
pub(super) fn load(file: Option<PathBuf>) -> Result<Loaded, Failure> {
    Config::load(&Sources::of_process(file)).map_err(Failure::Config)
}

fn is_chosen(loaded: &Loaded, key: &'static keys::Key) -> bool {
    loaded
        .effective
        .iter()
        .any(|entry| entry.key == key && entry.origin != Origin::Default)
}
