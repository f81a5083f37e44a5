//! Who acts.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};
use uuid::Uuid;

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ActorKind {
    /// A person.
    User,
    /// A key of an organization.
    ApiKey,
    /// A machine with client credentials.
    ServiceAccount,
    /// The server itself: jobs, start-up, the command line.
    System,
}

/// A text that names no [`ActorKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a kind of actor: user, api_key, service_account or system")]
pub struct UnknownActorKind;

impl ActorKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::User, Self::ApiKey, Self::ServiceAccount, Self::System];

    /// The name in the API and in storage: `user`, `api_key`, `service_account`, `system`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ApiKey => "api_key",
            Self::ServiceAccount => "service_account",
            Self::System => "system",
        }
    }
}

impl fmt::Display for ActorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ActorKind {
    type Err = UnknownActorKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or(UnknownActorKind)
    }
}

impl Serialize for ActorKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Who acts, as the audit trail keeps it: by kind, id and the name at the time, so that the entry stays readable when
/// the actor is gone.
#[derive(Clone, PartialEq, Eq)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Which one among its kind.
    pub id: Uuid,
    /// What people call it. Of a user it is personal data, so `Debug` leaves it out.
    pub name: String,
}

impl Actor {
    /// The server itself doing `task`, for which there is no one to hold responsible but the installation: the nil id.
    #[must_use]
    pub fn system(task: impl Into<String>) -> Self {
        Self {
            kind: ActorKind::System,
            id: Uuid::nil(),
            name: task.into(),
        }
    }

    /// Whether both are the same actor: the same id of the same kind, whatever the name.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.kind == other.kind && self.id == other.id
    }
}

impl fmt::Debug for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Actor({}:{})", self.kind, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_read_and_written() {
        for kind in ActorKind::ALL {
            assert_eq!(kind.to_string().parse(), Ok(kind));
        }
        assert_eq!(
            serde_json::to_string(&ActorKind::ServiceAccount).unwrap(),
            r#""service_account""#
        );
        assert_eq!("robot".parse::<ActorKind>(), Err(UnknownActorKind));
    }

    #[test]
    fn an_actor_is_recognised_by_kind_and_id() {
        let ana = Actor {
            kind: ActorKind::User,
            id: Uuid::from_u128(1),
            name: "Ana".to_owned(),
        };
        let renamed = Actor {
            name: "Ana Maria".to_owned(),
            ..ana.clone()
        };
        let namesake = Actor {
            id: Uuid::from_u128(2),
            ..ana.clone()
        };
        let key = Actor {
            kind: ActorKind::ApiKey,
            ..ana.clone()
        };
        assert!(ana.is(&renamed));
        assert!(!ana.is(&namesake) && !ana.is(&key));
    }

    #[test]
    fn a_name_is_not_printed_by_accident() {
        let ana = Actor {
            kind: ActorKind::User,
            id: Uuid::nil(),
            name: "Ana".to_owned(),
        };
        assert_eq!(format!("{ana:?}"), "Actor(user:00000000-0000-0000-0000-000000000000)");
    }

    #[test]
    fn the_server_itself_has_the_nil_id() {
        let system = Actor::system("retention");
        assert_eq!(
            (system.kind, system.id, system.name.as_str()),
            (ActorKind::System, Uuid::nil(), "retention")
        );
    }
}
