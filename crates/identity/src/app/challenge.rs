//! The second step of a login: what is handed out for the right password when that is not enough.

use std::time::Duration;

use db::{DbError, UnitOfWork};
use kernel::secret::SecretString;

use crate::crypto::{OpaqueSecret, SecretKind};
use crate::domain::StoredUser;
use crate::service::Service;
use crate::store::mfa_challenges::{self, Purpose, StoredChallenge};

/// How long a challenge counts.
pub(crate) const CHALLENGE_LIVES: Duration = Duration::from_secs(5 * 60);

/// A challenge that is about to be handed out.
#[derive(Clone)]
pub(crate) struct Challenge {
    secret: OpaqueSecret,
    stored: StoredChallenge,
}

impl Challenge {
    /// A new challenge of the user.
    pub(crate) fn new(service: &Service, user: &StoredUser, purpose: Purpose) -> Self {
        let random = service.generators.random.as_ref();
        let secret = OpaqueSecret::generate(SecretKind::MfaChallenge, user.organization, random);
        let now = service.generators.now();
        Self {
            stored: StoredChallenge {
                organization: user.organization,
                digest: secret.digest(),
                user: user.id,
                purpose,
                tries: 0,
                created_at: now,
                expires_at: now.plus(CHALLENGE_LIVES),
            },
            secret,
        }
    }

    /// What the client presents with the code.
    pub(crate) fn text(&self) -> SecretString {
        SecretString::from(self.secret.expose())
    }

    /// Stores its digest.
    pub(crate) async fn store(&self, uow: &UnitOfWork) -> Result<(), DbError> {
        mfa_challenges::add(uow, &self.stored).await
    }
}
