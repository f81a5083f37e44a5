//! The role and the values it is made of. No storage, no HTTP, no JSON.

mod role;
mod values;

pub(crate) use role::{Changes, NewRole, Role, Stored};
pub(crate) use values::{Description, RoleCode, RoleName};
