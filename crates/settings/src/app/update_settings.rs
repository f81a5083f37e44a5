//! Changing settings.

use authz::Granted;
use db::UnitOfWork;

use super::{Refusal, settings_changed};
use crate::domain::{Changes, Settings};
use crate::manifest::SettingUpdate;
use crate::store::settings;

/// Changes the settings of the organization acted in, if they still are as the client knows them.
///
/// # Errors
/// [`Refusal`]: stale.
pub(crate) async fn update_settings(
    granted: &Granted<SettingUpdate>,
    uow: &UnitOfWork,
    is_current: impl FnOnce(&Settings) -> bool,
    changes: Changes,
) -> Result<Settings, Refusal> {
    let organization = granted.organization();
    let mut found = settings::lock(uow, organization).await?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    found.change(changes);
    if settings::save(uow, &mut found).await? {
        settings_changed(uow, organization);
    }
    Ok(found)
}
