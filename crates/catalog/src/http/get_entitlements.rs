//! `GET /organizations/{orgId}/entitlements`

use contracts::organization::{Organizations, PLATFORM_SLUG};
use http::{Answer, ApiError, Doc, PathId, Requires};
use kernel::OrganizationId;

use crate::app::entitlements_of;
use crate::manifest::EntitlementRead;
use crate::views::{self, EntitlementsView};

pub(super) fn doc() -> Doc {
    Doc::new("getEntitlements", "Get what an organization may use")
        .describe(
            "Every effective value with its reason: an override goes before a switch by hand, that before the package.",
        )
        .answers::<EntitlementsView>("What it may use now", views::entitlements_example())
}

pub(super) async fn handle(
    caller: Requires<EntitlementRead>,
    path: PathId<OrganizationId>,
) -> Result<Answer, ApiError> {
    let app = caller.app();
    let found = app.port::<dyn Organizations>()?.find(path.found()?).await?;
    let organization = found.ok_or_else(ApiError::not_found)?;
    let is_platform = organization.slug == PLATFORM_SLUG;
    let scope = app.db().scope(organization.id);
    Answer::ok(&entitlements_of(app.db().global(), scope, is_platform, app.generators().now()).await?)
}
