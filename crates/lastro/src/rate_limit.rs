//! How often one actor may ask. An organization can tighten the installation's limit for its own actors by a setting, and never
//! loosen it.

use std::sync::Arc;
use std::time::Duration;

use contracts::settings::Settings;
use http::{Allowance, Buckets, RateLimiter, RateVerdict};
use kernel::{Actor, Clock, Id as _, OrganizationId, Rate};
use uuid::Uuid;

/// Limits each actor to a rate, in each organization by itself.
pub struct ActorLimiter {
    buckets: Buckets<(Uuid, Uuid)>,
    /// The installation's limit.
    installation: Option<Allowance>,
    /// What knows the organizations' own limits.
    settings: Option<Arc<dyn Settings>>,
}

impl ActorLimiter {
    /// Limits to `rate`, by the monotonic side of `clock`, and within it to what `settings` say of an organization.
    #[must_use]
    pub fn new(rate: Option<Rate>, settings: Option<Arc<dyn Settings>>, clock: Arc<dyn Clock>) -> Self {
        Self {
            // Each request is counted within its own allowance.
            buckets: Buckets::new(1, Duration::from_secs(1), clock),
            installation: rate.map(Allowance::from),
            settings,
        }
    }

    /// What the organization's actors may do, from memory: for the first requests of an organization that may be the
    /// installation's limit alone.
    fn allowance(&self, organization: OrganizationId) -> Option<Allowance> {
        let settings = self.settings.as_ref();
        let own = settings.and_then(|settings| settings.known(organization)?.rate_limit);
        match (self.installation, own.map(Allowance::from)) {
            (Some(installation), Some(own)) => Some(installation.tightened(own)),
            (installation, own) => installation.or(own),
        }
    }
}

impl RateLimiter for ActorLimiter {
    fn count(&self, actor: &Actor, organization: OrganizationId) -> RateVerdict {
        match self.allowance(organization) {
            Some(allowance) => self.buckets.count_within((organization.as_uuid(), actor.id), allowance),
            None => RateVerdict::Unlimited,
        }
    }
}

#[cfg(test)]
mod tests {
    use contracts::settings::{Branding, OrganizationSettings};
    use db::{DbError, UnitOfWork};
    use futures_util::future::BoxFuture;
    use kernel::{ActorKind, ManualClock, Timestamp};

    use super::*;

    const HOME: u128 = 9;
    const ELSEWHERE: u128 = 8;

    /// Settings that limit the actors of one organization.
    struct Limited(Rate);

    impl Settings for Limited {
        fn of(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<OrganizationSettings>, DbError>> {
            unreachable!("a limiter waits for nothing")
        }

        fn hold<'a>(
            &'a self,
            _: &'a UnitOfWork,
            _: OrganizationId,
        ) -> BoxFuture<'a, Result<OrganizationSettings, DbError>> {
            unreachable!("a limiter waits for nothing")
        }

        fn known(&self, organization: OrganizationId) -> Option<Arc<OrganizationSettings>> {
            let settings = OrganizationSettings {
                rate_limit: Some(self.0),
                ..OrganizationSettings::default()
            };
            (organization == OrganizationId::from_uuid(Uuid::from_u128(HOME))).then(|| Arc::new(settings))
        }

        fn branding(&self, _: OrganizationId) -> BoxFuture<'_, Result<Arc<Branding>, DbError>> {
            unreachable!("a limiter waits for nothing")
        }
    }

    fn limiter(rate: Option<&str>, own: Option<&str>) -> ActorLimiter {
        let settings = own.map(|own| Arc::new(Limited(own.parse().unwrap())) as Arc<dyn Settings>);
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        ActorLimiter::new(rate.map(|rate| rate.parse().unwrap()), settings, clock)
    }

    fn ask(limiter: &ActorLimiter, actor: u128, organization: u128) -> RateVerdict {
        let actor = Actor {
            kind: ActorKind::User,
            id: Uuid::from_u128(actor),
            name: "Ana".to_owned(),
        };
        limiter.count(&actor, OrganizationId::from_uuid(Uuid::from_u128(organization)))
    }

    #[test]
    fn each_actor_has_an_allowance_in_each_organization() {
        let limiter = limiter(Some("1/min"), None);
        let may = |actor, organization| matches!(ask(&limiter, actor, organization), RateVerdict::Allowed(_));
        assert!(may(1, HOME));
        assert!(!may(1, HOME));
        assert!(may(2, HOME), "another actor is not concerned");
        assert!(may(1, ELSEWHERE), "nor the same one elsewhere");
    }

    /// How many requests at once come through.
    fn burst(rate: Option<&str>, own: &str, organization: u128) -> Option<u32> {
        let limiter = limiter(rate, Some(own));
        (0..).find(|_| !matches!(ask(&limiter, 1, organization), RateVerdict::Allowed(_)))
    }

    #[test]
    fn an_organization_tightens_the_limit_for_its_own_and_never_loosens_it() {
        assert_eq!(burst(Some("20/min"), "5/min", HOME), Some(5));
        assert_eq!(burst(Some("20/min"), "5/min", ELSEWHERE), Some(20));
        assert_eq!(burst(Some("20/min"), "500/s", HOME), Some(20));
        assert_eq!(burst(None, "5/min", HOME), Some(5));
        assert_eq!(ask(&limiter(None, Some("5/min")), 1, ELSEWHERE), RateVerdict::Unlimited);
    }
}
