//! Lists that are short enough to be narrowed, ordered and paged in memory: there are some tens of modules.

use db::list::Listed;
use http::{Answer, ApiError, ListQuery, Place, PlaceKey, SortKey};
use kernel::Direction;
use serde::Serialize;

/// The page of the list that a query asks for; `place` says where an object stands in the order that was asked for.
///
/// # Errors
/// `INTERNAL` when a view cannot be rendered.
pub(super) fn answer<F, K: SortKey, V: Serialize>(
    query: &ListQuery<F, K>,
    mut all: Vec<V>,
    place: impl Fn(&V, K) -> Place,
) -> Result<Answer, ApiError> {
    let key = query.sort.key;
    let compare = |a: &Place, b: &Place| {
        let order = order(a, b);
        match query.sort.direction {
            Direction::Ascending => order,
            Direction::Descending => order.reverse(),
        }
    };
    all.sort_by(|a, b| compare(&place(a, key), &place(b, key)));
    let total = all.len();
    let skip = match &query.after {
        None => usize::try_from(query.page.offset()).unwrap_or(usize::MAX),
        Some(after) => all.partition_point(|object| compare(&place(object, key), after).is_le()),
    };
    let limit = usize::try_from(query.page.limit()).unwrap_or(usize::MAX);
    let has_more = total.saturating_sub(skip) > limit;
    let listed = Listed {
        items: all.into_iter().skip(skip).take(limit).collect(),
        total: total as u64,
        has_more,
    };
    query.answer(&listed, place)
}

/// The order of two places in one list: by their keys, ties by their ids.
fn order(a: &Place, b: &Place) -> std::cmp::Ordering {
    let keys = match (a.key(), b.key()) {
        (PlaceKey::Text(a), PlaceKey::Text(b)) => a.cmp(b),
        (PlaceKey::Integer(a), PlaceKey::Integer(b)) => a.cmp(b),
        (PlaceKey::Time(a), PlaceKey::Time(b)) => a.cmp(b),
        // The keys of one order are of one kind: a cursor of another is refused before.
        _ => std::cmp::Ordering::Equal,
    };
    keys.then_with(|| a.id().cmp(&b.id()))
}
