//! The table `users`.

use authz::conditions::{Column, ColumnKind};
use contracts::identity::{UserId, UserView};
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value, values};
use kernel::{Direction, Id as _, OrganizationId, PageRequest, fold};

use crate::crypto::PasswordHash;
use crate::domain::{Email, StoredUser, User, UserName};

const VIEW: &str =
    "id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at";

/// What conditions on users can ask for: the fields of a [`UserView`].
pub(crate) const FIELDS: [Column; 10] = [
    Column::new("id", "id", ColumnKind::Id),
    Column::new("organizationId", "organization_id", ColumnKind::Id),
    Column::new("name", "name", ColumnKind::Text),
    Column::new("email", "email", ColumnKind::Text),
    Column::new("isActive", "is_active", ColumnKind::Bool),
    Column::new("emailVerified", "email_verified", ColumnKind::Bool),
    Column::new("mfaEnabled", "mfa_enabled", ColumnKind::Bool),
    Column::new("lastLoginAt", "last_login_at", ColumnKind::Time),
    Column::new("createdAt", "created_at", ColumnKind::Time),
    Column::new("updatedAt", "updated_at", ColumnKind::Time),
];

const LOOKUP: Sql = Sql::tenant(
    "SELECT id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at, \
     password_hash FROM users WHERE organization_id = $1 AND id = $2",
)
.point();
const FIND_ALL: Sql = Sql::tenant(
    "SELECT u.id, u.organization_id, u.name, u.email, u.is_active, u.email_verified, u.mfa_enabled, u.last_login_at, \
     u.created_at, u.updated_at, u.password_hash FROM json_array_elements_text($2) AS asked(id) \
     JOIN users u ON u.organization_id = $1 AND u.id = asked.id::uuid ORDER BY u.id",
)
.on_sqlite(
    "SELECT u.id, u.organization_id, u.name, u.email, u.is_active, u.email_verified, u.mfa_enabled, u.last_login_at, \
     u.created_at, u.updated_at, u.password_hash FROM json_each($2) AS asked \
     JOIN users u ON u.organization_id = $1 AND u.id = unhex(asked.value) ORDER BY u.id",
);
const SHOW: Sql = Sql::tenant(
    "SELECT id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at \
     FROM users WHERE organization_id = $1 AND id = $2",
)
.point();
const FIND_BY_EMAIL: Sql = Sql::tenant(
    "SELECT id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at, \
     password_hash FROM users WHERE organization_id = $1 AND email = $2",
)
.point();
const LOCK: Sql = Sql::tenant(
    "SELECT id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at, \
     password_hash FROM users WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(LOOKUP.text(db::Engine::Sqlite));
const ADD: Sql = Sql::tenant(
    "INSERT INTO users (organization_id, id, name, name_folded, email, email_folded, email_verified, password_hash, is_active, \
     mfa_enabled, last_login_at, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE users SET name = $3, name_folded = $4, email = $5, email_folded = $6, email_verified = $7, password_hash = $8, \
     is_active = $9, mfa_enabled = $10, last_login_at = $11, updated_at = $12 WHERE organization_id = $1 AND id = $2",
);

// Whatever makes users counts them, so that the whole list need not.
const COUNT: Sql = Sql::tenant(
    "INSERT INTO user_counts (organization_id, count) VALUES ($1, $2) \
     ON CONFLICT (organization_id) DO UPDATE SET count = user_counts.count + excluded.count",
);
const COUNTED: &str = "SELECT coalesce((SELECT count FROM user_counts WHERE organization_id = $1), 0)";
// A node of an older version makes users without counting them.
const MISCOUNTED: Sql = Sql::system(
    "SELECT o.id FROM organizations o LEFT JOIN user_counts c ON c.organization_id = o.id \
     WHERE coalesce(c.count, 0) <> (SELECT count(*) FROM users u WHERE u.organization_id = o.id)",
);
const RECOUNT: Sql = Sql::tenant(
    "UPDATE user_counts SET count = (SELECT count(*) FROM users WHERE organization_id = $1) WHERE organization_id = $1",
);

const COUNT_ACTIVE: Sql = Sql::tenant("SELECT count(*) FROM users WHERE organization_id = $1 AND is_active");

const FIND_FOR_RESET: Sql = Sql::tenant(
    "SELECT id, organization_id, name, email, is_active, email_verified, mfa_enabled, last_login_at, created_at, updated_at, \
     password_hash FROM users WHERE organization_id = $1 AND email = $2 AND is_active \
     AND NOT EXISTS (SELECT 1 FROM external_identities e WHERE e.organization_id = $1 AND e.user_id = users.id)",
);
const ORGANIZATIONS_OF: Sql = Sql::system(
    "SELECT o.name, o.slug FROM users u JOIN organizations o ON o.id = u.organization_id \
     WHERE u.email = $1 AND u.is_active AND o.is_active ORDER BY o.name_folded, o.id LIMIT 50",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[
    LOOKUP,
    SHOW,
    FIND_ALL,
    FIND_BY_EMAIL,
    LOCK,
    ADD,
    SAVE,
    COUNT,
    MISCOUNTED,
    RECOUNT,
    COUNT_ACTIVE,
    FIND_FOR_RESET,
    ORGANIZATIONS_OF,
];

/// What a list is narrowed by.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Filter<'a> {
    pub(crate) is_active: Option<bool>,
    /// In the name or the address.
    pub(crate) text: Option<&'a str>,
}

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    Email,
    CreatedAt,
}

/// A user of the organization.
pub(crate) async fn lookup<A: Admits>(scope: Scope<'_>, by: &A, id: UserId) -> Result<Option<User>, A::Error> {
    by.admitted_as::<UserView, _>(scope.optional(&LOOKUP, &[Value::id(id)], user).await?)
}

/// A user of the organization as clients see it: what is only shown needs no password's hash, and no rule asked again.
pub(crate) async fn show<A: Admits>(scope: Scope<'_>, by: &A, id: UserId) -> Result<Option<UserView>, A::Error> {
    by.admitted(scope.optional(&SHOW, &[Value::id(id)], |row| view(row, 0)).await?)
}

/// Those of the users that the organization has.
pub(crate) async fn find_all(scope: Scope<'_>, ids: impl Iterator<Item = UserId>) -> Result<Vec<User>, DbError> {
    // Without hyphens both engines read an id.
    let ids: Vec<String> = ids.map(|id| id.as_uuid().simple().to_string()).collect();
    let ids = serde_json::Value::from(ids).to_string();
    scope.all(&FIND_ALL, &[Value::Json(ids.into())], user).await
}

/// The user with the address.
pub(crate) async fn find_by_email(scope: Scope<'_>, email: &Email) -> Result<Option<User>, DbError> {
    scope.optional(&FIND_BY_EMAIL, &values![email.as_str()], user).await
}

/// How many users of the organization are active.
pub(crate) async fn count_active(scope: Scope<'_>) -> Result<u64, DbError> {
    let count = scope.one(&COUNT_ACTIVE, &[], |row| row.get::<i64>(0)).await?;
    Ok(u64::try_from(count).unwrap_or_default())
}

/// The active user with the address who may have a password: one for whom another system vouches gets none by mail.
pub(crate) async fn find_for_reset(scope: Scope<'_>, email: &Email) -> Result<Option<User>, DbError> {
    scope.optional(&FIND_FOR_RESET, &values![email.as_str()], user).await
}

/// Names and slugs of the active organizations in which the address is an active user's.
pub(crate) async fn organizations_of(scope: Scope<'_>, email: &str) -> Result<Vec<(String, String)>, DbError> {
    let found = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?));
    scope.all(&ORGANIZATIONS_OF, &values![email], found).await
}

/// Reads a user for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    id: UserId,
) -> Result<Option<User>, A::Error> {
    let scope = uow.scope(organization).reads();
    by.admitted_as::<UserView, _>(scope.optional(&LOCK, &[Value::id(id)], user).await?)
}

/// A page of the users that the grant reaches, as clients see them.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    filter: Filter<'_>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<UserView>, DbError> {
    // The list's first column is the total.
    reached
        .apply(listing(filter, order, direction))
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'t>(filter: Filter<'_>, order: Order, direction: Direction) -> List<'t> {
    let column = match order {
        Order::Name => "name_folded",
        Order::Email => "email",
        Order::CreatedAt => "created_at",
    };
    List::tenant("users", VIEW)
        .equal("is_active", filter.is_active)
        .containing(&["name_folded", "email_folded"], filter.text)
        .order(column, direction)
        .counted_by(COUNTED)
}

/// The texts of the list in every order, without and with its filters, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let filters = [
        Filter::default(),
        Filter {
            is_active: Some(true),
            text: Some("ana"),
        },
    ];
    let mut texts = Vec::new();
    for filter in filters {
        for order in [Order::Name, Order::Email, Order::CreatedAt] {
            texts.extend(listing(filter, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// Stores a new user with what happened to it. A taken address is [`DbError::Unique`], at the latest when the unit commits.
pub(crate) async fn add<A: Admits>(uow: &UnitOfWork, by: &A, user: &mut User) -> Result<(), A::Error> {
    insert(uow, by, user).await?;
    Ok(count(uow, user.state().organization, 1).await?)
}

/// As [`add`], many of one organization: they are counted together.
pub(crate) async fn add_all<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    users: impl Iterator<Item = User> + Send,
) -> Result<(), A::Error> {
    let mut made = 0;
    for mut user in users {
        insert(uow, by, &mut user).await?;
        made += 1;
    }
    Ok(count(uow, organization, made).await?)
}

async fn count(uow: &UnitOfWork, organization: OrganizationId, made: i64) -> Result<(), DbError> {
    uow.scope(organization).send(&COUNT, &values![made]).await
}

/// Organizations whose users were not all counted.
pub(crate) async fn miscounted(system: Scope<'_>) -> Result<Vec<OrganizationId>, DbError> {
    system.all(&MISCOUNTED, &[], |row| row.id(0)).await
}

/// Counts the users of an organization anew.
pub(crate) async fn recount(uow: &UnitOfWork, organization: OrganizationId) -> Result<(), DbError> {
    // Holds the counter: whoever makes a user meanwhile counts it afterwards.
    count(uow, organization, 0).await?;
    uow.scope(organization).send(&RECOUNT, &[]).await
}

async fn insert<A: Admits>(uow: &UnitOfWork, by: &A, user: &mut User) -> Result<(), A::Error> {
    by.admits(|| UserView::from(&*user))?;
    record(uow, user)?;
    let state = user.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.email.as_str().into(),
        fold(state.email.as_str()).into(),
        state.email_verified.into(),
        state.password.as_ref().map(PasswordHash::expose).into(),
        state.is_active.into(),
        state.mfa_enabled.into(),
        state.last_login_at.into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    Ok(uow.scope(state.organization).send(&ADD, &row).await?)
}

/// Stores a user as it is now, with what happened to it.
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, user: &mut User) -> Result<(), A::Error> {
    by.admits(|| UserView::from(&*user))?;
    record(uow, user)?;
    let state = user.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.email.as_str().into(),
        fold(state.email.as_str()).into(),
        state.email_verified.into(),
        state.password.as_ref().map(PasswordHash::expose).into(),
        state.is_active.into(),
        state.mfa_enabled.into(),
        state.last_login_at.into(),
        state.updated_at.into(),
    ];
    Ok(uow.scope(state.organization).send(&SAVE, &row).await?)
}

/// Hands what happened to the unit of work, with the user as the API shows it.
pub(crate) fn record(uow: &UnitOfWork, user: &mut User) -> Result<(), DbError> {
    let events = user.take_events();
    if events.is_empty() {
        return Ok(());
    }
    uow.record_all(user.state().organization, events, &UserView::from(&*user))?;
    Ok(())
}

fn user(row: &Row<'_>) -> Result<User, DbError> {
    let password = row.get::<Option<String>>(10)?;
    Ok(User::from(StoredUser {
        id: row.id(0)?,
        organization: row.id(1)?,
        name: UserName::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
        email: Email::new(&row.get::<String>(3)?).map_err(|_| row.inconsistency(3))?,
        is_active: row.get(4)?,
        email_verified: row.get(5)?,
        mfa_enabled: row.get(6)?,
        last_login_at: row.get(7)?,
        created_at: row.get(8)?,
        updated_at: row.get(9)?,
        password: password
            .map(|text| PasswordHash::parse(&text).map_err(|_| row.inconsistency(10)))
            .transpose()?,
    }))
}

/// Reads what clients see, from columns that begin at `first`.
fn view(row: &Row<'_>, first: usize) -> Result<UserView, DbError> {
    Ok(UserView {
        id: row.id(first)?,
        organization_id: row.id(first + 1)?,
        name: row.get(first + 2)?,
        email: row.get(first + 3)?,
        is_active: row.get(first + 4)?,
        email_verified: row.get(first + 5)?,
        mfa_enabled: row.get(first + 6)?,
        last_login_at: row.get(first + 7)?,
        created_at: row.get(first + 8)?,
        updated_at: row.get(first + 9)?,
    })
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let state = user.state();
        Self {
            id: state.id,
            organization_id: state.organization,
            name: state.name.as_str().to_owned(),
            email: state.email.as_str().to_owned(),
            is_active: state.is_active,
            email_verified: state.email_verified,
            mfa_enabled: state.mfa_enabled,
            last_login_at: state.last_login_at,
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}
