//! The table `invitations`: those that were neither accepted nor revoked.

use authz::conditions::{Column, ColumnKind, Object, Value as FieldOf};
use contracts::access::RoleId;
use contracts::identity::{InvitationId, InvitationView, UserId};
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Actor, ActorKind, Direction, OrganizationId, PageRequest, Timestamp};

use crate::crypto::{OpaqueSecret, SecretDigest};
use crate::domain::{Email, Invitation, StoredInvitation};

const VIEW: &str = "id, email, role_ids, expires_at, created_at";

/// What conditions on users ask of an invitation: it is taken for the user that it makes, as far as that is known. The rest is
/// missing, here and in [`Object`], and is looked at when somebody comes in.
pub(crate) const FIELDS: [Column; 10] = [
    Column::new("id", "CAST(NULL AS UUID)", ColumnKind::Id),
    Column::new("organizationId", "organization_id", ColumnKind::Id),
    Column::new("name", "CAST(NULL AS TEXT)", ColumnKind::Text),
    Column::new("email", "email", ColumnKind::Text),
    Column::new("isActive", "TRUE", ColumnKind::Bool),
    Column::new("emailVerified", "TRUE", ColumnKind::Bool),
    Column::new("mfaEnabled", "FALSE", ColumnKind::Bool),
    Column::new("lastLoginAt", "CAST(NULL AS TIMESTAMPTZ)", ColumnKind::Time),
    Column::new("createdAt", "CAST(NULL AS TIMESTAMPTZ)", ColumnKind::Time),
    Column::new("updatedAt", "CAST(NULL AS TIMESTAMPTZ)", ColumnKind::Time),
];

const LOCK: Sql = Sql::tenant(
    "SELECT id, organization_id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at \
     FROM invitations WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(
    "SELECT id, organization_id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at \
     FROM invitations WHERE organization_id = $1 AND id = $2",
);
const LOCK_BY_EMAIL: Sql = Sql::tenant(
    "SELECT id, organization_id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at \
     FROM invitations WHERE organization_id = $1 AND email = $2 FOR UPDATE",
)
.on_sqlite(
    "SELECT id, organization_id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at \
     FROM invitations WHERE organization_id = $1 AND email = $2",
);
const FIND_BY_DIGEST: Sql = Sql::tenant(
    "SELECT id, organization_id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, expires_at \
     FROM invitations WHERE organization_id = $1 AND digest = $2",
)
.point();
const ADD: Sql = Sql::tenant(
    "INSERT INTO invitations (organization_id, id, email, role_ids, user_id, inviter_kind, inviter_id, inviter_name, created_at, \
     expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
);
const SAVE: Sql = Sql::tenant("UPDATE invitations SET expires_at = $3 WHERE organization_id = $1 AND id = $2");
const GIVE_TOKEN: Sql = Sql::tenant("UPDATE invitations SET digest = $3 WHERE organization_id = $1 AND id = $2");
const REMOVE: Sql = Sql::tenant("DELETE FROM invitations WHERE organization_id = $1 AND id = $2");
const TAKE: Sql = Sql::tenant("DELETE FROM invitations WHERE organization_id = $1 AND id = $2 AND digest = $3");
const EXPIRED: Sql = Sql::tenant("DELETE FROM invitations WHERE organization_id = $1 AND expires_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOCK,
    LOCK_BY_EMAIL,
    FIND_BY_DIGEST,
    ADD,
    SAVE,
    GIVE_TOKEN,
    REMOVE,
    TAKE,
    EXPIRED,
];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Email,
    CreatedAt,
}

/// A page of the invitations that the grant reaches, as clients see them.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<InvitationView>, DbError> {
    // The list's first column is the total.
    reached
        .apply(listing(order, direction))
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'t>(order: Order, direction: Direction) -> List<'t> {
    let column = match order {
        Order::Email => "email",
        Order::CreatedAt => "created_at",
    };
    List::tenant("invitations", VIEW).order(column, direction)
}

/// The texts of the list in every order, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let orders = [Order::Email, Order::CreatedAt].into_iter();
    orders
        .flat_map(|order| listing(order, Direction::Ascending).texts(&PageRequest::default()))
        .collect()
}

/// Reads an invitation for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    id: InvitationId,
) -> Result<Option<Invitation>, A::Error> {
    let scope = uow.scope(organization).reads();
    by.admitted(scope.optional(&LOCK, &[Value::id(id)], invitation).await?)
}

/// As [`lock`], the one of an address, whoever may see it: there is at most one.
pub(crate) async fn lock_by_email(
    uow: &UnitOfWork,
    organization: OrganizationId,
    email: &Email,
) -> Result<Option<Invitation>, DbError> {
    let scope = uow.scope(organization).reads();
    scope
        .optional(&LOCK_BY_EMAIL, &values![email.as_str()], invitation)
        .await
}

/// The invitation whose mail carries the token.
pub(crate) async fn find_by_token(scope: Scope<'_>, token: &OpaqueSecret) -> Result<Option<Invitation>, DbError> {
    let digest = token.digest();
    let key = [Value::from(digest.as_bytes().as_slice())];
    scope.optional(&FIND_BY_DIGEST, &key, invitation).await
}

/// Stores a new invitation with what happened to it. A second one of an address is [`DbError::Unique`].
pub(crate) async fn add<A: Admits>(uow: &UnitOfWork, by: &A, invitation: &mut Invitation) -> Result<(), A::Error> {
    by.admits(|| &*invitation)?;
    record(uow, invitation)?;
    let state = invitation.state();
    let roles: Vec<String> = state.roles.iter().map(ToString::to_string).collect();
    let roles = serde_json::to_string(&roles)
        .map_err(|error| DbError::Internal(format!("ids cannot be written down: {error}")))?;
    let row = [
        Value::id(state.id),
        state.email.as_str().into(),
        Value::Json(roles.into()),
        state.user.map(kernel::Id::as_uuid).into(),
        state.inviter.kind.as_str().into(),
        state.inviter.id.into(),
        state.inviter.name.as_str().into(),
        state.created_at.into(),
        state.expires_at.into(),
    ];
    Ok(uow.scope(state.organization).send(&ADD, &row).await?)
}

/// Stores that it lives longer.
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, invitation: &mut Invitation) -> Result<(), A::Error> {
    by.admits(|| &*invitation)?;
    record(uow, invitation)?;
    let state = invitation.state();
    let row = [Value::id(state.id), state.expires_at.into()];
    Ok(uow.scope(state.organization).send(&SAVE, &row).await?)
}

/// Gives it the token that its mail is about to carry; the one before it is worth nothing any more.
pub(crate) async fn give_token(
    uow: &UnitOfWork,
    organization: OrganizationId,
    id: InvitationId,
    digest: &SecretDigest,
) -> Result<(), DbError> {
    let row = [Value::id(id), digest.as_bytes().as_slice().into()];
    uow.scope(organization).send(&GIVE_TOKEN, &row).await
}

/// Removes a revoked one.
pub(crate) async fn remove(uow: &UnitOfWork, invitation: &mut Invitation) -> Result<(), DbError> {
    record(uow, invitation)?;
    let state = invitation.state();
    uow.scope(state.organization)
        .send(&REMOVE, &[Value::id(state.id)])
        .await
}

/// Removes an accepted one, if it still carries this token: false when somebody else was faster, or it was sent anew.
pub(crate) async fn take(uow: &UnitOfWork, invitation: &mut Invitation, token: &OpaqueSecret) -> Result<bool, DbError> {
    let digest = token.digest();
    let row = [Value::id(invitation.state().id), digest.as_bytes().as_slice().into()];
    let taken = uow.scope(invitation.state().organization).execute(&TAKE, &row).await? > 0;
    if taken {
        record(uow, invitation)?;
    }
    Ok(taken)
}

/// Removes what expired before an instant; how many.
pub(crate) async fn remove_expired(
    uow: &UnitOfWork,
    organization: OrganizationId,
    before: Timestamp,
) -> Result<u64, DbError> {
    uow.scope(organization).execute(&EXPIRED, &values![before]).await
}

/// Hands what happened to the unit of work, with the invitation as the API shows it.
fn record(uow: &UnitOfWork, invitation: &mut Invitation) -> Result<(), DbError> {
    let events = invitation.take_events();
    uow.record_all(
        invitation.state().organization,
        events,
        &InvitationView::from(&*invitation),
    )?;
    Ok(())
}

fn roles(row: &Row<'_>, index: usize) -> Result<Vec<RoleId>, DbError> {
    serde_json::from_str(&row.get::<String>(index)?).map_err(|_| row.inconsistency(index))
}

fn invitation(row: &Row<'_>) -> Result<Invitation, DbError> {
    let kind = row.get::<String>(5)?;
    Ok(Invitation::from(StoredInvitation {
        id: row.id(0)?,
        organization: row.id(1)?,
        email: Email::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
        roles: roles(row, 3)?,
        user: row.optional_id::<UserId>(4)?,
        inviter: Actor {
            kind: kind.parse::<ActorKind>().map_err(|_| row.inconsistency(5))?,
            id: row.get(6)?,
            name: row.get(7)?,
        },
        created_at: row.get(8)?,
        expires_at: row.get(9)?,
    }))
}

fn view(row: &Row<'_>, first: usize) -> Result<InvitationView, DbError> {
    Ok(InvitationView {
        id: row.id(first)?,
        email: row.get(first + 1)?,
        role_ids: roles(row, first + 2)?,
        expires_at: row.get(first + 3)?,
        created_at: row.get(first + 4)?,
    })
}

/// As the user that it makes: see [`FIELDS`].
impl Object for Invitation {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        let state = self.state();
        match field {
            "organizationId" => Some(FieldOf::id(state.organization)),
            "email" => Some(state.email.as_str().into()),
            "isActive" | "emailVerified" => Some(true.into()),
            "mfaEnabled" => Some(false.into()),
            _ => None,
        }
    }
}

impl From<&Invitation> for InvitationView {
    fn from(invitation: &Invitation) -> Self {
        let state = invitation.state();
        Self {
            id: state.id,
            email: state.email.as_str().to_owned(),
            role_ids: state.roles.clone(),
            expires_at: state.expires_at,
            created_at: state.created_at,
        }
    }
}
