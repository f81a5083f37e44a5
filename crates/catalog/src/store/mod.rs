//! The tables of the catalogue.

pub(crate) mod modules;
pub(crate) mod packages;
pub(crate) mod permissions;
pub(crate) mod seeds;
pub(crate) mod standings;

use db::DbError;
use serde::Serialize;

/// An object as an event carries it.
pub(crate) fn rendered(view: &impl Serialize) -> Result<String, DbError> {
    serde_json::to_string(view).map_err(|error| DbError::Internal(format!("a view cannot be rendered: {error}")))
}
