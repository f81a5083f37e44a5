//! Changing how an organization looks.

use authz::Granted;
use db::UnitOfWork;

use super::{Refusal, settings_changed};
use crate::domain::{Branding, Look};
use crate::manifest::BrandingUpdate;
use crate::store::branding;
use crate::view::Links;

/// Replaces words and colours of the organization acted in, if its branding still is as the client knows it.
///
/// # Errors
/// [`Refusal`]: stale.
pub(crate) async fn restyle(
    granted: &Granted<BrandingUpdate>,
    uow: &UnitOfWork,
    links: &Links,
    is_current: impl FnOnce(&Branding) -> bool,
    look: Look,
) -> Result<Branding, Refusal> {
    let mut found = branding::lock(uow, granted.organization()).await?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    found.restyle(look);
    if branding::save(uow, &mut found, links).await? {
        settings_changed(uow, granted.organization());
    }
    Ok(found)
}
