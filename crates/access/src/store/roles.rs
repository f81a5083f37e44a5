//! The table `roles`, and the system roles beside it where both are shown.

use authz::conditions::{Column, ColumnKind};
use contracts::access::{RoleId, RoleView};
use contracts::{Admits, Narrowed, OwnAct};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, OrganizationId, PageRequest, fold};

use crate::domain::{Code, Description, Name, Role, Stored};

/// An organization's own roles and the system roles, which have no organization. The two never share an id.
const VISIBLE: &str = "(SELECT id, organization_id, name, name_folded, code, description, created_at, updated_at, \
     FALSE AS is_system FROM roles WHERE organization_id = $1 UNION ALL \
     SELECT id, NULL, name, name_folded, code, description, created_at, created_at, TRUE FROM system_roles) AS visible";
const COLUMNS: &str = "id, organization_id, name, code, description, created_at, updated_at";

/// What conditions on roles can ask for.
pub(crate) const FIELDS: [Column; 8] = [
    Column::new("id", "id", ColumnKind::Id),
    Column::new("organizationId", "organization_id", ColumnKind::Id),
    Column::new("name", "name", ColumnKind::Text),
    Column::new("code", "code", ColumnKind::Text),
    Column::new("description", "description", ColumnKind::Text),
    Column::new("isSystem", "is_system", ColumnKind::Bool),
    Column::new("createdAt", "created_at", ColumnKind::Time),
    Column::new("updatedAt", "updated_at", ColumnKind::Time),
];

const LOOKUP: Sql = Sql::tenant(
    "SELECT id, organization_id, name, code, description, created_at, updated_at FROM roles \
     WHERE organization_id = $1 AND id = $2 UNION ALL \
     SELECT id, NULL, name, code, description, created_at, created_at FROM system_roles WHERE id = $2",
)
.point();
const LOCK: Sql = Sql::tenant(
    "SELECT id, organization_id, name, code, description, created_at, updated_at FROM roles \
     WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(
    "SELECT id, organization_id, name, code, description, created_at, updated_at FROM roles \
     WHERE organization_id = $1 AND id = $2",
);
const BY_CODE: Sql = Sql::tenant("SELECT id FROM roles WHERE organization_id = $1 AND code = $2").point();
const ADD: Sql = Sql::tenant(
    "INSERT INTO roles (organization_id, id, code, name, name_folded, description, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE roles SET name = $3, name_folded = $4, description = $5, updated_at = $6 WHERE organization_id = $1 AND id = $2",
);
const REMOVE: Sql = Sql::tenant("DELETE FROM roles WHERE organization_id = $1 AND id = $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, LOCK, BY_CODE, ADD, SAVE, REMOVE];

/// What a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Name,
    Code,
    CreatedAt,
}

impl Order {
    pub(crate) const ALL: [Self; 3] = [Self::Name, Self::Code, Self::CreatedAt];

    /// The column, the same of roles and of groups.
    pub(crate) const fn column(self) -> &'static str {
        match self {
            Self::Name => "name_folded",
            Self::Code => "code",
            Self::CreatedAt => "created_at",
        }
    }
}

/// A role of the organization, or a system role, as clients see it.
pub(crate) async fn lookup<A: Admits>(scope: Scope<'_>, by: &A, id: RoleId) -> Result<Option<RoleView>, A::Error> {
    by.admitted(scope.optional(&LOOKUP, &[Value::id(id)], |row| view(row, 0)).await?)
}

/// The organization's roles and the system roles, as far as the grant reaches them.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    text: Option<&str>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<RoleView>, DbError> {
    // The list's first column is the total.
    reached
        .apply(listing(text, order, direction))
        .fetch(scope, page, start, |row| view(row, 1))
        .await
}

fn listing<'t>(text: Option<&str>, order: Order, direction: Direction) -> List<'t> {
    List::tenant_view(VISIBLE, COLUMNS)
        .containing(&["name_folded", "code"], text)
        .order(order.column(), direction)
}

/// The texts of the list in every order, without and with its search, for the statement test.
pub(crate) fn lists() -> Vec<String> {
    let mut texts = Vec::new();
    for text in [None, Some("clerk")] {
        for order in Order::ALL {
            texts.extend(listing(text, order, Direction::Ascending).texts(&PageRequest::default()));
        }
    }
    texts
}

/// The organization's role, or the system role, with this id, as the unit sees it: to be granted, inherited from or named. Who may do
/// that is asked of what is changed by it.
pub(crate) async fn lookup_in(
    uow: &UnitOfWork,
    organization_id: OrganizationId,
    id: RoleId,
) -> Result<Option<RoleView>, DbError> {
    const NAMED: OwnAct = OwnAct::because("a role is granted, inherited from or named");
    lookup(uow.scope(organization_id).reads(), &NAMED, id).await
}

/// The organization's role with the code, as the unit sees it.
pub(crate) async fn find_by_code(
    uow: &UnitOfWork,
    organization_id: OrganizationId,
    code: &str,
) -> Result<Option<RoleId>, DbError> {
    uow.scope(organization_id)
        .reads()
        .optional(&BY_CODE, &[code.into()], |row| row.id(0))
        .await
}

/// Reads a role of the organization for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization_id: OrganizationId,
    id: RoleId,
) -> Result<Option<Role>, A::Error> {
    let scope = uow.scope(organization_id).reads();
    by.admitted_as::<RoleView, _>(scope.optional(&LOCK, &[Value::id(id)], role).await?)
}

pub(crate) async fn add<A: Admits>(uow: &UnitOfWork, by: &A, role: &mut Role) -> Result<(), A::Error> {
    by.admits(|| RoleView::from(&*role))?;
    tell(uow, role)?;
    let state = role.state();
    let row = [
        Value::id(state.id),
        state.code.as_str().into(),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.description.as_ref().map(Description::as_str).into(),
        state.created_at.into(),
        state.updated_at.into(),
    ];
    Ok(uow.scope(state.organization_id).send(&ADD, &row).await?)
}

/// Stores what changed, if anything did.
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, role: &mut Role) -> Result<(), A::Error> {
    by.admits(|| RoleView::from(&*role))?;
    if !tell(uow, role)? {
        return Ok(());
    }
    let state = role.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.description.as_ref().map(Description::as_str).into(),
        state.updated_at.into(),
    ];
    Ok(uow.scope(state.organization_id).send(&SAVE, &row).await?)
}

pub(crate) async fn remove(uow: &UnitOfWork, role: &mut Role) -> Result<(), DbError> {
    tell(uow, role)?;
    let state = role.state();
    uow.scope(state.organization_id)
        .send(&REMOVE, &[Value::id(state.id)])
        .await
}

/// Hands what happened to the role to the unit of work; false when nothing did.
pub(crate) fn tell(uow: &UnitOfWork, role: &mut Role) -> Result<bool, DbError> {
    let events = role.take_events();
    uow.record_all(role.state().organization_id, events, &RoleView::from(&*role))
}

fn role(row: &Row<'_>) -> Result<Role, DbError> {
    let description = row.get::<Option<String>>(4)?;
    Ok(Role::from(Stored {
        id: row.id(0)?,
        organization_id: row.id(1)?,
        name: Name::new(&row.get::<String>(2)?).map_err(|_| row.inconsistency(2))?,
        code: Code::new(&row.get::<String>(3)?).map_err(|_| row.inconsistency(3))?,
        description: description
            .map(|description| Description::new(&description).map_err(|_| row.inconsistency(4)))
            .transpose()?,
        created_at: row.get(5)?,
        updated_at: row.get(6)?,
    }))
}

/// Reads what clients see, from columns that begin at `first`.
pub(crate) fn view(row: &Row<'_>, first: usize) -> Result<RoleView, DbError> {
    let organization_id = row.optional_id(first + 1)?;
    Ok(RoleView {
        id: row.id(first)?,
        organization_id,
        name: row.get(first + 2)?,
        code: row.get(first + 3)?,
        description: row.get(first + 4)?,
        is_system: organization_id.is_none(),
        created_at: row.get(first + 5)?,
        updated_at: row.get(first + 6)?,
    })
}

impl From<&Role> for RoleView {
    fn from(role: &Role) -> Self {
        let state = role.state();
        Self {
            id: state.id,
            organization_id: Some(state.organization_id),
            name: state.name.as_str().to_owned(),
            code: state.code.as_str().to_owned(),
            description: state
                .description
                .as_ref()
                .map(|description| description.as_str().to_owned()),
            is_system: false,
            created_at: state.created_at,
            updated_at: state.updated_at,
        }
    }
}
