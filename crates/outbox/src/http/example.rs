//! The objects that the documentation shows.

use serde_json::{Value, json};

pub(crate) fn webhook() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "url": "https://erp.example.com/hooks/lastro",
        "eventTypes": ["role.*", "user.created"],
        "description": "Keeps the directory in step",
        "ordering": "none",
        "isActive": true,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(super) fn webhook_with_secret() -> Value {
    let mut shown = webhook();
    if let Some(fields) = shown.as_object_mut() {
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo=";
        fields.insert("secret".to_owned(), secret.into());
    }
    shown
}

pub(super) fn delivery() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e42",
        "eventId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e43",
        "eventType": "role.created",
        "webhookId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "status": "failed",
        "attempts": [{
            "at": "2026-11-21T12:00:00.000000Z",
            "status": 503,
            "latencyMs": 41,
            "error": "the receiver answered 503",
            "responseBody": "try later"
        }],
        "nextAttemptAt": "2026-11-21T12:00:05.000000Z"
    })
}

pub(super) fn event() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e43",
        "type": "webhook.created",
        "timestamp": "2026-11-21T12:00:00.000000Z",
        "data": webhook()
    })
}
