//! Query parameters: declared, typed, and everything else refused.
//!
//! There are three shapes. [`ListQuery`] is a list: `page` and `limit`, or `cursor`, a `sort` from an allowlist, and
//! filters. [`StreamQuery`] is a time-ordered stream: `cursor`, `limit` and filters. [`Query`] is filters alone. Filters are
//! declared with [`filters!`](crate::filters), orders with [`sort_keys!`](crate::sort_keys):
//!
//! ```
//! http::filters! {
//!     /// What `GET /invoices` can be narrowed by.
//!     pub struct InvoiceFilter {
//!         /// Only paid invoices, or only unpaid ones.
//!         is_paid: bool = "isPaid",
//!         /// A text in the number or the customer's name.
//!         q: http::Search = "q",
//!     }
//! }
//!
//! http::sort_keys! {
//!     /// What `GET /invoices` can be ordered by.
//!     pub enum InvoiceSort: descending CreatedAt {
//!         Number = "number" (Text),
//!         CreatedAt = "createdAt" (Time),
//!     }
//! }
//!
//! type Invoices = http::ListQuery<InvoiceFilter, InvoiceSort>;
//! ```
//!
//! All problems of a query are reported at once. When unknown parameters are the only problem, the code is
//! `VALIDATION_UNKNOWN_FIELD`.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use db::list::{Listed, Start};
use kernel::cursor::{Cursor, CursorKey, CursorPage, CursorRequest};
use kernel::{Direction, Id, PageRequest, Rule, RuleViolation, Sort, Timestamp, checked_text};
use serde::Serialize;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ArrayBuilder, KnownFormat, ObjectBuilder, SchemaFormat, Type};
use utoipa::openapi::{RefOr, Required, Schema};
use uuid::Uuid;

use crate::answer::Answer;
use crate::error::ApiError;
use crate::input::{IdText, TextSchema};
use crate::problems::MAX_PROBLEMS;
use crate::request::RequestContext;

/// The most values of one parameter.
const MAX_VALUES: usize = 100;
/// No parameter name is repeated in an answer beyond this many characters.
const NAME_LENGTH: usize = 64;

/// The names in a query that takes no parameters, to say which are unknown.
pub(crate) fn names(query: &str) -> impl Iterator<Item = String> {
    form_urlencoded::parse(query.as_bytes()).map(|(name, _)| name.chars().take(NAME_LENGTH).collect())
}

/// A query as it is read: what has not been taken in the end is unknown.
#[derive(Debug)]
pub struct RawQuery {
    pairs: Vec<(String, String)>,
    problems: Vec<RuleViolation>,
}

impl RawQuery {
    fn parse(query: &str) -> Self {
        let pairs =
            form_urlencoded::parse(query.as_bytes()).map(|(name, value)| (name.into_owned(), value.into_owned()));
        Self {
            pairs: pairs.collect(),
            problems: Vec::new(),
        }
    }

    /// The text of a parameter. An empty one is as good as absent; a repeated one is a problem.
    fn text(&mut self, name: &'static str) -> Option<String> {
        let (mine, others) = std::mem::take(&mut self.pairs)
            .into_iter()
            .partition(|(known, _)| known == name);
        self.pairs = others;
        let mut values = Vec::<(String, String)>::into_iter(mine).map(|(_, value)| value);
        let first = values.next().filter(|value| !value.is_empty());
        if values.next().is_some() {
            self.problems.push(RuleViolation::new(name, Rule::DuplicateField));
            return None;
        }
        let first = first?;
        // The decoder puts U+FFFD for bytes that are not UTF-8; nobody searches for that character.
        if first
            .chars()
            .any(|character| character.is_control() || character == char::REPLACEMENT_CHARACTER)
        {
            self.problems.push(RuleViolation::new(name, Rule::ControlCharacter));
            return None;
        }
        Some(first)
    }

    /// The value of a parameter, if it is there and can be read; what is wrong with it is remembered.
    pub fn take<T: QueryValue>(&mut self, name: &'static str) -> Option<T> {
        if T::IS_LIST {
            self.join(name);
        }
        let text = self.text(name)?;
        T::read(&text)
            .map_err(|rule| self.problems.push(RuleViolation::new(name, rule)))
            .ok()
    }

    /// Makes of a parameter that is given several times one whose values are separated by commas: clients write lists in both ways.
    fn join(&mut self, name: &str) {
        let mut joined: Option<String> = None;
        self.pairs.retain_mut(|(known, value)| {
            if known != name {
                return true;
            }
            match &mut joined {
                Some(joined) => {
                    joined.push(',');
                    joined.push_str(value);
                }
                None => joined = Some(std::mem::take(value)),
            }
            false
        });
        self.pairs.extend(joined.map(|values| (name.to_owned(), values)));
    }

    /// The value, or nothing and its problems remembered.
    fn checked<T>(&mut self, outcome: Result<T, Vec<RuleViolation>>) -> Option<T> {
        outcome.map_err(|violations| self.problems.extend(violations)).ok()
    }

    /// Ends reading.
    fn finish(mut self) -> Result<(), ApiError> {
        let unknown = self.pairs.into_iter().take(MAX_PROBLEMS).map(|(name, _)| {
            RuleViolation::new(name.chars().take(NAME_LENGTH).collect::<String>(), Rule::UnknownField)
        });
        self.problems.extend(unknown);
        if self.problems.is_empty() {
            Ok(())
        } else {
            Err(ApiError::violations(self.problems))
        }
    }
}

/// A type that can be the value of a query parameter.
pub trait QueryValue: Sized {
    /// Whether it is a list, so that its parameter can be given several times.
    const IS_LIST: bool = false;

    /// Reads the value; the text is never empty.
    ///
    /// # Errors
    /// The rule it breaks.
    fn read(text: &str) -> Result<Self, Rule>;

    /// What the documentation says of it.
    fn schema() -> RefOr<Schema>;
}

impl QueryValue for bool {
    fn read(text: &str) -> Result<Self, Rule> {
        text.parse().map_err(|_| Rule::InvalidType { expected: "boolean" })
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new().schema_type(Type::Boolean).into()
    }
}

impl QueryValue for i64 {
    fn read(text: &str) -> Result<Self, Rule> {
        text.parse().map_err(|_| Rule::InvalidType { expected: "integer" })
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::Integer)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .into()
    }
}

/// A short text, compared as it is.
impl QueryValue for String {
    fn read(text: &str) -> Result<Self, Rule> {
        checked_text("", text, 1, 255).map_err(|violation| violation.rule)
    }

    fn schema() -> RefOr<Schema> {
        TextSchema::line(1, 255, "").build()
    }
}

impl QueryValue for Timestamp {
    fn read(text: &str) -> Result<Self, Rule> {
        // A plus sign that nobody escaped arrives as a space.
        text.replace(' ', "+").parse().map_err(|_| Rule::InvalidFormat {
            expected: "2026-11-21T12:30:00Z",
        })
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
            .into()
    }
}

impl<I: Id> QueryValue for IdText<I> {
    fn read(text: &str) -> Result<Self, Rule> {
        text.parse().map(Self).map_err(|_| Rule::InvalidFormat {
            expected: crate::input::UUID_EXAMPLE,
        })
    }

    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .format(Some(SchemaFormat::Custom("uuid".to_owned())))
            .into()
    }
}

/// Several values, separated by commas or each in a parameter of its own.
impl<T: QueryValue> QueryValue for Vec<T> {
    const IS_LIST: bool = true;

    fn read(text: &str) -> Result<Self, Rule> {
        if text.split(',').nth(MAX_VALUES).is_some() {
            return Err(Rule::TooManyItems { max: MAX_VALUES });
        }
        text.split(',').filter(|item| !item.is_empty()).map(T::read).collect()
    }

    fn schema() -> RefOr<Schema> {
        ArrayBuilder::new()
            .items(T::schema())
            .min_items(Some(1))
            .max_items(Some(MAX_VALUES))
            .into()
    }
}

/// What somebody searches for: matched without case and accents against companion columns
/// (see [`kernel::fold()`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    text: String,
}

impl Search {
    /// The text as it was typed.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl QueryValue for Search {
    fn read(text: &str) -> Result<Self, Rule> {
        let text = checked_text("", text, 1, 100).map_err(|violation| violation.rule)?;
        // Of marks alone nothing is left to look for, and nothing is in everything.
        if kernel::fold(&text).is_empty() {
            return Err(Rule::TooShort { min: 1 });
        }
        Ok(Self { text })
    }

    fn schema() -> RefOr<Schema> {
        TextSchema::line(1, 100, "").build()
    }
}

/// The filters of a list, declared with [`filters!`](crate::filters); `()` has none.
pub trait Filters: Sized + Send {
    /// What the documentation says of them.
    fn parameters() -> Vec<Parameter>;

    /// Takes them from a query.
    fn read(query: &mut RawQuery) -> Self;
}

impl Filters for () {
    fn parameters() -> Vec<Parameter> {
        Vec::new()
    }

    fn read(_: &mut RawQuery) -> Self {}
}

/// Declares the filters of a list: a struct of optional values, each read from one query parameter.
///
/// See [the module](crate::query) for an example. The documentation of a field is the documentation of its parameter. Where the
/// parameter is followed by `(required)`, the documentation says so too; that it is there is for the handler to see, together with
/// what else it has to say of the query.
#[macro_export]
macro_rules! filters {
    ($(#[$meta:meta])* $vis:vis struct $name:ident {
        $($(#[doc = $doc:literal])+ $field:ident: $type:ty = $parameter:literal $(($required:ident))?),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $($(#[doc = $doc])+ $vis $field: ::core::option::Option<$type>,)+
        }

        impl $crate::Filters for $name {
            fn parameters() -> ::std::vec::Vec<$crate::__private::Parameter> {
                ::std::vec![$({
                    let parameter = $crate::__private::parameter::<$type>($parameter, ::core::concat!($($doc, "\n"),+));
                    $(let parameter = $crate::__private::$required(parameter);)?
                    parameter
                }),+]
            }

            fn read(query: &mut $crate::RawQuery) -> Self {
                Self { $($field: query.take::<$type>($parameter),)+ }
            }
        }
    };
}

/// The documentation of one optional parameter.
#[must_use]
pub fn parameter<T: QueryValue>(name: &str, description: &str) -> Parameter {
    describe(name, description, T::schema())
}

/// The same parameter, where a query without it is refused.
#[must_use]
pub fn required(parameter: Parameter) -> Parameter {
    let mut parameter = parameter;
    parameter.required = Required::True;
    parameter
}

fn describe(name: &str, description: &str, schema: RefOr<Schema>) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Query)
        .required(Required::False)
        .description(Some(description.trim()))
        .schema(Some(schema))
        .build()
}

/// What kind of value a list is ordered by, so that a forged cursor cannot compare a name with a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// A text.
    Text,
    /// A whole number.
    Integer,
    /// An instant.
    Time,
}

/// What a list can be ordered by, declared with [`sort_keys!`](crate::sort_keys).
pub trait SortKey: Copy + PartialEq + Send + Sync + 'static {
    /// Every key with its name in `?sort=`.
    const ALLOWED: &'static [(&'static str, Self)];
    /// The order nobody asked for.
    const DEFAULT: Sort<Self>;

    /// What kind of value it orders by.
    fn kind(self) -> KeyKind;
}

/// Declares what a list can be ordered by, and its order when nobody asks for one.
///
/// See [the module](crate::query) for an example.
#[macro_export]
macro_rules! sort_keys {
    ($(#[$meta:meta])* $vis:vis enum $name:ident: $direction:ident $default:ident {
        $($(#[$variant_meta:meta])* $variant:ident = $text:literal ($kind:ident)),+ $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $(#[doc = ::core::concat!("By `", $text, "`.")] $(#[$variant_meta])* $variant,)+
        }

        impl $crate::SortKey for $name {
            const ALLOWED: &'static [(&'static str, Self)] = &[$(($text, Self::$variant)),+];
            const DEFAULT: $crate::__private::Sort<Self> = $crate::__private::Sort::$direction(Self::$default);

            fn kind(self) -> $crate::KeyKind {
                match self { $(Self::$variant => $crate::KeyKind::$kind,)+ }
            }
        }
    };
}

/// The value of a sort key, where a list goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaceKey {
    /// A text, as it is compared (folded where the order ignores case).
    Text(String),
    /// A number.
    Integer(i64),
    /// An instant.
    Time(Timestamp),
}

/// A place in an ordered list: the value the order goes by, and the id that settles ties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    key: PlaceKey,
    id: Uuid,
}

impl Place {
    /// A place in a list ordered by a text.
    pub fn text(key: impl Into<String>, id: impl Into<Uuid>) -> Self {
        Self {
            key: PlaceKey::Text(key.into()),
            id: id.into(),
        }
    }

    /// A place in a list ordered by a number.
    pub fn integer(key: i64, id: impl Into<Uuid>) -> Self {
        Self {
            key: PlaceKey::Integer(key),
            id: id.into(),
        }
    }

    /// A place in a list ordered by time.
    pub fn time(key: Timestamp, id: impl Into<Uuid>) -> Self {
        Self {
            key: PlaceKey::Time(key),
            id: id.into(),
        }
    }

    /// The value of the key.
    #[must_use]
    pub fn key(&self) -> &PlaceKey {
        &self.key
    }

    /// The id of the object.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    fn cursor(self) -> Cursor {
        let key = match self.key {
            PlaceKey::Text(text) => CursorKey::Text(text),
            PlaceKey::Integer(number) => CursorKey::Integer(number),
            PlaceKey::Time(instant) => CursorKey::Time(instant),
        };
        Cursor::new(vec![key, CursorKey::Id(self.id)])
    }

    /// Anyone can write a cursor, so the type of its key is checked too: the database would refuse another one with an error.
    fn from_cursor(cursor: &Cursor, kind: KeyKind) -> Option<Self> {
        let [key, CursorKey::Id(id)] = cursor.keys() else {
            return None;
        };
        let key = match (kind, key) {
            (KeyKind::Text, CursorKey::Text(text)) => PlaceKey::Text(text.clone()),
            (KeyKind::Integer, CursorKey::Integer(number)) => PlaceKey::Integer(*number),
            (KeyKind::Time, CursorKey::Time(instant)) => PlaceKey::Time(*instant),
            _ => return None,
        };
        Some(Self { key, id: *id })
    }
}

/// The query of a list.
#[derive(Clone, Debug)]
pub struct ListQuery<F, K> {
    /// What to narrow it by.
    pub filter: F,
    /// What to order it by; ties go by id, in the same direction.
    pub sort: Sort<K>,
    /// Which page; the first, where the list goes on after a place.
    pub page: PageRequest,
    /// Where the list goes on, by a cursor.
    pub after: Option<Place>,
    name: String,
}

/// The query of a time-ordered stream, newest first.
#[derive(Clone, Debug)]
pub struct StreamQuery<F> {
    /// What to narrow it by.
    pub filter: F,
    /// Which part of it; a cursor's keys are the instant and the id of the last one handed out.
    pub part: CursorRequest,
    name: String,
}

/// The query of something that is no list.
#[derive(Clone, Debug)]
pub struct Query<F>(pub F);

/// A query that can be documented.
pub trait QueryParameters {
    /// Its parameters.
    fn parameters() -> Vec<Parameter>;
}

impl<F: Filters, K: SortKey> QueryParameters for ListQuery<F, K> {
    fn parameters() -> Vec<Parameter> {
        let orders = K::ALLOWED
            .iter()
            .flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
        let sort = ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(orders))
            .default(Some(order_text(K::DEFAULT).into()));
        // Not as a default: clients that send defaults would send it beside a cursor.
        let page = ObjectBuilder::new()
            .schema_type(Type::Integer)
            .minimum(Some(1))
            .maximum(Some(PageRequest::MAX_DEPTH));
        let mut parameters = vec![
            describe(
                "page",
                "Number of the page, from 1, the first one when nothing is said; `page * limit` is at most 1,000,000.",
                page.into(),
            ),
            limit_parameter(),
            cursor_parameter("Instead of `page`: goes on where a previous answer's `meta.nextCursor` says."),
            describe(
                "sort",
                "What to order by; a minus sign reverses it. Ties go by id.",
                sort.into(),
            ),
        ];
        parameters.extend(F::parameters());
        parameters
    }
}

impl<F: Filters> QueryParameters for StreamQuery<F> {
    fn parameters() -> Vec<Parameter> {
        let mut parameters = vec![
            limit_parameter(),
            cursor_parameter("Goes on where a previous answer's `meta.nextCursor` says."),
        ];
        parameters.extend(F::parameters());
        parameters
    }
}

impl<F: Filters> QueryParameters for Query<F> {
    fn parameters() -> Vec<Parameter> {
        F::parameters()
    }
}

fn limit_parameter() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1))
        .maximum(Some(PageRequest::MAX_LIMIT))
        .default(Some(PageRequest::DEFAULT_LIMIT.into()));
    describe("limit", "The most objects to answer.", schema.into())
}

fn cursor_parameter(description: &str) -> Parameter {
    describe(
        "cursor",
        description,
        ObjectBuilder::new().schema_type(Type::String).into(),
    )
}

fn order_text<K: SortKey>(sort: Sort<K>) -> String {
    let name = K::ALLOWED
        .iter()
        .find(|(_, key)| *key == sort.key)
        .map_or("", |(name, _)| *name);
    match sort.direction {
        Direction::Ascending => name.to_owned(),
        Direction::Descending => format!("-{name}"),
    }
}

/// What a cursor belongs to: the route and the order. With another order it would point anywhere.
fn list_name(parts: &Parts, order: &str) -> String {
    let route = parts.extensions.get::<RequestContext>().and_then(RequestContext::route);
    format!("{}?sort={order}", route.map_or("", |route| route.template()))
}

impl<S, F, K> FromRequestParts<S> for ListQuery<F, K>
where
    S: Sync,
    F: Filters,
    K: SortKey,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut raw = RawQuery::parse(parts.uri.query().unwrap_or_default());
        let filter = F::read(&mut raw);
        let sort = raw.text("sort").map(|text| Sort::parse(&text, K::ALLOWED));
        let sort = raw
            .checked(sort.transpose().map_err(|violation| vec![violation]))
            .flatten()
            .unwrap_or(K::DEFAULT);
        let (page, limit, cursor) = (raw.text("page"), raw.text("limit"), raw.text("cursor"));
        let request = raw
            .checked(PageRequest::parse(page.as_deref(), limit.as_deref()))
            .unwrap_or_default();
        let name = list_name(parts, &order_text(sort));
        let after = cursor.and_then(|cursor| {
            // A page counts from the beginning, a cursor from a place: together they say nothing.
            if page.is_some() {
                raw.problems.push(RuleViolation::new("page", Rule::Invalid));
            }
            let place = Cursor::decode(&cursor, &name).ok();
            let place = place.and_then(|cursor| Place::from_cursor(&cursor, sort.key.kind()));
            if place.is_none() {
                raw.problems.push(RuleViolation::new("cursor", Rule::InvalidCursor));
            }
            place
        });
        raw.finish()?;
        Ok(Self {
            filter,
            sort,
            page: request,
            after,
            name,
        })
    }
}

impl<S, F> FromRequestParts<S> for StreamQuery<F>
where
    S: Sync,
    F: Filters,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut raw = RawQuery::parse(parts.uri.query().unwrap_or_default());
        let filter = F::read(&mut raw);
        let name = list_name(parts, "");
        let (cursor, limit) = (raw.text("cursor"), raw.text("limit"));
        let part = CursorRequest::parse(cursor.as_deref(), limit.as_deref(), &name);
        let part = raw.checked(part).unwrap_or_default();
        if part
            .cursor()
            .is_some_and(|cursor| Place::from_cursor(cursor, KeyKind::Time).is_none())
        {
            raw.problems.push(RuleViolation::new("cursor", Rule::InvalidCursor));
        }
        raw.finish()?;
        Ok(Self { filter, part, name })
    }
}

impl<S, F> FromRequestParts<S> for Query<F>
where
    S: Sync,
    F: Filters,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let mut raw = RawQuery::parse(parts.uri.query().unwrap_or_default());
        let filter = F::read(&mut raw);
        raw.finish()?;
        Ok(Self(filter))
    }
}

/// The `meta` of a page.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageMeta {
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<u32>,
    limit: u32,
    total: u64,
    next_cursor: Option<String>,
}

/// The `meta` of a stretch of a stream.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StreamMeta {
    next_cursor: Option<String>,
}

impl<F, K: SortKey> ListQuery<F, K> {
    /// Where the database begins to read.
    #[must_use]
    pub fn start(&self) -> Start<'_> {
        match &self.after {
            None => Start::Offset,
            Some(Place { key, id }) => {
                let value = match key {
                    PlaceKey::Text(text) => text.as_str().into(),
                    PlaceKey::Integer(number) => (*number).into(),
                    PlaceKey::Time(instant) => (*instant).into(),
                };
                Start::After(value, *id)
            }
        }
    }

    /// The answer to this query, from what clients see; `place` says where an object stands in the order that was asked for.
    ///
    /// # Errors
    /// `INTERNAL` when a view cannot be rendered.
    pub fn answer<V: Serialize>(
        &self,
        listed: &Listed<V>,
        place: impl FnOnce(&V, K) -> Place,
    ) -> Result<Answer, ApiError> {
        let last = listed.items.last().filter(|_| listed.has_more);
        let meta = PageMeta {
            page: self.after.is_none().then(|| self.page.page()),
            limit: self.page.limit(),
            total: listed.total,
            next_cursor: last.map(|last| place(last, self.sort.key).cursor().encode(&self.name)),
        };
        Answer::list(&listed.items, &meta)
    }
}

impl<F> StreamQuery<F> {
    /// The answer to this query, from what clients see. The keys of the part's cursor are the instant and the id of its last
    /// object.
    ///
    /// # Errors
    /// `INTERNAL` when a view cannot be rendered.
    pub fn answer<V: Serialize>(&self, part: &CursorPage<V>) -> Result<Answer, ApiError> {
        let meta = StreamMeta {
            next_cursor: part.next.as_ref().map(|cursor| cursor.encode(&self.name)),
        };
        Answer::list(&part.items, &meta)
    }
}
