//! `PATCH /settings`

use contracts::identity::SupportSessions;
use contracts::settings::{Settings, SettingsView};
use http::{Answer, ApiError, Body, Doc, Int, Requires};
use serde_json::json;

use super::inputs::{LocaleTag, RegistrationWay};
use crate::app::update_settings;
use crate::domain::{Changes, CurrencyCode, DomainList, RequestRate, SessionTtl, ZoneName};
use crate::manifest::SettingUpdate;

http::input! {
    /// What to change about the settings; what is absent stays.
    pub(crate) struct UpdateSettings {
        /// The language of mails and defaults.
        locale: Keep<LocaleTag>,
        /// The IANA name of the time zone.
        time_zone: Keep<ZoneName>,
        /// The ISO 4217 code of the currency.
        currency: Keep<CurrencyCode>,
        /// Who may register: nobody, whoever proves an address of a listed domain, or anybody.
        registration: Keep<RegistrationWay>,
        /// The e-mail domains from which people may register; an empty list is none.
        registration_domains: Keep<DomainList>,
        /// After how long a session ends absolutely; `null` is never.
        session_ttl: Patch<SessionTtl>,
        /// The shortest password, in characters.
        password_min_length: Keep<Int<8, 64>>,
        /// Whether everybody needs a second factor.
        mfa_required: Keep<bool>,
        /// For how many days audit entries are kept.
        audit_retention_days: Keep<Int<1, 36_500>>,
        /// Requests of one actor; it tightens the installation's limit and never loosens it. `null` is the installation's.
        rate_limit: Patch<RequestRate>,
        /// Whether the platform may open support sessions.
        support_access: Keep<bool>,
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("updateSettings", "Change settings")
        .describe(
            "A merge patch. `sessionTtl` and `rateLimit` can be cleared with `null`; every other setting has a value always. \
             A setting that equals its default follows it when a later version of the program changes it.",
        )
        .takes::<UpdateSettings>(json!({ "timeZone": "America/Manaus", "sessionTtl": "12h" }))
        .answers::<SettingsView>("The settings as they are now", super::example::settings())
}

pub(super) async fn handle(
    caller: Requires<SettingUpdate>,
    Body(input): Body<UpdateSettings>,
) -> Result<Answer, ApiError> {
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let changes = Changes::from(input);
    let support = caller.app().ports().find::<dyn SupportSessions>();
    let answer = caller
        .write(move |uow| {
            let (granted, precondition, changes) = (granted.clone(), precondition.clone(), changes.clone());
            let support = support.clone();
            async move {
                let is_current = |current: &crate::domain::Settings| {
                    precondition.check(&SettingsView::from(current.values())).is_ok()
                };
                let changed = update_settings(&granted, &uow, support.as_deref(), is_current, changes).await?;
                Answer::ok(&SettingsView::from(changed.values()))
            }
        })
        .await?;
    // Read back into memory, so that the very next request is held to it: a limiter waits for nothing. What is not read now is
    // read when somebody asks.
    if let Some(settings) = caller.app().ports().find::<dyn Settings>() {
        let _best_effort = settings.of(caller.organization()).await;
    }
    Ok(answer)
}

impl From<UpdateSettings> for Changes {
    fn from(input: UpdateSettings) -> Self {
        Self {
            locale: input.locale.into_option().map(LocaleTag::locale),
            time_zone: input.time_zone.into_option(),
            currency: input.currency.into_option(),
            registration: input.registration.into_option().map(RegistrationWay::registration),
            registration_domains: input.registration_domains.into_option(),
            session_ttl: input.session_ttl.into_change(),
            password_min_length: input.password_min_length.into_option().map(whole),
            mfa_required: input.mfa_required.into_option(),
            audit_retention_days: input.audit_retention_days.into_option().map(whole),
            rate_limit: input.rate_limit.into_change(),
            support_access: input.support_access.into_option(),
        }
    }
}

/// The bounds of both fields fit.
fn whole<const MIN: i64, const MAX: i64>(number: Int<MIN, MAX>) -> u32 {
    u32::try_from(number.get()).unwrap_or(u32::MAX)
}
