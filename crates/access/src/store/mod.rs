//! The tables of this context.

pub(crate) mod roles;
pub(crate) mod system_roles;
