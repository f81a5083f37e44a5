//! Lists narrowed to what a conditional grant reaches.
//!
//! A list that can be held under a condition takes a [`Narrowed`] as an argument, and there is one way to come by it: to ask the
//! grant. So a context that lists under such a permission cannot forget its condition; and since the condition is a part of the
//! statement, pages and totals are exact.
//!
//! ```
//! use authz::conditions::{Column, ColumnKind};
//! use authz::{Denial, Permission, Within};
//! use contracts::Narrowed;
//! use db::Engine;
//! use db::list::List;
//!
//! const FIELDS: [Column; 1] = [Column::new("ownerId", "owner_id", ColumnKind::Id)];
//!
//! fn invoices<P: Permission>(within: &Within<P>, engine: Engine) -> Result<List<'static>, Denial> {
//!     let reached = Narrowed::to_reach_of(within, &FIELDS, engine)?;
//!     Ok(reached.apply(List::tenant("invoices", "id, owner_id")))
//! }
//! ```

use authz::conditions::{Column, Dialect, Predicate};
use authz::{Denial, Permission, Within};
use db::list::List;
use db::{Engine, Value};
use kernel::FieldValue;

/// What a grant leaves of a list.
#[derive(Debug, Clone)]
pub struct Narrowed(Option<(Predicate, Dialect)>);

impl Narrowed {
    /// The rows that a grant reaches, by the columns that conditions can ask for.
    ///
    /// # Errors
    /// The refusal at the condition's step, when a condition asks for what no list can be filtered by.
    pub fn to_reach_of<P: Permission>(within: &Within<P>, columns: &[Column], engine: Engine) -> Result<Self, Denial> {
        let dialect = match engine {
            Engine::Sqlite => Dialect::Sqlite,
            Engine::Postgres => Dialect::Postgres,
        };
        let predicate = within.predicate(columns).map_err(|_| within.refusal())?;
        Ok(Self(predicate.map(|predicate| (predicate, dialect))))
    }

    /// The list without the rows that the grant does not reach.
    #[must_use]
    pub fn apply<'v>(self, list: List<'v>) -> List<'v> {
        let Some((predicate, dialect)) = self.0 else {
            return list;
        };
        let values = predicate.values().iter().filter_map(bound).collect();
        list.satisfying(|first| predicate.text(dialect, first), values)
    }
}

/// A value of a condition, to be bound; there is no null and no list among them.
fn bound(value: &FieldValue) -> Option<Value<'static>> {
    match value {
        FieldValue::Bool(value) => Some((*value).into()),
        FieldValue::Integer(value) => Some((*value).into()),
        FieldValue::Text(value) => Some(value.clone().into()),
        FieldValue::Time(value) => Some((*value).into()),
        FieldValue::Id(value) => Some((*value).into()),
        FieldValue::Null | FieldValue::List(_) => None,
    }
}
