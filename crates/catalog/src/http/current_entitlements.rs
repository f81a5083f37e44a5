//! `GET /entitlements/current`

use contracts::organization::{Organizations, PLATFORM_SLUG};
use http::{Answer, ApiError, Authenticated, Doc};

use crate::app::entitlements_of;
use crate::views::{self, EntitlementsView};

pub(super) fn doc() -> Doc {
    Doc::new("getCurrentEntitlements", "Get what the own organization may use")
        .describe(
            "Every effective value with its reason: an override goes before a switch by hand, that before the package.",
        )
        .answers::<EntitlementsView>("What it may use now", views::entitlements_example())
}

pub(super) async fn handle(caller: Authenticated) -> Result<Answer, ApiError> {
    let app = caller.app();
    let found = app.port::<dyn Organizations>()?.find(caller.organization()).await?;
    let is_platform = found.is_some_and(|organization| organization.slug == PLATFORM_SLUG);
    let scope = app.db().scope(caller.organization());
    Answer::ok(&entitlements_of(app.db().global(), scope, is_platform, app.generators().now()).await?)
}
