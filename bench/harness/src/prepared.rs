//! A filled database that every turn gets a copy of, and the requests that go with it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use rusqlite::{Connection, OpenFlags};

use crate::asked::Asked;
use crate::chance::Chance;
use crate::engine::Engine;
use crate::fill::{self, Member, Population, USERS};
use crate::postgres::Postgres;
use crate::process::progress;
use crate::results::Filling;
use crate::scenario::Scenario;
use crate::site::{self, Site};
use crate::subject::Kind;
use crate::workspace::{Workspace, copy_folder};

/// How many requests are written down; the load generator walks through them again and again.
const REQUESTS: usize = 20_000;

/// A filled database.
#[derive(Debug)]
pub struct Prepared<'a> {
    /// Its engine.
    pub engine: Engine,
    /// The server it is on, where the engine is PostgreSQL.
    pub postgres: Option<&'a Postgres>,
    /// Who is in it.
    pub population: Population,
    /// How it was filled.
    pub filling: Filling,
    workspace: &'a Workspace,
    /// The name of the database and of the data folder.
    name: String,
}

/// A copy of it for one turn.
#[derive(Debug)]
pub struct Copied<'a> {
    of: &'a Prepared<'a>,
    name: String,
    /// The data folder.
    pub folder: PathBuf,
    /// What goes into `DATABASE_URL`.
    pub url: String,
}

impl<'a> Prepared<'a> {
    /// Lets Lastro migrate an empty database, and fills it.
    ///
    /// # Errors
    /// As [`fill::fill`].
    pub fn new(
        workspace: &'a Workspace,
        engine: Engine,
        postgres: Option<&'a Postgres>,
        organizations: usize,
    ) -> anyhow::Result<Self> {
        progress(format_args!(
            "{engine}: filling a database with {organizations} organizations of {USERS} users"
        ));
        let started = Instant::now();
        let name = format!("{engine}-{organizations}");
        let site = Site::create(workspace, postgres, &name)?;
        let on = postgres.map(|postgres| (postgres, name.as_str()));
        let population = fill::fill(&site.url, &site.folder, on, organizations)?;
        if let Some(postgres) = postgres {
            postgres.settle(&name)?;
        }
        let filling = Filling {
            engine,
            organizations,
            users: organizations * USERS,
            seconds: started.elapsed().as_secs_f64(),
        };
        progress(format_args!("  filled in {:.0} s", filling.seconds));
        let prepared = Self {
            engine,
            postgres,
            population,
            filling,
            workspace,
            name,
        };
        for scenario in Scenario::ALL {
            fs::write(prepared.requests_file(scenario), prepared.requests(scenario)?)?;
        }
        Ok(prepared)
    }

    /// How many organizations it holds beside the platform's.
    #[must_use]
    pub fn organizations(&self) -> usize {
        self.filling.organizations
    }

    /// Copies it.
    ///
    /// # Errors
    /// When there is a copy of this name.
    pub fn copy(&self, name: &str) -> anyhow::Result<Copied<'_>> {
        let folder = self.workspace.join(name);
        copy_folder(&self.workspace.join(&self.name), &folder)?;
        if let Some(postgres) = self.postgres {
            postgres.copy(&self.name, name)?;
        }
        Ok(Copied {
            of: self,
            url: site::url(self.postgres, &folder, name),
            name: name.to_owned(),
            folder,
        })
    }

    /// The file with the requests of a scenario, as `load.lua` reads them.
    #[must_use]
    pub fn requests_file(&self, scenario: Scenario) -> PathBuf {
        self.workspace.join(format!("{}-{scenario}.requests", self.name))
    }

    /// The tokens for a server: the operator's, then those of the members.
    ///
    /// # Errors
    /// When a member is without an organization.
    pub fn tokens(&self, kind: Kind, operator: &str) -> anyhow::Result<Vec<String>> {
        let of = |member: &Member| Ok(kind.token(&member.access_token, self.population.home(member)?.id, member.id));
        std::iter::once(Ok(operator.to_owned()))
            .chain(self.population.members.iter().map(of))
            .collect()
    }

    /// One request a line: method, number of the token (1 is the operator's), path. In a random order that is the same in every run.
    fn requests(&self, scenario: Scenario) -> anyhow::Result<String> {
        let mut chance = Chance::new();
        let mut text = String::new();
        for _ in 0..REQUESTS {
            let Some(Asked { by, method, path }) = self.population.ask(scenario, &mut chance)? else {
                break;
            };
            let token = by.map_or(1, |member| member + 2);
            writeln!(text, "{method} {token} {path}")?;
        }
        Ok(text)
    }

    /// Removes it.
    ///
    /// # Errors
    /// When something is still connected to it.
    pub fn remove(self) -> anyhow::Result<()> {
        if let Some(postgres) = self.postgres {
            postgres.remove(&self.name)?;
        }
        fs::remove_dir_all(self.workspace.join(&self.name))?;
        Ok(())
    }
}

impl Copied<'_> {
    /// How many rows a table has.
    ///
    /// # Errors
    /// When there is no such table.
    pub fn rows(&self, table: &str) -> anyhow::Result<u64> {
        let statement = format!("SELECT count(*) FROM {table}");
        match self.of.postgres {
            Some(postgres) => Ok(postgres.sql(&self.name, &statement)?.parse()?),
            None => {
                let connection =
                    Connection::open_with_flags(site::file(&self.folder), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
                let count: i64 = connection.query_row(&statement, [], |row| row.get(0))?;
                Ok(u64::try_from(count)?)
            }
        }
    }

    /// Removes it.
    ///
    /// # Errors
    /// When the folder cannot be removed.
    pub fn remove(self) -> anyhow::Result<()> {
        if let Some(postgres) = self.of.postgres {
            postgres.remove(&self.name)?;
        }
        fs::remove_dir_all(&self.folder)?;
        Ok(())
    }
}
