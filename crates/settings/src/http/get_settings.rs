//! `GET /settings`

use contracts::settings::SettingsView;
use http::{Answer, ApiError, Doc, Requires};

use crate::manifest::SettingRead;
use crate::store::settings;

pub(super) fn doc() -> Doc {
    Doc::new("getSettings", "Get the settings")
        .describe("Every setting of the organization, with its value or its default.")
        .answers::<SettingsView>("The settings", super::example::settings())
}

pub(super) async fn handle(caller: Requires<SettingRead>) -> Result<Answer, ApiError> {
    let scope = caller.app().db().scope(caller.granted().organization());
    Answer::ok(&SettingsView::from(&settings::lookup(scope).await?))
}
