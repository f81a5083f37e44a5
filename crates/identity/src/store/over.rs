//! Which organizations have rows that are over, in all tables of this context.

use db::{DbError, Scope, Sql, values};
use kernel::{OrganizationId, Timestamp};

const WITH_OVER: Sql = Sql::system(
    "SELECT organization_id FROM sessions WHERE expires_at < $2 \
     UNION SELECT organization_id FROM login_failures WHERE stale_at < $1 \
     UNION SELECT organization_id FROM mfa_challenges WHERE expires_at < $1 \
     UNION SELECT organization_id FROM one_time_tokens WHERE expires_at < $1 \
     UNION SELECT organization_id FROM invitations WHERE expires_at < $2 \
     UNION SELECT organization_id FROM support_sessions WHERE expires_at < $2 \
     UNION SELECT organization_id FROM mail_queue WHERE (state = 'sent' AND created_at < $3) \
     OR (state = 'dead' AND created_at < $4)",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[WITH_OVER];

/// What is over at different instants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// What counts until its end and is of no use after it.
    pub(crate) now: Timestamp,
    /// What is looked at for a while after its end.
    pub(crate) ended: Timestamp,
    /// Mails that were sent.
    pub(crate) sent: Timestamp,
    /// Mails that could not be sent.
    pub(crate) dead: Timestamp,
}

/// The organizations that have any of it.
pub(crate) async fn organizations(scope: Scope<'_>, limits: Limits) -> Result<Vec<OrganizationId>, DbError> {
    let values = values![limits.now, limits.ended, limits.sent, limits.dead];
    scope.all(&WITH_OVER, &values, |row| row.id(0)).await
}
