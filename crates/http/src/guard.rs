//! Access guards: the first argument of every handler, and the only way in.
//!
//! A handler says what it takes to be called by the type of its first argument, [`Requires<P>`], [`RequiresWithin<P>`],
//! [`Authenticated`] or [`Public<R>`]. [`Routes`](crate::Routes) reads the same type for the documentation and the access matrix, so a route's
//! documented rule and the rule it enforces are one and cannot drift apart.
//!
//! A guard works in the order of the API contract: credential (401), organization (400, 403, 404), freshness (503), rate
//! (429), module and permission (403), and only then the query. Whoever lacks the permission learns neither whether the
//! body is valid nor whether the object exists.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;

use authz::conditions::{Column, Object};
use authz::snapshot::Explanation;
use authz::{Decision, Denial, Granted, Permission, PermissionInfo, PermissionScope, Step, Within};
use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use contracts::access::PathView;
use contracts::audit::{SecurityEvent, SecurityTrail};
use contracts::identity::{Principals, UserId};
use contracts::usage::Metered;
use contracts::{Narrowed, NotAdmitted};
use futures_util::future::BoxFuture;
use kernel::{Actor, ActorKind, Id as _, OrganizationId, Rule, RuleViolation};
use uuid::Uuid;

use crate::answer::Precondition;
use crate::app::App;
use crate::error::{ApiError, Details, ErrorCode, Message};
use crate::problems::MAX_PROBLEMS;
use crate::request::{RequestContext, joined};

/// Names the organization a service account of the platform acts in.
pub(crate) const TENANT_ID: HeaderName = HeaderName::from_static("x-tenant-id");
/// An API key, as an alternative to `Authorization: Bearer`.
pub(crate) const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What it takes to use a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// No credential; the reason says why that is right.
    Public {
        /// Why nobody needs to be asked.
        reason: &'static str,
    },
    /// Any live credential.
    Authenticated,
    /// A credential whose actor holds the permission.
    Requires(&'static PermissionInfo),
}

impl Access {
    /// As the API's documentation writes it in `x-permission`: `public`, `authenticated`, or the permission's code.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Public { .. } => "public",
            Self::Authenticated => "authenticated",
            Self::Requires(permission) => permission.code,
        }
    }

    /// Whether the route works inside the organization of the caller: it does when its permission is scoped so.
    #[must_use]
    pub const fn is_tenant_scoped(&self) -> bool {
        matches!(
            self,
            Self::Requires(PermissionInfo {
                scope: PermissionScope::Tenant,
                ..
            })
        )
    }
}

mod sealed {
    pub trait Sealed {}
}

/// The first argument of a handler. There are four, and a context adds none: what an access rule means is decided here.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an access guard",
    note = "the first argument of a handler is `Requires<P>`, `RequiresWithin<P>`, `Authenticated` or `Public<R>`"
)]
pub trait Guard: sealed::Sealed + Send {
    /// The rule it enforces.
    const ACCESS: Access;
}

/// The argument lists that begin with a [`Guard`]; [`Routes`](crate::Routes) takes handlers with no other.
#[diagnostic::on_unimplemented(
    message = "this handler does not begin with an access guard",
    note = "the first argument of a handler is `Requires<P>`, `RequiresWithin<P>`, `Authenticated` or `Public<R>`"
)]
pub trait Guarded {
    /// The rule of the handler's guard.
    const ACCESS: Access;
}

/// `M` is axum's marker for how the last argument reads the request; the guard follows it.
macro_rules! guarded {
    ($($argument:ident),*) => {
        impl<M, G: Guard, $($argument),*> Guarded for (M, G, $($argument,)*) {
            const ACCESS: Access = G::ACCESS;
        }
    };
}

guarded!();
guarded!(A1);
guarded!(A1, A2);
guarded!(A1, A2, A3);
guarded!(A1, A2, A3, A4);
guarded!(A1, A2, A3, A4, A5);
guarded!(A1, A2, A3, A4, A5, A6);

/// A credential as it was sent. It has no `Debug`: it is a secret.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// `Authorization: Bearer`: an access token or an API key.
    Bearer(&'a str),
    /// `X-API-Key`.
    ApiKey(&'a str),
}

/// Who a credential belongs to.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Who acts.
    pub actor: Arc<Actor>,
    /// The organization of the credential.
    pub organization: OrganizationId,
    /// The session the credential belongs to and dies with.
    pub session: Option<Uuid>,
    /// A service account of the platform organization: on tenant-scoped routes it names the organization to act in.
    pub is_platform_service: bool,
}

/// Turns a credential into who it belongs to.
pub trait Authenticator: Send + Sync + 'static {
    /// The identity behind the credential.
    ///
    /// # Errors
    /// `AUTH_INVALID_TOKEN`, `AUTH_TOKEN_EXPIRED` or `AUTH_SESSION_REVOKED`; `INTERNAL_UNAVAILABLE` when it cannot be told.
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        request: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>>;
}

/// What is known of an organization.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantState {
    /// There is none with this id.
    Unknown,
    /// It is deactivated.
    Inactive,
    /// It may act.
    Active,
}

/// Knows which organizations exist and are active.
pub trait Tenants: Send + Sync + 'static {
    /// The state of one organization.
    ///
    /// # Errors
    /// `INTERNAL_UNAVAILABLE` when it cannot be told.
    fn state(&self, organization: OrganizationId) -> BoxFuture<'_, Result<TenantState, ApiError>>;
}

/// What is left of an actor's allowance, for the `RateLimit-*` headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// Requests allowed in the window.
    pub limit: u32,
    /// Requests left in it.
    pub remaining: u32,
    /// Seconds until it starts anew.
    pub reset_seconds: u32,
}

/// What a limiter says about one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateVerdict {
    /// Nothing is limited.
    Unlimited,
    /// Go on.
    Allowed(RateState),
    /// Not now.
    Refused(RateState),
}

/// Limits how often an actor may ask.
pub trait RateLimiter: Send + Sync + 'static {
    /// Counts one request of the actor in the organization.
    fn count(&self, actor: &Actor, organization: OrganizationId) -> RateVerdict;
}

/// Limits nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unlimited;

impl RateLimiter for Unlimited {
    fn count(&self, _: &Actor, _: OrganizationId) -> RateVerdict {
        RateVerdict::Unlimited
    }
}

/// Who calls, in which organization, with which request: what [`Requires`] and [`Authenticated`] dereference to.
#[derive(Clone)]
pub struct Caller {
    app: App,
    identity: Arc<Identity>,
    organization: OrganizationId,
    request: RequestContext,
    if_match: Option<HeaderValue>,
    pub(crate) idempotency_keys: IdempotencyKeys,
    /// How the route's permission is held, where it is held under a condition and something may be changed: for the refusals of objects
    /// that are read inside the unit of work.
    limit: Option<Arc<Explanation>>,
}

/// The `Idempotency-Key` headers of a request: it is judged only when a unit of work begins.
#[derive(Clone, Debug)]
pub(crate) enum IdempotencyKeys {
    None,
    One(HeaderValue),
    Several,
}

impl Caller {
    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Arc<Actor> {
        &self.identity.actor
    }

    /// The organization acted in.
    #[must_use]
    pub fn organization(&self) -> OrganizationId {
        self.organization
    }

    /// Who the credential belongs to; its organization differs from the one acted in for a service account of the platform.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The request.
    #[must_use]
    pub fn request(&self) -> &RequestContext {
        &self.request
    }

    /// The server's shared parts.
    #[must_use]
    pub fn app(&self) -> &App {
        &self.app
    }

    /// Whether the request has an `Idempotency-Key`, good or bad: then its change is a unit of work of its own, which keeps the answer.
    #[must_use]
    pub fn has_idempotency_key(&self) -> bool {
        !matches!(self.idempotency_keys, IdempotencyKeys::None)
    }

    /// What `If-Match` demands.
    #[must_use]
    pub fn precondition(&self) -> Precondition {
        Precondition::new(self.if_match.clone(), self.request.clone())
    }

    /// Asks for one more permission than the route's own, such as to look at somebody else than oneself.
    ///
    /// # Errors
    /// `RBAC_FORBIDDEN` or `RBAC_MODULE_NOT_CONTRACTED`; also when it is held only under a condition. `INTERNAL_UNAVAILABLE` when
    /// what decides cannot be read.
    pub async fn require<P: Permission>(&self) -> Result<Granted<P>, ApiError> {
        let granted = self.granted::<P>().await?;
        if granted.residual().is_some() {
            return Err(self.refused(Denial::new(P::INFO, Step::Condition)));
        }
        Ok(granted)
    }

    /// As [`require`](Self::require), for a permission that may be held under a condition: it is applied to each object.
    ///
    /// # Errors
    /// As [`require`](Self::require), but for the condition.
    pub async fn require_within<P: Permission>(&self) -> Result<Within<P>, ApiError> {
        let granted = self.granted::<P>().await?;
        let email = match granted.residual() {
            Some(residual) if residual.uses_user_email() => self.email().await?,
            _ => None,
        };
        Ok(Within::new(granted, email, self.app.generators().now()))
    }

    /// The address of the user who calls; `None` for a key or a service account.
    async fn email(&self) -> Result<Option<Arc<str>>, ApiError> {
        let actor = self.actor();
        match self.app.ports().find::<dyn Principals>() {
            Some(principals) if actor.kind == ActorKind::User => {
                let user = principals.user(self.organization, UserId::from_uuid(actor.id)).await?;
                Ok(user.map(|user| user.email.into()))
            }
            _ => Ok(None),
        }
    }

    async fn granted<P: Permission>(&self) -> Result<Granted<P>, ApiError> {
        let decision = self.decide(P::INFO).await?;
        Granted::from_decision(decision, Arc::clone(self.actor()), self.organization)
            .map_err(|denial| self.refused(denial))
    }

    async fn decide(&self, permission: &'static PermissionInfo) -> Result<Decision, ApiError> {
        let decider = &self.app.parts().decider;
        let (actor, organization) = (self.actor(), self.organization);
        match decider.decide(actor, organization, permission) {
            Some(decision) => Ok(decision),
            // What decides is read when it is first asked for, and after each change.
            None => decider
                .load_and_decide(actor, organization, permission)
                .await
                .map_err(|undecided| ApiError::unavailable(undecided.to_string())),
        }
    }

    /// The answer to a refused permission, and its note in the security trail.
    #[must_use]
    pub fn refused(&self, denial: Denial) -> ApiError {
        let (actor, organization) = (self.actor(), self.organization);
        let explanation = self
            .app
            .parts()
            .decider
            .explain(actor, organization, denial.permission());
        self.note_refusal(explanation.as_ref());
        let path = explanation.and_then(|explanation| PathView::telling(&explanation));
        ApiError::from(denial).along(path)
    }

    /// As [`refused`](Self::refused), for a permission that the program does not declare: one that was asked about by its code.
    #[must_use]
    pub fn refused_at(&self, step: Step, explanation: &Explanation) -> ApiError {
        self.note_refusal(Some(explanation));
        let code = match step {
            Step::Module => ErrorCode::RbacModuleNotContracted,
            Step::Scope | Step::Grant | Step::Withheld | Step::Condition | Step::Decision => ErrorCode::RbacForbidden,
        };
        ApiError::new(code).with_details(Details::Denied {
            permission: explanation.permission.clone().into(),
            step: step.as_str().into(),
            path: PathView::telling(explanation),
        })
    }

    fn note_refusal(&self, explanation: Option<&Explanation>) {
        if let Some(trail) = self.app.ports().find::<dyn SecurityTrail>() {
            trail.note(SecurityEvent {
                organization: self.organization,
                actor: Some(self.actor().as_ref().clone()),
                action: "permission.refused",
                target_kind: "permission",
                target_id: explanation.map_or(Uuid::nil(), |explanation| explanation.id),
                request_id: Some(self.request.request_id().to_owned()),
                ip: self.request.client_ip(),
                user_agent: self.request.user_agent().map(str::to_owned),
            });
        }
    }

    /// Everything that comes before the permission, in the order of the contract.
    async fn admit(parts: &Parts, app: App, request: RequestContext, access: Access) -> Result<Self, ApiError> {
        let identity = app
            .parts()
            .authenticator
            .authenticate(credential(&parts.headers)?, &request)
            .await?;
        let organization = acting_organization(&parts.headers, &identity, access)?;
        match app.parts().tenants.state(organization).await? {
            TenantState::Active => {}
            TenantState::Inactive => return Err(ApiError::new(ErrorCode::TenantInactive)),
            TenantState::Unknown => return Err(ApiError::not_found()),
        }
        // Set as soon as it is known, so that refusals further down are logged with their actor.
        let _ = request
            .exchange()
            .caller
            .set((Arc::clone(&identity.actor), organization));
        if !app.parts().freshness.is_fresh() {
            return Err(ApiError::unavailable(
                "the state of access has not been confirmed for too long",
            ));
        }
        request.limit(app.parts().limiter.count(&identity.actor, organization))?;
        if let Some(meter) = app.meter() {
            match meter.count(organization) {
                Metered::Known(outcome) => outcome?,
                Metered::Asking(answer) => answer.await?,
            }
        }
        let if_match = joined(&parts.headers, header::IF_MATCH);
        let idempotency_keys = idempotency_keys(&parts.headers);
        Ok(Self {
            app,
            identity,
            organization,
            request,
            if_match,
            idempotency_keys,
            limit: None,
        })
    }

    /// A refusal inside a unit of work, completed: of a condition that does not hold, how the permission is held in spite of it.
    pub(crate) fn completed(limit: Option<&Explanation>, refusal: ApiError) -> ApiError {
        match limit {
            Some(limit) => refusal.along(PathView::telling(limit)),
            None => refusal,
        }
    }

    /// How the route's permission is held, where it is held under a condition.
    pub(crate) const fn limit(&self) -> Option<&Arc<Explanation>> {
        self.limit.as_ref()
    }

    /// Notes in the security trail that a condition refused the change of an object.
    pub(crate) fn note_denied_change(&self, refusal: &ApiError) {
        if refusal.is_denial() {
            self.note_refusal(self.limit.as_deref());
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Caller")
            .field("actor", self.actor())
            .field("organization", &self.organization)
            .field("request", &self.request.request_id())
            .finish_non_exhaustive()
    }
}

/// The one credential of a request.
pub(crate) fn credential(headers: &HeaderMap) -> Result<Credential<'_>, ApiError> {
    let mut authorizations = headers.get_all(header::AUTHORIZATION).iter();
    let mut keys = headers.get_all(API_KEY).iter();
    match (authorizations.next(), keys.next()) {
        _ if authorizations.next().is_some() || keys.next().is_some() => Err(several_credentials()),
        (Some(_), Some(_)) => Err(several_credentials()),
        (None, None) => Err(ApiError::new(ErrorCode::AuthRequired)),
        (None, Some(key)) => text(key).map(Credential::ApiKey),
        (Some(authorization), None) => {
            let (scheme, token) = text(authorization)?.split_once(' ').unwrap_or_default();
            if scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty() {
                Ok(Credential::Bearer(token.trim()))
            } else {
                Err(ApiError::new(ErrorCode::AuthInvalidToken))
            }
        }
    }
}

fn several_credentials() -> ApiError {
    ApiError::new(ErrorCode::AuthInvalidToken).because(Message::new(
        "Send exactly one credential.",
        "Envie exatamente uma credencial.",
    ))
}

fn text(value: &HeaderValue) -> Result<&str, ApiError> {
    value.to_str().map_err(|_| ApiError::new(ErrorCode::AuthInvalidToken))
}

/// The organization acted in: the credential's, unless a service account of the platform names another one.
fn acting_organization(headers: &HeaderMap, identity: &Identity, access: Access) -> Result<OrganizationId, ApiError> {
    let mut named = headers.get_all(TENANT_ID).iter();
    let first = named.next();
    if named.next().is_some() {
        return Err(ApiError::new(ErrorCode::TenantMismatch));
    }
    let named = first.map(|value| {
        value
            .to_str()
            .ok()
            .and_then(|text| text.trim().parse::<OrganizationId>().ok())
    });
    let may_name = identity.is_platform_service && access.is_tenant_scoped();
    match named {
        None if may_name => Err(ApiError::new(ErrorCode::TenantRequired)),
        None => Ok(identity.organization),
        // What is not an id names no organization, like an unknown id.
        Some(named) if may_name => named.ok_or_else(ApiError::not_found),
        Some(named) if named == Some(identity.organization) => Ok(identity.organization),
        Some(_) => Err(ApiError::new(ErrorCode::TenantMismatch)),
    }
}

fn idempotency_keys(headers: &HeaderMap) -> IdempotencyKeys {
    let mut keys = headers.get_all(crate::write::IDEMPOTENCY_KEY).iter();
    match (keys.next(), keys.next()) {
        (None, _) => IdempotencyKeys::None,
        (Some(key), None) => IdempotencyKeys::One(key.clone()),
        (Some(_), Some(_)) => IdempotencyKeys::Several,
    }
}

/// Routes that declare no query take none.
fn refuse_undeclared_query(request: &RequestContext) -> Result<(), ApiError> {
    let takes_query = request.route().is_some_and(|route| route.takes_query());
    let Some(query) = request.query().filter(|query| !takes_query && !query.is_empty()) else {
        return Ok(());
    };
    let unknown = crate::query::names(query)
        .take(MAX_PROBLEMS)
        .map(|name| RuleViolation::new(name, Rule::UnknownField))
        .collect();
    Err(ApiError::violations(unknown))
}

fn context(parts: &Parts) -> Result<RequestContext, ApiError> {
    parts
        .extensions
        .get::<RequestContext>()
        .cloned()
        .ok_or_else(|| ApiError::internal("a handler was reached around the edge"))
}

/// Guard of a route that anyone may use. `R` says why that is right; see [`public_reason!`](crate::public_reason).
pub struct Public<R> {
    request: RequestContext,
    reason: PhantomData<fn() -> R>,
}

/// Why a route needs no credential; declared with [`public_reason!`](crate::public_reason).
pub trait PublicReason: 'static {
    /// The reason, in a few words; it is in the access matrix.
    const REASON: &'static str;
}

/// Declares the reasons why routes are public.
///
/// ```
/// http::public_reason! {
///     /// A load balancer has no credential.
///     pub struct Probe = "probes carry no credential";
/// }
/// # use http::PublicReason as _;
/// assert_eq!(Probe::REASON, "probes carry no credential");
/// ```
#[macro_export]
macro_rules! public_reason {
    ($($(#[$meta:meta])* $vis:vis struct $name:ident = $reason:literal;)+) => {$(
        $(#[$meta])*
        #[derive(Clone, Copy, Debug)]
        $vis enum $name {}

        impl $crate::PublicReason for $name {
            const REASON: &'static str = $reason;
        }
    )+};
}

impl<R> Public<R> {
    /// The request.
    #[must_use]
    pub fn request(&self) -> &RequestContext {
        &self.request
    }
}

impl<R> fmt::Debug for Public<R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Public")
            .field(&self.request.request_id())
            .finish()
    }
}

impl<R: PublicReason> sealed::Sealed for Public<R> {}

impl<R: PublicReason> Guard for Public<R> {
    const ACCESS: Access = Access::Public { reason: R::REASON };
}

impl<S: Sync, R: PublicReason> FromRequestParts<S> for Public<R> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let request = context(parts)?;
        refuse_undeclared_query(&request)?;
        Ok(Self {
            request,
            reason: PhantomData,
        })
    }
}

/// Guard of a route for any live credential.
#[derive(Clone, Debug)]
pub struct Authenticated {
    caller: Caller,
}

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl sealed::Sealed for Authenticated {}

impl Guard for Authenticated {
    const ACCESS: Access = Access::Authenticated;
}

impl<S> FromRequestParts<S> for Authenticated
where
    S: Send + Sync,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let request = context(parts)?;
        let caller = Caller::admit(parts, App::from_ref(state), request, Self::ACCESS).await?;
        refuse_undeclared_query(caller.request())?;
        Ok(Self { caller })
    }
}

/// Guard of a route that takes the permission `P`, and the proof that the caller holds it.
///
/// A caller who holds it only under a condition is refused: whoever can apply conditions says so with [`RequiresWithin`].
pub struct Requires<P> {
    caller: Caller,
    granted: Granted<P>,
}

impl<P> Requires<P> {
    /// The proof a use case asks for.
    #[must_use]
    pub fn granted(&self) -> &Granted<P> {
        &self.granted
    }
}

impl<P> Deref for Requires<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P> fmt::Debug for Requires<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Requires").field(&self.caller).finish()
    }
}

impl<P: Permission> sealed::Sealed for Requires<P> {}

impl<P: Permission> Guard for Requires<P> {
    const ACCESS: Access = Access::Requires(P::INFO);
}

impl<S, P> FromRequestParts<S> for Requires<P>
where
    S: Send + Sync,
    P: Permission,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let request = context(parts)?;
        let caller = Caller::admit(parts, App::from_ref(state), request, Self::ACCESS).await?;
        let granted = caller.require::<P>().await?;
        refuse_undeclared_query(caller.request())?;
        Ok(Self { caller, granted })
    }
}

/// Guard of a route that takes the permission `P`, also where it is held under a condition: the handler gets [`Within`], which gives
/// the proof for one object at a time.
pub struct RequiresWithin<P> {
    caller: Caller,
    within: Within<P>,
}

impl<P> RequiresWithin<P> {
    /// The grant within its conditions.
    #[must_use]
    pub fn within(&self) -> &Within<P> {
        &self.within
    }
}

impl<P: Permission> RequiresWithin<P> {
    /// Lets the caller see an object, or not.
    ///
    /// # Errors
    /// `RBAC_FORBIDDEN` when no condition of the grant holds of it.
    pub fn admit(&self, object: &(impl Object + ?Sized)) -> Result<&Granted<P>, ApiError> {
        self.within.admit(object).map_err(|denial| self.refused(denial))
    }

    /// The answer where a table did not hand out or take in an object.
    #[must_use]
    pub fn not_admitted(&self, error: NotAdmitted) -> ApiError {
        match error {
            NotAdmitted::Denied(denial) => self.refused(denial),
            NotAdmitted::Storage(error) => error.into(),
        }
    }

    /// What the grant leaves of a list, by the columns that conditions can ask for.
    ///
    /// # Errors
    /// `RBAC_FORBIDDEN` when a condition asks for what is no column.
    pub fn narrowed(&self, columns: &[Column]) -> Result<Narrowed, ApiError> {
        let engine = self.app().db().engine();
        Narrowed::to_reach_of(&self.within, columns, engine).map_err(|denial| self.refused(denial))
    }
}

impl<P> Deref for RequiresWithin<P> {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        &self.caller
    }
}

impl<P> fmt::Debug for RequiresWithin<P> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("RequiresWithin").field(&self.caller).finish()
    }
}

impl<P: Permission> sealed::Sealed for RequiresWithin<P> {}

impl<P: Permission> Guard for RequiresWithin<P> {
    const ACCESS: Access = Access::Requires(P::INFO);
}

impl<S, P> FromRequestParts<S> for RequiresWithin<P>
where
    S: Send + Sync,
    P: Permission,
    App: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let request = context(parts)?;
        let mut caller = Caller::admit(parts, App::from_ref(state), request, Self::ACCESS).await?;
        let within = caller.require_within::<P>().await?;
        if within.residual().is_some() && !caller.request.method().is_safe() {
            let decider = &caller.app.parts().decider;
            let held = decider.explain(caller.actor(), caller.organization, P::INFO);
            caller.limit = held.map(Arc::new);
        }
        refuse_undeclared_query(caller.request())?;
        Ok(Self { caller, within })
    }
}
