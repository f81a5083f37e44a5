//! The use cases: one file each, read as a story.

mod assign_role;
pub(crate) mod changes;
pub(crate) mod check;
mod create_group;
mod create_permission;
mod create_role;
mod delete_group;
mod delete_permission;
mod delete_role;
mod grant_permission;
mod inherit;
mod readers;
mod refusal;
mod regrant_group;
mod seed_system_roles;
mod update_group;
mod update_role;

pub(crate) use assign_role::{Assignment, assign_role, give, revoke_role};
pub(crate) use create_group::create_group;
pub(crate) use create_permission::create_permission;
pub(crate) use create_role::create_role;
pub(crate) use delete_group::delete_group;
pub(crate) use delete_permission::delete_permission;
pub(crate) use delete_role::delete_role;
pub(crate) use grant_permission::{Granting, grant_permission, withdraw_permission};
pub(crate) use inherit::{disinherit, inherit};
pub(crate) use readers::readers_code;
pub(crate) use refusal::Refusal;
pub(crate) use regrant_group::{Part, put_part, remove_part};
pub use seed_system_roles::seed_system_roles;
pub(crate) use update_group::update_group;
pub(crate) use update_role::update_role;
