//! Installations of the binary on either engine.

use testkit::Engine;
use testkit::postgres::{self, TestDatabase};

use crate::binary::Installation;

/// An installation with a database of its own.
pub(crate) struct At {
    pub(crate) lastro: Installation,
    database: Option<TestDatabase>,
}

/// An administered installation on the engine, before anything was done; `None` where there is no PostgreSQL.
pub(crate) fn at(engine: Engine) -> Option<At> {
    let lastro = Installation::new().administered();
    match engine {
        Engine::Sqlite => Some(At { lastro, database: None }),
        Engine::Postgres => {
            let server = postgres::server().expect("PostgreSQL, or none")?;
            let database = server.empty_database().expect("a database");
            let lastro = lastro.with("DATABASE_URL", &database.url());
            let lastro = match server.programs() {
                Some(programs) => lastro.with_programs(programs),
                None => lastro,
            };
            Some(At {
                lastro,
                database: Some(database),
            })
        }
    }
}

impl At {
    /// The same installation with another configuration.
    pub(crate) fn with(self, name: &str, value: &str) -> Self {
        Self {
            lastro: self.lastro.with(name, value),
            ..self
        }
    }

    /// The address of the database.
    pub(crate) fn url(&self) -> String {
        match &self.database {
            Some(database) => database.url(),
            None => format!("sqlite://{}", self.lastro.path("data/lastro.db").display()),
        }
    }

    /// An id column as text.
    pub(crate) fn id(&self, column: &str) -> String {
        match self.database {
            Some(_) => format!("CAST({column} AS TEXT)"),
            None => format!("lower(hex({column}))"),
        }
    }

    /// How many organizations its counter lacks.
    pub(crate) async fn uncounted(&self) -> String {
        let found = self
            .query(
                "SELECT CAST((SELECT count(*) FROM organizations) \
                 - (SELECT CAST(coalesce(sum(count), 0) AS bigint) FROM organization_counts) AS text)",
            )
            .await;
        found[0][0].clone().unwrap()
    }

    pub(crate) async fn query(&self, text: &str) -> Vec<Vec<Option<String>>> {
        db::admin::query(&self.url(), text).await.unwrap()
    }

    pub(crate) async fn execute(&self, text: &str) {
        db::admin::execute(&self.url(), text).await.unwrap();
    }
}
