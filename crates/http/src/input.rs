//! What bodies are made of: inputs, and the types their fields can have.
//!
//! An input is declared with [`input!`](crate::input!), which makes three things agree that are easily told apart: the
//! fields, their names in JSON, and the schema in the documentation. Unknown fields are always refused; [`Body`](crate::Body)
//! takes nothing that was declared otherwise.
//!
//! A field is optional exactly when its declaration says so:
//!
//! | type | absent | `null` | a value |
//! |---|---|---|---|
//! | `T` | problem | problem | `T` |
//! | `Option<T>` | `None` | `None` | `Some` |
//! | [`Keep<T>`], a required field in a `PATCH` | `Keep::Absent` | problem | `Keep::Value` |
//! | [`Patch<T>`], an optional field in a `PATCH` | `Patch::Absent` | `Patch::Null` | `Patch::Value` |
//! | `T = default` | the default | problem | `T` |
//!
//! Value objects check themselves. [`text_value!`](crate::text_value!) teaches a domain type that clients write as a text to
//! be a field: its constructor's [`RuleViolation`](kernel::RuleViolation) becomes a problem at the field's path.

use std::borrow::Cow;

use deserr::{Deserr, IntoValue, Value, ValueKind, ValuePointerRef};
use kernel::{Id, Rule, RuleViolation, Timestamp};
use secrecy::SecretString;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::problems::Problems;

/// How an id is written.
pub(crate) const UUID_EXAMPLE: &str = "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40";
/// How an instant is written.
pub(crate) const TIME_EXAMPLE: &str = "2026-11-21T12:30:00Z";

/// A body that [`Body`](crate::Body) can read: declared with [`input!`](crate::input!), so that it refuses unknown fields.
#[diagnostic::on_unimplemented(
    message = "`{Self}` was not declared with `http::input!`",
    note = "a body declared otherwise could take unknown fields without saying so"
)]
pub trait Input: Deserr<Problems> + Send + 'static {}

/// Declares a body: a struct with the documentation of its fields, decoded with all problems at once.
///
/// ```
/// http::input! {
///     /// What an invoice is made of.
///     pub struct CreateInvoice {
///         /// In how many instalments it is paid.
///         instalments: http::Int<1, 48>,
///         /// Words to find it by.
///         tags: Vec<String> = Vec::new(),
///     }
/// }
///
/// http::input! {
///     /// What can be changed about an invoice.
///     pub struct UpdateInvoice {
///         /// When it is due.
///         due_at: Keep<http::TimeText>,
///         /// A remark for the customer; `null` removes it.
///         remark: Patch<String>,
///     }
/// }
/// ```
///
/// `Keep` and `Patch` need no import here.
///
/// A struct that was declared by hand is refused, since nothing says that it refuses unknown fields:
///
/// ```compile_fail,E0277
/// #[derive(deserr::Deserr)]
/// #[deserr(error = http::Problems)]
/// struct Lax {
///     name: String,
/// }
/// fn handler(_: http::Body<Lax>) {}
/// ```
#[macro_export]
macro_rules! input {
    ($(#[$meta:meta])* $vis:vis struct $name:ident { $($fields:tt)* }) => {
        $crate::__input!(@field [$(#[$meta])* $vis struct $name] [] $($fields)*);
    };
}

/// Gives each field the attributes that follow from its type.
#[doc(hidden)]
#[macro_export]
macro_rules! __input {
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: Option<$type:ty> $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*
            $(#[$meta])* #[deserr(default)] $vis $field: ::core::option::Option<$type>,
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: Keep<$type:ty> $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*
            $(#[$meta])* #[deserr(default)] #[schema(required = false, value_type = $type)]
            $vis $field: $crate::Keep<$type>,
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: Patch<$type:ty> $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*
            $(#[$meta])* #[deserr(default)] #[schema(required = false, value_type = Option<$type>)]
            $vis $field: $crate::Patch<$type>,
        ] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: http::Keep<$type:ty> $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*] $(#[$meta])* $vis $field: Keep<$type> $(, $($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: http::Patch<$type:ty> $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*] $(#[$meta])* $vis $field: Patch<$type> $(, $($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: $type:ty $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)* $(#[$meta])* $vis $field: $type,] $($($rest)*)?);
    };
    (@field $head:tt [$($done:tt)*]
        $(#[$meta:meta])* $vis:vis $field:ident: $type:ty = $default:expr $(, $($rest:tt)*)?) => {
        $crate::__input!(@field $head [$($done)*
            $(#[$meta])* #[deserr(default = $default)] #[schema(required = false)] $vis $field: $type,
        ] $($($rest)*)?);
    };
    (@field [$(#[$meta:meta])* $vis:vis struct $name:ident] [$($done:tt)*]) => {
        $(#[$meta])*
        #[derive(Clone, Debug, $crate::__private::deserr::Deserr, $crate::__private::utoipa::ToSchema)]
        #[deserr(error = $crate::Problems, deny_unknown_fields, rename_all = camelCase)]
        #[schema(rename_all = "camelCase")]
        $vis struct $name { $($done)* }

        impl $crate::Input for $name {}
    };
}

/// A required field in a `PATCH`: absent keeps what is there, `null` is a problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Keep<T> {
    /// Not in the body: keep it.
    #[default]
    Absent,
    /// Set it to this.
    Value(T),
}

impl<T> Keep<T> {
    /// The new value, if there is one.
    pub fn into_option(self) -> Option<T> {
        match self {
            Self::Absent => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The new value or the current one.
    pub fn or(self, current: T) -> T {
        self.into_option().unwrap_or(current)
    }
}

/// An optional field in a `PATCH`: absent keeps what is there, `null` clears it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patch<T> {
    /// Not in the body: keep it.
    #[default]
    Absent,
    /// Clear it.
    Null,
    /// Set it to this.
    Value(T),
}

impl<T> Patch<T> {
    /// What the field is afterwards, given what it is now.
    pub fn or(self, current: Option<T>) -> Option<T> {
        match self {
            Self::Absent => current,
            Self::Null => None,
            Self::Value(value) => Some(value),
        }
    }

    /// The change, if the body asks for one: what the field is to be.
    pub fn into_change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for Keep<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        T::deserialize_from_value(value, location).map(Self::Value)
    }
}

impl<T: Deserr<Problems>> Deserr<Problems> for Patch<T> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        match value {
            Value::Null => Ok(Self::Null),
            value => T::deserialize_from_value(value, location).map(Self::Value),
        }
    }
}

/// Reads a field that clients write as a text.
///
/// # Errors
/// The problem at the field's path: not a text, or what `parse` says of it.
pub fn read_text<V: IntoValue, T>(
    value: Value<V>,
    location: ValuePointerRef<'_>,
    parse: impl FnOnce(&str) -> Result<T, RuleViolation>,
) -> Result<T, Problems> {
    match value {
        Value::String(text) => parse(&text).map_err(|violation| {
            deserr::take_cf_content(<Problems as deserr::MergeWithError<RuleViolation>>::merge(
                None, violation, location,
            ))
        }),
        actual => Err(Problems::wrong_kind(actual, &[ValueKind::String], location)),
    }
}

/// What the documentation says of a text.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextSchema {
    /// Least number of characters.
    pub min_length: Option<usize>,
    /// Greatest number of characters.
    pub max_length: Option<usize>,
    /// A regular expression it matches (ECMA-262).
    pub pattern: Option<&'static str>,
    /// A format of OpenAPI, such as `email`.
    pub format: Option<&'static str>,
    /// What it is, if its field's own words are not enough.
    pub description: Option<&'static str>,
    /// A valid one; empty when none says more than the rest.
    pub example: &'static str,
}

/// What [`kernel::checked_text`] refuses: characters of control, and those that end a line or turn the direction of a text.
macro_rules! unprintable {
    () => {
        r"\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
    };
}

/// The same for [`kernel::checked_lines`], which takes tabs and the ends of lines.
macro_rules! unprintable_in_lines {
    () => {
        r"\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069"
    };
}

/// A line with something to see in it.
const ONE_VISIBLE: &str = concat!(
    "^[^",
    unprintable!(),
    r"]*[^\s",
    unprintable!(),
    "][^",
    unprintable!(),
    "]*$"
);
/// A line with at least two characters between the white space at its ends.
const TWO_VISIBLE: &str = concat!(
    "^[^",
    unprintable!(),
    r"]*[^\s",
    unprintable!(),
    "][^",
    unprintable!(),
    r"]*[^\s",
    unprintable!(),
    "][^",
    unprintable!(),
    "]*$"
);
/// Lines with something to see in them.
const LINES: &str = concat!(
    "^([^",
    unprintable_in_lines!(),
    r"]|\r\n)*[^\s",
    unprintable_in_lines!(),
    "]([^",
    unprintable_in_lines!(),
    r"]|\r\n)*$"
);

impl TextSchema {
    /// A text as [`kernel::checked_text`] takes it: a line of `min..=max` characters.
    #[must_use]
    pub const fn line(min: usize, max: usize, example: &'static str) -> Self {
        Self {
            min_length: Some(min),
            max_length: Some(max),
            pattern: Some(if min > 1 { TWO_VISIBLE } else { ONE_VISIBLE }),
            format: None,
            description: None,
            example,
        }
    }

    /// A text as [`kernel::checked_lines`] takes it: lines of 1 to `max` characters together.
    #[must_use]
    pub const fn lines(max: usize, example: &'static str) -> Self {
        Self {
            pattern: Some(LINES),
            ..Self::line(1, max, example)
        }
    }

    /// A duration as [`kernel::parse_duration`] takes it, with words about its bounds.
    #[must_use]
    pub const fn duration(description: &'static str, example: &'static str) -> Self {
        Self {
            min_length: None,
            max_length: None,
            pattern: Some("^[0-9]{1,10}(ms|s|m|h|d)$"),
            format: None,
            description: Some(description),
            example,
        }
    }

    /// The schema.
    #[must_use]
    pub fn build(self) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .min_length(self.min_length)
            .max_length(self.max_length)
            .pattern(self.pattern)
            .format(self.format.map(|format| SchemaFormat::Custom(format.to_owned())))
            .description(self.description)
            .examples((!self.example.is_empty()).then_some(self.example))
            .into()
    }
}

/// Teaches a domain type that clients write as a text to be a field of an input and a query parameter.
///
/// ```
/// # use kernel::{checked_text, RuleViolation};
/// #[derive(Clone, Debug)]
/// pub struct CustomerName(String);
///
/// impl CustomerName {
///     pub fn new(raw: &str) -> Result<Self, RuleViolation> {
///         checked_text("name", raw, 2, 120).map(Self)
///     }
/// }
///
/// http::text_value! {
///     CustomerName, CustomerName::new,
///     http::TextSchema::line(2, 120, "Padaria Central")
/// }
/// ```
#[macro_export]
macro_rules! text_value {
    ($type:ty, $parse:expr, $schema:expr) => {
        impl $crate::__private::deserr::Deserr<$crate::Problems> for $type {
            fn deserialize_from_value<V: $crate::__private::deserr::IntoValue>(
                value: $crate::__private::deserr::Value<V>,
                location: $crate::__private::deserr::ValuePointerRef<'_>,
            ) -> ::core::result::Result<Self, $crate::Problems> {
                $crate::__private::read_text(value, location, $parse)
            }
        }

        impl $crate::QueryValue for $type {
            fn read(text: &str) -> ::core::result::Result<Self, $crate::__private::Rule> {
                let parse: fn(&str) -> ::core::result::Result<Self, $crate::__private::RuleViolation> = $parse;
                parse(text).map_err(|violation| violation.rule)
            }

            fn schema() -> $crate::__private::RefOr<$crate::__private::Schema> {
                $schema.build()
            }
        }

        impl $crate::__private::utoipa::PartialSchema for $type {
            fn schema() -> $crate::__private::RefOr<$crate::__private::Schema> {
                $schema.build()
            }
        }

        impl $crate::__private::utoipa::ToSchema for $type {}
    };
}

/// Declares what the documentation says of a text that a context reads by another's rules: a field of type `String` has it as its
/// `#[schema(value_type = ...)]`.
///
/// ```
/// http::text_schema! {
///     /// What the customer is called.
///     CustomerName, http::TextSchema::line(2, 120, "Padaria Central")
/// }
///
/// http::input! {
///     /// What it takes to make an order.
///     pub struct CreateOrder {
///         /// Who orders.
///         #[schema(value_type = CustomerName)]
///         customer: String,
///     }
/// }
/// ```
#[macro_export]
macro_rules! text_schema {
    ($(#[$meta:meta])* $name:ident, $schema:expr) => {
        $(#[$meta])*
        struct $name;

        impl $crate::__private::utoipa::PartialSchema for $name {
            fn schema() -> $crate::__private::RefOr<$crate::__private::Schema> {
                $schema.build()
            }
        }

        impl $crate::__private::utoipa::ToSchema for $name {}
    };
}

/// Declares a closed set of texts, usable in inputs, views and query parameters.
///
/// ```
/// http::choice! {
///     /// How fine a report is.
///     pub enum Granularity { Hour = "hour", Day = "day", Month = "month" }
/// }
/// assert_eq!(Granularity::Day.as_str(), "day");
/// ```
#[macro_export]
macro_rules! choice {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        $vis enum $name { $(#[doc = ::core::concat!("`", $text, "`.")] $variant,)+ }

        impl $name {
            /// The text in the API.
            #[must_use]
            $vis const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)+ }
            }

            fn parse(text: &str) -> ::core::result::Result<Self, $crate::__private::RuleViolation> {
                match text {
                    $($text => ::core::result::Result::Ok(Self::$variant),)+
                    _ => ::core::result::Result::Err($crate::__private::RuleViolation::new(
                        "",
                        $crate::__private::Rule::NotAllowed {
                            allowed: ::std::vec![$(::std::string::String::from($text)),+],
                        },
                    )),
                }
            }
        }

        impl $crate::__private::serde::Serialize for $name {
            fn serialize<S: $crate::__private::serde::Serializer>(
                &self,
                serializer: S,
            ) -> ::core::result::Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        $crate::text_value!($name, $name::parse, $crate::__private::ChoiceSchema(&[$($text),+]));
    };
}

/// The schema of a closed set.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ChoiceSchema(pub &'static [&'static str]);

impl ChoiceSchema {
    /// The schema.
    #[must_use]
    pub fn build(self) -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(self.0.iter().copied()))
            .into()
    }
}

/// An id as a field of an input or a query parameter: a UUID in its hyphenated form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdText<I>(pub I);

impl<I: Id> Deserr<Problems> for IdText<I> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        read_text(value, location, |text| {
            text.parse()
                .map(Self)
                .map_err(|_| RuleViolation::new("", Rule::InvalidFormat { expected: UUID_EXAMPLE }))
        })
    }
}

impl<I> PartialSchema for IdText<I> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uuid".to_owned())))
            .examples([UUID_EXAMPLE])
            .into()
    }
}

impl<I> ToSchema for IdText<I> {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Id")
    }
}

/// An instant as a field of an input, with whatever offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeText(pub Timestamp);

impl Deserr<Problems> for TimeText {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        read_text(value, location, |text| {
            text.parse()
                .map(Self)
                .map_err(|_| RuleViolation::new("", Rule::InvalidFormat { expected: TIME_EXAMPLE }))
        })
    }
}

impl PartialSchema for TimeText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .examples([TIME_EXAMPLE])
            .into()
    }
}

impl ToSchema for TimeText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Instant")
    }
}

/// A secret as a field of an input, such as a password: its length is bounded, and it cannot be printed.
#[derive(Clone, Debug)]
pub struct SecretText(pub SecretString);

impl Deserr<Problems> for SecretText {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        /// Longer than any password or token, short enough to be hashed.
        const MAX: usize = 4_096;
        read_text(value, location, |text| {
            if text.len() > MAX {
                Err(RuleViolation::new("", Rule::TooLong { max: MAX }))
            } else {
                Ok(Self(SecretString::from(text)))
            }
        })
    }
}

impl PartialSchema for SecretText {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .write_only(true)
            .into()
    }
}

impl ToSchema for SecretText {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Secret")
    }
}

/// A whole number within bounds that the documentation states and a refusal names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Int<const MIN: i64, const MAX: i64>(i64);

impl<const MIN: i64, const MAX: i64> Int<MIN, MAX> {
    /// The number `N`, checked while compiling: for defaults.
    ///
    /// ```compile_fail,E0080
    /// let instalments: http::Int<1, 48> = http::Int::of::<0>();
    /// ```
    #[must_use]
    pub const fn of<const N: i64>() -> Self {
        const { assert!(MIN <= N && N <= MAX, "the default is outside the bounds") }
        Self(N)
    }

    /// The number, if it is within the bounds.
    #[must_use]
    pub fn new(number: i64) -> Option<Self> {
        (MIN..=MAX).contains(&number).then_some(Self(number))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl<const MIN: i64, const MAX: i64> Deserr<Problems> for Int<MIN, MAX> {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let number = match value {
            Value::Integer(number) => i64::try_from(number).ok(),
            Value::NegativeInteger(number) => Some(number),
            actual => return Err(Problems::wrong_kind(actual, &[ValueKind::Integer], location)),
        };
        number.and_then(Self::new).ok_or_else(|| {
            let violation = RuleViolation::new("", Rule::OutOfRange { min: MIN, max: MAX });
            deserr::take_cf_content(<Problems as deserr::MergeWithError<RuleViolation>>::merge(
                None, violation, location,
            ))
        })
    }
}

impl<const MIN: i64, const MAX: i64> PartialSchema for Int<MIN, MAX> {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(MIN))
            .maximum(Some(MAX))
            .into()
    }
}

impl<const MIN: i64, const MAX: i64> ToSchema for Int<MIN, MAX> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("Integer{MIN}To{MAX}").replace('-', "Minus"))
    }
}
