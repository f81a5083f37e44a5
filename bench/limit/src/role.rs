//! The rows of a new role.

use serde::Serialize;
use uuid::Uuid;

use crate::organization::Json;
use crate::{Failure, Micros};

/// A creation, with everything that its rows need: the role, its audit entry and its event.
#[derive(Debug)]
pub struct NewRole {
    /// Where it belongs.
    pub organization: Uuid,
    /// Its key.
    pub id: Uuid,
    /// The key of its audit entry.
    pub audit_id: Uuid,
    /// The key of its event.
    pub event_id: Uuid,
    /// Who makes it.
    pub actor: Uuid,
    /// Its name.
    pub name: String,
    /// The name as lists are sorted by it.
    pub folded: String,
    /// Its unique code.
    pub code: String,
    /// The instant of all rows.
    pub now: Micros,
    /// The changes in the audit entry.
    pub changes: Json,
    /// The data of the event: the role as the API shows it.
    pub data: Json,
}

/// The role as the API shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Role<'a> {
    id: Uuid,
    organization_id: Uuid,
    name: &'a str,
    code: &'a str,
    description: Option<&'a str>,
    is_system: bool,
    created_at: Micros,
    updated_at: Micros,
}

impl NewRole {
    /// The actor's name in the audit entry.
    pub const ACTOR_NAME: &'static str = "User 001";
    /// The origin that an audit entry names.
    pub const REQUEST_ID: &'static str = "01930000-0000-7000-8000-000000000000";
    /// The client's address in an audit entry.
    pub const IP: &'static str = "127.0.0.1";

    /// Makes keys, instant and the JSON of the accompanying rows. Names are taken for ASCII.
    ///
    /// # Errors
    /// None in practice: these values have a JSON.
    pub fn new(organization: Uuid, actor: Uuid, name: String, code: String) -> Result<Self, Failure> {
        let (id, now) = (Uuid::now_v7(), Micros::now());
        let role = Role {
            id,
            organization_id: organization,
            name: &name,
            code: &code,
            description: None,
            is_system: false,
            created_at: now,
            updated_at: now,
        };
        let data = Json(serde_json::to_string(&role)?);
        let changes = Json(serde_json::to_string(&serde_json::json!({
            "code": {"from": null, "to": &code},
            "name": {"from": null, "to": &name},
        }))?);
        Ok(Self {
            organization,
            id,
            audit_id: Uuid::now_v7(),
            event_id: Uuid::now_v7(),
            actor,
            folded: name.to_ascii_lowercase(),
            name,
            code,
            now,
            changes,
            data,
        })
    }
}
