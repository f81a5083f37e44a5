//! Settings that a test makes, in the place of the context that keeps them.

use std::sync::Arc;

use contracts::Ports;
use contracts::audit::{SecurityEvent, SecurityTrail};
use contracts::catalog::QuotaPeriod;
use contracts::settings::{Branding, OrganizationSettings, Registration, Settings};
use contracts::usage::{QuotaExceeded, Quotas, ReserveError};
use db::{DbError, UnitOfWork};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use identity::Config;
use kernel::{Locale, OrganizationId};
use parking_lot::Mutex;
use testkit::{Engine, TestApp};

/// The same settings and looks for every organization, changed while the server runs.
#[derive(Default)]
pub(crate) struct Chosen {
    settings: Mutex<OrganizationSettings>,
    branding: Mutex<Branding>,
}

impl Settings for Chosen {
    fn of(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
        let settings = Arc::new(self.settings.lock().clone());
        std::future::ready(Ok(settings)).boxed()
    }

    fn hold<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
    ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>> {
        std::future::ready(Ok(self.settings.lock().clone())).boxed()
    }

    fn known(&self, _: OrganizationId) -> Option<Arc<OrganizationSettings>> {
        Some(Arc::new(self.settings.lock().clone()))
    }

    fn branding(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
        let branding = Arc::new(self.branding.lock().clone());
        std::future::ready(Ok(branding)).boxed()
    }
}

/// As [`crate::start`], with settings that [`choose`] changes. They begin with English, so that tests read like the rest.
pub(crate) async fn start(engine: Engine) -> Option<TestApp> {
    crate::start_with(engine, Config::for_tests(), provide).await
}

/// As [`crate::governed`], with the same settings.
pub(crate) async fn governed(engine: Engine) -> Option<TestApp> {
    crate::governed_with(engine, provide).await
}

fn provide(ports: &Ports) {
    let chosen = Arc::new(Chosen::default());
    chosen.settings.lock().locale = Locale::En;
    ports.provide::<dyn Settings>(Arc::clone(&chosen) as _);
    ports.provide(chosen);
}

/// Changes the settings.
pub(crate) fn choose(app: &TestApp, change: impl FnOnce(&mut OrganizationSettings)) {
    change(&mut app.edge().app().port::<Chosen>().unwrap().settings.lock());
}

/// Changes the looks.
pub(crate) fn look(app: &TestApp, change: impl FnOnce(&mut Branding)) {
    change(&mut app.edge().app().port::<Chosen>().unwrap().branding.lock());
}

/// Lets people with addresses of `domains` register.
pub(crate) fn open_to_domains(app: &TestApp, domains: &[&str]) {
    choose(app, |settings| {
        settings.registration = Registration::Domains;
        settings.registration_domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
    });
}

/// Sends what waits.
pub(crate) async fn deliver(app: &TestApp) -> u64 {
    identity::deliver(app.edge().app()).await.unwrap()
}

/// Sends what waits, and reads the token of the last mail to the address.
pub(crate) async fn mailed_token(app: &TestApp, address: &str) -> String {
    deliver(app).await;
    app.mails().token(address)
}

/// The subjects of the mails to the address, in order, after sending what waits.
pub(crate) async fn subjects(app: &TestApp, address: &str) -> Vec<String> {
    deliver(app).await;
    app.mails().to(address).into_iter().map(|mail| mail.subject).collect()
}

/// A quota of active users that is used up.
struct UsedUp;

impl Quotas for UsedUp {
    fn reserve<'a>(
        &'a self,
        _: &'a UnitOfWork,
        _: OrganizationId,
        metric: &'a str,
        _: i64,
    ) -> BoxFuture<'a, Result<(), ReserveError>> {
        let exceeded = QuotaExceeded {
            metric: metric.to_owned(),
            limit: 1,
            used: 1,
            period: QuotaPeriod::Total,
            resets_at: None,
            resets_in: None,
        };
        std::future::ready(Err(ReserveError::Exceeded(exceeded))).boxed()
    }
}

/// From now on nobody may become active.
pub(crate) fn use_up_quotas(app: &TestApp) {
    app.edge().app().ports().provide::<dyn Quotas>(Arc::new(UsedUp));
}

/// Remembers what the security trail is told.
#[derive(Default)]
pub(crate) struct Trail(Mutex<Vec<SecurityEvent>>);

impl SecurityTrail for Trail {
    fn note(&self, event: SecurityEvent) {
        self.0.lock().push(event);
    }
}

impl Trail {
    /// Listens in the place of the trail from now on.
    pub(crate) fn listen(app: &TestApp) -> Arc<Self> {
        let trail = Arc::new(Self::default());
        app.edge()
            .app()
            .ports()
            .provide::<dyn SecurityTrail>(Arc::clone(&trail) as _);
        trail
    }

    /// What it was told, as action and target.
    pub(crate) fn told(&self) -> Vec<(&'static str, uuid::Uuid)> {
        self.0
            .lock()
            .iter()
            .map(|event| (event.action, event.target_id))
            .collect()
    }
}
