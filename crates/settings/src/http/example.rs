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
    let mut example = settings();
    if let Some(fields) = example.as_object_mut() {
        fields.insert("id".to_owned(), json!("019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f"));
    }
    example
}
