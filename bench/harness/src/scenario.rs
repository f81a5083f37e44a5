//! What is asked of a server.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use crate::engine::Engine;

/// One kind of request, or one situation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scenario {
    /// `GET /health/live`: HTTP alone.
    Noop,
    /// `GET /organizations/{id}`.
    Get,
    /// `GET /organizations?limit=50`, with the total.
    List,
    /// `GET /users/{id}`, by users of many organizations.
    User,
    /// `GET /users?limit=50`, with the total.
    Users,
    /// `GET /auth/me`.
    Me,
    /// `POST /auth/refresh`: each connection continues a session of its own.
    Refresh,
    /// `POST /auth/login`.
    Login,
    /// `GET /users/{id}` at a fixed rate, without and with logins beside it.
    Storm,
    /// `POST /organizations`: the row, its audit entries, its event.
    Create,
    /// `POST /roles`: the row, its audit entry, its event and its place in the queue.
    Role,
}

/// How a scenario is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// By `wrk`, both servers.
    Wrk,
    /// By the harness, whose connections remember what the last answer said; Lastro alone, against what the cores can do.
    Harness,
}

impl Scenario {
    /// In this order: what grows the tables comes last, and last of all what makes organizations: each has a trail to be sealed and
    /// events to be handed on, which would be done on the time of whoever comes next.
    pub const ALL: [Self; 11] = [
        Self::Noop,
        Self::Get,
        Self::List,
        Self::User,
        Self::Users,
        Self::Me,
        Self::Refresh,
        Self::Login,
        Self::Storm,
        Self::Role,
        Self::Create,
    ];

    /// The name in the results and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Noop => "noop",
            Self::Get => "get",
            Self::List => "list",
            Self::User => "user",
            Self::Users => "users",
            Self::Me => "me",
            Self::Refresh => "refresh",
            Self::Login => "login",
            Self::Storm => "storm",
            Self::Create => "create",
            Self::Role => "role",
        }
    }

    /// The request, for a reader.
    #[must_use]
    pub fn request(self) -> &'static str {
        match self {
            Self::Noop => "`GET /health/live`",
            Self::Get => "`GET /organizations/{id}`",
            Self::List => "`GET /organizations?limit=50`",
            Self::User => "`GET /users/{id}`",
            Self::Users => "`GET /users?limit=50`",
            Self::Me => "`GET /auth/me`",
            Self::Refresh => "`POST /auth/refresh`",
            Self::Login => "`POST /auth/login`",
            Self::Storm => "`GET /users/{id}` in a storm of logins",
            Self::Create => "`POST /organizations`",
            Self::Role => "`POST /roles`",
        }
    }

    /// Who drives it.
    #[must_use]
    pub fn drive(self) -> Drive {
        match self {
            Self::Refresh | Self::Login | Self::Storm => Drive::Harness,
            Self::Noop | Self::Get | Self::List | Self::User | Self::Users | Self::Me | Self::Create | Self::Role => {
                Drive::Wrk
            }
        }
    }

    /// The least ratio that it must reach (design: "What it must cost"): of the limit server, and for what the harness drives of what the cores
    /// can do.
    #[must_use]
    pub fn goal(self, engine: Engine) -> Option<f64> {
        match (engine, self) {
            (_, Self::Noop | Self::Storm) => None,
            (_, Self::Login | Self::Refresh) => Some(0.90),
            (Engine::Postgres, Self::Get | Self::List | Self::User | Self::Users | Self::Me) => Some(0.85),
            (Engine::Postgres, Self::Create | Self::Role) => Some(0.70),
            (
                Engine::Sqlite,
                Self::Get | Self::List | Self::User | Self::Users | Self::Me | Self::Create | Self::Role,
            ) => Some(0.80),
        }
    }
}

impl std::fmt::Display for Scenario {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_has_one_name_everywhere() {
        for scenario in Scenario::ALL {
            let on_the_command_line = scenario.to_possible_value().unwrap();
            assert_eq!(on_the_command_line.get_name(), scenario.name());
            assert_eq!(serde_json::to_value(scenario).unwrap(), scenario.name());
        }
        assert_eq!(Scenario::ALL.len(), Scenario::value_variants().len());
    }
}
