//! What a context declares about itself as data, read by the catalogue, the documentation and the tests.

use std::sync::Arc;

use authz::PermissionInfo;
use authz::conditions::Column;
use kernel::OrganizationId;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

/// One context: a module of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct Manifest {
    /// The module's code, such as `ORGANIZATION`.
    pub code: &'static str,
    /// The module's name for people.
    pub name: &'static str,
    /// What belongs to it, in a sentence.
    pub description: &'static str,
    /// Whether it is always on.
    pub is_core: bool,
    /// Its permissions.
    pub permissions: &'static [&'static PermissionInfo],
    /// The events that its aggregates record.
    pub events: &'static [EventType],
    /// The objects whose permissions it applies under a condition; of all others a conditional grant counts as none.
    pub objects: &'static [ObjectFields],
}

/// What conditions on the permissions of a resource can ask for. A grant is checked with it when it is made.
#[derive(Debug, Clone, Copy)]
pub struct ObjectFields {
    /// The resource that the permissions name, such as `USER`.
    pub resource: &'static str,
    /// Its fields, as the API shows them, with the columns that its lists are filtered by.
    pub columns: &'static [Column],
}

/// A kind of event. An audit entry's action is the same name.
#[derive(Debug, Clone, Copy)]
pub struct EventType {
    /// `resource.action`, in the past tense.
    pub name: &'static str,
    /// When it happens, in a sentence.
    pub description: &'static str,
    /// The permission to read the object, which subscribing to the event needs.
    pub permission: &'static PermissionInfo,
    /// The permission to read the object from the platform organization, where it belongs to another one and that takes more.
    pub from_platform: Option<&'static PermissionInfo>,
    /// The object that it carries.
    pub data: EventData,
}

/// What events carry: an object as the API shows it, with its schema and an example.
///
/// ```
/// use contracts::EventData;
/// use contracts::organization::OrganizationView;
///
/// const DATA: EventData = EventData::of::<OrganizationView>(|| serde_json::json!({ "id": "…" }));
/// assert_eq!(DATA.schema()["properties"]["slug"]["type"], "string");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct EventData {
    schema: fn() -> Value,
    example: fn() -> Value,
}

impl EventData {
    /// The view that the event is recorded with, and the example that the API's documentation shows of it.
    #[must_use]
    pub const fn of<T: ToSchema>(example: fn() -> Value) -> Self {
        Self {
            schema: schema::<T>,
            example,
        }
    }

    /// Its JSON schema (draft 2020-12), complete in itself.
    #[must_use]
    pub fn schema(&self) -> Value {
        (self.schema)()
    }

    /// An example of it.
    #[must_use]
    pub fn example(&self) -> Value {
        (self.example)()
    }
}

/// The schema of a view; what it refers to is under `$defs`.
fn schema<T: ToSchema>() -> Value {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    // A schema is made of maps and texts, which are always JSON.
    let mut schema = serde_json::to_value(T::schema()).unwrap_or_default();
    let definitions: Map<String, Value> = referred
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    if let (Value::Object(fields), false) = (&mut schema, definitions.is_empty()) {
        fields.insert("$defs".to_owned(), Value::Object(definitions));
    }
    refer_within(&mut schema);
    schema
}

/// Turns references into the API's description into references into the schema itself.
fn refer_within(schema: &mut Value) {
    match schema {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(target) if name == "$ref" => {
                        *target = target.replace("#/components/schemas/", "#/$defs/");
                    }
                    value => refer_within(value),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(refer_within),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The declarations of every context of the program. The composition root provides it as a port, before contexts start.
#[derive(Debug, Clone)]
pub struct Manifests(Arc<[Manifest]>);

impl Manifests {
    /// These contexts.
    pub fn new(manifests: impl IntoIterator<Item = Manifest>) -> Self {
        Self(manifests.into_iter().collect())
    }

    /// Each context, in the order of their migrations.
    pub fn iter(&self) -> impl Iterator<Item = &Manifest> {
        self.0.iter()
    }

    /// Every kind of event, in the same order.
    pub fn events(&self) -> impl Iterator<Item = &'static EventType> + '_ {
        self.0.iter().flat_map(|manifest| manifest.events)
    }

    /// What conditions on the permission with the code can ask for; `None` where the program does not know its objects: of
    /// permissions that it does not declare, and of those whose context applies no conditions.
    #[must_use]
    pub fn condition_fields(&self, permission: &str) -> Option<&'static [Column]> {
        self.iter().find_map(|manifest| {
            let declared = manifest
                .permissions
                .iter()
                .find(|declared| declared.code == permission)?;
            let object = manifest
                .objects
                .iter()
                .find(|object| object.resource == declared.resource)?;
            Some(object.columns)
        })
    }

    /// The kind of event with the name.
    #[must_use]
    pub fn event(&self, name: &str) -> Option<&'static EventType> {
        self.events().find(|event| event.name == name)
    }
}

impl EventType {
    /// The permission to read the object of an event of `organization`, in `reader`: the organization itself, or the platform.
    #[must_use]
    pub fn permission_in(&self, reader: OrganizationId, organization: OrganizationId) -> &'static PermissionInfo {
        match self.from_platform {
            Some(permission) if reader != organization => permission,
            _ => self.permission,
        }
    }

    /// What is delivered of it, as a JSON schema: the body of a webhook.
    #[must_use]
    pub fn schema(&self) -> Value {
        let mut data = self.data.schema();
        let definitions = data.as_object_mut().and_then(|fields| fields.remove("$defs"));
        let mut schema = json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": self.name,
            "description": self.description,
            "type": "object",
            "required": ["type", "timestamp", "data"],
            "properties": {
                "type": { "const": self.name },
                "timestamp": { "type": "string", "format": "date-time", "description": "When it happened" },
                "data": data,
            },
        });
        if let (Some(fields), Some(definitions)) = (schema.as_object_mut(), definitions) {
            fields.insert("$defs".to_owned(), definitions);
        }
        schema
    }

    /// An example of what is delivered of it.
    #[must_use]
    pub fn example(&self) -> Value {
        json!({ "type": self.name, "timestamp": "2026-11-21T12:00:00.000000Z", "data": self.data.example() })
    }
}
