//! How a command ends when it does not end well.

use std::fmt;
use std::process::ExitCode;

use crate::causes::with_causes;
use crate::config::InvalidConfig;

/// Why a command failed.
#[derive(Debug)]
pub enum Failure {
    /// The configuration is invalid: exit code 2, as for wrong usage.
    Config(InvalidConfig),
    /// Wrong usage that the grammar of the command line cannot tell: exit code 2.
    Usage(String),
    /// Anything else: exit code 1.
    Failed(anyhow::Error),
}

impl Failure {
    /// The status with which the process exits.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Self::Config(_) | Self::Usage(_) => ExitCode::from(2),
            Self::Failed(_) => ExitCode::from(1),
        }
    }

    /// Whether the reader of standard output went away, as `head` does when it has seen enough. That is not a failure.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        match self {
            Self::Failed(error) => error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe),
            Self::Config(_) | Self::Usage(_) => false,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Config(invalid) => write!(f, "{invalid}"),
            Self::Usage(message) => f.write_str(message),
            Self::Failed(error) => f.write_str(&with_causes(error.as_ref())),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
