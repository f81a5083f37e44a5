//! JSON as it was written: fields given twice are kept, so that they can be refused.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

/// The greatest number that every JSON implementation, JavaScript's too, writes without losing digits, as a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Json {
    Null,
    Bool(bool),
    Integer(i64),
    /// A number that is no whole number of 64 bits.
    OtherNumber,
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
    /// Deeper than anyone looks.
    TooDeep,
}

impl Json {
    /// Copies a parsed value, `levels` objects and lists deep.
    pub(super) fn of(value: &Value, levels: usize) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => number
                .as_i64()
                .or_else(|| number.as_f64().and_then(whole))
                .map_or(Self::OtherNumber, Self::Integer),
            Value::String(text) => Self::Text(text.clone()),
            Value::Array(_) | Value::Object(_) if levels == 0 => Self::TooDeep,
            Value::Array(items) => Self::List(items.iter().map(|item| Self::of(item, levels - 1)).collect()),
            Value::Object(fields) => Self::Object(
                fields
                    .iter()
                    .map(|(name, value)| (name.clone(), Self::of(value, levels - 1)))
                    .collect(),
            ),
        }
    }
}

/// The whole number that a float stands for, where it stands for exactly one: `100.0`, `1e3`.
pub(super) fn whole(number: f64) -> Option<i64> {
    // Within 2^53 a whole float fits an integer exactly.
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// Written without spaces, fields in their order. What no condition contains becomes null.
impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null | Self::OtherNumber | Self::TooDeep => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(items) => serializer.collect_seq(items),
            Self::Object(fields) => serializer.collect_map(fields.iter().map(|(name, value)| (name, value))),
        }
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
                Ok(i64::try_from(value).map_or(Json::OtherNumber, Json::Integer))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Json, E> {
                Ok(Json::Integer(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Json, E> {
                Ok(whole(value).map_or(Json::OtherNumber, Json::Integer))
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
                Ok(Json::List(items))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Json::Object(fields))
            }
        }

        deserializer.deserialize_any(Tree)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn both_ways_of_reading_agree() {
        for text in [
            r#"{"a":[1,-2,null,true,"x",{"b":9223372036854775807}]}"#,
            "[1.0, 1e3, -0.0, 1.5, 1e300, 9223372036854775808, 18446744073709551615]",
        ] {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(Json::of(&value, 9), serde_json::from_str(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn numbers_are_whole_or_of_no_use() {
        let read = |text: &str| serde_json::from_str::<Json>(text).unwrap();
        assert_eq!(read("100.0"), Json::Integer(100));
        assert_eq!(read("1e3"), Json::Integer(1000));
        assert_eq!(read("9007199254740992.0"), Json::Integer(9_007_199_254_740_992));
        for other in ["1.5", "9007199254740994.0", "1e300", "9223372036854775808"] {
            assert_eq!(read(other), Json::OtherNumber, "{other}");
        }
    }

    #[test]
    fn a_field_given_twice_is_seen_twice() {
        let Json::Object(fields) = serde_json::from_str(r#"{"a":1,"a":2}"#).unwrap() else {
            panic!("not an object");
        };
        assert_eq!(fields.len(), 2);
    }

    #[test]
    fn what_lies_too_deep_is_not_copied() {
        assert_eq!(
            Json::of(&json!({"a": [[]]}), 2),
            Json::Object(vec![("a".to_owned(), Json::List(vec![Json::TooDeep]))])
        );
        assert_eq!(Json::of(&json!("flat"), 0), Json::Text("flat".to_owned()));
    }
}
