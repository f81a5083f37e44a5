//! The use cases: one file each, read as a story.

mod accounts;
mod principals;

pub(crate) use accounts::FirstAccounts;
pub(crate) use principals::Directory;
