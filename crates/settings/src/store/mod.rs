//! The tables: one file each.

pub(crate) mod assets;
pub(crate) mod branding;
pub(crate) mod integrations;
pub(crate) mod owner;
pub(crate) mod settings;

use db::DbError;
use serde::Serialize;

/// An object as events carry it.
fn rendered<T: Serialize>(shown: &T) -> Result<String, DbError> {
    serde_json::to_string(shown).map_err(|error| DbError::Internal(format!("an object cannot be rendered: {error}")))
}
