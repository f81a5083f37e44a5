//! Migrations: forward only, one folder per engine with the same numbers and names.
//!
//! A context lists its steps; contexts run in the order in which the composition root declares them. An applied step is a row
//! `(context, number, name, sha256)`, and its text never changes afterwards. A step is one transaction, unless its text begins
//! with `-- lastro: no-transaction`, and then it is one statement (on PostgreSQL; SQLite needs none). A step that loses data says so with
//! `-- lastro: destructive: <why>`, and `serve` does not run it by itself.

mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

pub use postgres::ensure_roles;

use crate::config::DbConfig;
use crate::error::DbError;
use crate::sql::Engine;

/// One step on both engines. Made by [`migrations!`](crate::migrations).
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// `NNNN_name`, the file's name without its ending.
    pub file: &'static str,
    /// Its text for SQLite.
    pub sqlite: &'static str,
    /// Its text for PostgreSQL.
    pub postgres: &'static str,
}

/// The steps of one context.
#[derive(Debug, Clone, Copy)]
pub struct Migrations {
    /// The context, which is also its folder.
    pub context: &'static str,
    /// Its steps, in order, numbered from 1 without gaps.
    pub steps: &'static [Step],
}

/// Lists a context's steps and embeds their texts: `db::migrations!("organization": "0001_organizations")`.
#[macro_export]
macro_rules! migrations {
    ($context:literal : $($file:literal),+ $(,)?) => {
        $crate::migrate::Migrations {
            context: $context,
            steps: &[$($crate::migrate::Step {
                file: $file,
                sqlite: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/../../migrations/sqlite/", $context, "/", $file, ".sql"
                )),
                postgres: include_str!(concat!(
                    env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres/", $context, "/", $file, ".sql"
                )),
            }),+],
        }
    };
}

/// The tables that every unit of work writes to, whatever the context: audit, outbox, idempotency, versions, change feed.
pub const CORE: Migrations = crate::migrations!("core": "0001_core", "0002_outbox_queue", "0003_audit_personal");

impl Step {
    /// The step's number.
    ///
    /// # Errors
    /// [`DbError::Internal`] when the file is not named `NNNN_name`.
    pub fn number(&self) -> Result<i64, DbError> {
        self.file
            .split_once('_')
            .filter(|(digits, name)| digits.len() == 4 && !name.is_empty())
            .and_then(|(digits, _)| digits.parse().ok())
            .ok_or_else(|| DbError::Internal(format!("a migration is named NNNN_name, not {}", self.file)))
    }

    /// Its text on an engine.
    #[must_use]
    pub const fn text(&self, engine: Engine) -> &'static str {
        match engine {
            Engine::Sqlite => self.sqlite,
            Engine::Postgres => self.postgres,
        }
    }

    /// The checksum of its text on an engine, in hexadecimal.
    #[must_use]
    pub fn checksum(&self, engine: Engine) -> String {
        kernel::hexadecimal(&Sha256::digest(self.text(engine)))
    }

    /// Why the step is destructive on an engine, if it is.
    #[must_use]
    pub fn destructive(&self, engine: Engine) -> Option<&'static str> {
        marker(self.text(engine), "destructive:")
    }

    /// Whether the step runs outside a transaction on an engine.
    #[must_use]
    pub fn is_transactional(&self, engine: Engine) -> bool {
        marker(self.text(engine), "no-transaction").is_none()
    }
}

fn marker<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix("-- lastro: ")?.strip_prefix(name))
        .map(str::trim)
}

/// A step that the database has not seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PendingStep {
    /// The context.
    pub context: &'static str,
    /// The step.
    pub file: &'static str,
    /// Why it is destructive, if it is.
    pub destructive: Option<&'static str>,
    /// Its text.
    pub text: &'static str,
}

/// How the binary and the database differ.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pending {
    /// Steps to run, in order.
    pub steps: Vec<PendingStep>,
    /// Steps that the database has and the binary does not know: the database is newer.
    pub unknown: Vec<String>,
    /// Steps whose text changed after they were applied.
    pub altered: Vec<String>,
}

impl Pending {
    /// Whether there is nothing to say.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.unknown.is_empty() && self.altered.is_empty()
    }
}

/// Why migrations were not run.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database was migrated by a newer binary.
    #[error("the database is newer than this binary: it has {}", .0.join(", "))]
    Newer(Vec<String>),
    /// An applied step's text is not what it was.
    #[error("applied migrations were altered: {}", .0.join(", "))]
    Altered(Vec<String>),
    /// A destructive step waits, and the caller did not accept those.
    #[error("a destructive migration is pending: {context}/{file}: {why}; run `lastro migrate` to accept it")]
    Destructive {
        /// The context.
        context: &'static str,
        /// The step.
        file: &'static str,
        /// What is lost.
        why: &'static str,
    },
    /// A step failed; those before it are applied.
    #[error("migration {context}/{file} failed: {source}")]
    Step {
        /// The context.
        context: &'static str,
        /// The step.
        file: &'static str,
        /// Why.
        source: DbError,
    },
    /// The database could not be asked.
    #[error(transparent)]
    Database(#[from] DbError),
}

/// Whether destructive steps may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destructive {
    /// They stop the run before anything is applied.
    Refuse,
    /// They run.
    Accept,
}

type Applied = BTreeMap<(String, i64), (String, String)>;

/// A step as the table `schema_migrations` remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedStep {
    /// The context.
    pub context: String,
    /// The step's number.
    pub number: i64,
    /// The step, `NNNN_name`.
    pub name: String,
    /// The checksum of its text when it was applied, in hexadecimal.
    pub sha256: String,
}

/// As [`pending`], for a database that cannot be asked, such as one in a dump.
///
/// # Errors
/// [`DbError::Internal`] when a step of the binary is misnamed.
pub fn pending_after(
    engine: Engine,
    migrations: &[Migrations],
    applied: impl IntoIterator<Item = AppliedStep>,
) -> Result<Pending, DbError> {
    let applied = applied
        .into_iter()
        .map(|step| ((step.context, step.number), (step.name, step.sha256)))
        .collect();
    compare(engine, migrations, &applied)
}

/// Compares what is applied with what the binary knows.
pub(crate) fn compare(engine: Engine, migrations: &[Migrations], applied: &Applied) -> Result<Pending, DbError> {
    let mut pending = Pending::default();
    let mut known = BTreeMap::new();
    for set in migrations {
        for step in set.steps {
            let key = (set.context.to_owned(), step.number()?);
            known.insert(key.clone(), ());
            match applied.get(&key) {
                None => pending.steps.push(PendingStep {
                    context: set.context,
                    file: step.file,
                    destructive: step.destructive(engine),
                    text: step.text(engine),
                }),
                Some((_, checksum)) if *checksum != step.checksum(engine) => {
                    pending.altered.push(format!("{}/{}", set.context, step.file));
                }
                Some(_) => {}
            }
        }
    }
    for ((context, number), (name, _)) in applied {
        if !known.contains_key(&(context.clone(), *number)) {
            pending.unknown.push(format!("{context}/{name}"));
        }
    }
    Ok(pending)
}

/// What would run.
///
/// # Errors
/// [`DbError`] when the database cannot be asked.
pub async fn pending(config: &DbConfig, migrations: &[Migrations]) -> Result<Pending, DbError> {
    let applied = match config.engine()? {
        Engine::Sqlite => sqlite::applied(config)?,
        Engine::Postgres => postgres::applied(config).await?,
    };
    compare(config.engine()?, migrations, &applied)
}

/// Applies what is pending, under a lock, so that two nodes that start together do not migrate at once. `progress` is told each
/// step before it runs.
///
/// # Errors
/// [`MigrateError`]; steps before a failing one stay applied, each whole.
pub async fn run(
    config: &DbConfig,
    migrations: &[Migrations],
    destructive: Destructive,
    progress: &mut (dyn FnMut(&PendingStep) + Send),
) -> Result<usize, MigrateError> {
    match config.engine()? {
        Engine::Sqlite => sqlite::run(config, migrations, destructive, progress),
        Engine::Postgres => postgres::run(config, migrations, destructive, progress).await,
    }
}

/// Refuses to go on where going on would be wrong.
fn admit(pending: Pending, destructive: Destructive) -> Result<Vec<PendingStep>, MigrateError> {
    if !pending.unknown.is_empty() {
        return Err(MigrateError::Newer(pending.unknown));
    }
    if !pending.altered.is_empty() {
        return Err(MigrateError::Altered(pending.altered));
    }
    let loss = pending
        .steps
        .iter()
        .find_map(|step| step.destructive.map(|why| (step.context, step.file, why)));
    match loss {
        Some((context, file, why)) if destructive == Destructive::Refuse => {
            Err(MigrateError::Destructive { context, file, why })
        }
        _ => Ok(pending.steps),
    }
}

/// What is wrong with a step's text, found without a database.
///
/// # Errors
/// One sentence naming the rule that it breaks.
pub fn lint(step: &Step) -> Result<(), String> {
    step.number().map_err(|error| error.to_string())?;
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let text = step.text(engine);
        let code: String = text
            .lines()
            .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
            .collect::<Vec<_>>()
            .join("\n")
            .to_uppercase();
        let words: Vec<&str> = code
            .split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
            .filter(|word| !word.is_empty())
            .collect();
        let place = || format!("{} on {}", step.file, engine.as_str());
        match step.destructive(engine) {
            None if loses(&words) => {
                return Err(format!(
                    "{} removes or changes something without `-- lastro: destructive: <why>`",
                    place()
                ));
            }
            Some("") => return Err(format!("{} is destructive without saying why", place())),
            _ => {}
        }
        if ends_transaction(&words) {
            return Err(format!("{} ends its transaction: the runner does that", place()));
        }
        if let Some(long) = words.iter().find(|word| is_name(word) && word.len() > NAME) {
            return Err(format!("{} has a name of more than {NAME} bytes: {long}", place()));
        }
        if !step.is_transactional(engine) {
            if engine == Engine::Sqlite {
                return Err(format!("{}: there every step is a transaction", place()));
            }
            if code.matches(';').count() != 1 {
                return Err(format!(
                    "{} runs without a transaction and is not one statement",
                    place()
                ));
            }
        }
    }
    Ok(())
}

/// Bytes of a name that PostgreSQL keeps. It cuts off the rest without an error, and with it columns from a constraint's name.
const NAME: usize = 63;

/// Whether a word is the name of a constraint, an index or a trigger.
fn is_name(word: &str) -> bool {
    ["PK_", "UQ_", "FK_", "CK_", "IX_", "TR_"]
        .iter()
        .any(|prefix| word.starts_with(prefix))
}

/// Whether the text removes something, renames it or changes its type.
fn loses(words: &[&str]) -> bool {
    // What can be made again from the program alone.
    const REMADE: [&str; 12] = [
        "NOT",
        "INDEX",
        "DEFAULT",
        "EXPRESSION",
        "IDENTITY",
        "TRIGGER",
        "FUNCTION",
        "PROCEDURE",
        "VIEW",
        "MATERIALIZED",
        "POLICY",
        "RULE",
    ];
    (0..words.len()).any(|index| {
        let word = |offset: usize| words.get(index + offset).copied().unwrap_or_default();
        match word(0) {
            "TRUNCATE" => true,
            "DROP" => !REMADE.contains(&word(1)),
            "DELETE" => word(1) == "FROM",
            "RENAME" => word(1) != "CONSTRAINT",
            // ALTER [COLUMN] name [SET DATA] TYPE
            "ALTER" => {
                let rest = if word(1) == "COLUMN" { 2 } else { 1 };
                word(rest + 1) == "TYPE" || (word(rest + 1), word(rest + 2), word(rest + 3)) == ("SET", "DATA", "TYPE")
            }
            _ => false,
        }
    })
}

fn ends_transaction(words: &[&str]) -> bool {
    (0..words.len()).any(|index| {
        let before = index.checked_sub(1).and_then(|index| words.get(index));
        match words.get(index).copied() {
            Some("ROLLBACK" | "SAVEPOINT") => true,
            Some("COMMIT") => before != Some(&"ON"),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn step(text: &'static str) -> Step {
        Step {
            file: "0001_x",
            sqlite: text,
            postgres: text,
        }
    }

    #[test]
    fn losing_data_needs_a_marker_with_its_reason() {
        assert!(lint(&step("CREATE TABLE a (id INTEGER);")).is_ok());
        assert!(lint(&step("DROP TABLE a;")).is_err());
        assert!(lint(&step("ALTER TABLE a DROP COLUMN b;")).is_err());
        assert!(lint(&step("ALTER TABLE a ALTER COLUMN b TYPE bigint;")).is_err());
        assert!(lint(&step("-- lastro: destructive:\nDROP TABLE a;")).is_err());
        assert!(
            lint(&step(
                "-- lastro: destructive: the table was never filled\nDROP TABLE a;"
            ))
            .is_ok()
        );
        assert!(lint(&step("-- a comment about DROP TABLE a;\nCREATE TABLE b (id INTEGER);")).is_ok());
        // Words that may be left out, and columns that are named like words.
        assert!(lint(&step("ALTER TABLE a DROP b;")).is_err());
        assert!(lint(&step("ALTER TABLE a ALTER b SET DATA TYPE bigint;")).is_err());
        assert!(lint(&step("ALTER TABLE a ALTER b TYPE bigint;")).is_err());
        assert!(lint(&step("ALTER TABLE a RENAME b TO c;")).is_err());
        assert!(lint(&step("TRUNCATE a;")).is_err());
        assert!(lint(&step("ALTER TABLE a ADD COLUMN type text;")).is_ok());
        assert!(lint(&step("ALTER TABLE a ALTER COLUMN type DROP NOT NULL;")).is_ok());
        assert!(lint(&step("DROP TRIGGER b;")).is_ok());
        assert!(lint(&step("DROP INDEX b;\nCREATE INDEX b ON a (c);")).is_ok());
    }

    #[test]
    fn a_step_without_a_transaction_is_one_statement_of_the_server() {
        let on_the_server = |postgres| Step {
            postgres,
            ..step("CREATE INDEX a ON b (c);")
        };
        let one = "-- lastro: no-transaction\nCREATE INDEX CONCURRENTLY a ON b (c);";
        assert!(lint(&on_the_server(one)).is_ok());
        assert!(lint(&step(one)).is_err());
        let two = "-- lastro: no-transaction\nCREATE INDEX a ON b (c);\nCREATE INDEX d ON b (e);";
        assert!(lint(&on_the_server(two)).is_err());
    }

    #[test]
    fn a_step_does_not_end_its_transaction() {
        assert!(
            lint(&step(
                "CREATE TABLE a (id INTEGER); COMMIT; CREATE TABLE b (id INTEGER);"
            ))
            .is_err()
        );
        assert!(lint(&step("ROLLBACK;")).is_err());
        assert!(lint(&step("CREATE TEMPORARY TABLE a (id INTEGER) ON COMMIT PRESERVE ROWS;")).is_ok());
    }

    #[test]
    fn a_name_that_would_be_cut_off_is_refused() {
        let named = |columns: &str| format!("CREATE UNIQUE INDEX uq_{columns} ON a (b);");
        let fits: &'static str = named(&"x".repeat(60)).leak();
        let long: &'static str = named(&"x".repeat(61)).leak();
        assert!(lint(&step(fits)).is_ok());
        assert!(lint(&step(long)).is_err());
    }

    #[test]
    fn a_misnamed_step_is_refused() {
        assert!(
            lint(&Step {
                file: "1_x",
                ..step("")
            })
            .is_err()
        );
        assert!(
            lint(&Step {
                file: "0001",
                ..step("")
            })
            .is_err()
        );
    }

    #[test]
    fn the_binary_and_the_database_are_compared() {
        const SET: Migrations = Migrations {
            context: "a",
            steps: &[
                Step {
                    file: "0001_one",
                    ..step("CREATE TABLE a (id INTEGER);")
                },
                Step {
                    file: "0002_two",
                    ..step("")
                },
            ],
        };
        let first = SET.steps[0].checksum(Engine::Sqlite);
        let applied = |entries: &[(&str, i64, &str, &str)]| {
            let entry = |(context, number, name, sum): &(&str, i64, &str, &str)| {
                (
                    ((*context).to_owned(), *number),
                    ((*name).to_owned(), (*sum).to_owned()),
                )
            };
            entries.iter().map(entry).collect::<Applied>()
        };
        let pending = compare(Engine::Sqlite, &[SET], &applied(&[("a", 1, "0001_one", &first)])).unwrap();
        assert_eq!(
            pending.steps.iter().map(|step| step.file).collect::<Vec<_>>(),
            ["0002_two"]
        );
        let altered = compare(Engine::Sqlite, &[SET], &applied(&[("a", 1, "0001_one", "other")])).unwrap();
        assert_eq!(altered.altered, ["a/0001_one"]);
        let newer = compare(Engine::Sqlite, &[SET], &applied(&[("a", 3, "0003_three", "x")])).unwrap();
        assert_eq!(newer.unknown, ["a/0003_three"]);
        assert!(matches!(admit(newer, Destructive::Accept), Err(MigrateError::Newer(_))));
    }
}
