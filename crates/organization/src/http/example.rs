//! The organization that the documentation shows.

use serde_json::{Value, json};

pub(crate) fn organization() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "name": "Padaria Central",
        "slug": "padaria-central",
        "document": "12ABC34501DE35",
        "isActive": true,
        "packageCode": null,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}
