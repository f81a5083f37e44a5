//! Objects as the API shows them, and as events carry them where that is more.

use contracts::settings::SettingsView;
use kernel::{OrganizationId, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::domain::provider::{ConfigDefault, ConfigValue, Field, FieldKind, Provider};
use crate::domain::{
    Branding, Color, Connection, ContentHash, DisplayName, IntegrationId, MailAddress, PageAddress, Place, Secrets,
};

/// The settings of an organization, and whose they are: `settings.updated` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = SettingsOfOrganization)]
pub(crate) struct SettingsShown {
    /// The organization.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// Its settings.
    #[serde(flatten)]
    pub(crate) settings: SettingsView,
}

/// How an organization looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Branding, rename_all = "camelCase")]
pub(crate) struct BrandingView {
    /// What it calls itself.
    pub(crate) display_name: Option<String>,
    /// Where its logo is.
    pub(crate) logo_url: Option<String>,
    /// Where the picture for browser tabs is.
    pub(crate) favicon_url: Option<String>,
    /// The main colour in a light theme, `#RRGGBB`.
    pub(crate) primary_color: Option<String>,
    /// The second colour in a light theme.
    pub(crate) accent_color: Option<String>,
    /// The main colour in a dark theme.
    pub(crate) primary_color_dark: Option<String>,
    /// The second colour in a dark theme.
    pub(crate) accent_color_dark: Option<String>,
    /// White or black, whichever is easier to read on the main colour; computed.
    pub(crate) on_primary_color: Option<String>,
    /// Where people write for help.
    pub(crate) support_email: Option<String>,
    /// Where people look for help.
    pub(crate) support_url: Option<String>,
    /// The terms of use.
    pub(crate) terms_url: Option<String>,
    /// What is done with personal data.
    pub(crate) privacy_url: Option<String>,
}

impl BrandingView {
    /// What there is to see.
    pub(crate) fn new(branding: &Branding, links: &Links) -> Self {
        let look = branding.look();
        let color = |color: &Option<Color>| color.as_ref().map(|color| color.as_str().to_owned());
        let page = |address: &Option<PageAddress>| address.as_ref().map(|address| address.as_str().to_owned());
        let picture = |place| branding.picture(place).map(|picture| links.asset(picture));
        Self {
            display_name: look.display_name.as_ref().map(DisplayName::as_str).map(str::to_owned),
            logo_url: picture(Place::Logo),
            favicon_url: picture(Place::Favicon),
            primary_color: color(&look.primary_color),
            accent_color: color(&look.accent_color),
            primary_color_dark: color(&look.primary_color_dark),
            accent_color_dark: color(&look.accent_color_dark),
            on_primary_color: look
                .primary_color
                .as_ref()
                .map(|color| color.readable_upon().to_owned()),
            support_email: look.support_email.as_ref().map(MailAddress::as_str).map(str::to_owned),
            support_url: page(&look.support_url),
            terms_url: page(&look.terms_url),
            privacy_url: page(&look.privacy_url),
        }
    }
}

/// The branding of an organization, and whose it is: `branding.updated` carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = BrandingOfOrganization)]
pub(crate) struct BrandingShown {
    /// The organization.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: OrganizationId,
    /// Its branding.
    #[serde(flatten)]
    pub(crate) branding: BrandingView,
}

/// Makes links to what this context serves.
#[derive(Debug, Clone)]
pub(crate) struct Links {
    base_url: String,
}

impl Links {
    /// Links that begin with this address, which has no slash at its end.
    pub(crate) fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
        }
    }

    /// Where a picture is.
    fn asset(&self, picture: ContentHash) -> String {
        format!("{}/api/v1/public/assets/{picture}", self.base_url)
    }
}

/// A connection to another system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Integration, rename_all = "camelCase")]
pub(crate) struct IntegrationView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: IntegrationId,
    /// The code of its provider.
    pub(crate) provider: &'static str,
    /// What people call it.
    pub(crate) name: String,
    /// What it is configured with, by the names of its provider's fields.
    #[schema(value_type = Object)]
    pub(crate) config: Map<String, Value>,
    /// The secrets that are set, each as the end of it: `••••last4`.
    #[schema(value_type = Object)]
    pub(crate) secrets: Map<String, Value>,
    /// Whether it may be used.
    pub(crate) is_active: bool,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last changed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) updated_at: Timestamp,
}

impl From<&Connection> for IntegrationView {
    fn from(connection: &Connection) -> Self {
        let config = connection.config.iter().map(|(name, value)| {
            let value = match value {
                ConfigValue::Text(text) => Value::from(text.as_str()),
                ConfigValue::Number(number) => Value::from(*number),
                ConfigValue::Flag(flag) => Value::from(*flag),
            };
            ((*name).to_owned(), value)
        });
        let secrets = connection.secrets.as_ref().map(Secrets::masked).unwrap_or_default();
        Self {
            id: connection.id,
            provider: connection.provider.code,
            name: connection.name.as_str().to_owned(),
            config: config.collect(),
            secrets: secrets
                .into_iter()
                .map(|(name, mask)| (name.to_owned(), Value::from(mask)))
                .collect(),
            is_active: connection.is_active,
            created_at: connection.created_at,
            updated_at: connection.updated_at,
        }
    }
}

/// A kind of system that can be connected to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationProvider, rename_all = "camelCase")]
pub(crate) struct ProviderView {
    /// Its code.
    pub(crate) code: &'static str,
    /// What people call it.
    pub(crate) name: &'static str,
    /// What it is.
    pub(crate) description: &'static str,
    /// What a connection to it consists of.
    pub(crate) fields: Vec<FieldView>,
    /// The same as a JSON schema of `{config, secrets}` (draft 2020-12).
    #[schema(value_type = Object)]
    pub(crate) schema: Value,
}

/// One thing to know of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = IntegrationField, rename_all = "camelCase")]
pub(crate) struct FieldView {
    /// Its name, in `config` or `secrets`.
    pub(crate) name: &'static str,
    /// Whether it stands in `secrets` and is never shown.
    pub(crate) secret: bool,
    /// Whether a connection needs it.
    pub(crate) required: bool,
    /// What it holds: `text`, `host`, `port`, `url`, `email`, `bucket`, `flag` or `choice`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// What it is for.
    pub(crate) description: &'static str,
}

impl From<&Provider> for ProviderView {
    fn from(provider: &Provider) -> Self {
        let field = |field: &Field| FieldView {
            name: field.name(),
            secret: field.is_secret(),
            required: field.is_required,
            kind: field.kind.as_str(),
            description: field.description,
        };
        Self {
            code: provider.code,
            name: provider.name,
            description: provider.description,
            fields: provider.fields.iter().map(field).collect(),
            schema: json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "title": provider.name,
                "description": provider.description,
                "type": "object",
                "properties": {
                    "config": group(provider.config()),
                    "secrets": group(provider.secrets()),
                },
                "required": ["config"],
                "additionalProperties": false,
            }),
        }
    }
}

/// The schema of a group of fields.
fn group(fields: impl Iterator<Item = &'static Field> + Clone) -> Value {
    let properties: Map<String, Value> = fields
        .clone()
        .map(|field| (field.name().to_owned(), property(field)))
        .collect();
    let required: Vec<_> = fields.filter(|field| field.is_required).map(Field::name).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

fn property(field: &Field) -> Value {
    let mut schema = match field.kind {
        FieldKind::Port => json!({ "type": "integer", "minimum": 1, "maximum": 65_535 }),
        FieldKind::Flag => json!({ "type": "boolean" }),
        FieldKind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        FieldKind::Url => json!({ "type": "string", "format": "uri" }),
        FieldKind::Email => json!({ "type": "string", "format": "email" }),
        FieldKind::Host => json!({ "type": "string", "maxLength": 253 }),
        FieldKind::Bucket => json!({ "type": "string", "minLength": 3, "maxLength": 63 }),
        FieldKind::Text => json!({ "type": "string", "minLength": 1 }),
    };
    if let Some(fields) = schema.as_object_mut() {
        fields.insert("description".to_owned(), field.description.into());
        if field.is_secret() {
            fields.insert("writeOnly".to_owned(), true.into());
        }
        match field.default {
            Some(ConfigDefault::Text(text)) => fields.insert("default".to_owned(), text.into()),
            Some(ConfigDefault::Number(number)) => fields.insert("default".to_owned(), number.into()),
            Some(ConfigDefault::Flag(flag)) => fields.insert("default".to_owned(), flag.into()),
            None => None,
        };
    }
    schema
}
