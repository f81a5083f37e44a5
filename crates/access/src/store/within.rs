//! Lists narrowed to what a conditional grant reaches.

use authz::conditions::{Column, Dialect, Predicate};
use authz::{Denial, Permission, Within};
use db::list::List;
use db::{Engine, Value};
use kernel::FieldValue;

/// What a grant leaves of a list. It can only be had from the grant ([`reached`]), and lists cannot be had without it.
pub(crate) struct Narrowed(Option<(Predicate, Dialect)>);

/// The rows that a grant reaches, by the columns that conditions can ask for.
///
/// # Errors
/// The refusal at the condition's step, when a condition asks for what no list can be filtered by.
pub(crate) fn reached<P: Permission>(
    within: &Within<P>,
    columns: &[Column],
    engine: Engine,
) -> Result<Narrowed, Denial> {
    let dialect = match engine {
        Engine::Sqlite => Dialect::Sqlite,
        Engine::Postgres => Dialect::Postgres,
    };
    let predicate = within.predicate(columns).map_err(|_| within.refusal())?;
    Ok(Narrowed(predicate.map(|predicate| (predicate, dialect))))
}

/// The list without the rows that the grant does not reach.
pub(crate) fn narrowed<'v>(list: List<'v>, reached: Narrowed) -> List<'v> {
    let Some((predicate, dialect)) = reached.0 else {
        return list;
    };
    let values = predicate.values().iter().filter_map(bound).collect();
    list.satisfying(|first| predicate.text(dialect, first), values)
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
