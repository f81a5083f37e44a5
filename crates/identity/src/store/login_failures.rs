//! The table `login_failures`.

use db::{DbError, Row, Scope, Sql, UnitOfWork, values};
use kernel::{OrganizationId, Timestamp};

use crate::domain::{Lockout, LockoutRule, LockoutState};

const READ: Sql = Sql::tenant(
    "SELECT address_block, failures, locks, locked_until FROM login_failures \
     WHERE organization_id = $1 AND account = $2 AND address_block IN ('', $3)",
)
.point();
// Both rows are there after this, and held: the failures of one account are counted one after the other.
const HOLD: Sql = Sql::tenant(
    "INSERT INTO login_failures (organization_id, account, address_block, failures, locks, stale_at) \
     VALUES ($1, $2, '', $4, 0, $5), ($1, $2, $3, $4, 0, $5) \
     ON CONFLICT (organization_id, account, address_block) DO UPDATE SET stale_at = login_failures.stale_at \
     RETURNING address_block, failures, locks, locked_until",
);
const SAVE: Sql = Sql::tenant(
    "UPDATE login_failures SET failures = $4, locks = $5, locked_until = $6, stale_at = $7 \
     WHERE organization_id = $1 AND account = $2 AND address_block = $3",
);
const CLEAR: Sql =
    Sql::tenant("DELETE FROM login_failures WHERE organization_id = $1 AND account = $2 AND address_block = $3");
const CLEAR_ALL: Sql = Sql::tenant("DELETE FROM login_failures WHERE organization_id = $1 AND account = $2");
const REMOVE_STALE: Sql = Sql::tenant("DELETE FROM login_failures WHERE organization_id = $1 AND stale_at < $2");

/// The statements of this file, for the statement test.
pub(crate) const STATEMENTS: &[Sql] = &[READ, HOLD, SAVE, CLEAR, CLEAR_ALL, REMOVE_STALE];

/// An account as failures are counted: whose rows, and the keyed hash of what was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Account {
    /// In whose rows.
    pub(crate) organization: OrganizationId,
    /// The keyed hash of the organization and the address that were named.
    pub(crate) key: [u8; 32],
}

/// The failures of one account: all of them, and those from one block of addresses.
#[derive(Debug, Clone)]
pub(crate) struct Failures {
    /// From anywhere.
    pub(crate) account: Lockout,
    /// From the block of addresses that asks.
    pub(crate) block: Lockout,
}

impl Default for Failures {
    fn default() -> Self {
        Self {
            account: Lockout::new(LockoutRule::ACCOUNT, LockoutState::default()),
            block: Lockout::new(LockoutRule::ADDRESS_BLOCK, LockoutState::default()),
        }
    }
}

impl Failures {
    /// When the lock ends that holds for this account and block, if one does.
    pub(crate) fn locked_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.account.locked_until(now).max(self.block.locked_until(now))
    }

    /// Counts a failure in both; the end of the lock that it made.
    pub(crate) fn failed(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.account.failed(now).max(self.block.failed(now))
    }
}

/// The failures of an account, as they are.
pub(crate) async fn read(scope: Scope<'_>, account: &Account, block: &str) -> Result<Failures, DbError> {
    let rows = scope.all(&READ, &values![account.key.as_slice(), block], row).await?;
    Ok(together(rows))
}

/// Reads the failures of an account to add one, and holds them until the unit ends.
pub(crate) async fn hold(uow: &UnitOfWork, account: &Account, block: &str) -> Result<Failures, DbError> {
    let none: &[u8] = &[];
    let values = values![account.key.as_slice(), block, none, uow.now()];
    let scope = uow.scope(account.organization).reads();
    Ok(together(scope.all(&HOLD, &values, row).await?))
}

/// Stores both counts.
pub(crate) async fn save(uow: &UnitOfWork, account: &Account, block: &str, failures: &Failures) -> Result<(), DbError> {
    for (block, lockout) in [("", &failures.account), (block, &failures.block)] {
        let state = lockout.state();
        let instants: Vec<u8> = state
            .failures
            .iter()
            .flat_map(|at| at.as_micros().to_be_bytes())
            .collect();
        let values = values![
            account.key.as_slice(),
            block,
            instants.as_slice(),
            state.locks,
            state.locked_until,
            lockout.stale_at(uow.now()),
        ];
        uow.scope(account.organization).send(&SAVE, &values).await?;
    }
    Ok(())
}

/// Forgets the failures from one block of addresses: the right password came from there.
pub(crate) async fn clear(uow: &UnitOfWork, account: &Account, block: &str) -> Result<(), DbError> {
    let values = values![account.key.as_slice(), block];
    uow.scope(account.organization).send(&CLEAR, &values).await
}

/// Forgets all failures of an account; how many rows there were.
pub(crate) async fn clear_all(uow: &UnitOfWork, account: &Account) -> Result<u64, DbError> {
    uow.scope(account.organization)
        .execute(&CLEAR_ALL, &values![account.key.as_slice()])
        .await
}

/// Removes the rows of one organization on which nothing depends any more.
pub(crate) async fn remove_stale(uow: &UnitOfWork, organization: OrganizationId) -> Result<u64, DbError> {
    uow.scope(organization)
        .execute(&REMOVE_STALE, &values![uow.now()])
        .await
}

fn row(row: &Row<'_>) -> Result<(bool, LockoutState), DbError> {
    let bytes = row.get::<Vec<u8>>(1)?;
    let (instants, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(row.inconsistency(1));
    }
    let state = LockoutState {
        failures: instants
            .iter()
            .map(|micros| Timestamp::from_micros(i64::from_be_bytes(*micros)))
            .collect(),
        locks: u32::try_from(row.get::<i64>(2)?).map_err(|_| row.inconsistency(2))?,
        locked_until: row.get(3)?,
    };
    Ok((row.get::<String>(0)?.is_empty(), state))
}

fn together(rows: Vec<(bool, LockoutState)>) -> Failures {
    let mut failures = Failures::default();
    for (is_account, state) in rows {
        if is_account {
            failures.account = Lockout::new(LockoutRule::ACCOUNT, state);
        } else {
            failures.block = Lockout::new(LockoutRule::ADDRESS_BLOCK, state);
        }
    }
    failures
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_later_of_two_locks_counts() {
        let now = Timestamp::from_micros(1_800_000_000_000_000);
        let mut failures = Failures::default();
        assert_eq!(failures.locked_until(now), None);
        for _ in 0..9 {
            assert_eq!(failures.failed(now), None);
        }
        let until = now.plus(Duration::from_secs(60));
        assert_eq!(failures.failed(now), Some(until), "the tenth from one block");
        assert_eq!(failures.locked_until(now), Some(until));
        assert_eq!(failures.account.locked_until(now), None, "for that block alone");
    }
}
