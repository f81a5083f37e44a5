//! Putting a picture into its place, and taking it away.

use authz::Granted;
use contracts::usage::{Quotas, STORAGE_BYTES};
use db::{DbError, UnitOfWork};

use super::{Refusal, settings_changed};
use crate::domain::{Branding, Picture, Place};
use crate::manifest::BrandingUpdate;
use crate::store::{assets, branding};
use crate::view::Links;

/// Shows a picture in a place of the organization acted in, or none there. A picture that is not shown any more is removed, and
/// what is stored is counted.
///
/// # Errors
/// [`Refusal`]: stale, or more bytes than the organization may store.
pub(crate) async fn show_picture(
    granted: &Granted<BrandingUpdate>,
    uow: &UnitOfWork,
    links: &Links,
    quotas: Option<&dyn Quotas>,
    is_current: impl FnOnce(&Branding) -> bool,
    place: Place,
    picture: Option<&Picture>,
) -> Result<Branding, Refusal> {
    let organization = granted.organization();
    let mut found = branding::lock(uow, organization).await?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    let before = found.picture(place);
    let mut bytes = 0;
    // The other place may show the same picture already.
    if let Some(picture) = picture.filter(|picture| !found.shows(picture.hash)) {
        assets::add(uow, organization, picture).await?;
        bytes += size(picture)?;
    }
    found.show(place, picture.map(|picture| picture.hash));
    if !branding::save(uow, &mut found, links).await? {
        return Ok(found);
    }
    settings_changed(uow, organization);
    if let Some(before) = before.filter(|before| !found.shows(*before)) {
        bytes -= assets::size(uow, organization, before).await?.unwrap_or_default();
        assets::remove(uow, organization, before).await?;
    }
    if let Some(quotas) = quotas.filter(|_| bytes != 0) {
        quotas.reserve(uow, organization, STORAGE_BYTES, bytes).await?;
    }
    Ok(found)
}

fn size(picture: &Picture) -> Result<i64, DbError> {
    i64::try_from(picture.bytes.len()).map_err(|_| DbError::Internal("a picture beyond all bounds".into()))
}
