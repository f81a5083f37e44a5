//! What bodies and queries of several endpoints are made of, and what their refusals say.

use contracts::catalog::{QuotaMode, QuotaPeriod};
use http::{ApiError, Details, ErrorCode, Message, TextSchema};
use serde_json::json;

use crate::app::{AskedTerms, Refusal};
use crate::domain::{Description, Effect, Icon, Metric, ModuleCode, Name, PackageCode, Reason};

/// The largest whole number that every JSON reader keeps exactly.
const LARGEST: i64 = (1 << 53) - 1;

/// How much a quota allows.
pub(super) type Limit = http::Int<0, LARGEST>;
/// A place among other modules.
pub(super) type SortOrder = http::Int<-1_000_000, 1_000_000>;

http::text_value! {
    ModuleCode, ModuleCode::new,
    TextSchema {
        min_length: Some(ModuleCode::MIN),
        max_length: Some(ModuleCode::MAX),
        pattern: Some(ModuleCode::PATTERN),
        example: "FINANCE",
        ..Default::default()
    }
}
http::text_value! {
    PackageCode, PackageCode::new,
    TextSchema {
        min_length: Some(PackageCode::MIN),
        max_length: Some(PackageCode::MAX),
        pattern: Some(PackageCode::PATTERN),
        example: "starter",
        ..Default::default()
    }
}
http::text_value! {
    Name, Name::new,
    TextSchema::line(Name::MIN, Name::MAX, "Financeiro")
}
http::text_value! {
    Description, Description::new,
    TextSchema::lines(Description::MAX, "Contas a pagar")
}
http::text_value! {
    Icon, Icon::new,
    TextSchema::line(1, Icon::MAX, "wallet")
}
http::text_value! {
    Reason, Reason::new,
    TextSchema::lines(Reason::MAX, "Contract 42")
}
http::text_value! {
    Metric, Metric::new,
    TextSchema {
        min_length: Some(1),
        max_length: Some(Metric::MAX),
        pattern: Some(Metric::PATTERN),
        example: "users.active",
        ..Default::default()
    }
}

http::choice! {
    /// In which period of the UTC calendar a quota counts.
    pub(super) enum Period { Hour = "hour", Day = "day", Month = "month", Total = "total" }
}

http::choice! {
    /// What is done beyond a quota: it is refused, or counted.
    pub(super) enum Mode { Hard = "hard", Soft = "soft" }
}

http::choice! {
    /// What an exception does.
    pub(super) enum EffectText { Grant = "grant", Withhold = "withhold" }
}

impl From<Period> for QuotaPeriod {
    fn from(period: Period) -> Self {
        match period {
            Period::Hour => Self::Hour,
            Period::Day => Self::Day,
            Period::Month => Self::Month,
            Period::Total => Self::Total,
        }
    }
}

impl From<Mode> for QuotaMode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Hard => Self::Hard,
            Mode::Soft => Self::Soft,
        }
    }
}

impl From<EffectText> for Effect {
    fn from(effect: EffectText) -> Self {
        match effect {
            EffectText::Grant => Self::Grant,
            EffectText::Withhold => Self::Withhold,
        }
    }
}

http::input! {
    /// A quota of a package: one for each metric and period.
    pub(crate) struct QuotaInput {
        /// What is counted.
        metric: Metric,
        /// How much is allowed in a period.
        limit: Limit,
        /// In which period.
        period: Period,
        /// What is done beyond it.
        mode: Mode = Mode::Hard,
    }
}

impl From<QuotaInput> for AskedTerms {
    fn from(input: QuotaInput) -> Self {
        Self {
            metric: input.metric,
            limit: input.limit.get(),
            period: input.period.into(),
            mode: input.mode.into(),
        }
    }
}

/// The quotas that a body asks for.
pub(super) fn terms(quotas: Vec<QuotaInput>) -> Vec<AskedTerms> {
    quotas.into_iter().map(AskedTerms::from).collect()
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound => Self::not_found(),
            Refusal::Stale => Self::new(ErrorCode::ConflictVersion),
            Refusal::Invalid(violations) => Self::violations(violations),
            Refusal::CoreModule => Self::conflict_state(Message::new(
                "A core module is always on.",
                "Um módulo essencial está sempre ativo.",
            )),
            Refusal::GloballyInactive => Self::conflict_state(Message::new(
                "The module is off for the whole installation.",
                "O módulo está desativado em toda a instalação.",
            )),
            Refusal::PackageInUse => Self::conflict_state(Message::new(
                "An organization is on the package.",
                "Há organização neste pacote.",
            )),
            Refusal::Missed(affected) => Self::conflict_state(Message::new(
                "Permissions of the module are granted to somebody.",
                "Há permissões do módulo concedidas a alguém.",
            ))
            .with_details(Details::Other(json!({ "affected": affected }))),
            Refusal::Storage(error) => error.into(),
        }
    }
}
