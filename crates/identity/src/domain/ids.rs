//! What users and sessions are called.

pub use contracts::identity::{InvitationId, SessionId, UserId};
