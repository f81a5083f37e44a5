//! Routes: a path, a handler whose first argument is its access rule, and its documentation, registered together.
//!
//! This is the only module that touches axum's own routing methods; elsewhere they are a lint error. What cannot be written
//! with [`Routes`] is a route without an access rule:
//!
//! ```compile_fail,E0277
//! # use http::{Answer, ApiError, App, Doc, Routes};
//! async fn open_to_all() -> Result<Answer, ApiError> {
//!     Answer::ok("anyone may read this")
//! }
//! let routes = Routes::<App>::new("secrets", "What nobody should see.").get("/secrets", open_to_all, Doc::new("a", "b"));
//! ```
//!
//! Nor one whose guard comes after something else that could already have answered:
//!
//! ```compile_fail,E0277
//! # use http::{Answer, ApiError, App, Authenticated, Doc, Routes};
//! # use axum::extract::State;
//! async fn guarded_late(_: State<App>, _: Authenticated) -> Result<Answer, ApiError> {
//!     Answer::ok("the guard was second")
//! }
//! let routes = Routes::<App>::new("secrets", "What nobody should see.").get("/secrets", guarded_late, Doc::new("a", "b"));
//! ```
//!
//! The same with the guard first compiles:
//!
//! ```
//! # use http::{Access, Answer, ApiError, App, Authenticated, Doc, Routes};
//! # use axum::extract::State;
//! async fn guarded(_: Authenticated, _: State<App>) -> Result<Answer, ApiError> {
//!     Answer::ok("the guard was first")
//! }
//! let routes = Routes::<App>::new("secrets", "What few should see.").get("/secrets", guarded, Doc::new("a", "b"));
//! assert_eq!(routes.lines()[0].access(), Access::Authenticated);
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::Router;
use axum::extract::Request;
use axum::handler::Handler;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter};
use serde_json::Value;

use crate::app::App;
use crate::doc::Doc;
use crate::docs::{self, Docs};
use crate::edge::Edge;
use crate::guard::{Access, Guarded};
use crate::health::{self, Health};
use crate::metrics::RouteMetrics;
use crate::request::RequestContext;
use crate::scrape;

/// The documented prefix of the API.
pub(crate) const PREFIX: &str = "/api/v1";
/// The same router answers under this one, too.
const SHORT_PREFIX: &str = "/v1";

/// A path under the documented prefix, where it was written under the short one.
pub(crate) fn documented(path: &str) -> Cow<'_, str> {
    match path.strip_prefix(SHORT_PREFIX) {
        Some(rest) if rest.starts_with('/') => Cow::Owned(format!("{PREFIX}{rest}")),
        _ => Cow::Borrowed(path),
    }
}

/// A group of routes: one tag of the documentation, one state.
#[must_use = "routes answer nothing until they are served"]
pub struct Routes<S = ()> {
    tag: Tag,
    prefixed: bool,
    lines: Vec<Arc<RouteInfo>>,
    paths: BTreeMap<&'static str, MethodRouter<S>>,
}

/// A group in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) description: &'static str,
}

/// One line of the table of routes.
pub struct RouteInfo {
    method: Method,
    template: String,
    access: Access,
    tag: Tag,
    doc: Doc,
    metrics: OnceLock<RouteMetrics>,
}

impl RouteInfo {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path with its parameters in braces and the documented prefix: `/api/v1/invoices/{id}`.
    #[must_use]
    pub fn template(&self) -> &str {
        &self.template
    }

    /// What it takes to use it.
    #[must_use]
    pub fn access(&self) -> Access {
        self.access
    }

    /// The operation's id, unique in the API.
    #[must_use]
    pub fn operation_id(&self) -> &'static str {
        self.doc.operation_id
    }

    /// Whether it takes query parameters.
    #[must_use]
    pub fn takes_query(&self) -> bool {
        self.doc.query.is_some()
    }

    /// The example of its body, valid as it stands; `None` when it takes none.
    #[must_use]
    pub fn body_example(&self) -> Option<&Value> {
        self.doc.body.as_ref().map(|body| &body.example)
    }

    /// The names of the parameters in its path.
    pub fn path_parameters(&self) -> impl Iterator<Item = &str> {
        self.template
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    pub(crate) fn tag(&self) -> Tag {
        self.tag
    }

    pub(crate) fn doc(&self) -> &Doc {
        &self.doc
    }

    pub(crate) fn metrics(&self) -> Option<&RouteMetrics> {
        self.metrics.get()
    }
}

impl fmt::Debug for RouteInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{} {} [{}]",
            self.method,
            self.template,
            self.access.as_str()
        )
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// A group of routes below the prefix, with its name and description in the documentation.
    pub fn new(tag: &'static str, description: &'static str) -> Self {
        Self {
            tag: Tag { name: tag, description },
            prefixed: true,
            lines: Vec::new(),
            paths: BTreeMap::new(),
        }
    }

    /// A group of routes outside the prefix, such as `/health`.
    pub fn at_root(tag: &'static str, description: &'static str) -> Self {
        Self {
            prefixed: false,
            ..Self::new(tag, description)
        }
    }

    /// `GET`, and with it `HEAD`.
    pub fn get<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.line(Method::GET, MethodFilter::GET, path, handler, doc)
    }

    /// `POST`.
    pub fn post<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.line(Method::POST, MethodFilter::POST, path, handler, doc)
    }

    /// `PATCH`.
    pub fn patch<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.line(Method::PATCH, MethodFilter::PATCH, path, handler, doc)
    }

    /// `PUT`.
    pub fn put<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.line(Method::PUT, MethodFilter::PUT, path, handler, doc)
    }

    /// `DELETE`.
    pub fn delete<H, T>(self, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        self.line(Method::DELETE, MethodFilter::DELETE, path, handler, doc)
    }

    fn line<H, T>(mut self, method: Method, filter: MethodFilter, path: &'static str, handler: H, doc: Doc) -> Self
    where
        H: Handler<T, S>,
        T: Guarded + 'static,
    {
        let info = self.describe(method, path, T::ACCESS, doc);
        let methods = self.paths.entry(path).or_default();
        *methods = std::mem::take(methods).on(filter, Line { handler, info });
        self
    }

    /// Enters a line into the table.
    fn describe(&mut self, method: Method, path: &str, access: Access, doc: Doc) -> Arc<RouteInfo> {
        let prefix = if self.prefixed { PREFIX } else { "" };
        let info = Arc::new(RouteInfo {
            method,
            template: format!("{prefix}{path}"),
            access,
            tag: self.tag,
            doc,
            metrics: OnceLock::new(),
        });
        self.lines.push(Arc::clone(&info));
        info
    }

    /// The table of routes, in the order they were registered.
    #[must_use]
    pub fn lines(&self) -> &[Arc<RouteInfo>] {
        &self.lines
    }

    /// Hands the group its state; groups of different contexts are then of one type.
    pub fn with_state(self, state: S) -> Routes {
        Routes {
            tag: self.tag,
            prefixed: self.prefixed,
            lines: self.lines,
            paths: self
                .paths
                .into_iter()
                .map(|(path, methods)| (path, methods.with_state(state.clone())))
                .collect(),
        }
    }
}

impl<S> fmt::Debug for Routes<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(&self.lines).finish()
    }
}

/// Serves groups of routes behind the [`Edge`], together with the platform's own: health, metrics and documentation.
///
/// # Panics
/// When two routes have the same path and method, in whichever groups: a defect of the program that shows at its first start.
#[must_use]
pub fn serve_routes(app: &App, groups: Vec<Routes>) -> Edge {
    let docs = Docs::new(app.parts().version);
    let mut all = vec![
        health::routes().with_state(Health::new(app.clone())),
        scrape::routes().with_state(app.clone()),
        docs::routes().with_state(docs.clone()),
    ];
    all.extend(groups);
    let (router, table) = assemble(app, all);
    docs.complete(table.clone());
    Edge::new(app.clone(), router, table)
}

/// Serves what operators alone may reach, on a listener of its own: health, and metrics without a token.
#[must_use]
pub fn serve_admin(app: &App) -> Edge {
    let groups = vec![
        health::routes().with_state(Health::new(app.clone())),
        scrape::open_routes().with_state(app.clone()),
    ];
    let (router, table) = assemble(app, groups);
    Edge::new(app.clone(), router, table)
}

fn assemble(app: &App, groups: Vec<Routes>) -> (Router, Vec<Arc<RouteInfo>>) {
    let mut router = Router::new();
    let mut table = Vec::new();
    for group in groups {
        for line in group.lines {
            // A line that is served twice keeps its first handles; they are the same ones.
            let _ = line
                .metrics
                .set(app.metrics().route(line.method.as_str(), &line.template));
            table.push(line);
        }
        for (path, methods) in group.paths {
            router = if group.prefixed {
                let router = register(router, &format!("{PREFIX}{path}"), methods.clone());
                register(router, &format!("{SHORT_PREFIX}{path}"), methods)
            } else {
                register(router, path, methods)
            };
        }
    }
    (router, table)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a route that has its access rule is registered"
)]
fn register(router: Router, path: &str, methods: MethodRouter) -> Router {
    router.route(path, methods)
}

/// A handler that tells the request which route answers it.
#[derive(Clone)]
struct Line<H> {
    handler: H,
    info: Arc<RouteInfo>,
}

impl<H, T, S> Handler<T, S> for Line<H>
where
    H: Handler<T, S>,
{
    type Future = H::Future;

    fn call(self, request: Request, state: S) -> Self::Future {
        if let Some(context) = request.extensions().get::<RequestContext>() {
            let _ = context.exchange().route.set(self.info);
        }
        self.handler.call(request, state)
    }
}
