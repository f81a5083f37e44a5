//! How often one actor may ask.

use std::sync::Arc;

use http::{Buckets, RateLimiter, RateVerdict};
use kernel::{Actor, Clock, Id as _, OrganizationId, Rate};
use uuid::Uuid;

/// Limits each actor to a rate, in each organization by itself.
pub struct ActorLimiter(Buckets<(Uuid, Uuid)>);

impl ActorLimiter {
    /// Limits to `rate`, by the monotonic side of `clock`.
    #[must_use]
    pub fn new(rate: Rate, clock: Arc<dyn Clock>) -> Self {
        Self(Buckets::new(rate.count, rate.per, clock))
    }
}

impl RateLimiter for ActorLimiter {
    fn count(&self, actor: &Actor, organization: OrganizationId) -> RateVerdict {
        self.0.count((organization.as_uuid(), actor.id))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kernel::{ActorKind, ManualClock, Timestamp};

    use super::*;

    #[test]
    fn each_actor_has_an_allowance_in_each_organization() {
        let rate = Rate {
            count: 1,
            per: Duration::from_secs(60),
        };
        let limiter = ActorLimiter::new(rate, Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH)));
        let ask = |actor, organization| {
            let actor = Actor {
                kind: ActorKind::User,
                id: Uuid::from_u128(actor),
                name: "Ana".to_owned(),
            };
            let organization = OrganizationId::from_uuid(Uuid::from_u128(organization));
            matches!(limiter.count(&actor, organization), RateVerdict::Allowed(_))
        };
        assert!(ask(1, 9));
        assert!(!ask(1, 9));
        assert!(ask(2, 9), "another actor is not concerned");
        assert!(ask(1, 8), "nor the same one elsewhere");
    }
}
