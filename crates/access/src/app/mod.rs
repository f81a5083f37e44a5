//! The use cases: one file each, read as a story.

mod create_role;
mod delete_role;
mod refusal;
mod seed_system_roles;
mod update_role;

pub(crate) use create_role::create_role;
pub(crate) use delete_role::delete_role;
pub(crate) use refusal::Refusal;
pub use seed_system_roles::seed_system_roles;
pub(crate) use update_role::update_role;
