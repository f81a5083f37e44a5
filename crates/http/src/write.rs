//! Changes: one unit of work for one request, once per `Idempotency-Key`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Method, header};
use db::{Answerable, DbError, IdempotencyRequest, Replayable, StoredAnswer, SystemScope, UnitContext, UnitOfWork};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kernel::{Random, Rule, RuleViolation, Timestamp};
use sha2::{Digest as _, Sha256};
use vault::{SealContext, Sealer};

use crate::answer::{Answer, Precondition, Secrecy};
use crate::error::ApiError;
use crate::guard::{Caller, IdempotencyKeys};

/// The client's name for one change it wants made once.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// The longest key.
const MAX_KEY: usize = 255;
/// Marks a kept answer whose body is sealed, with the microsecond until which it is given again. It never leaves the server.
const SEALED_UNTIL: HeaderName = HeaderName::from_static("lastro-sealed-until");
/// How long an answer with a secret is given again.
const SECRETS_KEPT: Duration = Duration::from_secs(10 * 60);

/// A change, whatever its closure.
type Work = Arc<dyn Fn(UnitOfWork) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync>;

impl Caller {
    /// Runs a change inside the organization acted in: its rows, audit entry, event and idempotency record commit together.
    ///
    /// The closure may run more than once and must do nothing but work on the database. On a `POST` with an
    /// `Idempotency-Key` it runs only for the first request with the key; a repetition gets the stored answer.
    ///
    /// # Errors
    /// The closure's own; `VALIDATION_FAILED` for a malformed key, `CONFLICT_IDEMPOTENCY_IN_PROGRESS`,
    /// `VALIDATION_IDEMPOTENCY_MISMATCH`; `INTERNAL_UNAVAILABLE` when the database cannot take it.
    pub async fn write<F, Fut>(&self, work: F) -> Result<Answer, ApiError>
    where
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.write_in(self.unit(), work).await
    }

    /// As [`write`](Self::write), for a change that reaches other organizations than the one acted in; `scope` says why.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_across<F, Fut>(&self, scope: SystemScope, work: F) -> Result<Answer, ApiError>
    where
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.write_in(self.unit_across(scope), work).await
    }

    /// A unit of work by the caller inside the organization acted in, for [`write_in`](Self::write_in).
    #[must_use]
    pub fn unit(&self) -> UnitContext {
        UnitContext::tenant(self.actor().as_ref().clone(), self.organization()).from_origin(self.request().origin())
    }

    /// A unit of work by the caller that reaches other organizations, for [`write_in`](Self::write_in); `scope` says why.
    #[must_use]
    pub fn unit_across(&self, scope: SystemScope) -> UnitContext {
        UnitContext::system(self.actor().as_ref().clone(), self.organization(), scope)
            .from_origin(self.request().origin())
    }

    /// As [`write`](Self::write), in a unit of work with something special about it: unaudited, or long.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn write_in<F, Fut>(&self, context: UnitContext, work: F) -> Result<Answer, ApiError>
    where
        F: Fn(UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.carry_out(context, Arc::new(move |uow| work(uow).boxed())).await
    }

    /// Boxed, as its work is: what a generic function awaits is compiled with each of its kinds.
    fn carry_out(&self, context: UnitContext, work: Work) -> BoxFuture<'_, Result<Answer, ApiError>> {
        async move {
            let keyed = self.idempotency()?;
            let work = self.guarded(keyed.is_some(), work);
            let db = self.app().db();
            let answer = match keyed {
                None => db.write(context, work).await,
                Some(keyed) => {
                    // A refusal by the storage is kept under the key like one by the closure, in the words of this request.
                    let request = self.request().clone();
                    let refuse = move |error| ApiError::from(error).told_to(&request);
                    let answer = db.write_once_as(context, keyed, refuse, work).await;
                    answer.and_then(|answer| Vault::of(self).open(answer, self.app().generators().now()))
                }
            };
            answer.inspect_err(|refusal| self.note_denied_change(refusal))
        }
        .boxed()
    }

    /// Refuses to commit a change that was asked for under a condition nobody looked at, gives refusals the words they are stored
    /// with, and seals the answer that is kept with a secret in it.
    fn guarded(
        &self,
        is_keyed: bool,
        work: Work,
    ) -> impl Fn(UnitOfWork) -> BoxFuture<'static, Result<Answer, ApiError>> + Send + Sync + 'static {
        let request = self.request().clone();
        let demands = demands_check(request.method(), &self.precondition());
        let vault = is_keyed.then(|| Arc::new(Vault::of(self)));
        let limit = self.limit().cloned();
        move |uow| {
            let (work, request, vault, limit) = (Arc::clone(&work), request.clone(), vault.clone(), limit.clone());
            async move {
                let until = uow.now().plus(SECRETS_KEPT);
                let result = work(uow).await;
                let result = result.map_err(|refusal| Self::completed(limit.as_deref(), refusal).told_to(&request));
                if result.is_ok() && demands && !request.condition_was_checked() {
                    return Err(ApiError::internal("If-Match was sent and the handler did not check it"));
                }
                match vault {
                    Some(vault) => vault.seal(result?, until),
                    None => result,
                }
            }
            .boxed()
        }
    }

    /// The key of the request, if it is one that changes something and has one.
    fn idempotency(&self) -> Result<Option<IdempotencyRequest>, ApiError> {
        let request = self.request();
        if request.method() != Method::POST {
            return Ok(None);
        }
        let key = match &self.idempotency_keys {
            IdempotencyKeys::None => return Ok(None),
            IdempotencyKeys::One(key) => key_text(key)?,
            IdempotencyKeys::Several => return Err(bad_key(Rule::DuplicateField)),
        };
        let Some(body) = request.exchange().body_digest.get() else {
            return Err(ApiError::internal(
                "a POST with an Idempotency-Key did not read its body; take `NoBody`",
            ));
        };
        let mut fingerprint = Sha256::new();
        // Each part ends with a byte that cannot be in it, so that no two requests are written alike. A client may repeat its request
        // under the other prefix: it is the same one.
        for part in [
            request.method().as_str(),
            &request.documented_path(),
            request.query().unwrap_or_default(),
        ] {
            fingerprint.update(part);
            fingerprint.update([0]);
        }
        fingerprint.update(body);
        Ok(Some(IdempotencyRequest {
            key,
            fingerprint: fingerprint.finalize().into(),
        }))
    }
}

/// Where the answers with secrets of one session or key are kept.
struct Vault {
    sealer: Option<Arc<Sealer>>,
    random: Arc<dyn Random>,
    place: SealContext,
}

impl Vault {
    fn of(caller: &Caller) -> Self {
        let identity = caller.identity();
        // Of a key there is no session: its own id stands for it.
        let holder = identity.session.unwrap_or(identity.actor.id);
        Self {
            sealer: caller.app().ports().find(),
            random: Arc::clone(&caller.app().generators().random),
            place: SealContext::tenant("kept answer", caller.organization(), holder),
        }
    }

    fn sealer(&self) -> Result<&Sealer, ApiError> {
        self.sealer
            .as_deref()
            .ok_or_else(|| ApiError::internal("nobody provides what secrets are sealed with"))
    }

    /// Seals the answer, to be kept until then, if it carries a secret.
    fn seal(&self, answer: Answer, until: Timestamp) -> Result<Answer, ApiError> {
        if *answer.secrecy() == Secrecy::None {
            return Ok(answer);
        }
        let sealed = self
            .sealer()?
            .seal(&self.place, answer.body(), &*self.random)
            .map_err(|error| ApiError::internal(error.to_string()))?;
        Ok(answer.kept_as(Secrecy::Sealed(sealed, until)))
    }

    /// Opens an answer that was kept sealed; one that was just given stays as it is.
    fn open(&self, answer: Answer, now: Timestamp) -> Result<Answer, ApiError> {
        let Some(until) = answer.header(&SEALED_UNTIL) else {
            return Ok(answer);
        };
        let micros = until.to_str().ok().and_then(|text| text.parse().ok());
        let is_kept = micros.is_some_and(|micros| now < Timestamp::from_micros(micros));
        let body = self.sealer()?.open(&self.place, answer.body()).ok().filter(|_| is_kept);
        let body = body.ok_or(DbError::IdempotencyExpired)?;
        Ok(answer.without_header(&SEALED_UNTIL).opened(body.to_vec()))
    }
}

fn demands_check(method: &Method, precondition: &Precondition) -> bool {
    precondition.is_set() && matches!(*method, Method::PATCH | Method::PUT | Method::DELETE)
}

fn key_text(key: &HeaderValue) -> Result<String, ApiError> {
    let is_visible = key.as_bytes().iter().all(u8::is_ascii_graphic);
    match key.to_str() {
        Ok("") => Err(bad_key(Rule::TooShort { min: 1 })),
        Ok(text) if text.len() > MAX_KEY => Err(bad_key(Rule::TooLong { max: MAX_KEY })),
        Ok(text) if is_visible => Ok(text.to_owned()),
        _ => Err(bad_key(Rule::InvalidFormat {
            expected: "visible ASCII characters",
        })),
    }
}

fn bad_key(rule: Rule) -> ApiError {
    ApiError::from(RuleViolation::new("Idempotency-Key", rule))
}

/// The headers of an answer that are stored with it.
const STORED: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

impl Answerable for Answer {
    fn store(&self) -> Option<StoredAnswer> {
        let headers = STORED.iter().filter_map(|name| {
            let value = self.header(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        });
        let mut headers: Vec<_> = headers.collect();
        let body = match self.secrecy() {
            Secrecy::None => self.body().to_vec(),
            // It was not sealed, so it is not kept.
            Secrecy::Open => return None,
            Secrecy::Sealed(sealed, until) => {
                headers.push((SEALED_UNTIL.as_str().to_owned(), until.as_micros().to_string()));
                sealed.clone()
            }
        };
        Some(StoredAnswer {
            status: self.status().as_u16(),
            headers,
            body,
        })
    }
}

impl Replayable for Answer {
    fn replay(stored: StoredAnswer) -> Self {
        Self::replayed(stored.status, &stored.headers, stored.body)
    }
}

/// Of refusals, those that are the unit's own verdict are kept (403, 404, 409); what the server could not do is tried again.
impl Answerable for ApiError {
    fn store(&self) -> Option<StoredAnswer> {
        if !matches!(self.status().as_u16(), 403 | 404 | 409) {
            return None;
        }
        let (language, body) = self.told_body()?;
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CONTENT_LANGUAGE, language.as_str()),
        ];
        Some(StoredAnswer {
            status: self.status().as_u16(),
            headers: headers
                .map(|(name, value)| (name.as_str().to_owned(), value.to_owned()))
                .into(),
            body,
        })
    }
}
