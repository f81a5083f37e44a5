//! `GET /usage/quotas`

use ::http::{Answer, ApiError, Doc, Requires};
use contracts::catalog::QuotaPeriod;
use contracts::usage::API_REQUESTS;
use kernel::Timestamp;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::domain::{Limits, Window, is_level};
use crate::manifest::ReportRead;
use crate::meter::Meter;
use crate::service::Service;
use crate::store::counters;

/// A quota, and how much of it is used.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuotaUse, rename_all = "camelCase")]
struct QuotaView {
    /// What is counted.
    metric: String,
    /// How much is allowed.
    limit: i64,
    /// How much is used in the period that goes on; of a level, what it is now.
    used: i64,
    /// `hour`, `day`, `month` (of the UTC calendar) or `total`.
    period: &'static str,
    /// `hard`: what goes beyond is refused; `soft`: it is counted.
    mode: &'static str,
    /// When the period ends; `null` for a total and for levels, which do not begin anew.
    #[schema(value_type = Option<String>, format = DateTime)]
    resets_at: Option<Timestamp>,
}

pub(super) fn doc() -> Doc {
    Doc::new("listQuotas", "List the quotas and their use")
        .describe(
            "Every quota in force, by metric and period. Of `api.requests`, what other nodes have set aside for requests to come \
             counts as used.",
        )
        .answers_all::<QuotaView>(
            "The quotas",
            json!([{
                "metric": "documents.signed",
                "limit": 500,
                "used": 41,
                "period": "month",
                "mode": "hard",
                "resetsAt": "2026-12-01T00:00:00.000000Z"
            }]),
        )
}

pub(super) async fn handle(caller: Requires<ReportRead>) -> Result<Answer, ApiError> {
    let organization = caller.granted().organization();
    let (service, meter) = (caller.app().port::<Service>()?, caller.app().port::<Meter>()?);
    meter.flush(organization).await?;
    let now = caller.app().generators().now();
    let limits = Limits::in_force(service.entitlements()?.quotas(organization).await?, now);
    let mut views = Vec::new();
    for quota in limits.iter() {
        let window = Window::at(
            if is_level(&quota.metric) {
                QuotaPeriod::Total
            } else {
                quota.period
            },
            now,
        );
        let counted = counters::used(service.db().scope(organization), &quota.metric, window).await?;
        let set_aside = if quota.metric == API_REQUESTS {
            meter.unspent(organization)
        } else {
            0
        };
        views.push(QuotaView {
            metric: quota.metric.clone(),
            limit: quota.limit,
            used: counted.saturating_sub(set_aside).max(0),
            period: quota.period.as_str(),
            mode: quota.mode.as_str(),
            resets_at: window.ends_at(),
        });
    }
    views.sort_unstable_by(|one, other| (&one.metric, one.period).cmp(&(&other.metric, other.period)));
    Answer::ok(&views)
}
