//! `PUT /organizations/{orgId}/overrides`

use http::{Answer, ApiError, Body, Doc, ErrorCode, PathId, Requires, TimeText};
use kernel::OrganizationId;

use super::inputs::{EffectText, Limit, Mode, Period};
use crate::app::{AskedException, AskedOverrides, AskedQuota, AskedTerms, Neighbours, replace_overrides};
use crate::domain::{Metric, Reason};
use crate::manifest::EntitlementUpdate;
use crate::views::{self, OverridesView};

http::input! {
    /// An exception about a module or a permission.
    pub(crate) struct OverrideInput {
        /// The code of the module or permission.
        code: String,
        /// What it does.
        effect: EffectText,
        /// Why.
        reason: Option<Reason>,
        /// The instant from which it says nothing.
        expires_at: Option<TimeText>,
    }
}

http::input! {
    /// An exception about a quota: it stands in the place of the package's of the same metric and period.
    pub(crate) struct QuotaOverrideInput {
        /// What is counted.
        metric: Metric,
        /// How much is allowed in a period.
        limit: Limit,
        /// In which period.
        period: Period,
        /// What is done beyond it.
        mode: Mode = Mode::Hard,
        /// Why.
        reason: Option<Reason>,
        /// The instant from which it says nothing.
        expires_at: Option<TimeText>,
    }
}

http::input! {
    /// All exceptions of an organization.
    pub(crate) struct ReplaceOverrides {
        /// About modules, one for each.
        modules: Vec<OverrideInput> = Vec::new(),
        /// About permissions, one for each.
        permissions: Vec<OverrideInput> = Vec::new(),
        /// About quotas, one for each metric and period.
        quotas: Vec<QuotaOverrideInput> = Vec::new(),
    }
}

impl From<OverrideInput> for AskedException {
    fn from(input: OverrideInput) -> Self {
        Self {
            code: input.code,
            effect: input.effect.into(),
            reason: input.reason,
            expires_at: input.expires_at.map(|TimeText(instant)| instant),
        }
    }
}

impl From<QuotaOverrideInput> for AskedQuota {
    fn from(input: QuotaOverrideInput) -> Self {
        Self {
            terms: AskedTerms {
                metric: input.metric,
                limit: input.limit.get(),
                period: input.period.into(),
                mode: input.mode.into(),
            },
            reason: input.reason,
            expires_at: input.expires_at.map(|TimeText(instant)| instant),
        }
    }
}

impl From<ReplaceOverrides> for AskedOverrides {
    fn from(input: ReplaceOverrides) -> Self {
        Self {
            modules: input.modules.into_iter().map(AskedException::from).collect(),
            permissions: input.permissions.into_iter().map(AskedException::from).collect(),
            quotas: input.quotas.into_iter().map(AskedQuota::from).collect(),
        }
    }
}

pub(super) fn doc() -> Doc {
    Doc::new("replaceOverrides", "Replace the exceptions of an organization")
        .describe(
            "All of them: what is not sent is gone. An exception about a permission says whether it is withheld, and grants it to \
             nobody.",
        )
        .takes::<ReplaceOverrides>(views::overrides_example())
        .answers::<OverridesView>("The exceptions as they are now", views::overrides_example())
        .refuses([ErrorCode::ConflictState])
}

pub(super) async fn handle(
    caller: Requires<EntitlementUpdate>,
    path: PathId<OrganizationId>,
    Body(input): Body<ReplaceOverrides>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    let (granted, precondition) = (caller.granted().clone(), caller.precondition());
    let neighbours = Neighbours::of(caller.app().ports())?;
    let asked = AskedOverrides::from(input);
    caller
        .write_across(super::ACROSS, move |uow| {
            let (granted, precondition) = (granted.clone(), precondition.clone());
            let (neighbours, asked) = (neighbours.clone(), asked.clone());
            async move {
                let is_current = |overrides: &_| precondition.check(overrides).is_ok();
                Answer::ok(&replace_overrides(&granted, &uow, &neighbours, id, is_current, asked).await?)
            }
        })
        .await
}
