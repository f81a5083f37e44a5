//! The tables `catalogue_seeds` and `catalogue_files`.

use std::collections::HashMap;

use db::{DbError, Scope, Sql, UnitOfWork, values};

const ALL: Sql = Sql::global("SELECT kind, code, digest FROM catalogue_seeds ORDER BY kind, code");
const NOTE: Sql = Sql::global(
    "INSERT INTO catalogue_seeds (kind, code, digest, seeded_at) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (kind, code) DO UPDATE SET digest = excluded.digest, seeded_at = excluded.seeded_at",
);
const FILE: Sql = Sql::global("SELECT content FROM catalogue_files WHERE name = 'catalog.toml'");
const STORE_FILE: Sql = Sql::global(
    "INSERT INTO catalogue_files (name, content, stored_at) VALUES ('catalog.toml', $1, $2) \
     ON CONFLICT (name) DO UPDATE SET content = excluded.content, stored_at = excluded.stored_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ALL, NOTE, FILE, STORE_FILE];

/// What an entry of the catalogue file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Module,
    Package,
}

impl Kind {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Module => "module",
            Self::Package => "package",
        }
    }
}

/// The digests of what was seeded last, by kind and code.
pub(crate) async fn all(scope: Scope<'_>) -> Result<HashMap<(String, String), String>, DbError> {
    let rows = scope
        .all(&ALL, &[], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .await?;
    Ok(rows.into_iter().collect())
}

pub(crate) async fn note(uow: &UnitOfWork, kind: Kind, code: &str, digest: &str) -> Result<(), DbError> {
    uow.global()
        .send(&NOTE, &values![kind.as_str(), code, digest, uow.now()])
        .await
}

/// The catalogue file that an operator put in the place of the program's own.
pub(crate) async fn file(scope: Scope<'_>) -> Result<Option<String>, DbError> {
    scope.optional(&FILE, &[], |row| row.get(0)).await
}

pub(crate) async fn store_file(uow: &UnitOfWork, content: &str) -> Result<(), DbError> {
    uow.global().send(&STORE_FILE, &values![content, uow.now()]).await
}
