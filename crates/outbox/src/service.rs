//! What handlers and workers of this context share.

use std::sync::Arc;

use contracts::{Manifests, Ports};
use db::Db;
use http::{ApiError, App, Foundation, StartFailed};
use kernel::{Generators, OrganizationId, Rule, RuleViolation};
use outbound::{Client, Dialer, Rules};
use tokio::sync::watch;
use vault::Sealer;

use crate::config::Config;
use crate::domain::{EndpointUrl, EventTypes, Schedule};
use crate::measured::Measured;
use crate::places::Streams;
use crate::signature::Secrets;

/// The shared parts. Started once, and provided as a port to this context itself.
pub(crate) struct Service {
    pub(crate) db: Db,
    pub(crate) generators: Generators,
    pub(crate) ports: Arc<Ports>,
    pub(crate) manifests: Arc<Manifests>,
    pub(crate) platform: OrganizationId,
    pub(crate) client: Client,
    pub(crate) secrets: Secrets,
    pub(crate) schedule: Schedule,
    pub(crate) config: Arc<Config>,
    /// There is something to do that no event tells of.
    wake: watch::Sender<()>,
    /// Changes when this node handed events on.
    pub(crate) handed_on: watch::Sender<()>,
    pub(crate) streams: Streams,
    pub(crate) measured: Arc<Measured>,
}

impl Service {
    pub(crate) fn new(foundation: &Foundation) -> Result<Self, StartFailed> {
        let config: Arc<Config> = foundation.ports.get()?;
        let sealer: Arc<Sealer> = foundation.ports.get()?;
        let rules = Rules {
            allow_private: config.allow_private,
            require_https: foundation.http.environment.is_strict(),
        };
        let mut dialer = Dialer::new(rules);
        if let Some(resolver) = &config.resolver {
            dialer = dialer.resolving_with(Arc::clone(resolver));
        }
        let streams = Streams::new(config.streams, config.streams_per_organization);
        let measured = Measured::start(&foundation.metrics, Arc::clone(&foundation.generators.clock));
        Ok(Self {
            db: foundation.db.clone(),
            generators: foundation.generators.clone(),
            ports: Arc::clone(&foundation.ports),
            manifests: foundation.ports.get()?,
            platform: foundation.platform,
            client: Client::new(dialer),
            secrets: Secrets::new(sealer, foundation.generators.clone()),
            schedule: Schedule::new(config.retry_schedule.clone()),
            config,
            wake: watch::Sender::new(()),
            measured,
            handed_on: watch::Sender::new(()),
            streams,
        })
    }

    /// Says that there is something to do that no event tells of.
    pub(crate) fn wake(&self) {
        self.wake.send_replace(());
    }

    /// For whoever does it.
    pub(crate) fn woken(&self) -> watch::Receiver<()> {
        self.wake.subscribe()
    }

    /// The service of the running program.
    ///
    /// # Errors
    /// `INTERNAL` when it was not started.
    pub(crate) fn of(app: &App) -> Result<Arc<Self>, ApiError> {
        app.port::<Self>()
    }

    /// Reads the kinds of events that a client named.
    ///
    /// # Errors
    /// Every violation, at `field` or `field[i]`.
    pub(crate) fn event_types(&self, field: &'static str, raw: &[String]) -> Result<EventTypes, Vec<RuleViolation>> {
        let known: Vec<&str> = self.manifests.events().map(|event| event.name).collect();
        EventTypes::new(field, raw, &known)
    }

    /// Whether the server would connect there.
    ///
    /// # Errors
    /// The violation, at `url`.
    pub(crate) async fn admit(&self, url: &EndpointUrl) -> Result<(), RuleViolation> {
        let refused = self.client.dialer().admit_resolved(url.url()).await;
        refused.map_err(|refused| {
            let reason = refused.reason();
            RuleViolation::new("url", Rule::ForbiddenUrl { reason })
        })
    }

    /// What a client named as URL and event types, all that is wrong with them told at once.
    ///
    /// # Errors
    /// `VALIDATION_FAILED`.
    pub(crate) async fn checked(
        &self,
        url: Option<&EndpointUrl>,
        event_types: Option<&[String]>,
    ) -> Result<Option<EventTypes>, ApiError> {
        let mut violations = Vec::new();
        if let Some(url) = url {
            violations.extend(self.admit(url).await.err());
        }
        let types = event_types
            .map(|raw| self.event_types("eventTypes", raw))
            .transpose()
            .unwrap_or_else(|found| {
                violations.extend(found);
                None
            });
        if violations.is_empty() {
            Ok(types)
        } else {
            Err(ApiError::violations(violations))
        }
    }
}
