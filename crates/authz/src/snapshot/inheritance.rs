//! The rule that no role inherits from itself.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Why `child` cannot inherit from `parent`: the way, over the present inheritance, from `parent` up to `child`, both
/// included. `None` if it can.
///
/// `edges` are the pairs of child and parent that exist. The caller sees to it that nobody adds another between the
/// question and the insertion.
///
/// ```
/// use authz::snapshot::closing_path;
///
/// // A clerk inherits from a viewer, and a manager from a clerk.
/// let edges = [("clerk", "viewer"), ("manager", "clerk")];
/// assert_eq!(closing_path(edges, "viewer", "manager"), Some(vec!["manager", "clerk", "viewer"]));
/// assert_eq!(closing_path(edges, "manager", "viewer"), None, "twice to the same ancestor is no cycle");
/// ```
pub fn closing_path<R: Copy + Eq + Hash>(
    edges: impl IntoIterator<Item = (R, R)>,
    child: R,
    parent: R,
) -> Option<Vec<R>> {
    if child == parent {
        return Some(vec![child]);
    }
    let mut parents: HashMap<R, Vec<R>> = HashMap::new();
    for (child, parent) in edges {
        parents.entry(child).or_default().push(parent);
    }
    // From where each role was reached, upwards from `parent`.
    let mut reached_from = HashMap::new();
    let mut queue = VecDeque::from([parent]);
    while let Some(role) = queue.pop_front() {
        for &next in parents.get(&role).into_iter().flatten() {
            if next == parent || reached_from.contains_key(&next) {
                continue;
            }
            reached_from.insert(next, role);
            if next == child {
                let mut path = vec![child];
                let mut place = child;
                while let Some(&before) = reached_from.get(&place) {
                    path.push(before);
                    place = before;
                }
                path.reverse();
                return Some(path);
            }
            queue.push_back(next);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_role_is_not_its_own_parent() {
        assert_eq!(closing_path([], 1, 1), Some(vec![1]));
    }

    #[test]
    fn a_chain_of_any_depth_is_followed() {
        let chain: Vec<(u32, u32)> = (0..100_000).map(|role| (role, role + 1)).collect();
        assert_eq!(closing_path(chain.iter().copied(), 100_000, 0).unwrap().len(), 100_001);
        assert_eq!(closing_path(chain, 0, 100_000), None);
    }

    /// Whether `child` is above `parent`, by repeated addition.
    fn is_above(edges: &[(u8, u8)], parent: u8, child: u8) -> bool {
        let mut above = vec![parent];
        loop {
            let more: Vec<u8> = edges
                .iter()
                .filter(|(from, to)| above.contains(from) && !above.contains(to))
                .map(|(_, to)| *to)
                .collect();
            if more.is_empty() {
                return above.contains(&child);
            }
            above.extend(more);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

        /// Inserting edge by edge, each only when the rule allows it, never makes a cycle; and the rule refuses none
        /// that would not.
        #[test]
        fn exactly_the_edges_that_close_a_cycle_are_refused(
            wanted in prop::collection::vec((0_u8..8, 0_u8..8), 0..20)
        ) {
            let mut edges: Vec<(u8, u8)> = Vec::new();
            for (child, parent) in wanted {
                match closing_path(edges.iter().copied(), child, parent) {
                    None => {
                        prop_assert!(!is_above(&edges, parent, child));
                        edges.push((child, parent));
                    }
                    Some(path) => {
                        prop_assert_eq!(path.first(), Some(&parent));
                        prop_assert_eq!(path.last(), Some(&child));
                        for step in path.windows(2) {
                            prop_assert!(edges.contains(&(step[0], step[1])), "{:?} is no way", path);
                        }
                    }
                }
            }
            for role in 0..8 {
                let beyond: Vec<u8> = edges.iter().filter(|(from, _)| *from == role).map(|(_, to)| *to).collect();
                prop_assert!(!beyond.into_iter().any(|parent| is_above(&edges, parent, role)), "a cycle at {}", role);
            }
        }
    }
}
