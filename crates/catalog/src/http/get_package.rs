//! `GET /packages/{id}`

use contracts::catalog::PackageId;
use http::{Answer, ApiError, Doc, PathId, Requires};

use crate::manifest::PackageRead;
use crate::store::packages;
use crate::views::{self, PackageView};

pub(super) fn doc() -> Doc {
    Doc::new("getPackage", "Get a package").answers::<PackageView>("The package", views::package_example())
}

pub(super) async fn handle(caller: Requires<PackageRead>, path: PathId<PackageId>) -> Result<Answer, ApiError> {
    let found = packages::lookup(caller.app().db().global(), path.found()?).await?;
    Answer::ok(&PackageView::from(&found.ok_or_else(ApiError::not_found)?))
}
