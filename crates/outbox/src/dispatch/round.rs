//! One round over organizations, which the failure of one does not end for those behind it.

use std::collections::HashSet;
use std::mem;

use db::DbError;
use kernel::OrganizationId;
use parking_lot::Mutex;

/// Whose what failed in the last round: it is said once an outage, not every second.
#[derive(Debug, Default)]
pub(super) struct Failing(Mutex<HashSet<(OrganizationId, &'static str)>>);

/// A round under way.
pub(super) struct Round<'f> {
    failing: &'f Failing,
    /// What failed in the round before it.
    before: HashSet<(OrganizationId, &'static str)>,
}

impl Failing {
    /// Begins a round; there is one at a time.
    pub(super) fn round(&self) -> Round<'_> {
        Round {
            failing: self,
            before: mem::take(&mut *self.0.lock()),
        }
    }
}

impl Round<'_> {
    /// What came of one organization's part; none when it failed, which is logged.
    ///
    /// # Errors
    /// What the database refuses everybody: it is not asked once for each organization.
    pub(super) fn outcome<T>(
        &mut self,
        organization: OrganizationId,
        complaint: &'static str,
        outcome: Result<T, DbError>,
    ) -> Result<Option<T>, DbError> {
        match outcome {
            Ok(done) => Ok(Some(done)),
            Err(error) if error.concerns_everybody() => Err(error),
            Err(error) => {
                let key = (organization, complaint);
                if self.failing.0.lock().insert(key) && !self.before.contains(&key) {
                    tracing::warn!(%error, %organization, "{complaint}");
                }
                Ok(None)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;
    use uuid::Uuid;

    use super::*;

    const COMPLAINT: &str = "it cannot be done";

    #[test]
    fn what_fails_for_one_is_remembered_and_what_fails_for_all_ends_the_round() {
        let one = OrganizationId::from_uuid(Uuid::from_u128(1));
        let failing = Failing::default();
        let mut round = failing.round();
        assert_eq!(round.outcome(one, COMPLAINT, Ok(1)).unwrap(), Some(1));
        for error in [DbError::Timeout, DbError::Aborted] {
            assert_eq!(round.outcome::<()>(one, COMPLAINT, Err(error)).unwrap(), None);
        }
        let mut round = failing.round();
        assert!(round.before.contains(&(one, COMPLAINT)));
        let refused = round.outcome::<()>(one, COMPLAINT, Err(DbError::Unavailable("gone".into())));
        assert!(matches!(refused, Err(DbError::Unavailable(_))));
        assert!(failing.round().before.is_empty());
    }
}
