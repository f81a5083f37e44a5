//! What the documentation shows.

use serde_json::{Value, json};

pub(crate) fn settings() -> Value {
    json!({
        "locale": "pt-BR",
        "timeZone": "America/Sao_Paulo",
        "currency": "BRL",
        "registration": "closed",
        "registrationDomains": [],
        "sessionTtl": null,
        "passwordMinLength": 8,
        "mfaRequired": false,
        "auditRetentionDays": 1825,
        "rateLimit": null,
        "supportAccess": true
    })
}

pub(crate) fn settings_of_organization() -> Value {
    of_organization(settings())
}

pub(crate) fn branding() -> Value {
    json!({
        "displayName": "Padaria Central",
        "logoUrl": "https://erp.example.com/api/v1/public/assets/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        "faviconUrl": null,
        "primaryColor": "#0B3D91",
        "accentColor": "#B3261E",
        "primaryColorDark": "#9ECAFF",
        "accentColorDark": "#FFB4AB",
        "onPrimaryColor": "#FFFFFF",
        "supportEmail": "ajuda@padaria.com.br",
        "supportUrl": "https://padaria.com.br/ajuda",
        "termsUrl": "https://padaria.com.br/termos",
        "privacyUrl": "https://padaria.com.br/privacidade"
    })
}

pub(crate) fn branding_of_organization() -> Value {
    of_organization(branding())
}

pub(crate) fn integration() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "provider": "smtp",
        "name": "Mail",
        "config": { "host": "smtp.example.com", "port": 587, "tls": "starttls", "username": "padaria" },
        "secrets": { "password": "••••orse" },
        "isActive": true,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn provider() -> Value {
    json!({
        "code": "http",
        "name": "HTTP",
        "description": "A service that answers HTTP",
        "fields": [
            { "name": "url", "secret": false, "required": true, "type": "url", "description": "Where it is" },
            { "name": "token", "secret": true, "required": false, "type": "text", "description": "A bearer token" }
        ],
        "schema": {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "properties": { "config": { "type": "object" }, "secrets": { "type": "object" } }
        }
    })
}

fn of_organization(mut example: Value) -> Value {
    if let Some(fields) = example.as_object_mut() {
        fields.insert("id".to_owned(), json!("019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f"));
    }
    example
}
