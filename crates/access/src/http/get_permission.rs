//! `GET /permissions/{id}`

use contracts::catalog::PermissionId;
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::PermissionRead;
use crate::store::permissions;
use crate::view::PermissionView;

pub(super) fn doc() -> Doc {
    Doc::new("getPermission", "Get a permission")
        .answers::<PermissionView>("The permission", super::example::permission())
}

pub(super) async fn handle(caller: Requires<PermissionRead>, path: PathId<PermissionId>) -> Result<Answer, ApiError> {
    let found = permissions::lookup(caller.app().db().global(), path.found()?).await?;
    let (permission, _) = found.ok_or_else(ApiError::not_found)?;
    Answer::ok(&permission)
}
