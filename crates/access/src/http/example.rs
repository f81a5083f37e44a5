//! The objects that the documentation shows.

use serde_json::{Value, json};

const ID: &str = "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41";

pub(crate) fn role() -> Value {
    json!({
        "id": ID,
        "organizationId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "name": "Invoice clerk",
        "code": "INVOICE_CLERK",
        "description": "Writes invoices",
        "isSystem": false,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn permission() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e42",
        "moduleId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e43",
        "moduleCode": "FINANCE",
        "code": "FINANCE_INVOICE_APPROVE",
        "resource": "INVOICE",
        "action": "APPROVE",
        "scope": "tenant",
        "description": "Approve invoices",
        "createdAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn role_permission() -> Value {
    json!({
        "permissionId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e42",
        "permissionCode": "FINANCE_INVOICE_APPROVE",
        "permission": permission(),
        "conditions": { "amount": { "$lte": 100_000 }, "ownerId": "${user.id}" },
        "createdAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn role_parent() -> Value {
    json!({ "roleId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e44", "parentRoleId": ID, "parent": role() })
}

pub(crate) fn effective() -> Value {
    json!({
        "code": "FINANCE_INVOICE_APPROVE",
        "conditions": null,
        "paths": [{ "via": "role", "steps": [{ "type": "role", "id": ID, "code": "INVOICE_CLERK" }] }],
        "expiresAt": null
    })
}

pub(crate) fn inheritance() -> Value {
    json!({ "parents": [role()], "children": [], "effectivePermissions": [effective()] })
}

pub(crate) fn user_role() -> Value {
    json!({
        "role": role(),
        "assignedBy": { "type": "user", "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e45", "name": "Ana Souza" },
        "scope": null,
        "expiresAt": "2026-12-31T23:59:59.000000Z",
        "createdAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn role_grant() -> Value {
    json!({
        "id": ID,
        "userId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e45",
        "roleCode": "INVOICE_CLERK",
        "scope": null,
        "expiresAt": null
    })
}

pub(crate) fn group() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e46",
        "name": "Back office",
        "code": "BACK_OFFICE",
        "description": null,
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "updatedAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn member() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e45",
        "name": "Ana Souza",
        "email": "ana@padaria.example",
        "isActive": true,
        "joinedAt": "2026-11-21T12:00:00.000000Z"
    })
}
