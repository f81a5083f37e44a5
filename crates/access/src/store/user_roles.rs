//! The table `user_roles`: who holds roles.

use authz::conditions::{Column, ColumnKind, Object, Value as FieldOf};
use contracts::access::RoleView;
use contracts::identity::UserId;
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, Id as _, OrganizationId, PageRequest, Timestamp};
use uuid::Uuid;

use super::role_parents::own_or_system;
use super::roles;
use crate::view::{AssignedByView, ScopeView, UserRoleView};

/// A user's grants with the roles they are of.
const GRANTED: &str = "(SELECT u.granted_id AS id, r.organization_id AS role_organization_id, coalesce(r.name, s.name) AS name, \
     coalesce(r.code, s.code) AS code, coalesce(r.description, s.description) AS description, \
     coalesce(r.created_at, s.created_at) AS role_created_at, coalesce(r.updated_at, s.created_at) AS role_updated_at, \
     u.module, u.expires_at, u.assigned_by_kind, u.assigned_by_id, u.assigned_by_name, u.created_at, u.user_id, \
     coalesce(u.expires_at > $2, TRUE) AS is_in_force \
     FROM user_roles u LEFT JOIN roles r ON r.organization_id = u.organization_id AND r.id = u.role_id \
     LEFT JOIN system_roles s ON s.id = u.system_role_id WHERE u.organization_id = $1) AS granted";
/// What conditions on the roles of users can ask for.
pub(crate) const FIELDS: [Column; 15] = [
    Column::new("userId", "user_id", ColumnKind::Id),
    Column::new("role.id", "id", ColumnKind::Id),
    Column::new("role.organizationId", "role_organization_id", ColumnKind::Id),
    Column::new("role.name", "name", ColumnKind::Text),
    Column::new("role.code", "code", ColumnKind::Text),
    Column::new("role.description", "description", ColumnKind::Text),
    Column::new("role.isSystem", "(role_organization_id IS NULL)", ColumnKind::Bool),
    Column::new("role.createdAt", "role_created_at", ColumnKind::Time),
    Column::new("role.updatedAt", "role_updated_at", ColumnKind::Time),
    Column::new("assignedBy.type", "assigned_by_kind", ColumnKind::Text),
    Column::new("assignedBy.id", "assigned_by_id", ColumnKind::Id),
    Column::new("assignedBy.name", "assigned_by_name", ColumnKind::Text),
    Column::new("scope.module", "nullif(module, '')", ColumnKind::Text),
    Column::new("expiresAt", "expires_at", ColumnKind::Time),
    Column::new("createdAt", "created_at", ColumnKind::Time),
];
const COLUMNS: &str = "id, role_organization_id, name, code, description, role_created_at, role_updated_at, module, expires_at, \
     assigned_by_kind, assigned_by_id, assigned_by_name, created_at";

/// Grants of roles; one that expired is replaced.
const ADD: Sql = Sql::tenant(
    "INSERT INTO user_roles (organization_id, user_id, granted_id, module, role_id, system_role_id, expires_at, \
     assigned_by_kind, assigned_by_id, assigned_by_name, created_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
     ON CONFLICT (organization_id, user_id, granted_id, module) DO UPDATE SET expires_at = excluded.expires_at, \
     assigned_by_kind = excluded.assigned_by_kind, assigned_by_id = excluded.assigned_by_id, \
     assigned_by_name = excluded.assigned_by_name, created_at = excluded.created_at \
     WHERE user_roles.expires_at <= excluded.created_at",
);
const REMOVE: Sql = Sql::tenant(
    "DELETE FROM user_roles WHERE organization_id = $1 AND user_id = $2 AND granted_id = $3 AND module = $4 \
     AND (expires_at IS NULL OR expires_at > $5) \
     RETURNING expires_at, assigned_by_kind, assigned_by_id, assigned_by_name, created_at",
);

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[ADD, REMOVE];

/// Grants a role; false when the user has it already.
pub(crate) async fn add<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    user: UserId,
    granted: &UserRoleView,
) -> Result<bool, A::Error> {
    by.admits(|| Seen { user, granted })?;
    let (own, system) = own_or_system(granted.role.id, granted.role.is_system);
    let row = [
        Value::id(user),
        Value::id(granted.role.id),
        granted.module().unwrap_or_default().into(),
        own,
        system,
        granted.expires_at.into(),
        granted.assigned_by.kind.as_str().into(),
        granted.assigned_by.id.into(),
        granted.assigned_by.name.as_str().into(),
        granted.created_at.into(),
    ];
    Ok(uow.scope(organization).execute(&ADD, &row).await? > 0)
}

/// Takes a role from a user; the grant as it was, or `None` when the user does not hold it now. Whether it may be taken is asked of what
/// was taken, in one statement: a refusal undoes the unit.
pub(crate) async fn remove<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    user: UserId,
    role: &RoleView,
    module: Option<&str>,
) -> Result<Option<UserRoleView>, A::Error> {
    let key = [
        Value::id(user),
        Value::id(role.id),
        module.unwrap_or_default().into(),
        uow.now().into(),
    ];
    let was = |row: &Row<'_>| {
        Ok(UserRoleView {
            role: role.clone(),
            assigned_by: AssignedByView {
                kind: row.get(1)?,
                id: row.get(2)?,
                name: row.get(3)?,
            },
            scope: module.map(|module| ScopeView {
                module: module.to_owned(),
            }),
            expires_at: row.get(0)?,
            created_at: row.get(4)?,
        })
    };
    let removed = uow.scope(organization).reads().optional(&REMOVE, &key, was).await?;
    if let Some(granted) = &removed {
        by.admits(|| Seen { user, granted })?;
    }
    Ok(removed)
}

/// Which grants of a user are listed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filter<'f> {
    pub(crate) user: UserId,
    /// Those that are limited to this module.
    pub(crate) module: Option<&'f str>,
    /// Those that are in force then.
    pub(crate) now: Timestamp,
}

/// The roles of a user that the grant reaches.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    filter: Filter<'_>,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<UserRoleView>, DbError> {
    reached
        .apply(listing(filter, direction))
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'v>(filter: Filter<'_>, direction: Direction) -> List<'v> {
    let Filter { user, module, now } = filter;
    List::tenant_view(GRANTED, COLUMNS)
        // The view's own text names this value.
        .satisfying(|first| format!("is_in_force AND ${first} IS NOT NULL"), vec![now.into()])
        .equal("user_id", Some(Value::id(user)))
        .equal("module", module.map(str::to_owned))
        .order("created_at", direction)
        .pooled()
}

/// The texts of the list, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let (user, now) = (UserId::from_uuid(Uuid::nil()), Timestamp::UNIX_EPOCH);
    [None, Some("FINANCE")]
        .into_iter()
        .map(|module| Filter { user, module, now })
        .flat_map(|filter| listing(filter, Direction::Ascending).texts(&PageRequest::default()))
        .collect()
}

fn view(row: &Row<'_>, first: usize) -> Result<UserRoleView, DbError> {
    let module: String = row.get(first + 7)?;
    let role: RoleView = roles::view(row, first)?;
    Ok(UserRoleView {
        role,
        assigned_by: AssignedByView {
            kind: row.get(first + 9)?,
            id: row.get(first + 10)?,
            name: row.get(first + 11)?,
        },
        scope: (!module.is_empty()).then_some(ScopeView { module }),
        expires_at: row.get(first + 8)?,
        created_at: row.get(first + 12)?,
    })
}

/// A role of a user, as conditions see it.
struct Seen<'v> {
    user: UserId,
    granted: &'v UserRoleView,
}

impl Object for Seen<'_> {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        let granted = self.granted;
        match field {
            "userId" => Some(FieldOf::id(self.user)),
            "assignedBy.type" => Some(granted.assigned_by.kind.as_str().into()),
            "assignedBy.id" => Some(granted.assigned_by.id.into()),
            "assignedBy.name" => Some(granted.assigned_by.name.as_str().into()),
            "scope.module" => granted.scope.as_ref().map(|scope| scope.module.as_str().into()),
            "expiresAt" => granted.expires_at.map(FieldOf::from),
            "createdAt" => Some(granted.created_at.into()),
            _ => granted.role.value(field.strip_prefix("role.")?),
        }
    }
}
