//! Whether the server lives, and whether it should get requests.
//!
//! *Live* means that the process answers: whoever restarts it asks that. *Ready* means that requests would be answered well:
//! whoever routes them asks that. A server that lost its database is live and not ready; restarting it would not help.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::extract::{FromRef, State};
use db::migrate::Migrations;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::answer::Answer;
use crate::app::App;
use crate::doc::Doc;
use crate::error::{ApiError, Details, ErrorCode};
use crate::guard::Public;
use crate::routes::Routes;

crate::public_reason! {
    /// For whoever restarts and routes.
    pub(crate) struct Probe = "a probe carries no credential, and the answer says nothing about customers";
}

/// How long the database may take to say that it is there.
const DATABASE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);
/// From how many microseconds between the two clocks on something is wrong.
const CLOCKS_DIFFER: u64 = 1_000_000;

/// What the probes look at.
#[derive(Clone)]
pub(crate) struct Health {
    app: App,
    migrations: Arc<[Migrations]>,
    migrated: Arc<AtomicBool>,
}

impl FromRef<Health> for App {
    fn from_ref(health: &Health) -> Self {
        health.app.clone()
    }
}

/// The state of the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthReport {
    /// `up` when requests are answered well.
    pub status: &'static str,
    /// What was looked at.
    pub checks: HealthChecks,
}

/// What readiness depends on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct HealthChecks {
    /// `up`, or `stopping` when it was told to stop: it still answers, and should be asked no more.
    pub server: &'static str,
    /// `up`, or `down` when it does not answer.
    pub database: &'static str,
    /// `current`, `pending` when the binary knows more than the database, or `unknown`.
    pub migrations: &'static str,
    /// `current`, or `stale` when this node does not know the state of access.
    pub access: &'static str,
    /// `together`, or `apart` when the machine's clock and the database's differ by more than a second. It does not make the
    /// server unready: the difference is corrected for.
    pub clock: &'static str,
}

impl HealthChecks {
    fn is_ready(&self) -> bool {
        self.server == "up" && self.database == "up" && self.migrations == "current" && self.access == "current"
    }
}

impl Health {
    pub(crate) fn new(app: App) -> Self {
        let migrations = app.parts().migrations.clone();
        Self {
            app,
            migrations,
            migrated: Arc::default(),
        }
    }

    async fn report(&self) -> HealthReport {
        let db = self.app.db();
        let database = if db.ping(DATABASE_ANSWERS_WITHIN).await.is_ok() {
            "up"
        } else {
            "down"
        };
        let checks = HealthChecks {
            server: if self.app.is_stopping() { "stopping" } else { "up" },
            database,
            migrations: if database == "up" {
                self.migrations().await
            } else {
                "unknown"
            },
            access: if self.app.parts().freshness.is_fresh() {
                "current"
            } else {
                "stale"
            },
            clock: if db.feed().clock_offset().unsigned_abs() > CLOCKS_DIFFER {
                "apart"
            } else {
                "together"
            },
        };
        HealthReport {
            status: if checks.is_ready() { "up" } else { "down" },
            checks,
        }
    }

    /// What is applied stays applied, so it is asked for only until it is.
    async fn migrations(&self) -> &'static str {
        if self.migrated.load(Ordering::Relaxed) {
            return "current";
        }
        match self.app.db().pending(&self.migrations).await {
            Ok(pending) if pending.steps.is_empty() => {
                self.migrated.store(true, Ordering::Relaxed);
                "current"
            }
            Ok(_) => "pending",
            Err(_) => "unknown",
        }
    }
}

pub(crate) fn routes() -> Routes<Health> {
    let report = || {
        json!({
            "status": "up",
            "checks": {
                "server": "up",
                "database": "up",
                "migrations": "current",
                "access": "current",
                "clock": "together",
            },
        })
    };
    Routes::at_root("health", "Whether the server lives and answers well.")
        .get(
            "/health/live",
            live,
            Doc::new("getLiveness", "Whether the process answers")
                .describe("For whoever restarts it. It looks at nothing else: a lost database is no reason to restart.")
                .answers::<Liveness>("It does", json!({ "status": "up" })),
        )
        .get(
            "/health/ready",
            ready,
            Doc::new("getReadiness", "Whether requests are answered well")
                .describe("For whoever routes requests. The 503's `details` tell what is missing.")
                .answers::<HealthReport>("They are", report()),
        )
        .get(
            "/health",
            ready,
            Doc::new("getHealth", "The state of the server")
                .describe("The same as `/health/ready`, under the name many tools look for.")
                .answers::<HealthReport>("All is well", report()),
        )
}

/// The process answers.
#[derive(Debug, Serialize, ToSchema)]
struct Liveness {
    /// `up`.
    status: &'static str,
}

async fn live(_: Public<Probe>) -> Result<Answer, ApiError> {
    Answer::ok(&Liveness { status: "up" })
}

async fn ready(_: Public<Probe>, State(health): State<Health>) -> Result<Answer, ApiError> {
    let report = health.report().await;
    if report.checks.is_ready() {
        return Answer::ok(&report);
    }
    let details = serde_json::to_value(&report).unwrap_or_default();
    Err(ApiError::new(ErrorCode::InternalUnavailable)
        .with_details(Details::Other(details))
        .retry_after(Duration::from_secs(1)))
}
