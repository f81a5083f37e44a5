//! Pages of lists, and their order.

use crate::{Rule, RuleViolation};

/// Which page of a list, by `?page=` and `?limit=`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    page: u32,
    limit: u32,
}

impl PageRequest {
    /// The limit when none is asked for.
    pub const DEFAULT_LIMIT: u32 = 20;
    /// The greatest limit.
    pub const MAX_LIMIT: u32 = 100;
    /// How far into a list pages go: the database walks over all rows before a page, so depth is bounded. Cursors have
    /// no depth.
    pub const MAX_DEPTH: u32 = 1_000_000;

    /// The page numbered `page`, from 1, of `limit` items each.
    ///
    /// # Errors
    /// All violations: `limit` outside 1..=100, `page` less than 1 or so great that `page * limit` exceeds 1,000,000.
    pub fn new(page: i64, limit: i64) -> Result<Self, Vec<RuleViolation>> {
        Self::combine(Ok(page), check_limit(limit))
    }

    /// Reads the two query parameters; an absent one has its default.
    ///
    /// # Errors
    /// As [`PageRequest::new`], and [`Rule::InvalidType`] for what is not a whole number.
    pub fn parse(page: Option<&str>, limit: Option<&str>) -> Result<Self, Vec<RuleViolation>> {
        Self::combine(integer("page", page, 1), parse_limit(limit))
    }

    /// Checks the page as far as the limit allows: also beside a wrong limit, since all problems are reported at once.
    fn combine(
        page: Result<i64, RuleViolation>,
        limit: Result<u32, RuleViolation>,
    ) -> Result<Self, Vec<RuleViolation>> {
        let max_page = Self::MAX_DEPTH / limit.as_ref().copied().unwrap_or(1);
        match (page.and_then(|page| within("page", page, max_page)), limit) {
            (Ok(page), Ok(limit)) => Ok(Self { page, limit }),
            (page, limit) => Err(page.err().into_iter().chain(limit.err()).collect()),
        }
    }

    /// The number of the page, from 1.
    #[must_use]
    pub const fn page(self) -> u32 {
        self.page
    }

    /// The greatest number of items on the page.
    #[must_use]
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// How many items come before the page.
    #[must_use]
    pub const fn offset(self) -> u32 {
        (self.page - 1) * self.limit
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self {
            page: 1,
            limit: Self::DEFAULT_LIMIT,
        }
    }
}

/// Reads `?limit=`.
pub(crate) fn parse_limit(limit: Option<&str>) -> Result<u32, RuleViolation> {
    integer("limit", limit, i64::from(PageRequest::DEFAULT_LIMIT)).and_then(check_limit)
}

fn check_limit(limit: i64) -> Result<u32, RuleViolation> {
    within("limit", limit, PageRequest::MAX_LIMIT)
}

fn within(field: &'static str, value: i64, max: u32) -> Result<u32, RuleViolation> {
    let value = u32::try_from(value).ok().filter(|value| (1..=max).contains(value));
    value.ok_or_else(|| {
        RuleViolation::new(
            field,
            Rule::OutOfRange {
                min: 1,
                max: i64::from(max),
            },
        )
    })
}

fn integer(field: &'static str, raw: Option<&str>, default: i64) -> Result<i64, RuleViolation> {
    let Some(raw) = raw else { return Ok(default) };
    let digits = raw.strip_prefix('-').unwrap_or(raw);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(RuleViolation::new(field, Rule::InvalidType { expected: "integer" }));
    }
    // A number that fits no i64 is out of every range, as zero is.
    Ok(raw.parse().unwrap_or(0))
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items, at most as many as the limit.
    pub items: Vec<T>,
    /// How many items the whole list has.
    pub total: u64,
}

impl<T> Page<T> {
    /// The same page with every item replaced.
    pub fn map<U>(self, replace: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(replace).collect(),
            total: self.total,
        }
    }
}

/// Which way a list is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Direction {
    /// The least first.
    #[default]
    Ascending,
    /// The greatest first.
    Descending,
}

/// The order of a list: by one key of a documented set, ties by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sort<K> {
    /// What it is ordered by.
    pub key: K,
    /// Which way.
    pub direction: Direction,
}

impl<K: Copy> Sort<K> {
    /// From the least.
    pub const fn ascending(key: K) -> Self {
        Self {
            key,
            direction: Direction::Ascending,
        }
    }

    /// From the greatest.
    pub const fn descending(key: K) -> Self {
        Self {
            key,
            direction: Direction::Descending,
        }
    }

    /// Reads `?sort=name` (from the least) or `?sort=-name` (from the greatest) among the `allowed` names.
    ///
    /// ```
    /// use kernel::Sort;
    ///
    /// #[derive(Debug, Clone, Copy, PartialEq)]
    /// enum Key { Name, CreatedAt }
    /// let allowed = [("name", Key::Name), ("createdAt", Key::CreatedAt)];
    ///
    /// assert_eq!(Sort::parse("-createdAt", &allowed), Ok(Sort::descending(Key::CreatedAt)));
    /// assert!(Sort::parse("password", &allowed).is_err());
    /// ```
    ///
    /// # Errors
    /// [`Rule::NotAllowed`] on `sort`, with every value that is.
    pub fn parse(raw: &str, allowed: &[(&str, K)]) -> Result<Self, RuleViolation> {
        let (name, direction) = match raw.strip_prefix('-') {
            Some(name) => (name, Direction::Descending),
            None => (raw, Direction::Ascending),
        };
        let key = allowed.iter().find(|(known, _)| *known == name).map(|(_, key)| *key);
        key.map(|key| Self { key, direction }).ok_or_else(|| {
            let allowed = allowed
                .iter()
                .flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")])
                .collect();
            RuleViolation::new("sort", Rule::NotAllowed { allowed })
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn broken(outcome: Result<PageRequest, Vec<RuleViolation>>) -> Vec<(String, Rule)> {
        outcome
            .unwrap_err()
            .into_iter()
            .map(|violation| (violation.field.into_owned(), violation.rule))
            .collect()
    }

    fn range(field: &str, max: i64) -> (String, Rule) {
        (field.to_owned(), Rule::OutOfRange { min: 1, max })
    }

    fn no_integer(field: &str) -> (String, Rule) {
        (field.to_owned(), Rule::InvalidType { expected: "integer" })
    }

    #[test]
    fn the_defaults_are_the_first_page_of_twenty() {
        let request = PageRequest::parse(None, None).unwrap();
        assert_eq!(request, PageRequest::default());
        assert_eq!((request.page(), request.limit(), request.offset()), (1, 20, 0));
    }

    #[test]
    fn the_depth_is_bounded() {
        assert_eq!(PageRequest::new(10_000, 100).unwrap().offset(), 999_900);
        assert_eq!(broken(PageRequest::new(10_001, 100)), [range("page", 10_000)]);
        assert_eq!(PageRequest::new(1_000_000, 1).unwrap().offset(), 999_999);
        assert_eq!(broken(PageRequest::new(333_334, 3)), [range("page", 333_333)]);
    }

    #[test]
    fn all_problems_are_reported_at_once() {
        assert_eq!(
            broken(PageRequest::parse(Some("0"), Some("101"))),
            [range("page", 1_000_000), range("limit", 100)]
        );
        assert_eq!(
            broken(PageRequest::parse(Some("-1"), Some("ten"))),
            [range("page", 1_000_000), no_integer("limit")]
        );
        assert_eq!(
            broken(PageRequest::parse(Some("1e3"), Some("0"))),
            [no_integer("page"), range("limit", 100)]
        );
        assert_eq!(
            broken(PageRequest::parse(Some(""), Some("-"))),
            [no_integer("page"), no_integer("limit")]
        );
        assert_eq!(
            broken(PageRequest::parse(Some("1000000000000"), None)),
            [range("page", 50_000)]
        );
        assert_eq!(
            broken(PageRequest::parse(Some("99999999999999999999"), None)),
            [range("page", 50_000)]
        );
        assert_eq!(broken(PageRequest::parse(Some("+1"), None)), [no_integer("page")]);
    }

    #[test]
    fn a_sort_key_is_read_with_its_direction() {
        let allowed = [("name", 'n'), ("createdAt", 'c')];
        assert_eq!(Sort::parse("name", &allowed), Ok(Sort::ascending('n')));
        assert_eq!(Sort::parse("-createdAt", &allowed), Ok(Sort::descending('c')));
        for raw in ["", "-", "--name", "Name", "name,createdAt", "+name", "id"] {
            let violation = Sort::parse(raw, &allowed).unwrap_err();
            let names = ["name", "-name", "createdAt", "-createdAt"].map(str::to_owned).to_vec();
            assert_eq!(
                violation,
                RuleViolation::new("sort", Rule::NotAllowed { allowed: names }),
                "{raw}"
            );
        }
        assert_eq!(Direction::default(), Direction::Ascending);
    }

    #[test]
    fn a_page_is_mapped_item_by_item() {
        let page = Page {
            items: vec![1, 2],
            total: 7,
        };
        assert_eq!(
            page.map(|number| number * 10),
            Page {
                items: vec![10, 20],
                total: 7
            }
        );
    }

    proptest! {
        #[test]
        fn what_is_accepted_obeys_every_bound(page in -5..1_100_000_i64, limit in -5..110_i64) {
            let fits = page >= 1 && (1..=100).contains(&limit) && page * limit <= 1_000_000;
            let by_text = PageRequest::parse(Some(&page.to_string()), Some(&limit.to_string()));
            let request = PageRequest::new(page, limit);
            prop_assert_eq!(&by_text, &request);
            prop_assert_eq!(request.is_ok(), fits);
            if let Ok(request) = request {
                prop_assert_eq!(i64::from(request.offset()), (page - 1) * limit);
                prop_assert_eq!((i64::from(request.page()), i64::from(request.limit())), (page, limit));
            }
        }

        #[test]
        fn any_numbers_are_judged_without_overflow(page in any::<i64>(), limit in any::<i64>()) {
            if let Ok(request) = PageRequest::new(page, limit) {
                prop_assert!(u64::from(request.page()) * u64::from(request.limit()) <= 1_000_000);
            }
        }
    }
}
