//! The only ways to rows: inside one organization, on a global table, or across organizations for a stated reason.

use kernel::OrganizationId;
use smallvec::SmallVec;

use crate::database::Db;
use crate::error::DbError;
use crate::row::{All, Only, Row, Sink};
use crate::sql::{Reach, Sql};
use crate::unit::UnitOfWork;
use crate::value::Value;

/// The permission to leave the organization, with the reason. Every call site is listed in a file that may only shrink.
#[derive(Debug, Clone, Copy)]
pub struct SystemScope(&'static str);

impl SystemScope {
    /// States why the work spans organizations.
    #[must_use]
    pub const fn new(reason: &'static str) -> Self {
        Self(reason)
    }

    /// The reason.
    #[must_use]
    pub const fn reason(self) -> &'static str {
        self.0
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Tenant(OrganizationId),
    Global,
    System,
}

#[derive(Clone, Copy)]
enum Source<'a> {
    Committed(&'a Db),
    Unit(&'a UnitOfWork),
}

/// Reads: of what is committed, or of what the unit of work sees.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    source: Source<'a>,
    kind: Kind,
}

/// Reads and writes of a unit of work.
#[derive(Clone, Copy)]
pub struct WriteScope<'a> {
    unit: &'a UnitOfWork,
    kind: Kind,
}

type Values<'v> = SmallVec<[Value<'v>; 8]>;

impl Kind {
    /// The values with the organization in front, if the statement is of this reach.
    fn bind<'v>(self, sql: &Sql<'_>, values: &[Value<'v>]) -> Result<Values<'v>, DbError> {
        let mut bound = Values::new();
        match (self, sql.reach()) {
            (Self::Tenant(organization_id), Reach::Tenant) => bound.push(Value::id(organization_id)),
            // A tenant's statement may also run for an organization named explicitly by work that left the tenant; it is then
            // still bound to one, through `UnitOfWork::scope`. Global tables are readable from everywhere.
            (_, Reach::Global) | (Self::System, Reach::System) => {}
            (_, reach) => {
                return Err(DbError::Internal(format!(
                    "a statement of reach {reach:?} was run outside its scope"
                )));
            }
        }
        bound.extend(values.iter().cloned());
        Ok(bound)
    }

    /// Whether the unit may touch these rows.
    fn admit(self, unit: &UnitOfWork) -> Result<(), DbError> {
        match self {
            Self::Tenant(organization_id) => unit.admit(organization_id),
            // The system scope was refused when it was asked for.
            Self::Global | Self::System => Ok(()),
        }
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn committed(db: &'a Db, organization_id: OrganizationId) -> Self {
        Self {
            source: Source::Committed(db),
            kind: Kind::Tenant(organization_id),
        }
    }

    pub(crate) fn committed_global(db: &'a Db) -> Self {
        Self {
            source: Source::Committed(db),
            kind: Kind::Global,
        }
    }

    pub(crate) fn committed_system(db: &'a Db) -> Self {
        Self {
            source: Source::Committed(db),
            kind: Kind::System,
        }
    }

    /// Every row, mapped while the engine stands on it.
    ///
    /// # Errors
    /// [`DbError`], also from `map`.
    pub async fn all<T: Send>(
        self,
        sql: &Sql<'_>,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Vec<T>, DbError> {
        let mut all = All::new(map);
        self.read(sql, values, &mut all).await?;
        Ok(all.rows)
    }

    async fn read(self, sql: &Sql<'_>, values: &[Value<'_>], sink: &mut dyn Sink) -> Result<u64, DbError> {
        let values = self.kind.bind(sql, values)?;
        match self.source {
            Source::Committed(db) => db.read(sql, &values, sink).await,
            Source::Unit(unit) => {
                self.kind.admit(unit)?;
                unit.read(sql, &values, sink).await
            }
        }
    }

    /// The row, if there is one. "Not found" is an answer, never an error.
    ///
    /// # Errors
    /// [`DbError`], also from `map`; [`DbError::Internal`] when there are several rows.
    pub async fn optional<T: Send>(
        self,
        sql: &Sql<'_>,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<Option<T>, DbError> {
        let mut only = Only::new(map);
        self.read(sql, values, &mut only).await?;
        Ok(only.row)
    }

    /// The one row that must be there, such as a count's.
    ///
    /// # Errors
    /// [`DbError`]; [`DbError::Internal`] when there is none.
    pub async fn one<T: Send>(
        self,
        sql: &Sql<'_>,
        values: &[Value<'_>],
        map: impl Fn(&Row<'_>) -> Result<T, DbError> + Send + Sync,
    ) -> Result<T, DbError> {
        self.optional(sql, values, map)
            .await?
            .ok_or_else(|| DbError::Internal("a statement for one row returned none".into()))
    }
}

impl<'a> WriteScope<'a> {
    pub(crate) fn tenant(unit: &'a UnitOfWork, organization_id: OrganizationId) -> Self {
        Self {
            unit,
            kind: Kind::Tenant(organization_id),
        }
    }

    pub(crate) fn global(unit: &'a UnitOfWork) -> Self {
        Self {
            unit,
            kind: Kind::Global,
        }
    }

    pub(crate) fn system(unit: &'a UnitOfWork) -> Self {
        Self {
            unit,
            kind: Kind::System,
        }
    }

    /// The same scope for reading what the unit sees.
    #[must_use]
    pub fn reads(self) -> Scope<'a> {
        Scope {
            source: Source::Unit(self.unit),
            kind: self.kind,
        }
    }

    /// Runs a statement and waits for how many rows it touched: for when the number decides what happens next.
    ///
    /// # Errors
    /// [`DbError`], constraint violations among them.
    pub async fn execute(self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<u64, DbError> {
        let values = self.kind.bind(sql, values)?;
        self.kind.admit(self.unit)?;
        self.unit.execute(sql, &values).await
    }

    /// Runs a statement whose result the unit does not need: on PostgreSQL its answer travels with the COMMIT's. A
    /// violation then fails the unit as a whole, on both engines, whatever the closure answered; statements after it are
    /// refused with [`DbError::Aborted`] or do nothing.
    ///
    /// # Errors
    /// [`DbError`] when the statement cannot be sent at all.
    pub async fn send(self, sql: &Sql<'_>, values: &[Value<'_>]) -> Result<(), DbError> {
        let values = self.kind.bind(sql, values)?;
        self.kind.admit(self.unit)?;
        self.unit.send(sql, &values).await
    }
}

impl<'a> From<WriteScope<'a>> for Scope<'a> {
    fn from(scope: WriteScope<'a>) -> Self {
        scope.reads()
    }
}
