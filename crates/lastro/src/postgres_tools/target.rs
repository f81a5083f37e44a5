//! A database's address as the PostgreSQL tools take it: in the environment.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::config::{DatabaseKind, DatabaseUrl};

/// An address that names no PostgreSQL database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the address of the database must be postgres://USER:PASSWORD@HOST:PORT/NAME, with a name")]
pub struct UnusableUrl;

/// Where the tools are to connect to.
#[derive(Debug, Clone)]
pub struct Target {
    database: String,
    variables: Vec<(&'static str, String)>,
    password: Option<SecretString>,
}

impl Target {
    /// Takes an address apart.
    ///
    /// # Errors
    ///
    /// [`UnusableUrl`] when it is not PostgreSQL's, or names no database.
    pub fn of(url: &DatabaseUrl) -> Result<Self, UnusableUrl> {
        if url.kind() != DatabaseKind::Postgres {
            return Err(UnusableUrl);
        }
        let parsed = Url::parse(url.expose()).map_err(|_| UnusableUrl)?;
        let mut variables = Vec::new();
        let mut password = parsed.password().map(decoded);
        let mut host = parsed.host_str().filter(|host| !host.is_empty()).map(decoded);
        let mut port = parsed.port().map(|port| port.to_string());
        let mut user = Some(decoded(parsed.username())).filter(|user| !user.is_empty());
        let mut database = Some(decoded(parsed.path().trim_start_matches('/'))).filter(|name| !name.is_empty());
        let (mut encrypted, mut roots) = (false, None);
        for (name, value) in parsed.query_pairs() {
            let value = value.into_owned();
            match name.as_ref() {
                "host" => host = Some(value),
                "port" => port = Some(value),
                "user" => user = Some(value),
                "password" => password = Some(value),
                "dbname" => database = Some(value),
                "sslmode" => encrypted = matches!(value.as_str(), "require" | "verify-full"),
                "sslrootcert" => roots = Some(value),
                "connect_timeout" => variables.push(("PGCONNECT_TIMEOUT", value)),
                // What is of no meaning to a dump, such as an application's name.
                _ => {}
            }
        }
        if encrypted {
            // As Lastro itself does: a certificate is verified whenever there is one. `system` needs version 16 of the tools.
            variables.push(("PGSSLMODE", "verify-full".to_owned()));
            variables.push(("PGSSLROOTCERT", roots.unwrap_or_else(|| "system".to_owned())));
        }
        let database = database.ok_or(UnusableUrl)?;
        let given = [
            ("PGHOST", host),
            ("PGPORT", port),
            ("PGUSER", user),
            ("PGDATABASE", Some(database.clone())),
        ];
        variables.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        Ok(Self {
            database,
            variables,
            password: password.map(SecretString::from),
        })
    }

    /// The database's name.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The variables to hand over, the password among them.
    pub fn environment(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let password = self
            .password
            .as_ref()
            .map(|password| ("PGPASSWORD", password.expose_secret()));
        self.variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(password)
    }
}

/// The text behind percent-encoding.
fn decoded(text: &str) -> String {
    // A form decodes as a URL does, but for the plus sign, which stands for itself here.
    let pair = format!("={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pair.as_bytes())
        .map(|(_, value)| value.into_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, UnusableUrl> {
        Target::of(&DatabaseUrl::parse(url).expect("a database address"))
    }

    fn environment(url: &str) -> Vec<(&'static str, String)> {
        let target = target(url).unwrap();
        let mut pairs: Vec<_> = target
            .environment()
            .map(|(name, value)| (name, value.to_owned()))
            .collect();
        pairs.sort();
        pairs
    }

    #[test]
    fn an_address_is_taken_apart_and_decoded() {
        assert_eq!(
            environment("postgres://la%40stro:p%2Fw+d@db.internal:5433/erp?sslmode=require&application_name=x"),
            [
                ("PGDATABASE", "erp".to_owned()),
                ("PGHOST", "db.internal".to_owned()),
                ("PGPASSWORD", "p/w+d".to_owned()),
                ("PGPORT", "5433".to_owned()),
                ("PGSSLMODE", "verify-full".to_owned()),
                ("PGSSLROOTCERT", "system".to_owned()),
                ("PGUSER", "la@stro".to_owned()),
            ]
        );
        assert_eq!(
            environment("postgresql:///erp?host=/run/postgresql"),
            [
                ("PGDATABASE", "erp".to_owned()),
                ("PGHOST", "/run/postgresql".to_owned())
            ]
        );
    }

    #[test]
    fn an_address_without_a_name_or_of_another_engine_is_refused() {
        assert!(target("postgres://db").is_err());
        assert!(target("sqlite://lastro.db").is_err());
    }

    #[test]
    fn the_password_is_not_shown() {
        let target = target("postgres://lastro:hunter2@db/erp").unwrap();
        assert!(!format!("{target:?}").contains("hunter2"));
    }
}
