//! Values that are sealed under the master key, and how they come under another one while the servers run.
//!
//! A context declares each of its sealed columns ([`SealedColumn`]), so that changing the master key needs to know no context:
//! [`reseal`] walks over the rows of a column, opens what was sealed under a former key, and seals it under the current one.

use std::sync::Arc;

use db::{Db, DbError, Sql, SystemScope, UnitContext, Value};
use kernel::{Actor, Generators, Id as _, OrganizationId};
use uuid::Uuid;
use vault::{OpenError, SealContext, Sealer};

/// A column of sealed values.
#[derive(Debug, Clone, Copy)]
pub struct SealedColumn {
    /// What is sealed there, for people: `signing keys`.
    pub name: &'static str,
    purpose: &'static str,
    is_global: bool,
    next: Sql<'static>,
    replace: Sql<'static>,
}

impl SealedColumn {
    /// A column of a tenant table, whose values are sealed for [`SealContext::tenant`] with this purpose and the row's id.
    ///
    /// `next` reads `organization_id, id, value` of at most 100 rows behind the organization `$1` and the id `$2`, in this order,
    /// without those that have no value. `replace` sets the value `$3` of the row `$1, $2` if it still is `$4`. Both are
    /// declared [`Sql::system`].
    #[must_use]
    pub const fn tenant(name: &'static str, purpose: &'static str, next: Sql<'static>, replace: Sql<'static>) -> Self {
        Self {
            name,
            purpose,
            is_global: false,
            next,
            replace,
        }
    }

    /// A column of a global table, whose values are sealed for [`SealContext::global`] with this purpose and the row's id.
    ///
    /// `next` reads `id, value` of at most 100 rows behind the id `$1`; `replace` sets the value `$2` of the row `$1` if it still
    /// is `$3`. Both are declared [`Sql::global`].
    #[must_use]
    pub const fn global(name: &'static str, purpose: &'static str, next: Sql<'static>, replace: Sql<'static>) -> Self {
        Self {
            name,
            purpose,
            is_global: true,
            next,
            replace,
        }
    }

    /// Its statements, so that a test can prepare each of them on both engines.
    #[must_use]
    pub const fn statements(&self) -> [Sql<'static>; 2] {
        [self.next, self.replace]
    }

    fn place(&self, row: &SealedRow) -> SealContext {
        match row.organization {
            Some(organization) => SealContext::tenant(self.purpose, organization, row.id),
            None => SealContext::global(self.purpose, row.id),
        }
    }

    async fn behind(&self, db: &Db, last: Option<&SealedRow>) -> Result<Vec<SealedRow>, DbError> {
        let id = Value::Uuid(last.map_or(Uuid::nil(), |row| row.id));
        if self.is_global {
            let row = |row: &db::Row<'_>| {
                Ok(SealedRow {
                    organization: None,
                    id: row.get(0)?,
                    value: row.get(1)?,
                })
            };
            return db.global().all(&self.next, &[id], row).await;
        }
        let organization = last.and_then(|row| row.organization);
        let organization = Value::Uuid(organization.map_or(Uuid::nil(), OrganizationId::as_uuid));
        let everywhere =
            SystemScope::new("what is sealed under a former master key is looked for in every organization");
        let row = |row: &db::Row<'_>| {
            Ok(SealedRow {
                organization: Some(row.id(0)?),
                id: row.get(1)?,
                value: row.get(2)?,
            })
        };
        db.system(everywhere).all(&self.next, &[organization, id], row).await
    }
}

/// A sealed value, and where it stands.
#[derive(Clone)]
struct SealedRow {
    organization: Option<OrganizationId>,
    id: Uuid,
    value: Vec<u8>,
}

/// What there was to do in one column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Values that are sealed under the current key now, and were not before.
    pub sealed: u64,
    /// Values that open under no key that is here.
    pub unreadable: u64,
}

/// Why values of a column do not open with the keys that are here; `None` when they do, or when there are none. Of a global column
/// the newest value counts: former ones may have outlived their key. Of a tenant table one value that opens is enough: a single
/// customer's broken secret is that customer's trouble.
///
/// # Errors
/// [`DbError`].
pub async fn why_closed(db: &Db, sealer: &Sealer, column: &SealedColumn) -> Result<Option<OpenError>, DbError> {
    let rows = column.behind(db, None).await?;
    let mut outcomes = rows
        .iter()
        .rev()
        .map(|row| sealer.open(&column.place(row), &row.value).err());
    let newest = outcomes.next().flatten();
    if column.is_global || outcomes.all(|why| why.is_some()) {
        return Ok(newest);
    }
    Ok(None)
}

/// Seals the values of a column anew that were sealed under a former master key. Rows that change meanwhile are left as they
/// changed: whoever runs with the current key has sealed them under it.
///
/// # Errors
/// [`DbError`]; then what was done until there is kept, and it can be called again.
pub async fn reseal(
    db: &Db,
    sealer: &Sealer,
    generators: &Generators,
    platform: OrganizationId,
    column: &SealedColumn,
) -> Result<Resealed, DbError> {
    let mut done = Resealed::default();
    let mut last = None;
    loop {
        let rows = column.behind(db, last.as_ref()).await?;
        let Some(end) = rows.last().cloned() else {
            return Ok(done);
        };
        last = Some(end);
        let mut renewed = Vec::new();
        for row in rows {
            match renew(sealer, generators, &column.place(&row), &row.value) {
                Ok(Some(value)) => renewed.push((row, value)),
                Ok(None) => {}
                Err(_) => done.unreadable += 1,
            }
        }
        if !renewed.is_empty() {
            done.sealed += replace(db, platform, column, renewed).await?;
        }
    }
}

/// The value under the current key; none when it is there already.
fn renew(
    sealer: &Sealer,
    generators: &Generators,
    place: &SealContext,
    value: &[u8],
) -> Result<Option<Vec<u8>>, OpenError> {
    if !sealer.is_outdated(value)? {
        return Ok(None);
    }
    let opened = sealer.open(place, value)?;
    let sealed = sealer.seal(place, &opened, generators.random.as_ref());
    sealed.map(Some).map_err(|_| OpenError::Refused)
}

async fn replace(
    db: &Db,
    platform: OrganizationId,
    column: &SealedColumn,
    renewed: Vec<(SealedRow, Vec<u8>)>,
) -> Result<u64, DbError> {
    let everywhere = SystemScope::new("what was sealed under a former master key is sealed anew in every organization");
    let context = UnitContext::system(Actor::system("keys"), platform, everywhere)
        .unaudited("the same secrets as before, under another key");
    let (column, renewed) = (*column, Arc::new(renewed));
    db.write(context, move |uow| {
        let renewed = Arc::clone(&renewed);
        async move {
            let mut sealed = 0;
            for (row, value) in renewed.iter() {
                let (id, value, before) = (
                    Value::Uuid(row.id),
                    Value::from(value.as_slice()),
                    Value::from(row.value.as_slice()),
                );
                sealed += match row.organization {
                    Some(organization) => {
                        let values = [Value::id(organization), id, value, before];
                        uow.system()?.execute(&column.replace, &values).await?
                    }
                    None => uow.global().execute(&column.replace, &[id, value, before]).await?,
                };
            }
            Ok(sealed)
        }
    })
    .await
}
