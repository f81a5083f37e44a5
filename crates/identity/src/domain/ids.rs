//! What users and sessions are called.

pub use contracts::identity::{SessionId, UserId};
