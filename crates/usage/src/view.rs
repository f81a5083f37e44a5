//! What events of this context carry.

use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

kernel::id!(
    /// A quota of one organization: one metric in one kind of period, whatever its limit.
    pub(crate) struct QuotaId = "quota"
);

/// A share of a quota that is told when it is reached, as `quota.threshold_reached` events carry it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuotaThreshold, rename_all = "camelCase")]
pub(crate) struct ThresholdView {
    /// Names the metric and the period of the organization.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: QuotaId,
    /// What is counted.
    pub(crate) metric: String,
    /// How much is allowed.
    pub(crate) limit: i64,
    /// How much is used.
    pub(crate) used: i64,
    /// `hour`, `day`, `month` or `total`.
    pub(crate) period: &'static str,
    /// `hard` or `soft`.
    pub(crate) mode: &'static str,
    /// When the period ends; `null` for what does not begin anew.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) resets_at: Option<Timestamp>,
    /// The share that was reached, in percent: 80 or 100.
    pub(crate) percent: i64,
}
