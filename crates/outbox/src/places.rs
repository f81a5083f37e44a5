//! How many streams are open: so many on the node, and of those so many for one organization.

use std::collections::HashMap;
use std::sync::Arc;

use kernel::OrganizationId;
use parking_lot::Mutex;

/// The open streams of a node.
#[derive(Debug, Clone)]
pub(crate) struct Streams {
    most: usize,
    most_of_one: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    of: HashMap<OrganizationId, usize>,
}

/// Why a stream has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoPlace {
    /// The node keeps as many as it can.
    OnNode,
    /// The organization has as many as it may.
    ForOrganization,
}

/// A stream's place, given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    streams: Streams,
    organization: OrganizationId,
}

impl Streams {
    pub(crate) fn new(most: usize, most_of_one: usize) -> Self {
        Self {
            most,
            most_of_one,
            open: Arc::default(),
        }
    }

    /// Takes a place for a stream of the organization.
    ///
    /// # Errors
    /// [`NoPlace`].
    pub(crate) fn enter(&self, organization: OrganizationId) -> Result<Place, NoPlace> {
        let mut open = self.open.lock();
        let mine = open.of.get(&organization).copied().unwrap_or(0);
        if mine >= self.most_of_one {
            return Err(NoPlace::ForOrganization);
        }
        if open.all >= self.most {
            return Err(NoPlace::OnNode);
        }
        open.all += 1;
        open.of.insert(organization, mine + 1);
        Ok(Place {
            streams: self.clone(),
            organization,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.open.lock();
        open.all -= 1;
        if let Some(mine) = open.of.get_mut(&self.organization) {
            *mine -= 1;
            if *mine == 0 {
                open.of.remove(&self.organization);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::Id as _;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn one_organization_cannot_take_every_place() {
        let [ana, eve] = [1, 2].map(|id| OrganizationId::from_uuid(Uuid::from_u128(id)));
        let streams = Streams::new(3, 2);
        let first = streams.enter(ana).unwrap();
        let _second = streams.enter(ana).unwrap();
        assert_eq!(streams.enter(ana).unwrap_err(), NoPlace::ForOrganization);
        let third = streams.enter(eve).unwrap();
        assert_eq!(streams.enter(eve).unwrap_err(), NoPlace::OnNode);
        // A place that is given back is anybody's, and nothing is kept of who had it.
        drop(first);
        drop(streams.enter(eve).unwrap());
        assert_eq!(streams.open.lock().of.get(&eve), Some(&1));
        drop(third);
        assert_eq!(streams.open.lock().of.get(&eve), None);
    }
}
