//! The usage context over HTTP and through its ports, on both engines.
#![cfg(test)]

mod contract;
mod events;
mod meter;
mod quotas;
mod rebuild;
mod report;

use std::collections::HashMap;
use std::sync::Arc;

use authz::snapshot::{Period, PermissionRow};
use contracts::catalog::{EntitlementRows, Entitlements, Quota, QuotaMode, QuotaPeriod};
use contracts::identity::HeadCounts;
use contracts::usage::StoredBytes;
use db::{AccessChange, ChangeKind, DbError, UnitContext, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use kernel::{Actor, OrganizationId};
use parking_lot::Mutex;
use serde_json::{Value, json};
use testkit::{Engine, Reply, TestApp};

/// What the organizations of a test have contracted.
#[derive(Default)]
struct Plans(Mutex<HashMap<OrganizationId, Vec<Quota>>>);

impl Plans {
    fn of(&self, organization: OrganizationId) -> Vec<Quota> {
        self.0.lock().get(&organization).cloned().unwrap_or_default()
    }
}

impl Entitlements for Plans {
    fn rows(&self, _: OrganizationId) -> BoxFuture<'_, Result<EntitlementRows, DbError>> {
        ready(Ok(EntitlementRows::default())).boxed()
    }

    fn permissions(&self) -> BoxFuture<'_, Result<Vec<PermissionRow>, DbError>> {
        ready(Ok(Vec::new())).boxed()
    }

    fn quotas(&self, organization: OrganizationId) -> BoxFuture<'_, Result<Vec<Quota>, DbError>> {
        ready(Ok(self.of(organization))).boxed()
    }

    fn quotas_in<'a>(
        &'a self,
        _: &'a UnitOfWork,
        organization: OrganizationId,
    ) -> BoxFuture<'a, Result<Vec<Quota>, DbError>> {
        self.quotas(organization)
    }
}

/// The active users of the organizations of a test.
#[derive(Default)]
struct Heads(Mutex<HashMap<OrganizationId, u64>>);

impl HeadCounts for Heads {
    fn active_users<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>> {
        let heads = self.0.lock();
        let counted = organizations
            .iter()
            .map(|id| heads.get(id).copied().unwrap_or(0))
            .collect();
        ready(Ok(counted)).boxed()
    }

    fn keys_of_module<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<u64, DbError>> {
        ready(Ok(0)).boxed()
    }
}

/// What the organizations of a test store, in bytes.
#[derive(Default)]
struct Stored(Mutex<HashMap<OrganizationId, u64>>);

impl StoredBytes for Stored {
    fn stored_bytes<'a>(&'a self, organizations: &'a [OrganizationId]) -> BoxFuture<'a, Result<Vec<u64>, DbError>> {
        let stored = self.0.lock();
        let counted = organizations.iter().map(|id| stored.get(id).copied().unwrap_or(0));
        ready(Ok(counted.collect())).boxed()
    }
}

/// The context, with the audit trail beside it to look into.
async fn start(engine: Engine) -> Option<TestApp> {
    let plans = Arc::new(Plans::default());
    let modules = vec![organization::module(), audit::module(), usage::module()];
    TestApp::start_with(engine, modules, |ports| {
        ports.provide::<dyn Entitlements>(plans.clone());
        ports.provide(plans);
        let heads = Arc::new(Heads::default());
        ports.provide::<dyn HeadCounts>(heads.clone());
        ports.provide(heads);
        let stored = Arc::new(Stored::default());
        ports.provide::<dyn StoredBytes>(stored.clone());
        ports.provide(stored);
    })
    .await
}

testkit::conformance!(usage::module, crate::start);

fn quota(metric: &str, limit: i64, period: QuotaPeriod, mode: QuotaMode) -> Quota {
    Quota {
        metric: metric.to_owned(),
        limit,
        period,
        mode,
        is_override: false,
        in_force: Period::ALWAYS,
    }
}

/// Gives the organization these quotas, and tells the nodes.
async fn contract(app: &TestApp, organization: OrganizationId, quotas: Vec<Quota>) {
    let plans = app.edge().app().ports().get::<Plans>().unwrap();
    plans.0.lock().insert(organization, quotas);
    let context = UnitContext::tenant(Actor::system("test"), organization).unaudited("a test");
    let told: Result<(), DbError> = app
        .db()
        .write(context, move |uow| async move {
            uow.access_changed(AccessChange {
                organization_id: Some(organization),
                kind: ChangeKind::Quotas,
                subject: None,
                until: None,
            });
            Ok(())
        })
        .await;
    told.unwrap();
}

/// One event.
fn event(metric: &str, quantity: i64) -> Value {
    json!({ "metric": metric, "quantity": quantity })
}

/// Reports these events for the organization.
async fn post(app: &TestApp, organization: OrganizationId, events: &[Value]) -> Reply {
    let reporter = app.administrator(organization);
    reporter
        .post("/usage/events")
        .json(&json!({ "events": events }))
        .send()
        .await
}

/// What a report of the metric tells: pairs of the interval's beginning and what was used in it, where anything was.
async fn used(app: &TestApp, organization: OrganizationId, query: &str) -> Vec<(String, i64)> {
    let reply = app
        .administrator(organization)
        .get(&format!("/usage?{query}"))
        .send()
        .await
        .expect(200);
    let intervals = reply.data().as_array().unwrap().iter();
    intervals
        .map(|interval| {
            (
                interval["from"].as_str().unwrap().to_owned(),
                interval["quantity"].as_i64().unwrap(),
            )
        })
        .filter(|(_, quantity)| *quantity != 0)
        .collect()
}

/// How much of the organization's quotas is used: metric, period and use.
async fn use_of_quotas(app: &TestApp, organization: OrganizationId) -> Vec<(String, String, i64)> {
    let reply = app
        .administrator(organization)
        .get("/usage/quotas")
        .send()
        .await
        .expect(200);
    let quotas = reply.data().as_array().unwrap().iter();
    quotas
        .map(|quota| {
            let text = |field: &str| quota[field].as_str().unwrap().to_owned();
            (text("metric"), text("period"), quota["used"].as_i64().unwrap())
        })
        .collect()
}
