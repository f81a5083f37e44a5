//! The people who come before all others: they are made by whoever holds the machine, not by somebody who may.

use contracts::access::{AccessControl, ORG_ADMIN, SUPER_ADMIN};
use contracts::identity::{Accounts, Entry, FirstAdministrator, UserView};
use contracts::usage::{QuotaExceeded, ReserveError};
use db::{DbError, UnitContext};
use http::App;
use kernel::{Actor, OrganizationId, Random, RuleViolation};
use secrecy::SecretString;

/// Why an administrator was not made.
#[derive(Debug, thiserror::Error)]
pub enum AdministratorError {
    /// What was entered breaks rules.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Violations(Vec<RuleViolation>),
    /// The address is another user's.
    #[error("{0} is the address of a user already")]
    Taken(String),
    /// The organization may have no more users.
    #[error(transparent)]
    Quota(#[from] QuotaExceeded),
    /// The database, or another part of the program.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// Somebody to be made an administrator.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// The person's name.
    pub name: String,
    /// The address to log in with.
    pub email: String,
    /// The password to log in with; none for whom a setup link is meant for.
    pub password: Option<SecretString>,
}

/// Makes an administrator of the organization: in the platform's one who may do everything there. `task` is what the trail calls
/// whoever asked for it.
///
/// # Errors
///
/// [`AdministratorError`].
pub async fn create(
    app: &App,
    organization: OrganizationId,
    administrator: &Administrator,
    task: &'static str,
) -> Result<UserView, AdministratorError> {
    let ports = app.ports();
    let accounts = ports.get::<dyn Accounts>().map_err(DbError::from)?;
    let access = ports.get::<dyn AccessControl>().map_err(DbError::from)?;
    let Administrator { name, email, password } = administrator;
    accounts
        .check(name, email, password.as_ref())
        .map_err(AdministratorError::Violations)?;
    let role = if organization::platform(app.db()).await? == Some(organization) {
        SUPER_ADMIN
    } else {
        ORG_ADMIN
    };
    let person = FirstAdministrator {
        name: name.clone(),
        email: email.clone(),
        entry: match password {
            Some(password) => Entry::Hash(accounts.hash(password).await?),
            None => Entry::Later,
        },
    };
    let context = UnitContext::tenant(Actor::system(task), organization);
    let made = app.db().write(context, move |uow| {
        let (accounts, access, person) = (accounts.clone(), access.clone(), person.clone());
        async move {
            let user = accounts.add_first(&uow, organization, &person).await?;
            access.grant_system_role(&uow, organization, user.id, role).await?;
            Ok::<_, ReserveError>(user)
        }
    });
    made.await.map_err(|error| match error {
        ReserveError::Storage(DbError::Unique { .. }) => AdministratorError::Taken(email.clone()),
        ReserveError::Storage(error) => AdministratorError::Storage(error),
        ReserveError::Exceeded(quota) => AdministratorError::Quota(quota),
    })
}

/// A password that nobody guesses and a person can type: 20 letters and digits without those that look alike, some 96 bits.
#[must_use]
pub fn drawn_password(random: &dyn Random) -> SecretString {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
    const LENGTH: usize = 20;
    let mut password = String::with_capacity(LENGTH + 4);
    loop {
        let mut byte = [0];
        random.fill(&mut byte);
        // A byte beyond the last multiple would make the first letters likelier.
        let limit = u8::MAX - u8::MAX % 31;
        let Some(letter) = byte
            .first()
            .filter(|byte| **byte < limit)
            .map(|byte| usize::from(byte % 31))
        else {
            continue;
        };
        password.extend(LETTERS.get(letter).copied().map(char::from));
        if password.len() < LENGTH {
            continue;
        }
        let has = |wanted: fn(&char) -> bool| password.chars().any(|letter| wanted(&letter));
        if has(char::is_ascii_digit) && has(char::is_ascii_alphabetic) {
            return SecretString::from(password);
        }
        password.clear();
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn a_drawn_password_has_letters_and_digits_and_is_another_each_time() {
        let random = SeededRandom::new(1);
        let mut drawn = std::collections::BTreeSet::new();
        for _ in 0..1_000 {
            let password = drawn_password(&random);
            let text = password.expose_secret();
            assert_eq!(text.len(), 20);
            assert!(
                text.chars().any(|letter| letter.is_ascii_digit())
                    && text.chars().any(|letter| letter.is_ascii_lowercase())
            );
            drawn.insert(text.to_owned());
        }
        assert_eq!(drawn.len(), 1_000);
    }
}
