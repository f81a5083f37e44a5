//! The table `groups`.

use authz::conditions::{Column, ColumnKind, Object, Value as FieldOf};
use contracts::{Admits, Narrowed};
use db::list::{List, Listed, Start};
use db::{DbError, Row, Scope, Sql, UnitOfWork, Value};
use kernel::{Direction, OrganizationId, PageRequest, fold};

use crate::domain::{Code, Description, Group, GroupId, Name, StoredGroup};
use crate::store::roles::Order;
use crate::view::GroupView;

const COLUMNS: &str = "organization_id, id, name, code, description, created_at, updated_at";

/// What conditions on groups can ask for.
pub(crate) const FIELDS: [Column; 6] = [
    Column::new("id", "id", ColumnKind::Id),
    Column::new("name", "name", ColumnKind::Text),
    Column::new("code", "code", ColumnKind::Text),
    Column::new("description", "description", ColumnKind::Text),
    Column::new("createdAt", "created_at", ColumnKind::Time),
    Column::new("updatedAt", "updated_at", ColumnKind::Time),
];

const LOOKUP: Sql = Sql::tenant(
    "SELECT organization_id, id, name, code, description, created_at, updated_at FROM groups \
     WHERE organization_id = $1 AND id = $2",
)
.point();
const LOCK: Sql = Sql::tenant(
    "SELECT organization_id, id, name, code, description, created_at, updated_at FROM groups \
     WHERE organization_id = $1 AND id = $2 FOR UPDATE",
)
.on_sqlite(
    "SELECT organization_id, id, name, code, description, created_at, updated_at FROM groups \
     WHERE organization_id = $1 AND id = $2",
);
const BY_CODE: Sql = Sql::tenant("SELECT id FROM groups WHERE organization_id = $1 AND code = $2").point();
const ADD: Sql = Sql::tenant(
    "INSERT INTO groups (organization_id, id, code, name, name_folded, description, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE groups SET name = $3, name_folded = $4, description = $5, updated_at = $6 WHERE organization_id = $1 AND id = $2",
);
const REMOVE: Sql = Sql::tenant("DELETE FROM groups WHERE organization_id = $1 AND id = $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[LOOKUP, LOCK, BY_CODE, ADD, SAVE, REMOVE];

/// A group of the organization.
pub(crate) async fn lookup<A: Admits>(scope: Scope<'_>, by: &A, id: GroupId) -> Result<Option<GroupView>, A::Error> {
    let found = by.admitted(scope.optional(&LOOKUP, &[Value::id(id)], |row| group(row, 0)).await?)?;
    Ok(found.as_ref().map(GroupView::from))
}

/// The organization's groups that the grant reaches.
pub(crate) async fn list(
    scope: Scope<'_>,
    reached: Narrowed,
    text: Option<&str>,
    order: Order,
    direction: Direction,
    page: &PageRequest,
    start: Start<'_>,
) -> Result<Listed<GroupView>, DbError> {
    reached
        .apply(listing(text, order, direction))
        .fetch(scope, page, start, |row| Ok(GroupView::from(&group(row, 1)?)))
        .await
}

fn listing<'t>(text: Option<&str>, order: Order, direction: Direction) -> List<'t> {
    List::tenant("groups", COLUMNS)
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

/// Reads a group for a change, and holds it until the unit ends.
pub(crate) async fn lock<A: Admits>(
    uow: &UnitOfWork,
    by: &A,
    organization: OrganizationId,
    id: GroupId,
) -> Result<Option<Group>, A::Error> {
    let scope = uow.scope(organization).reads();
    by.admitted(scope.optional(&LOCK, &[Value::id(id)], |row| group(row, 0)).await?)
}

/// The group with the code, as the unit sees it.
pub(crate) async fn find_by_code(
    uow: &UnitOfWork,
    organization: OrganizationId,
    code: &str,
) -> Result<Option<GroupId>, DbError> {
    uow.scope(organization)
        .reads()
        .optional(&BY_CODE, &[code.into()], |row| row.id(0))
        .await
}

pub(crate) async fn add<A: Admits>(uow: &UnitOfWork, by: &A, group: &mut Group) -> Result<(), A::Error> {
    by.admits(|| &*group)?;
    tell(uow, group)?;
    let state = group.state();
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
pub(crate) async fn save<A: Admits>(uow: &UnitOfWork, by: &A, group: &mut Group) -> Result<(), A::Error> {
    by.admits(|| &*group)?;
    if !tell(uow, group)? {
        return Ok(());
    }
    let state = group.state();
    let row = [
        Value::id(state.id),
        state.name.as_str().into(),
        fold(state.name.as_str()).into(),
        state.description.as_ref().map(Description::as_str).into(),
        state.updated_at.into(),
    ];
    Ok(uow.scope(state.organization_id).send(&SAVE, &row).await?)
}

pub(crate) async fn remove(uow: &UnitOfWork, group: &mut Group) -> Result<(), DbError> {
    tell(uow, group)?;
    let state = group.state();
    uow.scope(state.organization_id)
        .send(&REMOVE, &[Value::id(state.id)])
        .await
}

/// Hands what happened to the group to the unit of work; false when nothing did.
pub(crate) fn tell(uow: &UnitOfWork, group: &mut Group) -> Result<bool, DbError> {
    let events = group.take_events();
    uow.record_all(group.state().organization_id, events, &GroupView::from(&*group))
}

fn group(row: &Row<'_>, first: usize) -> Result<Group, DbError> {
    let description = row.get::<Option<String>>(first + 4)?;
    Ok(Group::from(StoredGroup {
        organization_id: row.id(first)?,
        id: row.id(first + 1)?,
        name: Name::new(&row.get::<String>(first + 2)?).map_err(|_| row.inconsistency(first + 2))?,
        code: Code::new(&row.get::<String>(first + 3)?).map_err(|_| row.inconsistency(first + 3))?,
        description: description
            .map(|description| Description::new(&description).map_err(|_| row.inconsistency(first + 4)))
            .transpose()?,
        created_at: row.get(first + 5)?,
        updated_at: row.get(first + 6)?,
    }))
}

impl Object for Group {
    fn value(&self, field: &str) -> Option<FieldOf<'_>> {
        let state = self.state();
        match field {
            "id" => Some(FieldOf::id(state.id)),
            "name" => Some(state.name.as_str().into()),
            "code" => Some(state.code.as_str().into()),
            "description" => state.description.as_ref().map(|text| text.as_str().into()),
            "createdAt" => Some(state.created_at.into()),
            "updatedAt" => Some(state.updated_at.into()),
            _ => None,
        }
    }
}
