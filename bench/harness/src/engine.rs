//! The engines.

use std::fmt;

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// A database engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// A private server in a temporary folder.
    Postgres,
    /// A file, `synchronous=FULL`.
    Sqlite,
}

impl Engine {
    /// Both, in the order of the results.
    pub const ALL: [Self; 2] = [Self::Postgres, Self::Sqlite];

    /// The name, for a reader.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Postgres => "PostgreSQL",
            Self::Sqlite => "SQLite",
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Postgres => "postgres",
            Self::Sqlite => "sqlite",
        })
    }
}
