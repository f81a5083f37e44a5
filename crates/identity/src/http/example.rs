//! What the documentation shows of this context.

use serde_json::{Value, json};

pub(crate) fn user() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e50",
        "organizationId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f",
        "name": "Ana Souza",
        "email": "ana@padaria.example.com",
        "isActive": true,
        "emailVerified": true,
        "mfaEnabled": false,
        "lastLoginAt": "2026-11-21T12:00:00.000000Z",
        "createdAt": "2026-11-20T09:30:00.000000Z",
        "updatedAt": "2026-11-20T09:30:00.000000Z"
    })
}

pub(crate) fn session() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e51",
        "current": true,
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "ip": "203.0.113.7",
        "createdAt": "2026-11-21T12:00:00.000000Z",
        "lastUsedAt": "2026-11-21T12:14:00.000000Z",
        "expiresAt": "2026-11-28T12:00:00.000000Z"
    })
}

/// A session as its events carry it.
pub(crate) fn session_fact() -> Value {
    let mut fact = session();
    if let Some(fields) = fact.as_object_mut() {
        fields.remove("current");
        fields.insert("userId".to_owned(), json!("019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e50"));
    }
    fact
}

pub(crate) fn support_session() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e5a",
        "userId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e50",
        "reason": "Chamado 4711: as faturas de outubro não aparecem",
        "write": false,
        "expiresAt": "2026-11-21T13:00:00.000000Z"
    })
}

pub(crate) fn signing_key() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e52",
        "kid": "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
        "algorithm": "RS256"
    })
}

pub(crate) fn api_key() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e53",
        "name": "Shop",
        "prefix": "lastro_key_4fKq0ZbR",
        "permissions": ["IDENTITY_USER_READ"],
        "createdBy": { "type": "user", "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e50", "name": "Ana Souza" },
        "expiresAt": "2027-11-21T12:00:00.000000Z",
        "ipAllowlist": ["203.0.113.0/24"],
        "lastUsedAt": "2026-11-21T12:14:00.000000Z",
        "isActive": true,
        "createdAt": "2026-11-20T09:30:00.000000Z"
    })
}

pub(crate) fn service_account() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e54",
        "name": "Importer",
        "clientId": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e54",
        "permissions": ["IDENTITY_USER_READ"],
        "isActive": true,
        "lastUsedAt": "2026-11-21T12:14:00.000000Z",
        "createdAt": "2026-11-20T09:30:00.000000Z"
    })
}

pub(crate) fn invitation() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e55",
        "email": "bruno@example.com",
        "roleIds": ["019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e41"],
        "expiresAt": "2026-11-28T12:00:00.000000Z",
        "createdAt": "2026-11-21T12:00:00.000000Z"
    })
}

pub(crate) fn mail() -> Value {
    json!({
        "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e56",
        "kind": "invitation",
        "reason": "the mail was not taken: the server answered 550"
    })
}

/// A refresh token as it looks.
pub(crate) const REFRESH_TOKEN: &str =
    "lastro_refresh_AZqdLm8bfESwqo9qPB0uTwGanS5vG3xEsKqPajwdLlEAAAABn2Zc0hYk3n0Xc2VtcGxlLW9ubHktbm90LWEtdG9rZW4";

pub(crate) fn tokens() -> Value {
    json!({
        "accessToken": "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsImtpZCI6Ik56YkxzWGg4dURDY2QtNk1Od1hGNFdfN25vV1hGWkFmSGt4WnNSR0M5WHMifQ.eyJzdWIiOiIwMTlhOWQyZSJ9.c2lnbmF0dXJl",
        "refreshToken": REFRESH_TOKEN,
        "expiresIn": 900,
        "tokenType": "Bearer"
    })
}

/// A login that led to a session.
pub(crate) fn login() -> Value {
    let mut login = tokens();
    if let Some(fields) = login.as_object_mut() {
        fields.insert("user".to_owned(), user());
    }
    login
}

/// The token of a link that sets another password.
pub(crate) const RESET_TOKEN: &str = "lastro_reset_4fKq0ZbRt8W2mXo5yPv1Jc7NdLs9HgQe3AiTuB6kUxYw";

/// The token of a link that confirms an address.
pub(crate) const EMAIL_TOKEN: &str = "lastro_email_4fKq0ZbRt8W2mXo5yPv1Jc7NdLs9HgQe3AiTuB6kUxYw";

/// The token of a link that an invitation is accepted by.
pub(crate) const INVITATION_TOKEN: &str = "lastro_invite_4fKq0ZbRt8W2mXo5yPv1Jc7NdLs9HgQe3AiTuB6kUxYw";

/// What a login answers when a code is missing.
pub(crate) const CHALLENGE: &str = "lastro_mfa_4fKq0ZbRt8W2mXo5yPv1Jc7NdLs9HgQe3AiTuB6kUxYw";
