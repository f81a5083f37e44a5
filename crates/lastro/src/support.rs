//! Support sessions: somebody of the platform acts in a customer's organization for a while. What they are is identity's, and who may
//! open them organization's; here is the route over the ports of both and of the settings.

use std::sync::Arc;

use contracts::identity::{NewSupportSession, SessionId, SupportSessions, UserId};
use contracts::organization::Organizations;
use contracts::settings::Settings;
use db::SystemScope;
use http::{Answer, ApiError, App, Body, Doc, ErrorCode, Module, PathId, Requires, Routes, TextSchema};
use kernel::secret::ExposeSecret as _;
use kernel::{ActorKind, Id as _, OrganizationId, Timestamp};
use organization::SupportCreate;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// Why opening one leaves its caller's organization.
const ACROSS: SystemScope = SystemScope::new("a support session is a customer's, and opened by the platform");

http::text_schema! {
    /// A reason as identity takes it.
    SupportReason, TextSchema::lines(500, "Ticket 4711: the invoices are missing")
}

http::input! {
    /// A support session to be opened.
    pub(crate) struct OpenSupportSession {
        /// Why: 1 to 500 characters. The customer reads it in its audit trail.
        #[schema(value_type = SupportReason)]
        reason: String,
        /// Whether it may change things; otherwise it reads. `false`, when absent.
        write: Option<bool>,
    }
}

/// A support session that was opened.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OpenedSupportSession, rename_all = "camelCase")]
pub(crate) struct OpenedView<'a> {
    /// The credential to act with in the customer's organization, this once.
    access_token: &'a str,
    /// For how many seconds.
    expires_in: u64,
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// What of it is no secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    expires_at: Timestamp,
}

/// The route, for the composition root. It declares nothing of its own: the permission is organization's.
#[must_use]
pub fn module() -> Module {
    Module {
        routes: |app| vec![routes().with_state(app)],
        ..Module::new(organization::MANIFEST)
    }
}

fn routes() -> Routes<App> {
    Routes::new("Support", "Helping a customer in its own organization").post(
        "/organizations/{id}/support-sessions",
        handle,
        doc(),
    )
}

fn doc() -> Doc {
    Doc::new("openSupportSession", "Open a support session")
        .describe(
            "A person of the platform acts in the customer's organization for an hour at most: reads like `VIEWER`, or with `write` \
             does what `ORG_ADMIN` does, but grants nothing and makes no keys. It is in the customer's audit trail, as is all that is \
             done in it; it ends with a logout, with the login that it was opened from, and when the customer's setting \
             `supportAccess` is switched off, which forbids it.",
        )
        .takes::<OpenSupportSession>(json!({
            "reason": "Chamado 4711: as faturas de outubro não aparecem",
            "write": false
        }))
        .creates::<OpenedView<'_>>(
            "The credential to act with",
            json!({
                "accessToken": "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIwMTlhIn0.c2lnbmF0dXJl",
                "expiresIn": 3600,
                "expiresAt": "2026-11-21T13:00:00.000000Z"
            }),
        )
        .refuses([ErrorCode::TenantInactive])
}

async fn handle(
    caller: Requires<SupportCreate>,
    path: PathId<OrganizationId>,
    Body(input): Body<OpenSupportSession>,
) -> Result<Answer, ApiError> {
    let app = caller.app();
    let support = app.port::<dyn SupportSessions>()?;
    let reason = support
        .check_reason(&input.reason)
        .map_err(|violation| ApiError::violations(vec![violation]))?;
    // A key or a service account is nobody to hold responsible, and has no login to end with.
    let login = caller
        .identity()
        .session
        .filter(|_| caller.actor().kind == ActorKind::User)
        .map(SessionId::from_uuid)
        .ok_or_else(|| ApiError::new(ErrorCode::RbacForbidden))?;
    let id = path.found()?;
    let customer = app.port::<dyn Organizations>()?.find(id).await?;
    let customer = customer.ok_or_else(ApiError::not_found)?;
    // The platform is nobody's customer, and a guest in it would hold more than was meant.
    if id == caller.organization() {
        return Err(ApiError::new(ErrorCode::RbacForbidden));
    }
    if !customer.is_active {
        return Err(ApiError::new(ErrorCode::TenantInactive));
    }
    let settings = app.ports().find::<dyn Settings>();
    let new = NewSupportSession {
        organization: id,
        user: UserId::from_uuid(caller.actor().id),
        login,
        reason,
        can_write: input.write.unwrap_or_default(),
    };
    let prepared = Arc::new(support.prepare(new).await?);
    caller
        .write_across(ACROSS, move |uow| {
            let (support, prepared, settings) = (Arc::clone(&support), Arc::clone(&prepared), settings.clone());
            async move {
                // Whoever switches it off ends the sessions there are: this one is among them, or not opened.
                if let Some(settings) = settings
                    && !settings.hold(&uow, id).await?.support_access
                {
                    return Err(ApiError::new(ErrorCode::RbacForbidden));
                }
                let expires_at = support.open(&uow, &prepared).await?;
                let view = OpenedView {
                    access_token: prepared.token.expose_secret(),
                    expires_in: prepared.lifetime.as_secs(),
                    expires_at,
                };
                let location = format!("/organizations/{id}/support-sessions/{}", prepared.id);
                Answer::created(&location, &view)?.with_secret(&Shown { expires_at })
            }
        })
        .await
}
