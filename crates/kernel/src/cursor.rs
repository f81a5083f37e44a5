//! Cursors: where the next part of a list begins.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

use crate::page::{PageRequest, parse_limit};
use crate::{Rule, RuleViolation, Timestamp};

/// The first byte of every cursor. Another layout gets another number, so that an old cursor is refused instead of
/// misread.
const VERSION: u8 = 1;
/// The longest text that is looked at. A key can be a name of 120 characters in its folded form, and folding makes up to 33
/// bytes of one character (U+FDFA): 5,280 characters of base64.
const MAX_LENGTH: usize = 8_192;

/// A value of the last item handed out, by which the list is ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CursorKey {
    /// No value.
    Null,
    /// A whole number.
    Integer(i64),
    /// Text.
    Text(String),
    /// An instant.
    Time(Timestamp),
    /// An id, which ends ties.
    Id(Uuid),
}

/// A place in an ordered list: the keys of the last item handed out. The next part is what comes after them, however
/// many items were added or removed in between.
///
/// To a client it is opaque. It carries no authority: it names no organization, and whoever changes it only starts at
/// another place of the same list, which is filtered by the caller's rights as always. Therefore it is not signed.
///
/// ```
/// use kernel::cursor::{Cursor, CursorKey};
///
/// let cursor = Cursor::new(vec![CursorKey::Text("acme".to_owned())]);
/// let text = cursor.encode("organizations?sort=slug");
/// assert_eq!(Cursor::decode(&text, "organizations?sort=slug"), Ok(cursor));
/// assert!(Cursor::decode(&text, "organizations?sort=name").is_err(), "another order, another place");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    keys: Vec<CursorKey>,
}

/// A text that is not a cursor of this list in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of this list")]
pub struct InvalidCursor;

impl Cursor {
    /// The place after the item with these keys, in the order in which the list compares them.
    #[must_use]
    pub const fn new(keys: Vec<CursorKey>) -> Self {
        Self { keys }
    }

    /// The keys of the last item handed out.
    #[must_use]
    pub fn keys(&self) -> &[CursorKey] {
        &self.keys
    }

    /// The text for the client. `list` names the list and its order; only with the same name it is read back.
    #[must_use]
    pub fn encode(&self, list: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend(fingerprint(list).to_be_bytes());
        for key in &self.keys {
            match key {
                CursorKey::Null => bytes.push(tag::NULL),
                CursorKey::Integer(value) => put(&mut bytes, tag::INTEGER, &value.to_be_bytes()),
                CursorKey::Time(value) => put(&mut bytes, tag::TIME, &value.as_micros().to_be_bytes()),
                CursorKey::Id(value) => put(&mut bytes, tag::ID, value.as_bytes()),
                CursorKey::Text(value) => {
                    // Sorted texts are short by rule (names, codes); a longer one could not be read back.
                    put(
                        &mut bytes,
                        tag::TEXT,
                        &u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes(),
                    );
                    bytes.extend(value.bytes());
                }
            }
        }
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a text that [`Cursor::encode`] made for the same `list`. The keys may still be of other types than the
    /// list compares, if the client made them up: whoever uses them checks.
    ///
    /// # Errors
    /// [`InvalidCursor`].
    pub fn decode(text: &str, list: &str) -> Result<Self, InvalidCursor> {
        if text.len() > MAX_LENGTH {
            return Err(InvalidCursor);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let mut input = bytes.as_slice();
        if take(&mut input) != Some([VERSION]) || take(&mut input) != Some(fingerprint(list).to_be_bytes()) {
            return Err(InvalidCursor);
        }
        let mut keys = Vec::new();
        while !input.is_empty() {
            keys.push(take_key(&mut input).ok_or(InvalidCursor)?);
        }
        Ok(Self { keys })
    }
}

mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const INTEGER: u8 = 1;
    pub(super) const TEXT: u8 = 2;
    pub(super) const TIME: u8 = 3;
    pub(super) const ID: u8 = 4;
}

fn put(bytes: &mut Vec<u8>, tag: u8, value: &[u8]) {
    bytes.push(tag);
    bytes.extend(value);
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (head, tail) = input.split_first_chunk()?;
    *input = tail;
    Some(*head)
}

fn take_key(input: &mut &[u8]) -> Option<CursorKey> {
    let [tag] = take(input)?;
    match tag {
        tag::NULL => Some(CursorKey::Null),
        tag::INTEGER => take(input).map(|bytes| CursorKey::Integer(i64::from_be_bytes(bytes))),
        tag::TIME => take(input).map(|bytes| CursorKey::Time(Timestamp::from_micros(i64::from_be_bytes(bytes)))),
        tag::ID => take(input).map(|bytes| CursorKey::Id(Uuid::from_bytes(bytes))),
        tag::TEXT => {
            let length = usize::from(u16::from_be_bytes(take(input)?));
            let (text, tail) = input.split_at_checked(length)?;
            *input = tail;
            // PostgreSQL has no NUL in its texts: no list has such a key.
            let text = String::from_utf8(text.to_vec())
                .ok()
                .filter(|text| !text.contains('\0'))?;
            Some(CursorKey::Text(text))
        }
        _ => None,
    }
}

/// FNV-1a, 32 bits: it tells lists apart, nothing depends on its strength.
fn fingerprint(list: &str) -> u32 {
    list.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

/// Which part of a list, by `?cursor=` and `?limit=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorRequest {
    cursor: Option<Cursor>,
    limit: u32,
}

impl CursorRequest {
    /// Reads the two query parameters; without a cursor the list starts at its beginning, and the limit is 20.
    ///
    /// # Errors
    /// All violations: [`Rule::InvalidCursor`], and those of the limit as [`PageRequest::parse`].
    pub fn parse(cursor: Option<&str>, limit: Option<&str>, list: &str) -> Result<Self, Vec<RuleViolation>> {
        let cursor = cursor.map(|text| Cursor::decode(text, list)).transpose();
        let cursor = cursor.map_err(|InvalidCursor| RuleViolation::new("cursor", Rule::InvalidCursor));
        match (cursor, parse_limit(limit)) {
            (Ok(cursor), Ok(limit)) => Ok(Self { cursor, limit }),
            (cursor, limit) => Err(cursor.err().into_iter().chain(limit.err()).collect()),
        }
    }

    /// Where to start, or at the beginning.
    #[must_use]
    pub const fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// The greatest number of items.
    #[must_use]
    pub const fn limit(&self) -> u32 {
        self.limit
    }
}

impl Default for CursorRequest {
    fn default() -> Self {
        Self {
            cursor: None,
            limit: PageRequest::DEFAULT_LIMIT,
        }
    }
}

/// A part of a list, and where it goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorPage<T> {
    /// The items, at most as many as the limit.
    pub items: Vec<T>,
    /// Where the next part begins; none at the end.
    pub next: Option<Cursor>,
}

impl<T> CursorPage<T> {
    /// Makes the part of a query that read one row more than `limit`: whether there is that row tells whether the list
    /// goes on.
    ///
    /// ```
    /// use kernel::cursor::{CursorKey, CursorPage};
    ///
    /// let page = CursorPage::from_rows(vec![3, 5, 8], 2, |number| vec![CursorKey::Integer(*number)]);
    /// assert_eq!(page.items, [3, 5]);
    /// assert_eq!(page.next.unwrap().keys(), [CursorKey::Integer(5)]);
    /// ```
    pub fn from_rows(mut rows: Vec<T>, limit: u32, keys: impl FnOnce(&T) -> Vec<CursorKey>) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let goes_on = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| goes_on).map(|last| Cursor::new(keys(last)));
        Self { items: rows, next }
    }

    /// The same part with every item replaced.
    pub fn map<U>(self, replace: impl FnMut(T) -> U) -> CursorPage<U> {
        CursorPage {
            items: self.items.into_iter().map(replace).collect(),
            next: self.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIST: &str = "organizations?sort=name";

    fn sample() -> Cursor {
        Cursor::new(vec![
            CursorKey::Null,
            CursorKey::Integer(-7),
            CursorKey::Text("São Paulo".to_owned()),
            CursorKey::Time("2026-11-21T12:00:00Z".parse().unwrap()),
            CursorKey::Id(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057)),
        ])
    }

    #[test]
    fn a_cursor_survives_a_url() {
        let text = sample().encode(LIST);
        assert!(
            text.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')),
            "{text}"
        );
        assert_eq!(Cursor::decode(&text, LIST), Ok(sample()));
    }

    #[test]
    fn the_layout_of_version_1_does_not_change() {
        // Clients hold cursors across an upgrade: a change of layout needs another version.
        let cursor = Cursor::new(vec![
            CursorKey::Text("acme".to_owned()),
            CursorKey::Integer(1),
            CursorKey::Null,
        ]);
        assert_eq!(cursor.encode("list"), "AQz7WIECAARhY21lAQAAAAAAAAABAA");
    }

    #[test]
    fn a_cursor_belongs_to_its_list_and_order() {
        let text = sample().encode(LIST);
        assert_eq!(Cursor::decode(&text, "organizations?sort=-name"), Err(InvalidCursor));
        assert_eq!(Cursor::decode(&text, "users?sort=name"), Err(InvalidCursor));
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        let bytes = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let head = |version: u8| [&[version][..], &fingerprint(LIST).to_be_bytes()].concat();
        assert_eq!(Cursor::decode(&bytes(&head(1)), LIST), Ok(Cursor::new(vec![])));
        for (what, text) in [
            ("nothing", String::new()),
            ("other characters", "a b+/=".to_owned()),
            ("padding", format!("{}==", bytes(&head(1)))),
            ("another version", bytes(&head(2))),
            ("a cut head", bytes(&[1, 2])),
            ("an unknown key", bytes(&[head(1), vec![9]].concat())),
            ("a cut number", bytes(&[head(1), vec![1, 0, 0]].concat())),
            ("a cut time", bytes(&[head(1), vec![3, 0]].concat())),
            ("a cut id", bytes(&[head(1), vec![4, 0]].concat())),
            ("a cut length", bytes(&[head(1), vec![2, 0]].concat())),
            ("a cut text", bytes(&[head(1), vec![2, 0, 9, b'a']].concat())),
            ("no UTF-8", bytes(&[head(1), vec![2, 0, 1, 0xff]].concat())),
            ("a NUL", bytes(&[head(1), vec![2, 0, 1, 0]].concat())),
            ("too long", "A".repeat(MAX_LENGTH + 1)),
        ] {
            assert_eq!(Cursor::decode(&text, LIST), Err(InvalidCursor), "{what}");
        }
    }

    #[test]
    fn a_text_too_long_for_a_cursor_is_not_misread() {
        let cursor = Cursor::new(vec![CursorKey::Text("x".repeat(70_000))]);
        assert_eq!(Cursor::decode(&cursor.encode(LIST), LIST), Err(InvalidCursor));
    }

    #[test]
    fn a_request_reports_all_problems_at_once() {
        let text = sample().encode(LIST);
        let request = CursorRequest::parse(Some(&text), Some("50"), LIST).unwrap();
        assert_eq!((request.cursor(), request.limit()), (Some(&sample()), 50));
        assert_eq!(CursorRequest::parse(None, None, LIST), Ok(CursorRequest::default()));

        let violations = CursorRequest::parse(Some("?"), Some("101"), LIST).unwrap_err();
        assert_eq!(
            violations,
            [
                RuleViolation::new("cursor", Rule::InvalidCursor),
                RuleViolation::new("limit", Rule::OutOfRange { min: 1, max: 100 })
            ]
        );
    }

    #[test]
    fn a_part_goes_on_when_there_is_one_row_more() {
        let keys = |number: &i64| vec![CursorKey::Integer(*number)];
        let part = CursorPage::from_rows(vec![1, 2, 3], 2, keys);
        assert_eq!(
            part,
            CursorPage {
                items: vec![1, 2],
                next: Some(Cursor::new(vec![CursorKey::Integer(2)]))
            }
        );
        assert_eq!(
            CursorPage::from_rows(vec![1, 2], 2, keys),
            CursorPage {
                items: vec![1, 2],
                next: None
            }
        );
        assert_eq!(
            CursorPage::from_rows(vec![], 2, keys),
            CursorPage {
                items: vec![],
                next: None
            }
        );
        assert_eq!(part.map(|number| number * 10).items, [10, 20]);
    }

    fn any_key() -> impl Strategy<Value = CursorKey> {
        prop_oneof![
            Just(CursorKey::Null),
            any::<i64>().prop_map(CursorKey::Integer),
            "\\PC{0,60}".prop_map(CursorKey::Text),
            (0..=Timestamp::MAX.as_micros()).prop_map(|micros| CursorKey::Time(Timestamp::from_micros(micros))),
            any::<u128>().prop_map(|id| CursorKey::Id(Uuid::from_u128(id))),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(keys in prop::collection::vec(any_key(), 0..5)) {
            let cursor = Cursor::new(keys);
            prop_assert_eq!(Cursor::decode(&cursor.encode(LIST), LIST), Ok(cursor));
        }

        #[test]
        fn no_text_panics(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let head = [&[VERSION][..], &fingerprint(LIST).to_be_bytes(), &bytes].concat();
            if let Ok(cursor) = Cursor::decode(&URL_SAFE_NO_PAD.encode(head), LIST) {
                prop_assert!(cursor.keys().len() <= bytes.len());
            }
        }
    }
}
