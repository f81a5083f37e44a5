//! Roles, groups and the values they are made of. No storage, no HTTP, no JSON.

mod group;
mod permission;
mod role;
mod values;

pub(crate) use group::{Group, GroupId, NewGroup, StoredGroup};
pub(crate) use permission::{CodePart, NewPermission, PermissionText};
pub(crate) use role::{Changes, NewRole, Role, Stored};
pub(crate) use values::{Code, Description, Name};
