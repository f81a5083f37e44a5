//! Who works, on whose behalf, and how far the unit reaches.

use std::net::IpAddr;

use kernel::{Actor, OrganizationId};

use crate::scope::SystemScope;

/// Which organizations' rows a unit of work may touch. On PostgreSQL row-level security holds it to that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Territory {
    Organization(OrganizationId),
    All,
}

impl Territory {
    /// Whether the organization's rows may be touched.
    pub(crate) fn contains(self, organization_id: OrganizationId) -> bool {
        match self {
            Self::Organization(own) => own == organization_id,
            Self::All => true,
        }
    }
}

/// Where a request came from, for the audit entry.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// The request id.
    pub request_id: Option<String>,
    /// The client's address.
    pub ip: Option<IpAddr>,
    /// The client's user agent.
    pub user_agent: Option<String>,
}

/// What a unit of work is done as.
#[derive(Debug, Clone)]
pub struct UnitContext {
    pub(crate) actor: Actor,
    pub(crate) organization_id: OrganizationId,
    pub(crate) territory: Territory,
    pub(crate) origin: Origin,
    pub(crate) unaudited: Option<&'static str>,
    pub(crate) long: bool,
}

impl UnitContext {
    /// A unit inside one organization.
    #[must_use]
    pub fn tenant(actor: Actor, organization_id: OrganizationId) -> Self {
        Self {
            actor,
            organization_id,
            territory: Territory::Organization(organization_id),
            origin: Origin::default(),
            unaudited: None,
            long: false,
        }
    }

    /// A unit that may reach several organizations; the actor acts in `organization_id`, whose trail gets the entries.
    #[must_use]
    pub fn system(actor: Actor, organization_id: OrganizationId, scope: SystemScope) -> Self {
        tracing::trace!(reason = scope.reason(), "a unit of work leaves its organization");
        Self {
            territory: Territory::All,
            ..Self::tenant(actor, organization_id)
        }
    }

    /// Who acts.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Where the request came from.
    #[must_use]
    pub fn from_origin(mut self, origin: Origin) -> Self {
        self.origin = origin;
        self
    }

    /// Declares that the unit changes rows without recording an event, and why that is right (last-used marks, refreshes,
    /// clean-up). Without it such a unit is refused: a mutation that nobody is told of is a defect.
    #[must_use]
    pub const fn unaudited(mut self, reason: &'static str) -> Self {
        self.unaudited = Some(reason);
        self
    }

    /// Declares that the unit has much to do: on SQLite it is committed alone, so that it delays no group.
    #[must_use]
    pub const fn long(mut self) -> Self {
        self.long = true;
        self
    }
}
