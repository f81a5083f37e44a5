//! Changing settings.

use authz::Granted;
use contracts::identity::SupportSessions;
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
    support: Option<&dyn SupportSessions>,
    is_current: impl FnOnce(&Settings) -> bool,
    changes: Changes,
) -> Result<Settings, Refusal> {
    let organization = granted.organization();
    let mut found = settings::lock(uow, organization).await?;
    if !is_current(&found) {
        return Err(Refusal::Stale);
    }
    let was_open = found.values().support_access;
    found.change(changes);
    if settings::save(uow, &mut found).await? {
        settings_changed(uow, organization);
    }
    // Their tokens are refused by the setting; what they made, such as endpoints of webhooks, counts as long as they do.
    if was_open
        && !found.values().support_access
        && let Some(support) = support
    {
        support.end_all(uow, organization).await?;
    }
    Ok(found)
}
