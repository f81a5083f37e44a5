//! Where one server keeps what it has.

use std::fs;
use std::path::{Path, PathBuf};

use crate::postgres::Postgres;
use crate::workspace::Workspace;

/// An empty database and a data folder for one server.
#[derive(Debug)]
pub struct Site {
    /// What goes into `DATABASE_URL`.
    pub url: String,
    /// What goes into `LASTRO_DATA_DIR`.
    pub folder: PathBuf,
}

impl Site {
    /// Makes an empty database called `name` and the data folder beside it.
    ///
    /// # Errors
    /// When there is one of this name already.
    pub fn create(workspace: &Workspace, postgres: Option<&Postgres>, name: &str) -> anyhow::Result<Self> {
        let folder = workspace.join(name);
        fs::create_dir(&folder)?;
        if let Some(postgres) = postgres {
            postgres.create(name)?;
        }
        Ok(Self {
            url: url(postgres, &folder, name),
            folder,
        })
    }
}

/// What goes into `DATABASE_URL` for PostgreSQL's database `name`, or for the file in `folder`.
pub(crate) fn url(postgres: Option<&Postgres>, folder: &Path, name: &str) -> String {
    match postgres {
        Some(postgres) => postgres.url(name),
        None => format!("sqlite://{}", file(folder).display()),
    }
}

/// The file of SQLite in a data folder.
pub(crate) fn file(folder: &Path) -> PathBuf {
    folder.join("lastro.db")
}
