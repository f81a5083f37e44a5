//! The table `branding_assets`.

use db::{DbError, Scope, Sql, UnitOfWork, Value};
use kernel::OrganizationId;

use crate::domain::{ContentHash, Picture, PictureKind};

// The same picture of several organizations has the same bytes, so any of the rows will do.
const FIND: Sql = Sql::system("SELECT content_type, bytes FROM branding_assets WHERE sha256 = $1 LIMIT 1");
const SIZE: Sql = Sql::tenant("SELECT length(bytes) FROM branding_assets WHERE organization_id = $1 AND sha256 = $2");
const ADD: Sql = Sql::tenant(
    "INSERT INTO branding_assets (organization_id, sha256, content_type, bytes, created_at) VALUES ($1, $2, $3, $4, $5)",
);
const STORED: Sql =
    Sql::tenant("SELECT coalesce(sum(length(bytes)), 0) FROM branding_assets WHERE organization_id = $1");
const REMOVE: Sql = Sql::tenant("DELETE FROM branding_assets WHERE organization_id = $1 AND sha256 = $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[FIND, SIZE, STORED, ADD, REMOVE];

/// A picture, whoever shows it.
pub(crate) async fn find(scope: Scope<'_>, hash: ContentHash) -> Result<Option<Picture>, DbError> {
    scope
        .optional(&FIND, &[hash.as_bytes().into()], |row| {
            let kind = PictureKind::find(&row.get::<String>(0)?).ok_or_else(|| row.inconsistency(0))?;
            Ok(Picture {
                kind,
                hash,
                bytes: row.get(1)?,
            })
        })
        .await
}

/// How many bytes the organization's copy of a picture has; `None` when it has none.
pub(crate) async fn size(
    uow: &UnitOfWork,
    organization_id: OrganizationId,
    hash: ContentHash,
) -> Result<Option<i64>, DbError> {
    uow.scope(organization_id)
        .reads()
        .optional(&SIZE, &[hash.as_bytes().into()], |row| row.get(0))
        .await
}

/// How many bytes the organization's pictures have together.
pub(crate) async fn stored(scope: Scope<'_>) -> Result<i64, DbError> {
    scope.one(&STORED, &[], |row| row.get(0)).await
}

pub(crate) async fn add(uow: &UnitOfWork, organization_id: OrganizationId, picture: &Picture) -> Result<(), DbError> {
    let row = [
        Value::from(picture.hash.as_bytes()),
        picture.kind.media_type().into(),
        picture.bytes.as_slice().into(),
        uow.now().into(),
    ];
    uow.scope(organization_id).send(&ADD, &row).await
}

pub(crate) async fn remove(
    uow: &UnitOfWork,
    organization_id: OrganizationId,
    hash: ContentHash,
) -> Result<(), DbError> {
    uow.scope(organization_id)
        .send(&REMOVE, &[hash.as_bytes().into()])
        .await
}
