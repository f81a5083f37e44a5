//! An installation for one workload: a database, a data folder, the server on it, customers.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use rusqlite::Connection;
use serde_json::json;

use super::requests::spread;
use crate::client::{ACCESS_TOKEN, Client, text};
use crate::fill::{self, PASSWORD, Population};
use crate::process;
use crate::site::{self, Site};
use crate::subject::{Kind, Server, Subject};
use crate::workload::Place;

/// The sinks are on this machine.
const SINKS: (&str, &str) = ("LASTRO_WEBHOOK_ALLOW_PRIVATE", "on");

/// A database and a data folder.
pub(super) struct Installation<'a> {
    pub(super) place: &'a Place<'a>,
    name: &'static str,
    site: Site,
}

/// A statement in the words of both engines.
pub(super) struct Statement {
    pub(super) postgres: String,
    pub(super) sqlite: String,
}

impl Statement {
    /// The same words for both.
    pub(super) fn same(text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            postgres: text.clone(),
            sqlite: text,
        }
    }
}

impl<'a> Installation<'a> {
    /// An empty one.
    pub(super) fn new(place: &'a Place<'a>, name: &'static str) -> anyhow::Result<Self> {
        let site = place.site(name)?;
        Ok(Self { place, name, site })
    }

    /// One with so many organizations of 200 users each, and who of them is logged in.
    pub(super) fn filled(
        place: &'a Place<'a>,
        name: &'static str,
        organizations: usize,
    ) -> anyhow::Result<(Self, Population)> {
        let installation = Self::new(place, name)?;
        let site = &installation.site;
        let postgres = place.postgres.map(|postgres| (postgres, name));
        let population = fill::fill(&site.url, &site.folder, postgres, organizations)?;
        installation.settle()?;
        Ok((installation, population))
    }

    /// Starts the server.
    pub(super) fn serve(&self) -> anyhow::Result<Server> {
        self.start(Kind::Lastro, &self.site.folder, None)
    }

    /// Starts the server without its log.
    pub(super) fn serve_silently(&self) -> anyhow::Result<Server> {
        self.start(Kind::Lastro, &self.site.folder, Some(("LASTRO_LOG", "off")))
    }

    /// Starts the limit server on the database.
    pub(super) fn serve_limit(&self) -> anyhow::Result<Server> {
        self.start(Kind::Limit, &self.site.folder, None)
    }

    /// Starts a second server on the same database: a node of the same installation, with the same master key.
    pub(super) fn serve_another(&self) -> anyhow::Result<Server> {
        let folder = self.place.workspace.join(format!("{}-second", self.name));
        fs::create_dir(&folder)?;
        fs::copy(self.site.folder.join("master.key"), folder.join("master.key"))?;
        self.start(Kind::Lastro, &folder, None)
    }

    fn start(&self, kind: Kind, folder: &Path, variable: Option<(&str, &str)>) -> anyhow::Result<Server> {
        let environment: Vec<_> = std::iter::once(SINKS).chain(variable).collect();
        Subject::new(kind, kind.to_string()).start_with(&self.site.url, folder, &environment)
    }

    /// The folder for what its commands read.
    pub(super) fn folder(&self) -> &Path {
        &self.site.folder
    }

    /// Runs `lastro` with these arguments on the installation; what it prints.
    pub(super) fn command(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let program = std::env::current_exe()?.with_file_name("lastro");
        process::output(
            Command::new(program)
                .args(arguments)
                .current_dir(&self.site.folder)
                .env("DATABASE_URL", &self.site.url)
                .env("LASTRO_DATA_DIR", &self.site.folder),
        )
    }

    /// Runs statements in the database itself: to fill it with what would take hours over the API, and to see what is there. On SQLite several
    /// statements answer nothing.
    pub(super) fn sql(&self, statement: &Statement) -> anyhow::Result<String> {
        if let Some(postgres) = self.place.postgres {
            return postgres.sql(self.name, &statement.postgres);
        }
        let connection = Connection::open(site::file(&self.site.folder))?;
        connection.busy_timeout(Duration::from_secs(30))?;
        if statement.sqlite.trim_start().starts_with("SELECT") {
            let answer: rusqlite::types::Value = connection.query_row(&statement.sqlite, [], |row| row.get(0))?;
            return Ok(match answer {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => anyhow::bail!("{:?} is no answer that can be shown", other.data_type()),
            });
        }
        connection.execute_batch(&statement.sqlite)?;
        Ok(String::new())
    }

    /// The number that a statement answers with.
    pub(super) fn number(&self, statement: impl Into<String>) -> anyhow::Result<u64> {
        let answer = self.sql(&Statement::same(statement))?;
        answer.parse().with_context(|| format!("{answer} is no number"))
    }

    /// Does after rows were put in what time does: PostgreSQL looks at them by itself within a minute; SQLite never does, and only empties its log.
    pub(super) fn settle(&self) -> anyhow::Result<()> {
        self.sql(&Statement {
            postgres: "VACUUM ANALYZE".to_owned(),
            sqlite: "PRAGMA wal_checkpoint(TRUNCATE)".to_owned(),
        })
        .map(drop)
    }
}

/// A customer with its administrator logged in.
#[derive(Debug, Clone)]
pub(super) struct Customer {
    pub(super) id: String,
    pub(super) slug: String,
    /// The administrator.
    pub(super) admin: String,
    /// The administrator's access token.
    pub(super) token: String,
}

/// Onboards customers on a package, and logs their administrators in.
pub(super) fn customers(server: &Server, package: &str, count: usize) -> anyhow::Result<Vec<Customer>> {
    spread(count, 4, |number| {
        let slug = format!("customer-{number:05}");
        let email = format!("admin@{slug}.example");
        let body = json!({
            "organization": {"name": format!("Customer {number:05} Ltda"), "slug": slug},
            "packageCode": package,
            "admin": {"name": "Ana Souza", "email": email, "password": PASSWORD},
        });
        let made = server.client()?.post("/api/v1/tenants", &body)?.json(201)?;
        Ok(Customer {
            id: text(&made, "/data/id")?,
            admin: text(&made, "/data/admin/id")?,
            token: token(server.address, &slug, &email, PASSWORD)?,
            slug,
        })
    })
}

/// Makes a user of the customer with the password of all, and logs it in: its id and its token.
pub(super) fn user(server: &Server, customer: &Customer, name: &str) -> anyhow::Result<(String, String)> {
    let email = format!("{name}@{}.example", customer.slug);
    let body = json!({"name": name, "email": email, "password": PASSWORD});
    let made = Client::connect(server.address, &customer.token)?
        .post("/api/v1/users", &body)?
        .json(201)?;
    let token = token(server.address, &customer.slug, &email, PASSWORD)?;
    Ok((text(&made, "/data/id")?, token))
}

/// Logs somebody in; the access token.
pub(super) fn token(address: SocketAddr, slug: &str, email: &str, password: &str) -> anyhow::Result<String> {
    let body = json!({"organizationSlug": slug, "email": email, "password": password});
    text(&Client::connect(address, "")?.log_in(&body)?, ACCESS_TOKEN)
}
