//! A JSON body as a tree that remembers what ordinary trees forget: fields given twice.
//!
//! Reading goes in two steps, because problems are of two kinds. What is not JSON at all is one problem, and nothing more
//! can be said. What is JSON but not what the route takes has as many problems as it has, and all are told at once: that
//! needs the whole tree before the first field is judged.

use std::collections::HashSet;
use std::fmt;

use deserr::{IntoValue, Map, Value, ValueKind};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value as it was written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(String),
    Array(Vec<Json>),
    Object(Fields),
}

/// The fields of an object in the order they were written, those given twice included.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Fields(pub(crate) Vec<(String, Json)>);

impl Json {
    /// Reads a body: exactly one JSON value in UTF-8, at most 127 levels deep.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Tree;

        impl<'de> Visitor<'de> for Tree {
            type Value = Json;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a JSON value")
            }

            fn visit_unit<E: Error>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Json, E> {
                Ok(Json::Bool(value))
            }

            fn visit_u64<E: Error>(self, value: u64) -> Result<Json, E> {
                Ok(Json::Unsigned(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
                Ok(integer(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
                Ok(whole(value).map_or(Json::Float(value), integer))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Json, E> {
                Ok(Json::Text(value.to_owned()))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<Json, E> {
                Ok(Json::Text(value))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = sequence.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Json::Object(Fields(fields)))
            }
        }

        deserializer.deserialize_any(Tree)
    }
}

fn integer(value: i64) -> Json {
    u64::try_from(value).map_or(Json::Negative(value), Json::Unsigned)
}

/// The whole number that a float stands for, where it stands for exactly one: to JSON Schema, and to JavaScript, `100.0` and `1e3` are
/// integers.
fn whole(value: f64) -> Option<i64> {
    // The greatest up to which every whole number has a float of its own; serde_json reads just that one, with `float_roundtrip`.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (value.fract() == 0.0 && value.abs() <= EXACT).then_some(value as i64)
}

/// A step into a value, for the path of a problem.
#[derive(Clone, Copy)]
pub(crate) enum Step<'a> {
    Field(&'a str),
    Item(usize),
}

/// What is wrong with a tree whatever the route takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// A field given more than once in one object.
    Duplicate,
    /// A NUL in a text or in a field's name: no database text can hold one.
    Nul,
}

/// Finds the flaws of a tree, each with its path.
pub(crate) fn flaws(json: &Json, found: &mut impl FnMut(&[Step<'_>], Flaw)) {
    fn walk<'a>(json: &'a Json, path: &mut Vec<Step<'a>>, found: &mut impl FnMut(&[Step<'_>], Flaw)) {
        match json {
            Json::Text(text) if text.contains('\0') => found(path, Flaw::Nul),
            Json::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    path.push(Step::Item(index));
                    walk(item, path, found);
                    path.pop();
                }
            }
            Json::Object(Fields(fields)) => {
                // A set seeded at random: an attacker cannot make its names collide.
                let mut seen = HashSet::with_capacity(fields.len());
                for (name, value) in fields {
                    path.push(Step::Field(name));
                    if !seen.insert(name) {
                        found(path, Flaw::Duplicate);
                    }
                    if name.contains('\0') {
                        found(path, Flaw::Nul);
                    }
                    walk(value, path, found);
                    path.pop();
                }
            }
            _ => {}
        }
    }
    walk(json, &mut Vec::new(), found);
}

impl IntoValue for Json {
    type Sequence = Vec<Json>;
    type Map = Fields;

    fn kind(&self) -> ValueKind {
        match self {
            Self::Null => ValueKind::Null,
            Self::Bool(_) => ValueKind::Boolean,
            Self::Unsigned(_) => ValueKind::Integer,
            Self::Negative(_) => ValueKind::NegativeInteger,
            Self::Float(_) => ValueKind::Float,
            Self::Text(_) => ValueKind::String,
            Self::Array(_) => ValueKind::Sequence,
            Self::Object(_) => ValueKind::Map,
        }
    }

    fn into_value(self) -> Value<Self> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Boolean(value),
            Self::Unsigned(value) => Value::Integer(value),
            Self::Negative(value) => Value::NegativeInteger(value),
            Self::Float(value) => Value::Float(value),
            Self::Text(value) => Value::String(value),
            Self::Array(items) => Value::Sequence(items),
            Self::Object(fields) => Value::Map(fields),
        }
    }
}

impl Map for Fields {
    type Value = Json;
    type Iter = std::vec::IntoIter<(String, Json)>;

    fn len(&self) -> usize {
        self.0.len()
    }

    fn remove(&mut self, key: &str) -> Option<Json> {
        let position = self.0.iter().position(|(name, _)| name == key)?;
        Some(self.0.remove(position).1)
    }

    fn into_iter(self) -> Self::Iter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Flaw)> {
        let mut all = Vec::new();
        flaws(&Json::parse(text.as_bytes()).unwrap(), &mut |path, flaw| {
            let path: Vec<String> = path
                .iter()
                .map(|step| match step {
                    Step::Field(name) => name.escape_debug().to_string(),
                    Step::Item(index) => index.to_string(),
                })
                .collect();
            all.push((path.join("/"), flaw));
        });
        all
    }

    #[test]
    fn duplicates_are_found_at_every_depth() {
        assert_eq!(
            found(r#"{"a":1,"b":[{"c":1,"c":2}],"a":3}"#),
            [("b/0/c".into(), Flaw::Duplicate), ("a".into(), Flaw::Duplicate)]
        );
    }

    #[test]
    fn the_same_name_in_two_objects_is_no_duplicate() {
        assert_eq!(found(r#"{"a":{"x":1},"b":{"x":1}}"#), []);
    }

    #[test]
    fn a_nul_is_found_in_texts_and_in_names() {
        assert_eq!(
            found(r#"{"a":["x","y\u0000"],"n\u0000":1}"#),
            [("a/1".into(), Flaw::Nul), ("n\\0".into(), Flaw::Nul)]
        );
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, number) in [
            ("1.0", Json::Unsigned(1)),
            ("1e3", Json::Unsigned(1_000)),
            ("-217.0", Json::Negative(-217)),
            ("-0.0", Json::Unsigned(0)),
            ("9007199254740991.0", Json::Unsigned(9_007_199_254_740_991)),
            ("1.5", Json::Float(1.5)),
            ("-1e-3", Json::Float(-0.001)),
            ("1e19", Json::Float(1e19)),
        ] {
            assert_eq!(Json::parse(text.as_bytes()).unwrap(), number, "{text}");
        }
    }

    #[test]
    fn what_is_not_one_json_value_in_utf_8_is_refused() {
        for bytes in [
            &b""[..],
            b"{",
            b"{} {}",
            b"nul",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"1e999",
            b"\xef\xbb\xbf{}",
            b"{'a':1}",
        ] {
            assert!(Json::parse(bytes).is_err(), "{bytes:?}");
        }
        let deep = "[".repeat(5_000) + &"]".repeat(5_000);
        assert!(Json::parse(deep.as_bytes()).is_err());
    }
}
