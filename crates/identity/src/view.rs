//! What clients and events show of this context, beside the objects that others know too.

use contracts::identity::{SessionId, SupportSessionId, UserId};
use kernel::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::store::signing_keys::SigningKeyId;

/// A session as the API shows it to its user.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Session, rename_all = "camelCase")]
pub(crate) struct SessionView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: SessionId,
    /// Whether it is the one that asks.
    pub(crate) current: bool,
    /// The program it was opened with, as that called itself.
    pub(crate) user_agent: Option<String>,
    /// The address it was opened from.
    pub(crate) ip: Option<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last used, to within a minute.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_used_at: Timestamp,
    /// When it ends unless it is refreshed.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// A session as its events carry it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SessionFact, rename_all = "camelCase")]
pub(crate) struct SessionFact {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: SessionId,
    /// Whose.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) user_id: UserId,
    /// The program it was opened with, as that called itself.
    pub(crate) user_agent: Option<String>,
    /// The address it was opened from.
    pub(crate) ip: Option<String>,
    /// When it was opened.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
    /// When it was last used, to within a minute.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) last_used_at: Timestamp,
    /// When it would have ended by itself.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// A support session as its events carry it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SupportSessionFact, rename_all = "camelCase")]
pub(crate) struct SupportSessionFact {
    /// Its id, which is that of whoever acts in it.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: SupportSessionId,
    /// The user of the platform who opened it.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) user_id: UserId,
    /// Why.
    pub(crate) reason: String,
    /// Whether it may change things.
    pub(crate) write: bool,
    /// When it ends, or would have ended, by itself.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) expires_at: Timestamp,
}

/// A key of access tokens as its events carry it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SigningKeyFact {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: SigningKeyId,
    /// What it is called in tokens and in the published key set.
    pub(crate) kid: String,
    /// What it signs with.
    pub(crate) algorithm: &'static str,
}
