//! The table `audit_archives`, and what only the owner of the tables does.

use db::{DbError, Maintenance, Row, Scope, Sql, Value, values};
use kernel::Timestamp;
use uuid::Uuid;

use super::entries::{Entry, entry_at};
use crate::domain::Hash;

const LAST: Sql =
    Sql::tenant("SELECT sequence FROM audit_archives WHERE organization_id = $1 ORDER BY sequence DESC LIMIT 1")
        .point();
const SEALED_BEFORE: Sql = Sql::tenant(
    "SELECT sequence FROM audit_seals WHERE organization_id = $1 AND sequence > $2 AND sealed_at < $3 ORDER BY sequence LIMIT 100",
);
const ENTRIES: Sql = Sql::tenant(
    "SELECT e.id, e.occurred_at, e.actor_kind, e.actor_id, e.actor_name, e.action, e.target_kind, e.target_id, e.changes, \
     e.request_id, e.ip, e.user_agent, e.count FROM audit_sealed s JOIN audit_entries e \
     ON e.organization_id = s.organization_id AND e.id = s.entry_id \
     WHERE s.organization_id = $1 AND s.sequence = $2 ORDER BY s.position",
);
const ADD: Sql = Sql::tenant(
    "INSERT INTO audit_archives (organization_id, sequence, entries, file, digest, signature, archived_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7)",
);
const REMOVE_ENTRIES: Sql = Sql::tenant(
    "DELETE FROM audit_entries WHERE organization_id = $1 AND id IN (SELECT s.entry_id FROM audit_sealed s \
     WHERE s.organization_id = $1 AND s.sequence > $2 AND s.sequence <= $3)",
);
const REMOVE_PLACES: Sql =
    Sql::tenant("DELETE FROM audit_sealed WHERE organization_id = $1 AND sequence > $2 AND sequence <= $3");
// Where the engines differ: how a text is looked for in another.
const MENTIONS: Sql = Sql::tenant(
    "SELECT e.id, e.target_kind, e.target_id, e.changes, e.personal FROM audit_entries e \
     WHERE e.organization_id = $1 AND e.id > $2 AND (e.actor_id = $3 OR e.target_id = $3 \
     OR (e.personal IS NOT NULL AND strpos(e.changes::text, $4::text) > 0)) ORDER BY e.id LIMIT 500",
)
.on_sqlite(
    "SELECT e.id, e.target_kind, e.target_id, e.changes, e.personal FROM audit_entries e \
     WHERE e.organization_id = $1 AND e.id > $2 AND (e.actor_id = $3 OR e.target_id = $3 \
     OR (e.personal IS NOT NULL AND instr(e.changes, $4) > 0)) ORDER BY e.id LIMIT 500",
);
const OF_PERSON: Sql = Sql::tenant(
    "SELECT id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, request_id, ip, \
     user_agent, count FROM audit_entries WHERE organization_id = $1 AND id > $2 AND (actor_id = $3 OR target_id = $3) \
     ORDER BY id LIMIT 500",
);
const ERASE_ACTOR: Sql = Sql::tenant(
    "UPDATE audit_entries SET actor_name = $3, ip = NULL, user_agent = NULL WHERE organization_id = $1 AND actor_id = $2",
);
const ERASE_CHANGES: Sql = Sql::tenant("UPDATE audit_entries SET changes = $3 WHERE organization_id = $1 AND id = $2");
const FORGET_SALT: Sql =
    Sql::tenant("UPDATE audit_sealed SET salt = NULL WHERE organization_id = $1 AND entry_id = $2");
const FORGET_SALTS: Sql = Sql::tenant(
    "UPDATE audit_sealed SET salt = NULL WHERE organization_id = $1 AND entry_id IN (SELECT e.id FROM audit_entries e \
     WHERE e.organization_id = $1 AND (e.actor_id = $2 OR e.target_id = $2))",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LAST,
    SEALED_BEFORE,
    ENTRIES,
    ADD,
    REMOVE_ENTRIES,
    REMOVE_PLACES,
    MENTIONS,
    OF_PERSON,
    ERASE_ACTOR,
    ERASE_CHANGES,
    FORGET_SALT,
    FORGET_SALTS,
];

/// The last batch whose entries were archived; 0 when none was.
pub(crate) async fn last(scope: Scope<'_>) -> Result<i64, DbError> {
    let last = scope.optional(&LAST, &[], |row| row.get(0)).await?;
    Ok(last.unwrap_or(0))
}

/// The batches after one that were sealed before an instant, at most a hundred.
pub(crate) async fn sealed_before(scope: Scope<'_>, after: i64, before: Timestamp) -> Result<Vec<i64>, DbError> {
    scope
        .all(&SEALED_BEFORE, &values![after, before], |row| row.get(0))
        .await
}

/// The entries of a batch, in their order.
pub(crate) async fn entries(scope: Scope<'_>, sequence: i64) -> Result<Vec<Entry>, DbError> {
    scope.all(&ENTRIES, &values![sequence], |row| entry_at(row, 0)).await
}

/// A file that takes the place of entries.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) after: i64,
    pub(crate) until: i64,
    pub(crate) entries: i64,
    pub(crate) file: String,
    pub(crate) digest: Hash,
    pub(crate) signature: Hash,
    pub(crate) archived_at: Timestamp,
}

/// Remembers the file and removes what is in it; the seals stay, so that the chain goes on.
pub(crate) fn replace(archive: &Archive) -> Vec<Maintenance> {
    let range = || vec![Value::from(archive.after), Value::from(archive.until)];
    vec![
        Maintenance {
            sql: ADD,
            values: vec![
                archive.until.into(),
                archive.entries.into(),
                archive.file.clone().into(),
                Value::from(archive.digest.as_slice()).into_owned(),
                Value::from(archive.signature.as_slice()).into_owned(),
                archive.archived_at.into(),
            ],
        },
        Maintenance {
            sql: REMOVE_ENTRIES,
            values: range(),
        },
        Maintenance {
            sql: REMOVE_PLACES,
            values: range(),
        },
    ]
}

/// An entry that a person did, that was done to the person, or that tells the person's address.
#[derive(Debug)]
pub(crate) struct Mention {
    pub(crate) id: Uuid,
    pub(crate) target_kind: String,
    pub(crate) target_id: Uuid,
    pub(crate) changes: Option<String>,
    /// The names of the personal fields among the changes.
    pub(crate) personal: Option<String>,
}

/// At most 500 entries that mention the person, or whose changes hold the address, after one.
pub(crate) async fn mentions(
    scope: Scope<'_>,
    person: Uuid,
    address: &str,
    after: Uuid,
) -> Result<Vec<Mention>, DbError> {
    scope.all(&MENTIONS, &values![after, person, address], mention).await
}

fn mention(row: &Row<'_>) -> Result<Mention, DbError> {
    Ok(Mention {
        id: row.get(0)?,
        target_kind: row.get(1)?,
        target_id: row.get(2)?,
        changes: row.get(3)?,
        personal: row.get(4)?,
    })
}

/// At most 500 entries that the person did or that were done to the person, after one, oldest first.
pub(crate) async fn of_person(scope: Scope<'_>, person: Uuid, after: Uuid) -> Result<Vec<Entry>, DbError> {
    scope
        .all(&OF_PERSON, &values![after, person], |row| entry_at(row, 0))
        .await
}

/// Takes a person out of the trail: the name and the device of what the person did, and what the changes told. Without their salts
/// the commitments in the chain tell nothing, and still hold.
pub(crate) fn erase(person: Uuid, pseudonym: &str, changes: Vec<(Uuid, String)>) -> Vec<Maintenance> {
    let mut statements = vec![
        Maintenance {
            sql: FORGET_SALTS,
            values: vec![person.into()],
        },
        Maintenance {
            sql: ERASE_ACTOR,
            values: vec![person.into(), pseudonym.to_owned().into()],
        },
    ];
    for (entry, masked) in changes {
        statements.push(Maintenance {
            sql: FORGET_SALT,
            values: vec![entry.into()],
        });
        statements.push(Maintenance {
            sql: ERASE_CHANGES,
            values: vec![entry.into(), Value::Json(masked.into())],
        });
    }
    statements
}
