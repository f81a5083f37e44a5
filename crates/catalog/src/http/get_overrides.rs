//! `GET /organizations/{orgId}/overrides`

use http::{Answer, ApiError, Doc, PathId, Requires};
use kernel::OrganizationId;

use crate::app::{Neighbours, overrides_of};
use crate::manifest::EntitlementRead;
use crate::views::{self, OverridesView};

pub(super) fn doc() -> Doc {
    Doc::new("getOverrides", "Get the exceptions of an organization")
        .describe("Those that have expired are not among them.")
        .answers::<OverridesView>("The exceptions", views::overrides_example())
}

pub(super) async fn handle(
    caller: Requires<EntitlementRead>,
    path: PathId<OrganizationId>,
) -> Result<Answer, ApiError> {
    let (id, db) = (path.found()?, caller.app().db());
    if !Neighbours::of(caller.app().ports())?.knows(id).await? {
        return Err(ApiError::not_found());
    }
    Answer::ok(&overrides_of(db.global(), db.scope(id), caller.app().generators().now()).await?)
}
