//! What users and sessions are called.

kernel::id!(
    /// Names a user: a person, member of exactly one organization.
    pub struct UserId = "user"
);

kernel::id!(
    /// Names a session: one login on one device, and the chain of refresh tokens that continues it.
    pub struct SessionId = "session"
);
