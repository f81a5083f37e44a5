//! A server with one small context, and who can call it.

use std::collections::BTreeMap;
use std::future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use authz::bootstrap::BootstrapDecider;
use authz::{Decider, Decision, PermissionInfo, Step};
use axum::body::Body as Stream;
use axum::extract::{FromRef, State};
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use contracts::Ports;
use db::list::Listed;
use db::migrate::{CORE, Destructive};
use db::{Db, DbConfig};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{
    Answer, ApiError, App, AppParts, Authenticated, Authenticator, Body, Credential, Doc, Edge, ErrorCode, HttpConfig,
    Identity, ListQuery, Metrics, NoBody, OptionalBody, PathId, Peer, Place, Public, Query, RateLimiter, RateState,
    RateVerdict, RawBody, RequestContext, Requires, Routes, Search, TenantState, Tenants, TextSchema,
};
use http_body_util::BodyExt as _;
use kernel::{
    Actor, ActorKind, DomainEvent, Generators, Id as _, ManualClock, OrganizationId, RuleViolation, Subject,
    checked_text,
};
use parking_lot::Mutex;
use serde::Serialize;
use serde_json::{Value, json};
use tower::Service as _;
use utoipa::ToSchema;
use uuid::Uuid;
use vault::{MasterKey, Sealer};

kernel::id!(
    /// Names a note.
    pub(crate) struct NoteId = "note"
);

authz::permission!(
    /// Read notes.
    pub(crate) struct NoteRead = "NOTES" "NOTE" "READ", Tenant, "Read notes";
    /// Write notes.
    pub(crate) struct NoteWrite = "NOTES" "NOTE" "WRITE", Tenant, "Write notes";
    /// Operate.
    pub(crate) struct Operate = "NOTES" "PLATFORM" "UPDATE", Platform, "Operate on notes"
);

http::public_reason! {
    /// For the tests of public routes.
    pub(crate) struct Open = "a test wants it so";
}

/// A text of 2 to 20 characters.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Title(String);

impl Title {
    fn new(raw: &str) -> Result<Self, RuleViolation> {
        checked_text("title", raw, 2, 20).map(Self)
    }
}

http::text_value! {
    Title, Title::new,
    TextSchema { min_length: Some(2), max_length: Some(20), example: "Shopping", ..Default::default() }
}

http::choice! {
    /// How much a note matters.
    pub(crate) enum Weight { Light = "light", Heavy = "heavy" }
}

http::input! {
    /// A line of a note.
    pub(crate) struct Item {
        /// What it says.
        name: Title,
        /// How often.
        count: http::Int<1, 99>,
    }
}

http::input! {
    /// What a note is made of.
    pub(crate) struct CreateNote {
        /// What it is called.
        title: Title,
        /// A remark.
        remark: Option<String>,
        /// How much it matters.
        weight: Option<Weight>,
        /// Its lines.
        items: Vec<Item> = Vec::new(),
        /// When to remind of it.
        remind_at: Option<http::TimeText>,
    }
}

http::input! {
    /// How to copy a note.
    pub(crate) struct CopyNote {
        /// How often.
        times: http::Int<1, 9> = http::Int::of::<1>(),
    }
}

http::input! {
    /// What can be changed about a note.
    pub(crate) struct UpdateNote {
        /// What it is called.
        title: Keep<Title>,
        /// A remark; `null` removes it.
        remark: Patch<String>,
    }
}

/// A note as clients see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NoteView {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    id: NoteId,
    /// What it is called.
    #[schema(value_type = String)]
    title: Title,
    /// A remark.
    remark: Option<String>,
}

http::filters! {
    /// What the list of notes can be narrowed by.
    pub(crate) struct NoteFilter {
        /// Only notes with a remark, or only those without.
        has_remark: bool = "hasRemark",
        /// A text in the title.
        q: Search = "q",
    }
}

http::filters! {
    /// Whether to do it at all.
    pub(crate) struct DryRun {
        /// Changes nothing.
        dry_run: bool = "dryRun",
    }
}

http::sort_keys! {
    /// What the list of notes can be ordered by.
    pub(crate) enum NoteSort: ascending Title {
        Title = "title" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

#[derive(Clone)]
pub(crate) struct Notes {
    app: App,
    notes: Arc<Mutex<BTreeMap<Uuid, NoteView>>>,
    runs: Arc<AtomicU32>,
}

impl FromRef<Notes> for App {
    fn from_ref(notes: &Notes) -> Self {
        notes.app.clone()
    }
}

fn example() -> Value {
    json!({ "id": "019a9d2e-6f1b-7c44-b0aa-8f6a3c1d2e4f", "title": "Shopping", "remark": null })
}

fn routes() -> Routes<Notes> {
    Routes::new("Notes", "Short texts.")
        .get(
            "/notes",
            list,
            Doc::new("listNotes", "List notes")
                .query::<ListQuery<NoteFilter, NoteSort>>()
                .lists::<NoteView>("Notes", example()),
        )
        .post(
            "/notes",
            create,
            Doc::new("createNote", "Create a note")
                .describe("Makes a note.")
                .takes::<CreateNote>(json!({ "title": "Shopping", "items": [{ "name": "Milk", "count": 2 }] }))
                .creates::<NoteView>("The note", example())
                .refuses([ErrorCode::ConflictDuplicate]),
        )
        .get(
            "/notes/{id}",
            get,
            Doc::new("getNote", "Get a note").answers::<NoteView>("The note", example()),
        )
        .patch(
            "/notes/{id}",
            update,
            Doc::new("updateNote", "Change a note")
                .takes::<UpdateNote>(json!({ "remark": null }))
                .answers::<NoteView>("The note", example()),
        )
        .delete(
            "/notes/{id}",
            forgetful_delete,
            Doc::new("deleteNote", "Delete a note").answers_nothing("It is gone"),
        )
        .post(
            "/notes/{id}/archive",
            archive,
            Doc::new("archiveNote", "Archive a note").answers::<NoteView>("The note", example()),
        )
        .post(
            "/notes/{id}/link",
            link,
            Doc::new("linkNote", "Make a secret link to a note").answers::<NoteView>("The note", example()),
        )
        .post(
            "/notes/{id}/copy",
            copy,
            Doc::new("copyNote", "Copy a note")
                .may_take::<CopyNote>(json!({ "times": 2 }))
                .answers::<NoteView>("The note", example()),
        )
        .post(
            "/notes/operate",
            operate,
            Doc::new("operate", "Operate")
                .query::<Query<DryRun>>()
                .accepts::<NoteView>("It will be done", example()),
        )
        .post(
            "/notes/bodyless",
            bodyless,
            Doc::new("bodyless", "Reads no body").answers_nothing("Done"),
        )
        .put(
            "/picture",
            picture,
            Doc::new("putPicture", "Set a picture").answers_nothing("It is set"),
        )
        .get(
            "/me",
            me,
            Doc::new("getMe", "Who calls").answers_json::<NoteView>(StatusCode::OK, "The caller"),
        )
        .get(
            "/open",
            open,
            Doc::new("getOpen", "For anyone")
                .answers_verbatim("application/json", "A text")
                .answers_verbatim("text/plain", "the same, bare")
                .answers_json::<NoteView>(StatusCode::BAD_REQUEST, "In other words"),
        )
        .get(
            "/panics",
            panics,
            Doc::new("getPanic", "Panics").answers_nothing("Never"),
        )
        .get(
            "/slow",
            slow,
            Doc::new("getSlow", "Takes for ever").answers_nothing("Never"),
        )
        .get(
            "/long",
            long,
            Doc::new("getLong", "Says much").answers_verbatim("text/plain", "Much"),
        )
        .get(
            "/foreign",
            foreign,
            Doc::new("getForeign", "Refuses on its own").answers_nothing("Never"),
        )
}

async fn list(
    caller: Requires<NoteRead>,
    query: ListQuery<NoteFilter, NoteSort>,
    State(notes): State<Notes>,
) -> Result<Answer, ApiError> {
    assert_eq!(caller.granted().organization(), caller.organization());
    let all: Vec<NoteView> = notes.notes.lock().values().cloned().collect();
    let from = query.after.as_ref().map_or(query.page.offset() as usize, |place| {
        all.iter()
            .position(|note| note.id.as_uuid() == place.id())
            .map_or(0, |position| position + 1)
    });
    let limit = query.page.limit() as usize;
    let items: Vec<NoteView> = all.iter().skip(from).take(limit).cloned().collect();
    let has_more = from + items.len() < all.len();
    let listed = Listed {
        items,
        total: all.len() as u64,
        has_more,
    };
    query.answer(&listed, |note, _| Place::text(note.title.0.clone(), note.id))
}

async fn create(
    caller: Requires<NoteWrite>,
    State(notes): State<Notes>,
    Body(input): Body<CreateNote>,
) -> Result<Answer, ApiError> {
    let (organization, store, runs) = (caller.organization(), Arc::clone(&notes.notes), Arc::clone(&notes.runs));
    let id: NoteId = notes.app.generators().id();
    caller
        .write(move |uow| {
            let (input, store, runs) = (input.clone(), Arc::clone(&store), Arc::clone(&runs));
            async move {
                runs.fetch_add(1, Ordering::Relaxed);
                if input.title.0 == "Slowly" {
                    std::thread::sleep(Duration::from_millis(100));
                }
                if store.lock().values().any(|note| note.title == input.title) {
                    return Err(ApiError::duplicate("title"));
                }
                let note = NoteView {
                    id,
                    title: input.title,
                    remark: input.remark,
                };
                store.lock().insert(id.as_uuid(), note.clone());
                uow.record(organization, event("note.created", id), "{}".to_owned());
                Answer::created(&format!("/notes/{id}"), &note)
            }
        })
        .await
}

fn event(kind: &'static str, id: NoteId) -> DomainEvent {
    DomainEvent {
        kind,
        subject: Subject {
            kind: "note",
            id: id.as_uuid(),
        },
        changes: Vec::new(),
    }
}

async fn get(_: Requires<NoteRead>, path: PathId<NoteId>, State(notes): State<Notes>) -> Result<Answer, ApiError> {
    let note = notes.notes.lock().get(&path.found()?.as_uuid()).cloned();
    Answer::ok(&note.ok_or_else(ApiError::not_found)?)
}

async fn update(
    caller: Requires<NoteWrite>,
    path: PathId<NoteId>,
    State(notes): State<Notes>,
    Body(input): Body<UpdateNote>,
) -> Result<Answer, ApiError> {
    let (id, organization, store) = (path.found()?, caller.organization(), Arc::clone(&notes.notes));
    let precondition = caller.precondition();
    caller
        .write(move |uow| {
            let (input, store, precondition) = (input.clone(), Arc::clone(&store), precondition.clone());
            async move {
                let current = store
                    .lock()
                    .get(&id.as_uuid())
                    .cloned()
                    .ok_or_else(ApiError::not_found)?;
                precondition.check(&current)?;
                let title = input.title.or(current.title);
                let note = NoteView {
                    id,
                    title,
                    remark: input.remark.or(current.remark),
                };
                store.lock().insert(id.as_uuid(), note.clone());
                uow.record(organization, event("note.updated", id), "{}".to_owned());
                Answer::ok(&note)
            }
        })
        .await
}

/// The seeded violation: it does not look at `If-Match`.
async fn forgetful_delete(caller: Requires<NoteWrite>, path: PathId<NoteId>) -> Result<Answer, ApiError> {
    let (id, organization) = (path.found()?, caller.organization());
    caller
        .write(move |uow| async move {
            uow.record(organization, event("note.deleted", id), "{}".to_owned());
            Ok(Answer::no_content())
        })
        .await
}

async fn archive(caller: Requires<NoteWrite>, path: PathId<NoteId>, _: NoBody) -> Result<Answer, ApiError> {
    let (id, organization) = (path.found()?, caller.organization());
    caller
        .write(move |uow| async move {
            uow.record(organization, event("note.archived", id), "{}".to_owned());
            Answer::ok(&json!({ "id": id, "archived": true }))
        })
        .await
}

async fn copy(
    _: Requires<NoteWrite>,
    path: PathId<NoteId>,
    OptionalBody(input): OptionalBody<CopyNote>,
) -> Result<Answer, ApiError> {
    Answer::ok(&json!({ "id": path.found()?, "times": input.times.get() }))
}

/// Every link is another one, and shown once.
async fn link(caller: Requires<NoteWrite>, path: PathId<NoteId>, _: NoBody) -> Result<Answer, ApiError> {
    let (id, organization) = (path.found()?, caller.organization());
    caller
        .write(move |uow| async move {
            uow.record(organization, event("note.linked", id), "{}".to_owned());
            let secret = Uuid::from_bytes(uow.generators().bytes());
            Answer::ok(&json!({ "id": id, "link": secret }))?.with_secret(&json!({ "id": id }))
        })
        .await
}

/// The seeded violation: it reads no body, so two requests with one key cannot be told apart.
async fn bodyless(caller: Requires<NoteWrite>) -> Result<Answer, ApiError> {
    let organization = caller.organization();
    caller
        .write(move |uow| async move {
            uow.record(
                organization,
                event("note.touched", NoteId::from_uuid(Uuid::nil())),
                "{}".to_owned(),
            );
            Ok(Answer::no_content())
        })
        .await
}

async fn operate(_: Requires<Operate>, Query(query): Query<DryRun>, _: NoBody) -> Result<Answer, ApiError> {
    Answer::accepted(&json!({ "dryRun": query.dry_run }))
}

async fn picture(_: Authenticated, picture: RawBody) -> Result<Answer, ApiError> {
    if picture.media_type != "image/png" {
        return Err(ApiError::new(ErrorCode::ValidationUnsupportedMediaType));
    }
    Ok(Answer::no_content())
}

async fn me(caller: Authenticated) -> Result<Answer, ApiError> {
    caller.require::<NoteRead>().await?;
    Answer::ok(&json!({
        "actor": caller.actor().kind.as_str(),
        "organization": caller.organization(),
        "ip": caller.request().client_ip(),
        "userAgent": caller.request().user_agent(),
        "requestId": caller.request().request_id(),
        "traceId": caller.request().trace().map(|trace| trace.trace_id().to_owned()),
    }))
}

async fn open(public: Public<Open>) -> Result<Answer, ApiError> {
    Answer::ok(public.request().locale().as_str())
}

async fn panics(_: Public<Open>) -> Result<Answer, ApiError> {
    panic!("CPF 529.982.247-25 must not leave");
}

async fn slow(_: Public<Open>) -> Result<Answer, ApiError> {
    future::pending().await
}

async fn long(_: Public<Open>) -> ([(header::HeaderName, &'static str); 1], String) {
    ([(header::CONTENT_TYPE, "text/plain")], "lastro ".repeat(1_000))
}

/// Answers like axum's own extractors do.
async fn foreign(_: Public<Open>) -> (StatusCode, &'static str) {
    (StatusCode::BAD_REQUEST, "Failed to deserialize: secret detail")
}

/// Recognises a few tokens.
struct Tokens {
    home: OrganizationId,
    platform: OrganizationId,
}

impl Tokens {
    fn identity(&self, token: &str) -> Result<Identity, ApiError> {
        let (kind, number, organization) = match token {
            "user" | "user elsewhere" => (ActorKind::User, 1, self.home),
            "stranger" => (ActorKind::User, 2, self.home),
            "key" => (ActorKind::ApiKey, 3, self.home),
            "service" => (ActorKind::ServiceAccount, 4, self.platform),
            "operator" => (ActorKind::User, 5, self.platform),
            "inactive" => (ActorKind::User, 6, inactive()),
            "expired" => return Err(ApiError::new(ErrorCode::AuthTokenExpired)),
            _ => return Err(ApiError::new(ErrorCode::AuthInvalidToken)),
        };
        Ok(Identity {
            actor: Arc::new(Actor {
                kind,
                id: Uuid::from_u128(number),
                name: "Ana".to_owned(),
            }),
            organization,
            session: token
                .strip_prefix("user")
                .map(|device| Uuid::from_u128(device.len() as u128)),
            is_platform_service: token == "service",
        })
    }
}

impl Authenticator for Tokens {
    fn authenticate<'a>(
        &'a self,
        credential: Credential<'a>,
        _: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let (Credential::Bearer(token) | Credential::ApiKey(token)) = credential;
        future::ready(self.identity(token).map(Arc::new)).boxed()
    }
}

/// Everyone but the stranger may everything where they act.
struct NoStranger;

impl Decider for NoStranger {
    fn decide(
        &self,
        actor: &Actor,
        organization: OrganizationId,
        permission: &'static PermissionInfo,
    ) -> Option<Decision> {
        if actor.id == Uuid::from_u128(2) {
            return Some(Decision::denied(actor, organization, permission, Step::Grant));
        }
        BootstrapDecider::new(actor.clone(), organization).decide(actor, organization, permission)
    }
}

struct Known;

impl Tenants for Known {
    fn state(&self, organization: OrganizationId) -> BoxFuture<'_, Result<TenantState, ApiError>> {
        let state = match organization {
            known if known == home() || known == platform() || known == other() => TenantState::Active,
            known if known == inactive() => TenantState::Inactive,
            _ => TenantState::Unknown,
        };
        future::ready(Ok(state)).boxed()
    }
}

/// Allows so many requests.
struct Allowance(AtomicU32);

impl RateLimiter for Allowance {
    fn count(&self, _: &Actor, _: OrganizationId) -> RateVerdict {
        let left = self.0.load(Ordering::Relaxed);
        if left == u32::MAX {
            return RateVerdict::Unlimited;
        }
        let state = RateState {
            limit: 2,
            remaining: left.saturating_sub(1),
            reset_seconds: 7,
        };
        if left == 0 {
            return RateVerdict::Refused(state);
        }
        self.0.store(left - 1, Ordering::Relaxed);
        RateVerdict::Allowed(state)
    }
}

fn organization(number: u128) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(number))
}

pub(crate) fn home() -> OrganizationId {
    organization(0xa)
}

pub(crate) fn other() -> OrganizationId {
    organization(0xb)
}

pub(crate) fn platform() -> OrganizationId {
    organization(0xc)
}

pub(crate) fn inactive() -> OrganizationId {
    organization(0xd)
}

/// The server under test. Its database disappears with it.
pub(crate) struct World {
    pub(crate) edge: Edge,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) runs: Arc<AtomicU32>,
    fresh: Arc<AtomicBool>,
    allowance: Arc<Allowance>,
    pub(crate) folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(HttpConfig::default()).await
    }

    pub(crate) async fn with(config: HttpConfig) -> Self {
        Self::migrated(config, true).await
    }

    pub(crate) async fn migrated(config: HttpConfig, migrate: bool) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse().unwrap()));
        let generators = Generators::seeded(Arc::clone(&clock), 7);
        let folder = tempfile::tempdir().unwrap();
        let db_config = DbConfig::new(format!("sqlite://{}", folder.path().join("lastro.db").display()));
        if migrate {
            db::migrate::run(&db_config, &[CORE], Destructive::Refuse, &mut |_| {})
                .await
                .unwrap();
        }
        let fresh = Arc::new(AtomicBool::new(true));
        let allowance = Arc::new(Allowance(AtomicU32::new(u32::MAX)));
        let freshness = Arc::clone(&fresh);
        let ports = Ports::default();
        ports.provide(Arc::new(Sealer::new(MasterKey::new([7; 32]), Vec::new())));
        let app = App::new(AppParts {
            db: Db::open(db_config, generators.clone()).unwrap(),
            migrations: Arc::new([CORE]),
            version: "1.2.3",
            generators,
            authenticator: Arc::new(Tokens {
                home: home(),
                platform: platform(),
            }),
            decider: Arc::new(NoStranger),
            tenants: Arc::new(Known),
            limiter: Arc::clone(&allowance) as Arc<dyn RateLimiter>,
            freshness: Arc::new(move || freshness.load(Ordering::Relaxed)),
            ports: Arc::new(ports),
            metrics: Metrics::new("1.2.3"),
            config,
        });
        let runs = Arc::<AtomicU32>::default();
        let notes = Notes {
            app: app.clone(),
            notes: Arc::default(),
            runs: Arc::clone(&runs),
        };
        let edge = http::serve_routes(&app, vec![routes().with_state(notes)]);
        Self {
            edge,
            clock,
            runs,
            fresh,
            allowance,
            folder,
        }
    }

    /// The same world behind another edge.
    pub(crate) fn beside(mut self, make: impl FnOnce(&Self) -> Edge) -> Self {
        self.edge = make(&self);
        self
    }

    pub(crate) fn set_fresh(&self, fresh: bool) {
        self.fresh.store(fresh, Ordering::Relaxed);
    }

    pub(crate) fn allow(&self, requests: u32) {
        self.allowance.0.store(requests, Ordering::Relaxed);
    }

    pub(crate) async fn send(&self, request: Request<Stream>) -> Reply {
        let response = self.edge.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.to_vec(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(request(Method::GET, path).empty()).await
    }

    /// Makes a note and answers its path.
    pub(crate) async fn note(&self, title: &str) -> String {
        let reply = self
            .send(request(Method::POST, "/api/v1/notes").json(&json!({ "title": title })))
            .await;
        assert_eq!(reply.status, 201, "{reply:?}");
        reply.header("location").to_owned()
    }
}

/// The answer, read.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status and code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, String) {
        (
            self.status.as_u16(),
            self.json()["error"]["code"].as_str().unwrap_or("-").to_owned(),
        )
    }

    /// The problems of a refusal as `field CODE`.
    pub(crate) fn problems(&self) -> Vec<String> {
        let details = self.json()["error"]["details"].clone();
        let details = details.as_array().cloned().unwrap_or_default();
        let text = |problem: &Value, name: &str| problem[name].as_str().unwrap_or_default().to_owned();
        details
            .iter()
            .map(|problem| format!("{} {}", text(problem, "field"), text(problem, "code")))
            .collect()
    }
}

/// A request in the making; by the user, unless said otherwise.
pub(crate) struct Asking {
    method: Method,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
}

pub(crate) fn request(method: Method, path: &str) -> Asking {
    anonymous(method, path).with("authorization", "Bearer user")
}

pub(crate) fn anonymous(method: Method, path: &str) -> Asking {
    Asking {
        method,
        path: path.to_owned(),
        headers: Vec::new(),
    }
}

impl Asking {
    pub(crate) fn with(mut self, name: &'static str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name, value.as_ref().to_vec()));
        self
    }

    pub(crate) fn empty(self) -> Request<Stream> {
        self.body(Stream::empty())
    }

    pub(crate) fn json(self, body: &Value) -> Request<Stream> {
        self.text(&body.to_string())
    }

    pub(crate) fn text(self, body: &str) -> Request<Stream> {
        self.bytes(body.as_bytes())
    }

    pub(crate) fn bytes(self, body: &[u8]) -> Request<Stream> {
        self.with("content-type", "application/json")
            .body(Stream::from(body.to_vec()))
    }

    pub(crate) fn body(self, body: Stream) -> Request<Stream> {
        let mut builder = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            builder = builder.header(name, value);
        }
        let mut request = builder.body(body).unwrap();
        request
            .extensions_mut()
            .insert(Peer("203.0.113.9:4711".parse().unwrap()));
        request
    }
}

/// A configuration whose requests may take no time.
pub(crate) fn impatient() -> HttpConfig {
    HttpConfig {
        request_timeout: Duration::from_millis(20),
        ..HttpConfig::default()
    }
}
