//! The tables of this context, and the events that units of work leave beside their changes.

pub(crate) mod attempts;
pub(crate) mod deliveries;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod log;
pub(crate) mod replays;

use db::Sql;
use kernel::Id;

/// Every statement of this context, for the statement test.
pub(crate) fn statements() -> Vec<Sql<'static>> {
    [
        attempts::STATEMENTS,
        deliveries::STATEMENTS,
        endpoints::STATEMENTS,
        events::STATEMENTS,
        log::STATEMENTS,
        replays::STATEMENTS,
    ]
    .concat()
}

/// Ids travel to a statement as one JSON list. Without hyphens both engines read them: `x::uuid` and `unhex(x)`. On PostgreSQL the
/// rows are `= ANY (ARRAY(SELECT …))` of them, which is looked up in the index, one id after the other; a join with the list alone it may
/// begin with all rows of the organization, and does as long as its statistics are older than the rows.
pub(crate) fn list<I: Id>(ids: impl IntoIterator<Item = I>) -> String {
    let texts: Vec<String> = ids.into_iter().map(simple).collect();
    texts_json(&texts)
}

/// An id as it stands in JSON for a statement.
pub(crate) fn simple(id: impl Id) -> String {
    id.as_uuid().simple().to_string()
}

/// Texts as one JSON list.
pub(crate) fn texts_json(texts: &[String]) -> String {
    // A list of texts is always JSON.
    serde_json::to_string(texts).unwrap_or_else(|_| "[]".to_owned())
}
