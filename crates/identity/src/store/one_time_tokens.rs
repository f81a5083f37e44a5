//! The table `one_time_tokens`: what the links of mails carry.

use std::time::Duration;

use contracts::identity::UserId;
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{OrganizationId, Timestamp};

use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::Email;
use crate::mail::letter::MailId;

const ADD: Sql = Sql::tenant(
    "INSERT INTO one_time_tokens (organization_id, digest, purpose, user_id, email, mail_id, created_at, expires_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const REPLACE: Sql =
    Sql::tenant("DELETE FROM one_time_tokens WHERE organization_id = $1 AND user_id = $2 AND mail_id = $3");
const FIND: Sql = Sql::tenant(
    "SELECT user_id, purpose, email FROM one_time_tokens WHERE organization_id = $1 AND digest = $2 AND expires_at > $3",
)
.point();
const SPEND: Sql = Sql::tenant(
    "DELETE FROM one_time_tokens WHERE organization_id = $1 AND digest = $2 AND expires_at > $3 \
     RETURNING user_id, purpose, email",
);
const FORGET: Sql =
    Sql::tenant("DELETE FROM one_time_tokens WHERE organization_id = $1 AND user_id = $2 AND purpose = $3");
const EXPIRED: Sql = Sql::tenant("DELETE FROM one_time_tokens WHERE organization_id = $1 AND expires_at <= $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, REPLACE, FIND, SPEND, FORGET, EXPIRED];

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Another password.
    Reset,
    /// The address of somebody who registered.
    Verify,
    /// A changed address.
    EmailChange,
    /// The first password of the first administrator.
    Setup,
}

impl Purpose {
    const ALL: [Self; 4] = [Self::Reset, Self::Verify, Self::EmailChange, Self::Setup];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Reset => "reset",
            Self::Verify => "verify",
            Self::EmailChange => "email_change",
            Self::Setup => "setup",
        }
    }

    /// The kind of secret that its tokens are.
    const fn kind(self) -> SecretKind {
        match self {
            Self::Reset => SecretKind::PasswordReset,
            Self::Verify | Self::EmailChange => SecretKind::EmailConfirmation,
            Self::Setup => SecretKind::Setup,
        }
    }

    /// How long its tokens live.
    const fn lifetime(self) -> Duration {
        const HOUR: Duration = Duration::from_secs(60 * 60);
        match self {
            Self::Reset => HOUR,
            Self::Verify | Self::EmailChange | Self::Setup => HOUR.saturating_mul(24),
        }
    }
}

/// What a token opens.
pub(crate) struct Token {
    pub(crate) user: UserId,
    pub(crate) purpose: Purpose,
    /// The address that it was sent to.
    pub(crate) email: Email,
}

/// Makes a token for a user, sent to `email`. Only its digest is stored; one that an earlier attempt of the same mail made is
/// replaced.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn mint(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    purpose: Purpose,
    email: &str,
    mail: Option<MailId>,
) -> Result<OpaqueSecret, DbError> {
    let scope = uow.scope(organization);
    if let Some(mail) = mail {
        scope.send(&REPLACE, &[Value::id(user), Value::id(mail)]).await?;
    }
    let secret = OpaqueSecret::generate(purpose.kind(), organization, &*uow.generators().random);
    let digest = secret.digest();
    let row = [
        Value::from(digest.as_bytes().as_slice()),
        purpose.as_str().into(),
        Value::id(user),
        email.into(),
        mail.map(kernel::Id::as_uuid).into(),
        uow.now().into(),
        uow.now().plus(purpose.lifetime()).into(),
    ];
    scope.send(&ADD, &row).await?;
    Ok(secret)
}

/// What a presented secret opens, without spending it.
pub(crate) async fn find(scope: Scope<'_>, secret: &OpaqueSecret, now: Timestamp) -> Result<Option<Token>, DbError> {
    let digest = secret.digest();
    let key = [digest.as_bytes().as_slice().into(), now.into()];
    scope.optional(&FIND, &key, token).await
}

/// Spends a presented secret; of two at the same moment one gets it.
pub(crate) async fn spend(uow: &UnitOfWork, secret: &OpaqueSecret) -> Result<Option<Token>, DbError> {
    let digest = secret.digest();
    let key = [digest.as_bytes().as_slice().into(), uow.now().into()];
    let scope = uow.scope(secret.organization());
    scope.reads().optional(&SPEND, &key, token).await
}

/// Ends all tokens of a user for a purpose.
pub(crate) async fn forget(
    uow: &UnitOfWork,
    organization: OrganizationId,
    user: UserId,
    purpose: Purpose,
) -> Result<(), DbError> {
    let row = [Value::id(user), purpose.as_str().into()];
    uow.scope(organization).send(&FORGET, &row).await
}

/// Removes what has expired; how many.
pub(crate) async fn remove_expired(uow: &UnitOfWork, organization: OrganizationId) -> Result<u64, DbError> {
    uow.scope(organization).execute(&EXPIRED, &[uow.now().into()]).await
}

fn token(row: &Row<'_>) -> Result<Token, DbError> {
    let purpose = row.get::<String>(1)?;
    Ok(Token {
        user: row.id(0)?,
        purpose: Purpose::ALL
            .into_iter()
            .find(|known| known.as_str() == purpose)
            .ok_or_else(|| row.inconsistency(1))?,
        email: Email::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
    })
}
