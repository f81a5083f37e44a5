//! What is asked in a scenario, and by whom.

use anyhow::Context;
use uuid::Uuid;

use crate::chance::Chance;
use crate::fill::{Member, Organization, Population};
use crate::scenario::Scenario;

/// One request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// The place of who asks in [`Population::members`]; none is the operator.
    pub(crate) by: Option<usize>,
    pub(crate) method: &'static str,
    pub(crate) path: String,
}

impl Population {
    /// The organization of a member.
    ///
    /// # Errors
    /// When there is none.
    pub fn home(&self, member: &Member) -> anyhow::Result<&Organization> {
        let home = self.organizations.get(member.organization);
        home.context("a member without an organization")
    }

    /// A user of the organization of a member.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn colleague(&self, member: &Member, chance: &mut Chance) -> anyhow::Result<Uuid> {
        chance.pick(&self.home(member)?.users).copied()
    }

    /// A request of the scenario by somebody, for something; none where the harness itself knows what to ask.
    ///
    /// # Errors
    /// When there is nobody to ask.
    pub(crate) fn ask(&self, scenario: Scenario, chance: &mut Chance) -> anyhow::Result<Option<Asked>> {
        let organization = chance.pick(&self.organizations)?;
        let (number, member) = chance.pick_numbered(&self.members)?;
        let (by, method, path) = match scenario {
            Scenario::Noop => (None, "GET", "/health/live".to_owned()),
            Scenario::Get => (None, "GET", format!("/api/v1/organizations/{}", organization.id)),
            Scenario::List => (None, "GET", "/api/v1/organizations?limit=50".to_owned()),
            Scenario::Create => (None, "POST", "/api/v1/organizations".to_owned()),
            Scenario::User => {
                let user = self.colleague(member, chance)?;
                (Some(number), "GET", format!("/api/v1/users/{user}"))
            }
            Scenario::Users => (Some(number), "GET", "/api/v1/users?limit=50".to_owned()),
            Scenario::Me => (Some(number), "GET", "/api/v1/auth/me".to_owned()),
            Scenario::Role => (Some(number), "POST", "/api/v1/roles".to_owned()),
            Scenario::Refresh | Scenario::Login | Scenario::Storm => return Ok(None),
        };
        Ok(Some(Asked { by, method, path }))
    }
}
