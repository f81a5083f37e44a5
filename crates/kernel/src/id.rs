//! Identifiers: UUID version 7, one type for each kind of thing, so that a role's id cannot be handed over as a user's.
//!
//! [`id!`](crate::id!) declares such a type; [`Generators::id`](crate::Generators::id) makes a new value of it.

use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::str::FromStr;

use uuid::Uuid;

use crate::Timestamp;

/// An identifier of one kind of thing, declared with [`id!`](crate::id!).
pub trait Id: Copy + Eq + Ord + Hash + Debug + Display + FromStr<Err = InvalidId> + Send + Sync + 'static {
    /// What the identifier names, in lower case and the singular: `"organization"`. Audit targets and messages use it.
    const KIND: &'static str;

    /// Wraps a UUID that is known to name a thing of this kind, such as one read from its table.
    fn from_uuid(uuid: Uuid) -> Self;

    /// The bare UUID, for storage.
    fn as_uuid(self) -> Uuid;
}

/// A text that is not a UUID in its hyphenated form of 36 characters.
///
/// It does not repeat the text: that came from outside and would end up in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a hyphenated UUID of 36 characters")]
pub struct InvalidId;

/// The length of the only spelling that is accepted, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
const HYPHENATED_LENGTH: usize = 36;

/// Reads a UUID in its hyphenated form; the hexadecimal digits may have either case (RFC 9562, section 4).
///
/// One spelling only, because an address that can be written in several ways defeats caches, logs and comparisons:
/// the braced, URN and unhyphenated forms are refused.
///
/// # Errors
/// [`InvalidId`] for every other text.
pub fn parse_uuid(text: &str) -> Result<Uuid, InvalidId> {
    if text.len() != HYPHENATED_LENGTH {
        return Err(InvalidId);
    }
    Uuid::try_parse(text).map_err(|_| InvalidId)
}

/// How many bits of an id follow its milliseconds.
const AFTER_MILLIS: u32 = 80;

/// The lower bound of the ids that are made at the instant or later: ids begin with their milliseconds (RFC 9562, section 5.7), so
/// tables are searched by time without an index of their own for it. Before 1970 it is the least of all.
///
/// ```
/// use kernel::id::{least_at, made_at};
///
/// let noon = "2026-11-21T12:00:00Z".parse()?;
/// assert_eq!(least_at(noon).to_string(), "01a1fdfa-4600-0000-0000-000000000000");
/// assert_eq!(made_at(least_at(noon)), noon);
/// # Ok::<(), kernel::time::InvalidTimestamp>(())
/// ```
#[must_use]
pub fn least_at(instant: Timestamp) -> Uuid {
    let millis = u128::try_from(instant.as_micros() / 1_000).unwrap_or(0);
    Uuid::from_u128(millis << AFTER_MILLIS)
}

/// When an id was made, by the clock of whoever made it: its first bits are the milliseconds.
#[must_use]
pub fn made_at(id: Uuid) -> Timestamp {
    let millis = i64::try_from(id.as_u128() >> AFTER_MILLIS).unwrap_or(0);
    Timestamp::from_micros(millis.saturating_mul(1_000))
}

/// Declares an identifier type: a newtype over a UUID that implements [`Id`], is written and read (also by serde) as
/// the hyphenated lower-case text, and converts into a [`Uuid`] and a [`FieldValue`](crate::FieldValue).
///
/// ```
/// kernel::id!(
///     /// Names an invoice.
///     pub struct InvoiceId = "invoice"
/// );
/// use kernel::Id as _;
///
/// let id: InvoiceId = "01890a5d-ac96-774b-bcce-b302099a8057".parse()?;
/// assert_eq!(InvoiceId::KIND, "invoice");
/// assert_eq!(id.to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
/// # Ok::<(), kernel::InvalidId>(())
/// ```
///
/// Two kinds of id do not mix:
///
/// ```compile_fail,E0308
/// kernel::id!(
///     /// Names an invoice.
///     pub struct InvoiceId = "invoice"
/// );
/// fn pay(_: InvoiceId) {}
/// let organization: kernel::OrganizationId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
/// pay(organization);
/// ```
#[macro_export]
macro_rules! id {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident = $kind:literal);+ $(;)?) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        $vis struct $name($crate::__private::uuid::Uuid);

        impl $crate::Id for $name {
            const KIND: &'static str = $kind;

            fn from_uuid(uuid: $crate::__private::uuid::Uuid) -> Self {
                Self(uuid)
            }

            fn as_uuid(self) -> $crate::__private::uuid::Uuid {
                self.0
            }
        }

        impl ::core::fmt::Debug for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::write!(f, "{}({})", ::core::stringify!($name), self.0)
            }
        }

        impl ::core::fmt::Display for $name {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                ::core::fmt::Display::fmt(&self.0, f)
            }
        }

        impl ::core::str::FromStr for $name {
            type Err = $crate::InvalidId;

            fn from_str(text: &str) -> ::core::result::Result<Self, Self::Err> {
                $crate::id::parse_uuid(text).map(Self)
            }
        }

        impl ::core::convert::From<$name> for $crate::__private::uuid::Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl ::core::convert::From<$name> for $crate::FieldValue {
            fn from(id: $name) -> Self {
                $crate::FieldValue::Id(id.0)
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S>(&self, serializer: S) -> ::core::result::Result<S::Ok, S::Error>
            where
                S: $crate::__private::serde::Serializer,
            {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> $crate::__private::serde::Deserialize<'de> for $name {
            fn deserialize<D>(deserializer: D) -> ::core::result::Result<Self, D::Error>
            where
                D: $crate::__private::serde::Deserializer<'de>,
            {
                $crate::text::deserialize_from_str(deserializer)
            }
        }
    )+};
}

id!(
    /// Names an organization: a customer company, the unit of isolation. Everything that belongs to one carries it.
    pub struct OrganizationId = "organization"
);

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;
    use crate::{FieldValue, Generators, ManualClock};

    const TEXT: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

    #[test]
    fn only_the_hyphenated_form_is_read() {
        let id: OrganizationId = TEXT.parse().unwrap();
        assert_eq!(TEXT.to_uppercase().parse(), Ok(id));
        for text in [
            "",
            "01890a5dac96774bbcceb302099a8057",
            "{01890a5d-ac96-774b-bcce-b302099a8057}",
            "urn:uuid:01890a5d-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a805",
            "01890a5d-ac96-774b-bcce-b302099a805g",
            "01890a5da-c96-774b-bcce-b302099a8057",
            " 1890a5d-ac96-774b-bcce-b302099a8057",
            "01890a5d-ac96-774b-bcce-b302099a80é",
        ] {
            assert_eq!(text.parse::<OrganizationId>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn an_id_is_written_hyphenated_in_lower_case() {
        let id: OrganizationId = TEXT.to_uppercase().parse().unwrap();
        assert_eq!(id.to_string(), TEXT);
        assert_eq!(format!("{id:?}"), format!("OrganizationId({TEXT})"));
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<OrganizationId>(&json).unwrap(), id);
    }

    #[test]
    fn json_that_is_no_id_is_refused_without_repeating_it() {
        let error = serde_json::from_str::<OrganizationId>("\"secret\"")
            .unwrap_err()
            .to_string();
        assert!(error.starts_with("not a hyphenated UUID of 36 characters"), "{error}");
        let error = serde_json::from_str::<OrganizationId>("7").unwrap_err().to_string();
        assert!(error.contains("expected a string"), "{error}");
    }

    #[test]
    fn an_id_converts_into_what_is_stored() {
        let uuid = parse_uuid(TEXT).unwrap();
        let id = OrganizationId::from_uuid(uuid);
        assert_eq!((id.as_uuid(), Uuid::from(id)), (uuid, uuid));
        assert_eq!(FieldValue::from(id), FieldValue::Id(uuid));
        assert_eq!(OrganizationId::KIND, "organization");
    }
    #[test]
    fn before_1970_no_id_is_too_low() {
        assert_eq!(least_at(Timestamp::MIN), Uuid::nil());
        assert_eq!(least_at(Timestamp::from_micros(-1)), Uuid::nil());
        assert_eq!(made_at(Uuid::nil()), Timestamp::UNIX_EPOCH);
    }

    proptest! {
        #[test]
        fn an_id_lies_between_the_bounds_of_its_millisecond(
            micros in 0..=Timestamp::MAX.as_micros(), seed: u64,
        ) {
            const MILLI: i64 = 1_000;
            let (now, next) = (micros / MILLI * MILLI, (micros / MILLI + 1) * MILLI);
            let clock = Arc::new(ManualClock::new(Timestamp::from_micros(micros)));
            let id = Generators::seeded(clock, seed).id::<OrganizationId>().as_uuid();
            prop_assert_eq!(made_at(id), Timestamp::from_micros(now));
            prop_assert!(least_at(Timestamp::from_micros(micros)) <= id);
            // The end of the range has no millisecond after it.
            prop_assert!(next > Timestamp::MAX.as_micros() || id < least_at(Timestamp::from_micros(next)));
        }

        #[test]
        fn bounds_sort_like_instants(one in 0..=Timestamp::MAX.as_micros(), other in 0..=Timestamp::MAX.as_micros()) {
            let [one, other] = [one, other].map(|micros| Timestamp::from_micros(micros / 1_000 * 1_000));
            prop_assert_eq!(least_at(one).cmp(&least_at(other)), one.cmp(&other));
        }
    }
}
