//! What the routes ask of either engine.

use std::future::Future;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use serde::Deserialize;
use uuid::Uuid;

use crate::json::Micros;

/// Both engines answer with the finished body: a row is rendered where it is borrowed from the driver, without a copy in between.
pub(crate) trait Store: Clone + Send + Sync + 'static {
    /// One organization by key.
    fn get(&self, id: Uuid) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;

    /// The first page of `limit` organizations, with the total.
    fn list(&self, limit: u32) -> impl Future<Output = Result<Bytes, Failure>> + Send;

    /// One organization, its audit entry and its event in one transaction.
    fn create(&self, new: NewOrganization) -> impl Future<Output = Result<Bytes, Failure>> + Send;
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The slug is taken.
    #[error("the slug is taken")]
    Duplicate,
    #[error(transparent)]
    Postgres(#[from] tokio_postgres::Error),
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// Every connection, or the writer thread, is gone.
    #[error("the database is gone")]
    Gone,
}

/// The body of a creation.
#[derive(Debug, Deserialize)]
pub(crate) struct Creation {
    pub(crate) name: String,
    pub(crate) slug: String,
}

/// A creation with everything that the three rows need.
#[derive(Debug)]
pub(crate) struct NewOrganization {
    pub(crate) id: Uuid,
    pub(crate) audit_id: Uuid,
    pub(crate) event_id: Uuid,
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) now: Micros,
    /// The changes of the audit entry.
    pub(crate) changes: String,
    /// The data of the event.
    pub(crate) data: String,
}

impl NewOrganization {
    /// The actor of every audit entry: one row more or less long costs the same.
    pub(crate) const ACTOR: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001);
    pub(crate) const ACTOR_NAME: &'static str = "Bootstrap token";

    /// Makes ids, instant and the JSON of the two accompanying rows.
    pub(crate) fn new(creation: Creation) -> Result<Self, Failure> {
        let Creation { name, slug } = creation;
        let id = Uuid::now_v7();
        let now = Micros(
            SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .map_or(0, |elapsed| i64::try_from(elapsed.as_micros()).unwrap_or(i64::MAX)),
        );
        let organization = crate::json::Organization {
            id,
            name: &name,
            slug: &slug,
            document: None,
            is_active: true,
            package_code: None,
            created_at: now,
            updated_at: now,
        };
        let data = serde_json::to_string(&organization)?;
        let changes = serde_json::to_string(&serde_json::json!({
            "name": {"from": null, "to": &name},
            "slug": {"from": null, "to": &slug},
            "isActive": {"from": null, "to": true},
        }))?;
        Ok(Self {
            id,
            audit_id: Uuid::now_v7(),
            event_id: Uuid::now_v7(),
            name,
            slug,
            now,
            changes,
            data,
        })
    }

    /// What the client gets back.
    pub(crate) fn body(&self) -> Bytes {
        Bytes::from([br#"{"data":"#, self.data.as_bytes(), b"}"].concat())
    }
}
