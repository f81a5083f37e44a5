//! A filled database that every turn gets a copy of, and the requests that go with it.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use rusqlite::{Connection, OpenFlags};

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
        let of = |member: &Member| Ok(kind.token(&member.access_token, self.home(member)?.id, member.id));
        std::iter::once(Ok(operator.to_owned()))
            .chain(self.population.members.iter().map(of))
            .collect()
    }

    /// The organization of a member.
    ///
    /// # Errors
    /// When there is none.
    pub fn home(&self, member: &Member) -> anyhow::Result<&fill::Organization> {
        let home = self.population.organizations.get(member.organization);
        home.context("a member without an organization")
    }

    /// One request a line: method, number of the token (1 is the operator's), path. In a random order that is the same in every run.
    fn requests(&self, scenario: Scenario) -> anyhow::Result<String> {
        let Population {
            organizations, members, ..
        } = &self.population;
        let mut chance = Chance::new();
        let mut text = String::new();
        for _ in 0..REQUESTS {
            let organization = chance.pick(organizations)?;
            let (number, member) = chance.pick_numbered(members)?;
            let number = number + 2;
            match scenario {
                Scenario::Noop => writeln!(text, "GET 1 /health/live")?,
                Scenario::Get => writeln!(text, "GET 1 /api/v1/organizations/{}", organization.id)?,
                Scenario::List => writeln!(text, "GET 1 /api/v1/organizations?limit=50")?,
                Scenario::Create => writeln!(text, "POST 1 /api/v1/organizations")?,
                Scenario::User => {
                    let user = chance.pick(&self.home(member)?.users)?;
                    writeln!(text, "GET {number} /api/v1/users/{user}")?;
                }
                Scenario::Users => writeln!(text, "GET {number} /api/v1/users?limit=50")?,
                Scenario::Me => writeln!(text, "GET {number} /api/v1/auth/me")?,
                Scenario::Role => writeln!(text, "POST {number} /api/v1/roles")?,
                // The harness drives these, and knows what to ask.
                Scenario::Refresh | Scenario::Login | Scenario::Storm => break,
            }
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

/// SplitMix64 (Steele, Lea, Flood 2014) from a fixed start: every run asks for the same places in the same order.
#[derive(Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        Self::beginning(0)
    }

    /// A sequence of its own for each number.
    pub(crate) fn beginning(number: u64) -> Self {
        Self(number << 40)
    }

    /// A number below `count`.
    pub(crate) fn below(&mut self, count: usize) -> anyhow::Result<usize> {
        let count = u64::try_from(count)?.max(1);
        Ok(usize::try_from(self.next() % count)?)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of the values with its place.
    pub(crate) fn pick_numbered<'v, T>(&mut self, values: &'v [T]) -> anyhow::Result<(usize, &'v T)> {
        let place = self.below(values.len())?;
        Ok((place, values.get(place).context("nothing to choose from")?))
    }

    /// One of the values.
    pub(crate) fn pick<'v, T>(&mut self, values: &'v [T]) -> anyhow::Result<&'v T> {
        Ok(self.pick_numbered(values)?.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_picked_now_and_then_and_nothing_is_an_error() {
        let (mut chance, mut counts) = (Chance::new(), [0_u32; 5]);
        for _ in 0..1000 {
            let (place, value) = chance.pick_numbered(&[0, 1, 2, 3, 4]).unwrap();
            assert_eq!(place, *value);
            counts[place] += 1;
        }
        assert!(counts.iter().all(|count| (150..250).contains(count)), "{counts:?}");
        assert!(chance.pick::<u8>(&[]).is_err());
    }
}
