//! From sources to a [`Config`]: reads every key, then checks what keys must satisfy together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use url::Url;

use super::keys::{self, Key};
use super::problem::InvalidConfig;
use super::reader::{Effective, Reader};
use super::source::{Sources, resolve};
use super::types::{CorsOrigins, DatabaseKind, DatabaseUrl, Environment, FirstAdmin, MailServer};
use super::{Config, Database, Limits, LogFormat, Observability, Server, Tokens, Webhooks, parse};

/// A valid configuration, and what is worth telling about it.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What every key came to and who decided it, in the order of [`keys::KEYS`].
    pub effective: Vec<Effective>,
    /// What is valid but probably not meant.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks the whole configuration.
    ///
    /// # Errors
    ///
    /// All problems at once: of the file, of single values, and between values.
    pub fn load(sources: &Sources) -> Result<Loaded, InvalidConfig> {
        let (values, problems) = sources.read();
        let mut reader = Reader::new(values, problems);
        let config = read(&mut reader, &sources.working_folder);
        let (config, mut effective) = reader.finish(config)?;
        effective.sort_by_key(|entry| keys::KEYS.iter().position(|key| *key == entry.key));
        let mut warnings = sources.unknown_variables();
        warnings.extend(config.warnings());
        Ok(Loaded {
            config,
            effective,
            warnings,
        })
    }

    /// What is allowed in production but seldom meant.
    fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        if self.environment.is_strict() {
            if self.server.base_url.scheme() == "http" {
                warnings.push(format!(
                    "LASTRO_BASE_URL is {}: links in mails will lead there, without TLS",
                    self.server.base_url
                ));
            }
            if self.server.cors_origins == CorsOrigins::Any {
                warnings.push("LASTRO_CORS_ORIGINS is *: any page may call the API".to_owned());
            }
            if self.webhooks.allow_private {
                warnings.push(
                    "LASTRO_WEBHOOK_ALLOW_PRIVATE is on: customers can make this server call its own network"
                        .to_owned(),
                );
            }
        }
        warnings
    }
}

/// Reads every key before any answer is given, so that no problem hides another.
fn read(reader: &mut Reader, working_folder: &Path) -> Option<Config> {
    let environment = reader.read(&keys::LASTRO_ENV, parse::environment);
    let database = database(reader);
    let data_folder = data_folder(reader, database.as_ref(), working_folder);
    let server = server(reader);
    let tokens = tokens(reader);
    let master_key = reader.read(&keys::LASTRO_MASTER_KEY, parse::master_key);
    let former_master_keys = reader.read(&keys::LASTRO_MASTER_KEY_PREVIOUS, parse::master_keys);
    let first_admin = first_admin(reader);
    let limits = limits(reader);
    let observability = observability(reader, environment);
    let mail = mail(reader, environment);
    let webhooks = webhooks(reader);

    if environment.is_some_and(Environment::is_strict) && !reader.is_set(&keys::LASTRO_MASTER_KEY) {
        reader.refuse(
            &keys::LASTRO_MASTER_KEY,
            "is required in staging and production; make one with: openssl rand -base64 32",
        );
    } else if master_key.is_none() {
        reader.derive(&keys::LASTRO_MASTER_KEY, "generated into the data folder");
    }

    Some(Config {
        environment: environment?,
        data_folder: data_folder?,
        database: database?,
        server: server?,
        tokens: tokens?,
        master_key,
        former_master_keys: former_master_keys.unwrap_or_default(),
        first_admin,
        limits: limits?,
        observability: observability?,
        mail: mail?,
        webhooks: webhooks?,
    })
}

fn database(reader: &mut Reader) -> Option<Database> {
    let url = reader.read(&keys::DATABASE_URL, parse::database_url);
    let migration_url = reader.read(&keys::DATABASE_MIGRATION_URL, parse::database_url);
    let replica_url = reader.read(&keys::DATABASE_REPLICA_URL, parse::database_url);
    let direct_url = reader.read(&keys::DATABASE_DIRECT_URL, parse::database_url);
    let url = url?;
    let others: [(&'static Key, &Option<DatabaseUrl>); 3] = [
        (&keys::DATABASE_MIGRATION_URL, &migration_url),
        (&keys::DATABASE_REPLICA_URL, &replica_url),
        (&keys::DATABASE_DIRECT_URL, &direct_url),
    ];
    for (key, other) in others {
        let Some(other) = other else { continue };
        match (url.kind(), other.kind()) {
            (DatabaseKind::Postgres, DatabaseKind::Postgres) => {}
            // One file has one owner; the same file twice says nothing new and is let through.
            (DatabaseKind::Sqlite, DatabaseKind::Sqlite) if url.file() == other.file() => {}
            (DatabaseKind::Sqlite, _) => {
                reader.refuse(key, "has no meaning while DATABASE_URL is an SQLite file");
            }
            (DatabaseKind::Postgres, DatabaseKind::Sqlite) => {
                reader.refuse(key, "must lead to PostgreSQL, as DATABASE_URL does");
            }
        }
    }
    reader.derive(&keys::DATABASE_MIGRATION_URL, url.to_string());
    Some(Database {
        migration_url: migration_url.unwrap_or_else(|| url.clone()),
        url,
        replica_url,
        direct_url,
    })
}

fn data_folder(reader: &mut Reader, database: Option<&Database>, working_folder: &Path) -> Option<PathBuf> {
    let chosen = reader.read(&keys::LASTRO_DATA_DIR, |text| Ok(resolve(working_folder, text)));
    if chosen.is_some() {
        return chosen;
    }
    let beside_the_file = database?
        .url
        .file()
        .and_then(|file| file.parent().map(Path::to_owned))
        .map(|folder| match folder.as_os_str().is_empty() {
            true => PathBuf::from("."),
            false => folder,
        });
    let folder = beside_the_file.unwrap_or_else(|| PathBuf::from("data"));
    let folder = working_folder.join(folder);
    reader.derive(&keys::LASTRO_DATA_DIR, folder.display().to_string());
    Some(folder)
}

fn server(reader: &mut Reader) -> Option<Server> {
    let bind = reader.read(&keys::LASTRO_BIND, parse::socket_address);
    let admin_bind = reader.read(&keys::LASTRO_ADMIN_BIND, parse::socket_address);
    let base_url = reader.read(&keys::LASTRO_BASE_URL, parse::base_url);
    let trusted_proxies = reader.read(&keys::LASTRO_TRUSTED_PROXIES, parse::networks);
    let cors_origins = reader.read(&keys::LASTRO_CORS_ORIGINS, parse::cors_origins);
    let stop_grace = reader.read(&keys::LASTRO_STOP_GRACE, parse::duration_or_zero);
    let bind = bind?;
    if admin_bind == Some(bind) && bind.port() != 0 {
        reader.refuse(&keys::LASTRO_ADMIN_BIND, "is the same as LASTRO_BIND");
    }
    let base_url = match base_url {
        Some(url) => url,
        None => {
            let url = reachable(bind)?;
            reader.derive(&keys::LASTRO_BASE_URL, url.as_str());
            url
        }
    };
    Some(Server {
        bind,
        admin_bind,
        base_url,
        trusted_proxies: trusted_proxies.unwrap_or_default(),
        cors_origins: cors_origins.unwrap_or_else(|| CorsOrigins::Listed(Vec::new())),
        stop_grace: stop_grace?,
    })
}

/// The address under which this machine reaches a server bound to `bind`.
fn reachable(bind: SocketAddr) -> Option<Url> {
    let address = match bind.ip() {
        address if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        address => address,
    };
    Url::parse(&format!("http://{}", SocketAddr::new(address, bind.port()))).ok()
}

fn tokens(reader: &mut Reader) -> Option<Tokens> {
    let algorithm = reader.read(&keys::LASTRO_JWT_ALGORITHM, parse::jwt_algorithm);
    let access = reader.read(&keys::LASTRO_ACCESS_TOKEN_TTL, parse::duration);
    let refresh = reader.read(&keys::LASTRO_REFRESH_TOKEN_TTL, parse::duration);
    let grace = reader.read(&keys::LASTRO_REFRESH_GRACE, parse::duration_or_zero);
    let tokens = Tokens {
        algorithm: algorithm?,
        access_lifetime: access?,
        refresh_lifetime: refresh?,
        refresh_grace: grace?,
    };
    if tokens.refresh_lifetime < tokens.access_lifetime {
        reader.refuse(
            &keys::LASTRO_REFRESH_TOKEN_TTL,
            "is shorter than LASTRO_ACCESS_TOKEN_TTL",
        );
    }
    Some(tokens)
}

fn first_admin(reader: &mut Reader) -> Option<FirstAdmin> {
    let email = reader.read(&keys::LASTRO_ADMIN_EMAIL, parse::email);
    let password = reader.read(&keys::LASTRO_ADMIN_PASSWORD, parse::password);
    let (has_email, has_password) = (
        reader.is_set(&keys::LASTRO_ADMIN_EMAIL),
        reader.is_set(&keys::LASTRO_ADMIN_PASSWORD),
    );
    if has_email && !has_password {
        reader.refuse(&keys::LASTRO_ADMIN_EMAIL, "needs LASTRO_ADMIN_PASSWORD");
    }
    if has_password && !has_email {
        reader.refuse(&keys::LASTRO_ADMIN_PASSWORD, "needs LASTRO_ADMIN_EMAIL");
    }
    Some(FirstAdmin {
        email: email?,
        password: password?,
    })
}

fn limits(reader: &mut Reader) -> Option<Limits> {
    let requests = reader.read(&keys::LASTRO_RATE_LIMIT, parse::rate);
    let logins = reader.read(&keys::LASTRO_LOGIN_RATE_LIMIT, parse::rate);
    let connections = reader.read(&keys::LASTRO_MAX_CONNECTIONS, parse::count);
    let connections_per_address = reader.read(&keys::LASTRO_MAX_CONNECTIONS_PER_ADDRESS, parse::count);
    Some(Limits {
        requests: requests?,
        logins: logins?,
        connections: connections?,
        connections_per_address: connections_per_address?,
    })
}

fn observability(reader: &mut Reader, environment: Option<Environment>) -> Option<Observability> {
    let log_filter = reader.read(&keys::LASTRO_LOG, parse::log_filter);
    let log_format = reader.read(&keys::LASTRO_LOG_FORMAT, parse::log_format);
    let metrics_token = reader.read(&keys::LASTRO_METRICS_TOKEN, parse::bearer_token);
    let sentry_dsn = reader.read(&keys::SENTRY_DSN, parse::sentry_dsn);
    let otlp_endpoint = reader.read(&keys::OTEL_EXPORTER_OTLP_ENDPOINT, parse::secret_web_url);
    let strict = environment?.is_strict();
    reader.derive(
        &keys::LASTRO_LOG_FORMAT,
        if strict {
            "json"
        } else {
            "pretty on a terminal, else json"
        },
    );
    Some(Observability {
        log_filter: log_filter?,
        log_format: log_format.or(strict.then_some(LogFormat::Json)),
        metrics_token,
        sentry_dsn,
        otlp_endpoint,
    })
}

fn mail(reader: &mut Reader, environment: Option<Environment>) -> Option<MailServer> {
    let server = reader.read(&keys::LASTRO_SMTP_URL, parse::mail_server);
    let strict = environment?.is_strict();
    match server {
        Some(MailServer::Smtp { tls: false, .. }) if strict => {
            reader.refuse(
                &keys::LASTRO_SMTP_URL,
                "is without TLS, which staging and production refuse; use smtps://",
            );
            None
        }
        Some(server) => Some(server),
        None if reader.is_set(&keys::LASTRO_SMTP_URL) => None,
        None if strict => {
            reader.refuse(
                &keys::LASTRO_SMTP_URL,
                "is required in staging and production; without a mail server, say off",
            );
            None
        }
        None => {
            reader.derive(&keys::LASTRO_SMTP_URL, "files in the data folder's mail/");
            Some(MailServer::Files)
        }
    }
}

fn webhooks(reader: &mut Reader) -> Option<Webhooks> {
    let retry_schedule = reader.read(&keys::LASTRO_WEBHOOK_RETRY_SCHEDULE, parse::retry_schedule);
    let allow_private = reader.read(&keys::LASTRO_WEBHOOK_ALLOW_PRIVATE, parse::switch);
    let streams = reader.read(&keys::LASTRO_EVENT_STREAMS, parse::count);
    Some(Webhooks {
        retry_schedule: retry_schedule?,
        allow_private: allow_private?,
        streams: streams?,
    })
}
