//! A whole request, behind the socket: its path, query, headers and body, on a server with one small context.
//!
//! The input is written like a request of HTTP/1.1: a line with method and target, lines of headers, an empty line, the body. The
//! server authenticates everybody, so that what comes after is reached.
#![no_main]

use std::future;
use std::sync::{Arc, LazyLock};

use authz::BootstrapDecider;
use axum::body::Body as Stream;
use axum::extract::FromRef;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use contracts::Ports;
use db::list::Listed;
use db::{Db, DbConfig};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{
    Answer, ApiError, App, AppParts, Authenticator, Body, Credential, Doc, Edge, HttpConfig, Identity, ListQuery,
    Metrics, OptionalBody, PathId, Peer, Place, Public, RequestContext, Requires, Routes, Search, StreamQuery,
    TenantState, Tenants, TextSchema, Unlimited,
};
use http_body_util::BodyExt as _;
use kernel::{
    Actor, ActorKind, Generators, Id as _, ManualClock, OrganizationId, RuleViolation, Timestamp, checked_text,
};
use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tower::Service as _;
use uuid::Uuid;

kernel::id!(
    /// Names a note.
    struct NoteId = "note"
);

/// By a name of its own, because the documentation of a field takes no parameters of a type.
type NoteIdText = http::IdText<NoteId>;

authz::permission!(
    /// Read notes.
    struct NoteRead = "NOTES" "NOTE" "READ", Tenant, "Read notes";
    /// Write notes.
    struct NoteWrite = "NOTES" "NOTE" "WRITE", Tenant, "Write notes"
);

http::public_reason! {
    /// Reached without a credential.
    struct Open = "a fuzz target wants it so";
}

#[derive(Clone, Debug, Serialize)]
struct Title(String);

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
    enum Weight { Light = "light", Heavy = "heavy" }
}

http::input! {
    /// A line of a note.
    struct Item {
        /// What it says.
        name: Title,
        /// How often.
        count: http::Int<1, 99>,
    }
}

http::input! {
    /// What a note is made of.
    struct CreateNote {
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
        /// What it is filed under.
        folder_id: Option<NoteIdText>,
    }
}

http::input! {
    /// What can be changed about a note.
    struct UpdateNote {
        /// What it is called.
        title: Keep<Title>,
        /// A remark; `null` removes it.
        remark: Patch<String>,
    }
}

http::filters! {
    /// What the list of notes can be narrowed by.
    struct NoteFilter {
        /// Only notes with a remark, or only those without.
        has_remark: bool = "hasRemark",
        /// A text in the title.
        q: Search = "q",
        /// Not older than this.
        since: Timestamp = "since",
        /// In one of these folders.
        folders: Vec<NoteIdText> = "folderId",
    }
}

http::sort_keys! {
    /// What the list of notes can be ordered by.
    enum NoteSort: ascending Title {
        Title = "title" (Text),
        CreatedAt = "createdAt" (Time),
    }
}

#[derive(Clone)]
struct Notes(App);

impl FromRef<Notes> for App {
    fn from_ref(notes: &Notes) -> Self {
        notes.0.clone()
    }
}

fn routes() -> Routes<Notes> {
    let list = Doc::new("listNotes", "List notes").query::<ListQuery<NoteFilter, NoteSort>>();
    let stream = Doc::new("readNotes", "Read notes").query::<StreamQuery<NoteFilter>>();
    let note = || json!({ "title": "Shopping" });
    Routes::new("Notes", "Short texts.")
        .get("/notes", list_notes, list.lists::<Value>("Notes", note()))
        .post(
            "/notes",
            create,
            Doc::new("createNote", "Create a note")
                .takes::<CreateNote>(note())
                .answers::<Value>("The note", note()),
        )
        .patch(
            "/notes/{id}",
            update,
            Doc::new("updateNote", "Change a note")
                .takes::<UpdateNote>(note())
                .answers::<Value>("The note", note()),
        )
        .get("/stream", read_notes, stream.answers::<Value>("Notes", note()))
        .post(
            "/open",
            open,
            Doc::new("postOpen", "For anyone")
                .may_take::<UpdateNote>(note())
                .answers::<Value>("The caller", note()),
        )
}

async fn list_notes(_: Requires<NoteRead>, query: ListQuery<NoteFilter, NoteSort>) -> Result<Answer, ApiError> {
    let listed = Listed {
        items: vec![json!({ "title": "Shopping" })],
        total: 1,
        has_more: true,
    };
    query.answer(&listed, |_, sort| match sort {
        NoteSort::Title => Place::text("Shopping", Uuid::nil()),
        NoteSort::CreatedAt => Place::time(Timestamp::UNIX_EPOCH, Uuid::nil()),
    })
}

async fn read_notes(_: Requires<NoteRead>, query: StreamQuery<NoteFilter>) -> Result<Answer, ApiError> {
    Answer::ok(&format!("{query:?}"))
}

async fn create(_: Requires<NoteWrite>, Body(input): Body<CreateNote>) -> Result<Answer, ApiError> {
    Answer::ok(&input.title)
}

async fn update(
    caller: Requires<NoteWrite>,
    path: PathId<NoteId>,
    Body(input): Body<UpdateNote>,
) -> Result<Answer, ApiError> {
    let id = path.found()?;
    caller.precondition().check("Shopping")?;
    Answer::ok(&format!("{id} {input:?}"))
}

async fn open(public: Public<Open>, OptionalBody(input): OptionalBody<UpdateNote>) -> Result<Answer, ApiError> {
    let request = public.request();
    Answer::ok(&json!({
        "locale": request.locale().as_str(),
        "ip": request.client_ip(),
        "trace": request.trace().map(|trace| trace.trace_id().to_owned()),
        "input": format!("{input:?}"),
    }))
}

fn home() -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(0xa))
}

fn ana() -> Actor {
    Actor {
        kind: ActorKind::User,
        id: Uuid::from_u128(1),
        name: "Ana".to_owned(),
    }
}

struct Everybody;

impl Authenticator for Everybody {
    fn authenticate<'a>(
        &'a self,
        _: Credential<'a>,
        _: &'a RequestContext,
    ) -> BoxFuture<'a, Result<Arc<Identity>, ApiError>> {
        let identity = Identity {
            actor: Arc::new(ana()),
            organization: home(),
            session: Some(Uuid::from_u128(2)),
            is_platform_service: false,
        };
        future::ready(Ok(Arc::new(identity))).boxed()
    }
}

impl Tenants for Everybody {
    fn state(&self, _: OrganizationId) -> BoxFuture<'_, Result<TenantState, ApiError>> {
        future::ready(Ok(TenantState::Active)).boxed()
    }
}

struct World {
    runtime: Runtime,
    edge: Edge,
}

static WORLD: LazyLock<World> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let now = "2026-11-21T12:00:00Z".parse().unwrap();
    let generators = Generators::seeded(Arc::new(ManualClock::new(now)), 7);
    // Nothing is asked of it: a database whose server nobody connects to.
    let config = DbConfig::new("postgres://nobody@127.0.0.1:1/none".to_owned());
    let app = App::new(AppParts {
        db: Db::open(config, generators.clone()).unwrap(),
        migrations: Arc::new([]),
        version: "1.2.3",
        generators,
        authenticator: Arc::new(Everybody),
        decider: Arc::new(BootstrapDecider::new(ana(), home())),
        tenants: Arc::new(Everybody),
        limiter: Arc::new(Unlimited),
        freshness: Arc::new(|| true),
        ports: Arc::new(Ports::default()),
        metrics: Metrics::new("1.2.3"),
        config: HttpConfig {
            trusted_proxies: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
            cors_origins: vec![HeaderValue::from_static("https://app.example.com")],
            ..HttpConfig::default()
        },
    });
    let edge = http::serve_routes(&app, vec![routes().with_state(Notes(app.clone()))]);
    drop(_entered);
    World { runtime, edge }
});

/// The request that is written like this, if it is one that the parser of HTTP would let through.
fn request(bytes: &[u8]) -> Option<Request<Stream>> {
    let mut rest = bytes;
    let mut line = || {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let (line, after) = rest.split_at(end);
        rest = after.split_first()?.1;
        Some(line)
    };
    let (method, target) = str::from_utf8(line()?).ok()?.split_once(' ')?;
    let mut builder = Request::builder()
        .method(Method::from_bytes(method.as_bytes()).ok()?)
        .uri(target);
    while let Some(header) = line().filter(|header| !header.is_empty()) {
        let colon = header.iter().position(|byte| *byte == b':')?;
        let (name, value) = header.split_at(colon);
        builder = builder.header(
            HeaderName::from_bytes(name).ok()?,
            HeaderValue::from_bytes(value.split_first()?.1.trim_ascii()).ok()?,
        );
    }
    let mut request = builder.body(Stream::from(rest.to_vec())).ok()?;
    // These ask the database, which is not there.
    if request.uri().path().contains("/health") {
        return None;
    }
    let peer = Peer("10.0.0.1:4711".parse().ok()?);
    request.extensions_mut().insert(peer);
    Some(request)
}

fuzz_target!(|bytes: &[u8]| {
    let Some(request) = request(bytes) else { return };
    let world = &*WORLD;
    world.runtime.block_on(async {
        let response = world.edge.clone().call(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        assert_ne!(
            parts.status,
            StatusCode::INTERNAL_SERVER_ERROR,
            "{}",
            String::from_utf8_lossy(&body)
        );
        assert!(parts.headers.contains_key("x-request-id"));
        if parts.status.is_client_error() && !body.is_empty() && !parts.headers.contains_key("content-encoding") {
            let refusal: Value = serde_json::from_slice(&body).expect("a refusal is JSON");
            assert!(refusal["error"]["code"].is_string(), "{refusal}");
        }
    });
});
