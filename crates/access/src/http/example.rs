//! The role that the documentation shows.

use serde_json::{Value, json};

pub(crate) fn role() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41",
        "organizationId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "name": "Invoice clerk",
        "code": "INVOICE_CLERK",
        "description": "Writes invoices",
        "isSystem": false,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}
