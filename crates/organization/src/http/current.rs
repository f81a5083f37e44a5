//! `GET /organizations/current`

use contracts::organization::OrganizationView;
use http::{Answer, ApiError, Doc, Requires};

use crate::manifest::ProfileRead;
use crate::store::organizations;

pub(super) fn doc() -> Doc {
    Doc::new("getCurrentOrganization", "Get the own organization")
        .answers::<OrganizationView>("The organization of the caller", super::example::organization())
}

pub(super) async fn handle(caller: Requires<ProfileRead>) -> Result<Answer, ApiError> {
    let id = caller.granted().organization();
    let found = organizations::lookup(caller.app().db().global(), id)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Answer::ok(&found)
}
