//! `GET /integrations/{id}`

use http::{Answer, ApiError, Doc, PathId, Requires};
use vault::Sealer;

use crate::domain::IntegrationId;
use crate::manifest::IntegrationRead;
use crate::store::integrations;
use crate::view::IntegrationView;

pub(super) fn doc() -> Doc {
    Doc::new("getIntegration", "Get an integration")
        .answers::<IntegrationView>("The integration, without its secrets", super::example::integration())
}

pub(super) async fn handle(caller: Requires<IntegrationRead>, path: PathId<IntegrationId>) -> Result<Answer, ApiError> {
    let sealer = caller.app().port::<Sealer>()?;
    let scope = caller.app().db().scope(caller.granted().organization());
    let found = integrations::lookup(scope, &sealer, path.found()?)
        .await?
        .ok_or_else(ApiError::not_found)?;
    Answer::ok(&IntegrationView::from(&found))
}
