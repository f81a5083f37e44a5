//! What bodies about integrations are made of.

use std::collections::BTreeMap;

use deserr::{Deserr, IntoValue, Map as _, MergeWithError as _, Value, ValueKind, ValuePointerRef, take_cf_content};
use http::{Patch, Problems, SecretText, TextSchema};
use kernel::{Rule, RuleViolation};
use secrecy::SecretString;
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use crate::domain::IntegrationName;
use crate::domain::provider::{ConfigValue, Provider};

http::text_value! {
    IntegrationName, IntegrationName::new,
    TextSchema::line(IntegrationName::MIN, IntegrationName::MAX, "Mail")
}

/// The code of a provider.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProviderCode(pub(crate) &'static Provider);

impl ProviderCode {
    fn new(raw: &str) -> Result<Self, RuleViolation> {
        Provider::find(raw)
            .map(Self)
            .ok_or_else(|| RuleViolation::new("provider", Rule::UnknownCode))
    }
}

http::text_value! { ProviderCode, ProviderCode::new, TextSchema { example: "smtp", ..Default::default() } }

/// Values by the names of a provider's fields; `null` clears one.
#[derive(Debug, Clone, Default)]
pub(crate) struct ConfigMap(pub(crate) BTreeMap<String, Option<ConfigValue>>);

/// Secrets by the names of a provider's fields; `null` removes one.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretMap(pub(crate) BTreeMap<String, Option<SecretString>>);

/// A value that fits into a configuration.
struct Given(Option<ConfigValue>);

impl Deserr<Problems> for Given {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let too_large = || {
            RuleViolation::new(
                "",
                Rule::OutOfRange {
                    min: i64::MIN,
                    max: i64::MAX,
                },
            )
        };
        match value {
            Value::Null => Ok(Self(None)),
            Value::Boolean(flag) => Ok(Self(Some(ConfigValue::Flag(flag)))),
            Value::Integer(number) => i64::try_from(number)
                .map(|number| Self(Some(ConfigValue::Number(number))))
                .map_err(|_| take_cf_content(Problems::merge(None, too_large(), location))),
            Value::NegativeInteger(number) => Ok(Self(Some(ConfigValue::Number(number)))),
            Value::String(text) => Ok(Self(Some(ConfigValue::Text(text)))),
            actual => Err(Problems::wrong_kind(actual, &[ValueKind::String], location)),
        }
    }
}

/// Reads an object with whatever names, with all its problems.
fn read<T: Deserr<Problems>, V: IntoValue>(
    value: Value<V>,
    location: ValuePointerRef<'_>,
) -> Result<BTreeMap<String, T>, Problems> {
    let fields = match value {
        Value::Map(fields) => fields,
        actual => return Err(Problems::wrong_kind(actual, &[ValueKind::Map], location)),
    };
    let mut read = BTreeMap::new();
    let mut problems: Option<Problems> = None;
    for (name, value) in fields.into_iter() {
        match T::deserialize_from_value(value.into_value(), location.push_key(&name)) {
            Ok(value) => {
                read.insert(name, value);
            }
            Err(found) => problems = Some(take_cf_content(Problems::merge(problems, found, location))),
        }
    }
    problems.map_or(Ok(read), Err)
}

impl Deserr<Problems> for ConfigMap {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let fields = read::<Given, V>(value, location)?;
        Ok(Self(fields.into_iter().map(|(name, given)| (name, given.0)).collect()))
    }
}

impl Deserr<Problems> for SecretMap {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let fields = read::<Patch<Filled>, V>(value, location)?;
        let secrets = fields.into_iter().map(|(name, secret)| match secret {
            Patch::Value(Filled(secret)) => (name, Some(secret)),
            Patch::Absent | Patch::Null => (name, None),
        });
        Ok(Self(secrets.collect()))
    }
}

/// A secret with something in it.
struct Filled(SecretString);

impl Deserr<Problems> for Filled {
    fn deserialize_from_value<V: IntoValue>(value: Value<V>, location: ValuePointerRef<'_>) -> Result<Self, Problems> {
        let is_empty = matches!(&value, Value::String(text) if text.is_empty());
        if is_empty {
            let violation = RuleViolation::new("", Rule::TooShort { min: 1 });
            return Err(take_cf_content(Problems::merge(None, violation, location)));
        }
        SecretText::deserialize_from_value(value, location).map(|secret| Self(secret.0))
    }
}

fn open_object(description: &str, values: &[Type], least: Option<usize>) -> RefOr<Schema> {
    let values = ObjectBuilder::new()
        .schema_type(SchemaType::from_iter(values.iter().cloned()))
        .min_length(least);
    ObjectBuilder::new()
        .schema_type(Type::Object)
        .description(Some(description))
        .additional_properties(Some(AdditionalProperties::RefOr(values.into())))
        .into()
}

impl PartialSchema for ConfigMap {
    fn schema() -> RefOr<Schema> {
        open_object(
            "Texts, numbers and flags by the names of the provider's fields; null clears one",
            &[Type::String, Type::Integer, Type::Boolean, Type::Null],
            None,
        )
    }
}

impl ToSchema for ConfigMap {}

impl PartialSchema for SecretMap {
    fn schema() -> RefOr<Schema> {
        open_object(
            "Texts by the names of the provider's secret fields; null removes one. They are never shown again",
            &[Type::String, Type::Null],
            Some(1),
        )
    }
}

impl ToSchema for SecretMap {}
