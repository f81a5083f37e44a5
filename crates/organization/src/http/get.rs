//! `GET /organizations/{id}`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Doc, PathId, Requires};
use kernel::OrganizationId;

use crate::manifest::OrganizationRead;
use crate::store::organizations;

pub(super) fn doc() -> Doc {
    Doc::new("getOrganization", "Get an organization")
        .answers::<OrganizationView>("The organization", super::example::organization())
}

pub(super) async fn handle(
    caller: Requires<OrganizationRead>,
    path: PathId<OrganizationId>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let found = organizations::lookup(caller.app().db().global(), id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Answer::ok(&found)
}
