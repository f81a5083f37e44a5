//! `DELETE /packages/{id}`

use contracts::catalog::PackageId;
use http::{Answer, ApiError, Doc, ErrorCode, PathId, Requires};

use crate::app::delete_package;
use crate::domain::Package;
use crate::manifest::PackageDelete;
use crate::views::PackageView;

pub(super) fn doc() -> Doc {
    Doc::new("deletePackage", "Delete a package")
        .describe("A package that an organization is on cannot be deleted.")
        .answers_nothing("It is deleted")
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(caller: Requires<PackageDelete>, path: PathId<PackageId>) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            async move {
                let is_current = |package: &Package| precondition.check(&PackageView::from(package.state())).is_ok();
                delete_package(&granted, &uow, id, is_current).await?;
                Ok(Answer::no_content())
            }
        })
        .await
}
