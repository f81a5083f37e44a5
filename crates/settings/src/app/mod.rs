//! The use cases: one file each, read as a story.

mod refusal;
mod update_settings;

pub(crate) use refusal::Refusal;
pub(crate) use update_settings::update_settings;
