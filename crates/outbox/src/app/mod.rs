//! The use cases: one file each, read as a story.

mod create_endpoint;
mod delete_endpoint;
mod disable_endpoint;
mod refusal;
mod replay_dead_letters;
mod retry_delivery;
mod rotate_secret;
mod test_endpoint;
mod update_endpoint;

pub(crate) use create_endpoint::create_endpoint;
pub(crate) use delete_endpoint::delete_endpoint;
pub(crate) use disable_endpoint::{Recipient, disable_endpoint};
pub(crate) use refusal::Refusal;
pub(crate) use replay_dead_letters::replay_dead_letters;
pub(crate) use retry_delivery::retry_delivery;
pub(crate) use rotate_secret::rotate_secret;
pub(crate) use test_endpoint::test_endpoint;
pub(crate) use update_endpoint::update_endpoint;
