//! `GET /service-accounts/{id}`

use contracts::identity::{ServiceAccountId, ServiceAccountView};
use http::{Answer, ApiError, Doc, PathId, RequiresWithin};

use crate::manifest::ServiceAccountRead;
use crate::store::service_accounts;

pub(super) fn doc() -> Doc {
    Doc::new("getServiceAccount", "Get a service account")
        .describe("Never with its secret.")
        .answers::<ServiceAccountView>("The service account", crate::http::example::service_account())
}

pub(super) async fn handle(
    caller: RequiresWithin<ServiceAccountRead>,
    path: PathId<ServiceAccountId>,
) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.organization());
    let found = service_accounts::lookup(scope, caller.within(), path.found()?).await;
    let found = found.map_err(|error| caller.not_admitted(error))?;
    let account = found.ok_or_else(ApiError::not_found)?;
    Answer::ok(&ServiceAccountView::from(&account))
}
