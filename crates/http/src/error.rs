//! Every refusal a client can get: the catalogue, and the one type that carries a refusal to the edge.
//!
//! [`ErrorCode`] is the catalogue of the API contract: each code with its status and its message in both languages.
//! [`ApiError`] is a code with what belongs to this one case. It keeps two messages strictly apart: the *public* one,
//! which is made of text known at compile time and of field names, and the *internal* one, which only the log sees.
//! Neither `Display` nor `Error` is implemented, so an inside cannot reach an answer by being formatted.
//!
//! A refusal is rendered by the edge (`crate::edge`), not here: only the edge knows the request's id and the client's
//! language for certain.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use authz::{Denial, DenialCode};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use contracts::access::Judged;
use contracts::access::PathView;
use db::DbError;
use kernel::{Locale, Rule, RuleViolation};
use serde::Serialize;

use crate::request::RequestContext;

/// A text in both languages of the platform, fixed at compile time.
///
/// A public message is one of these, so nothing that was read from a request or a database can end up in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Message {
    /// English, the default.
    pub en: &'static str,
    /// Brazilian Portuguese.
    pub pt_br: &'static str,
}

impl Message {
    /// A text in both languages.
    #[must_use]
    pub const fn new(en: &'static str, pt_br: &'static str) -> Self {
        Self { en, pt_br }
    }

    /// The text in one language.
    #[must_use]
    pub const fn in_locale(self, locale: Locale) -> &'static str {
        match locale {
            Locale::En => self.en,
            Locale::PtBr => self.pt_br,
        }
    }
}

/// Declares the catalogue once: variant, code, status, both messages.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $variant:ident = $code:literal, $status:ident, $en:literal, $pt:literal;)*) => {
        /// The error catalogue of the API contract.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[$doc])* $variant,)*
        }

        impl ErrorCode {
            /// The whole catalogue, in the order of the contract.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The code as clients see it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The status an answer with this code has.
            #[must_use]
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// The code's general message, used where a case has no more exact one.
            #[must_use]
            pub const fn message(self) -> Message {
                match self { $(Self::$variant => Message::new($en, $pt),)* }
            }

            /// The code with this spelling, if there is one.
            #[must_use]
            pub fn parse(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

catalogue! {
    /// The request breaks a rule; `details` lists every problem.
    ValidationFailed = "VALIDATION_FAILED", BAD_REQUEST,
        "The request is not valid.", "A requisição não é válida.";
    /// The body is not JSON, not UTF-8, nested too deeply, or it did not arrive.
    ValidationMalformedJson = "VALIDATION_MALFORMED_JSON", BAD_REQUEST,
        "The body is not well-formed JSON.", "O corpo não é um JSON bem formado.";
    /// Unknown fields or parameters are the only problem.
    ValidationUnknownField = "VALIDATION_UNKNOWN_FIELD", BAD_REQUEST,
        "The request has unknown fields or parameters.", "A requisição tem campos ou parâmetros desconhecidos.";
    /// The path exists, the method does not; `Allow` lists those that do.
    ValidationMethodNotAllowed = "VALIDATION_METHOD_NOT_ALLOWED", METHOD_NOT_ALLOWED,
        "The method is not allowed here.", "O método não é permitido aqui.";
    /// The body is over the limit.
    ValidationPayloadTooLarge = "VALIDATION_PAYLOAD_TOO_LARGE", PAYLOAD_TOO_LARGE,
        "The body is too large.", "O corpo é grande demais.";
    /// The content type is not the one the route takes.
    ValidationUnsupportedMediaType = "VALIDATION_UNSUPPORTED_MEDIA_TYPE", UNSUPPORTED_MEDIA_TYPE,
        "The content type is not supported; send application/json.",
        "O tipo de conteúdo não é aceito; envie application/json.";
    /// The idempotency key was used for another request.
    ValidationIdempotencyMismatch = "VALIDATION_IDEMPOTENCY_MISMATCH", UNPROCESSABLE_ENTITY,
        "The idempotency key was used for another request.",
        "A chave de idempotência já foi usada em outra requisição.";
    /// `X-Tenant-Id` differs from the credential's organization, or is repeated.
    TenantMismatch = "TENANT_MISMATCH", BAD_REQUEST,
        "The X-Tenant-Id header does not match the credential.",
        "O cabeçalho X-Tenant-Id não corresponde à credencial.";
    /// The payload names an organization on a tenant-scoped route.
    TenantInPayload = "TENANT_IN_PAYLOAD", BAD_REQUEST,
        "The organization comes from the credential and cannot be part of the payload.",
        "A organização vem da credencial e não pode fazer parte do corpo.";
    /// A service account of the platform did not say in which organization to act.
    TenantRequired = "TENANT_REQUIRED", BAD_REQUEST,
        "Name the organization to act in with the X-Tenant-Id header.",
        "Informe a organização em que se age pelo cabeçalho X-Tenant-Id.";
    /// The credential is alive, its organization is deactivated.
    TenantInactive = "TENANT_INACTIVE", FORBIDDEN,
        "The organization is not active.", "A organização não está ativa.";
    /// No credential on a route that needs one.
    AuthRequired = "AUTH_REQUIRED", UNAUTHORIZED,
        "A credential is required.", "É necessária uma credencial.";
    /// The credential is not one that was issued, or there are two.
    AuthInvalidToken = "AUTH_INVALID_TOKEN", UNAUTHORIZED,
        "The credential is not valid.", "A credencial não é válida.";
    /// The access token is past its expiry.
    AuthTokenExpired = "AUTH_TOKEN_EXPIRED", UNAUTHORIZED,
        "The access token has expired.", "O token de acesso expirou.";
    /// The session of the credential has ended.
    AuthSessionRevoked = "AUTH_SESSION_REVOKED", UNAUTHORIZED,
        "The session has ended.", "A sessão foi encerrada.";
    /// Wrong organization, e-mail or password: one answer for all.
    AuthInvalidCredentials = "AUTH_INVALID_CREDENTIALS", UNAUTHORIZED,
        "Organization, e-mail or password is wrong.", "Organização, e-mail ou senha incorretos.";
    /// A refresh token was used twice.
    AuthRefreshReused = "AUTH_REFRESH_REUSED", UNAUTHORIZED,
        "The refresh token was already used; the session has ended.",
        "O token de renovação já foi usado; a sessão foi encerrada.";
    /// Too many failed attempts.
    AuthAccountLocked = "AUTH_ACCOUNT_LOCKED", TOO_MANY_REQUESTS,
        "Too many failed attempts; try again later.", "Tentativas demais sem sucesso; tente mais tarde.";
    /// The organization does not take registrations, or not from this domain.
    AuthRegistrationClosed = "AUTH_REGISTRATION_CLOSED", FORBIDDEN,
        "Registration is closed.", "O cadastro está fechado.";
    /// The permission is missing; `details` names it and the step that denied.
    RbacForbidden = "RBAC_FORBIDDEN", FORBIDDEN,
        "You do not have the permission for this.", "Você não tem permissão para isso.";
    /// The permission's module is not active for the organization.
    RbacModuleNotContracted = "RBAC_MODULE_NOT_CONTRACTED", FORBIDDEN,
        "Module not contracted", "Módulo não contratado";
    /// System roles cannot be changed.
    RbacSystemRoleImmutable = "RBAC_SYSTEM_ROLE_IMMUTABLE", FORBIDDEN,
        "System roles cannot be changed.", "Papéis do sistema não podem ser alterados.";
    /// Nobody grants what they do not hold.
    RbacEscalation = "RBAC_ESCALATION", FORBIDDEN,
        "You cannot grant more than you hold.", "Não é possível conceder mais do que você tem.";
    /// No such route, or no such object in this organization.
    NotFound = "NOT_FOUND", NOT_FOUND,
        "Not found.", "Não encontrado.";
    /// Another object has this value; `details` names the field.
    ConflictDuplicate = "CONFLICT_DUPLICATE", CONFLICT,
        "Another object already has this value.", "Outro objeto já tem este valor.";
    /// The object's state does not allow it.
    ConflictState = "CONFLICT_STATE", CONFLICT,
        "The current state does not allow this.", "O estado atual não permite isso.";
    /// The role graph would have a cycle.
    ConflictCycle = "CONFLICT_CYCLE", CONFLICT,
        "This would make a cycle.", "Isso formaria um ciclo.";
    /// The first request with this idempotency key has not been answered yet.
    ConflictIdempotencyInProgress = "CONFLICT_IDEMPOTENCY_IN_PROGRESS", CONFLICT,
        "A request with this idempotency key is in progress.",
        "Uma requisição com esta chave de idempotência está em andamento.";
    /// `If-Match` names another version than the current one.
    ConflictVersion = "CONFLICT_VERSION", PRECONDITION_FAILED,
        "The object has changed since it was read.", "O objeto mudou desde que foi lido.";
    /// Too many requests.
    RateLimitExceeded = "RATE_LIMIT_EXCEEDED", TOO_MANY_REQUESTS,
        "Too many requests; try again later.", "Requisições demais; tente mais tarde.";
    /// A hard quota is used up.
    RateLimitQuotaExceeded = "RATE_LIMIT_QUOTA_EXCEEDED", TOO_MANY_REQUESTS,
        "The quota is used up.", "A cota foi esgotada.";
    /// A fault of the server.
    Internal = "INTERNAL", INTERNAL_SERVER_ERROR,
        "Something went wrong on our side.", "Algo deu errado do nosso lado.";
    /// The server cannot answer right now.
    InternalUnavailable = "INTERNAL_UNAVAILABLE", SERVICE_UNAVAILABLE,
        "The service is not available right now; try again.",
        "O serviço não está disponível no momento; tente novamente.";
}

impl ErrorCode {
    /// The `WWW-Authenticate` value of a 401 (RFC 6750, section 3: no error code when no credential was sent).
    fn challenge(self) -> Option<HeaderValue> {
        match self {
            Self::AuthRequired | Self::AuthInvalidCredentials => {
                Some(HeaderValue::from_static("Bearer realm=\"lastro\""))
            }
            Self::AuthInvalidToken | Self::AuthTokenExpired | Self::AuthSessionRevoked | Self::AuthRefreshReused => {
                Some(HeaderValue::from_static(
                    "Bearer realm=\"lastro\", error=\"invalid_token\"",
                ))
            }
            _ => None,
        }
    }
}

/// What an error says beyond its code and message.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Details {
    /// Nothing.
    #[default]
    None,
    /// The problems of a body or of query parameters, each with the path of its field.
    Violations(Vec<RuleViolation>),
    /// The permission that was asked for and the step of the decision that denied it.
    Denied {
        /// Code of the permission.
        permission: Cow<'static, str>,
        /// The step, as [`authz::Step::as_str`] names it.
        step: Cow<'static, str>,
        /// How the permission is held in spite of it, if it is.
        path: Option<PathView>,
    },
    /// Anything else a route documents.
    Other(serde_json::Value),
}

/// A refusal on its way to the client.
///
/// Use-case errors become one by `From`; the last step of the three that errors take (domain rule, use-case error,
/// answer). It is one pointer wide, so `Result<Answer, ApiError>` stays small.
#[derive(Clone, Debug)]
pub struct ApiError {
    inner: Box<Inner>,
}

#[derive(Clone, Debug)]
struct Inner {
    code: ErrorCode,
    message: Option<Message>,
    details: Details,
    internal: Option<String>,
    retry_after: Option<Duration>,
    headers: Vec<(HeaderName, HeaderValue)>,
    told_to: Option<RequestContext>,
    is_outdated: bool,
}

impl ApiError {
    /// A refusal with this code, its general message and nothing else.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self {
            inner: Box::new(Inner {
                code,
                message: None,
                details: Details::None,
                internal: None,
                retry_after: None,
                headers: Vec::new(),
                told_to: None,
                is_outdated: false,
            }),
        }
    }

    /// 404: no such object in the organization acted in.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(ErrorCode::NotFound)
    }

    /// 409 `CONFLICT_STATE`, with the reason.
    #[must_use]
    pub fn conflict_state(reason: Message) -> Self {
        Self::new(ErrorCode::ConflictState).because(reason)
    }

    /// 409 `CONFLICT_DUPLICATE` on a field of the body.
    #[must_use]
    pub fn duplicate(field: impl Into<Cow<'static, str>>) -> Self {
        let violation = RuleViolation::new(field, Rule::AlreadyTaken);
        Self::new(ErrorCode::ConflictDuplicate).with_details(Details::Violations(vec![violation]))
    }

    /// 400 with all problems of the request. The code follows from the problems: `TENANT_IN_PAYLOAD` when one of them
    /// is, `VALIDATION_UNKNOWN_FIELD` when there are only unknown fields, else `VALIDATION_FAILED`.
    #[must_use]
    pub fn violations(violations: Vec<RuleViolation>) -> Self {
        let code = if violations
            .iter()
            .any(|violation| matches!(violation.rule, Rule::TenantInPayload))
        {
            ErrorCode::TenantInPayload
        } else if !violations.is_empty()
            && violations
                .iter()
                .all(|violation| matches!(violation.rule, Rule::UnknownField))
        {
            ErrorCode::ValidationUnknownField
        } else {
            ErrorCode::ValidationFailed
        };
        Self::new(code).with_details(Details::Violations(violations))
    }

    /// 400 with one problem.
    #[must_use]
    pub fn violation(field: impl Into<Cow<'static, str>>, rule: Rule) -> Self {
        Self::violations(vec![RuleViolation::new(field, rule)])
    }

    /// 500. The text is for the log alone.
    #[must_use]
    pub fn internal(internal: impl Into<String>) -> Self {
        Self::new(ErrorCode::Internal).internally(internal)
    }

    /// 503. The text is for the log alone.
    #[must_use]
    pub fn unavailable(internal: impl Into<String>) -> Self {
        Self::new(ErrorCode::InternalUnavailable).internally(internal)
    }

    /// Says more exactly than the code why the request was refused.
    #[must_use]
    pub fn because(mut self, reason: Message) -> Self {
        self.inner.message = Some(reason);
        self
    }

    /// Adds what the log should know. It never leaves the server.
    #[must_use]
    pub fn internally(mut self, internal: impl Into<String>) -> Self {
        self.inner.internal = Some(internal.into());
        self
    }

    /// Replaces the details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.inner.details = details;
        self
    }

    /// Tells the client when to come back; sent in whole seconds, rounded up, at least one. A 429 or 503 that was not told says
    /// one second.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.inner.retry_after = Some(after);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.inner.headers.push((name, value));
        self
    }

    /// Tells of a denial how the permission is held in spite of it.
    #[must_use]
    pub(crate) fn along(mut self, held: Option<PathView>) -> Self {
        if let Details::Denied { path, .. } = &mut self.inner.details {
            *path = held;
        }
        self
    }

    /// Whether it is the denial of a permission.
    pub(crate) fn is_denial(&self) -> bool {
        matches!(self.inner.details, Details::Denied { .. })
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        self.inner.code
    }

    /// The status of the answer.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.inner.code.status()
    }

    /// The details.
    #[must_use]
    pub fn details(&self) -> &Details {
        &self.inner.details
    }

    /// The public message, if this case has a more exact one than its code.
    #[must_use]
    pub fn reason(&self) -> Option<Message> {
        self.inner.message
    }

    /// What only the log may see.
    #[must_use]
    pub fn internal_message(&self) -> Option<&str> {
        self.inner.internal.as_deref()
    }

    /// Marks a refusal that another judge may not make.
    pub(crate) fn outdated(mut self) -> Self {
        self.inner.is_outdated = true;
        self
    }

    /// Remembers whom it is told to, for refusals that are stored and so must be rendered before the edge does it.
    pub(crate) fn told_to(mut self, request: &RequestContext) -> Self {
        self.inner.told_to = Some(request.clone());
        self
    }

    /// The envelope as the one it is told to sees it, and its language.
    pub(crate) fn told_body(&self) -> Option<(Locale, Vec<u8>)> {
        let request = self.inner.told_to.as_ref()?;
        let locale = request.locale();
        Some((locale, self.render(locale, request.request_id())))
    }

    /// The envelope, rendered for one request.
    pub(crate) fn render(&self, locale: Locale, request_id: &str) -> Vec<u8> {
        let message = self.inner.message.unwrap_or_else(|| self.inner.code.message());
        let envelope = Envelope {
            error: EnvelopeError {
                code: self.inner.code.as_str(),
                message: message.in_locale(locale),
                details: render_details(&self.inner.details, locale),
                request_id,
            },
        };
        // Only maps with keys that are not strings cannot be written, and there is none here.
        serde_json::to_vec(&envelope).unwrap_or_else(|_| b"{\"error\":{\"code\":\"INTERNAL\"}}".to_vec())
    }

    /// The headers that go with the refusal.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (HeaderName, HeaderValue)> + '_ {
        let challenge = self
            .inner
            .code
            .challenge()
            .map(|value| (header::WWW_AUTHENTICATE, value));
        // Whoever is sent away for now is told for how long, if only roughly.
        let is_for_now = matches!(
            self.status(),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        );
        let after = self.inner.retry_after.or_else(|| is_for_now.then_some(Duration::ZERO));
        let retry = after.map(|after| {
            let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            (header::RETRY_AFTER, HeaderValue::from(seconds.max(1)))
        });
        challenge
            .into_iter()
            .chain(retry)
            .chain(self.inner.headers.iter().cloned())
    }
}

/// The error envelope as it is written.
#[derive(Serialize)]
struct Envelope<'a> {
    error: EnvelopeError<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EnvelopeError<'a> {
    code: &'static str,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<serde_json::Value>,
    request_id: &'a str,
}

fn render_details(details: &Details, locale: Locale) -> Option<serde_json::Value> {
    match details {
        Details::None => None,
        Details::Violations(violations) => Some(
            violations
                .iter()
                .map(|violation| {
                    serde_json::json!({
                        "field": violation.field,
                        "code": violation.rule.code(),
                        "message": violation.rule.message(locale),
                    })
                })
                .collect(),
        ),
        Details::Denied { permission, step, path } => {
            let mut details = serde_json::json!({ "permission": permission, "step": step });
            if let (Some(path), Some(fields)) = (path, details.as_object_mut()) {
                fields.insert("path".to_owned(), serde_json::json!(path));
            }
            Some(details)
        }
        Details::Other(value) => Some(value.clone()),
    }
}

/// How a refusal travels through axum to the edge: an empty answer that carries it.
#[derive(Clone)]
pub(crate) struct Refused(pub(crate) Arc<ApiError>);

impl fmt::Debug for Refused {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Refused(Arc::new(self)));
        response
    }
}

/// What storage could not do. A use case maps the violations it expects to its own refusals; these are for the rest.
impl From<DbError> for ApiError {
    fn from(error: DbError) -> Self {
        let internal = error.to_string();
        let refusal = match error {
            DbError::Unavailable(_) | DbError::CommitUnknown(_) | DbError::Timeout | DbError::Serialization => {
                Self::new(ErrorCode::InternalUnavailable)
            }
            DbError::Busy { retry_after, .. } => Self::new(ErrorCode::InternalUnavailable).retry_after(retry_after),
            DbError::Unique { columns, .. } => {
                let fields = columns.iter().filter(|column| *column != "organization_id");
                let violations = fields.map(|column| RuleViolation::new(camel_case(column), Rule::AlreadyTaken));
                Self::new(ErrorCode::ConflictDuplicate).with_details(Details::Violations(violations.collect()))
            }
            DbError::ForeignKey(_) => Self::new(ErrorCode::ConflictState),
            DbError::IdempotencyInProgress => Self::new(ErrorCode::ConflictIdempotencyInProgress),
            DbError::IdempotencyMismatch => Self::new(ErrorCode::ValidationIdempotencyMismatch),
            DbError::IdempotencyExpired => Self::conflict_state(Message::new(
                "The answer to this idempotency key carried a secret and is not given again.",
                "A resposta desta chave de idempotência continha um segredo e não é dada de novo.",
            )),
            DbError::Constraint(_) | DbError::Inconsistency { .. } | DbError::Aborted | DbError::Internal(_) => {
                Self::new(ErrorCode::Internal)
            }
        };
        refusal.internally(internal)
    }
}

/// A column's name as the API writes it: `package_code` is `packageCode`.
fn camel_case(column: &str) -> String {
    let mut name = String::with_capacity(column.len());
    let mut raise = false;
    for character in column.chars() {
        match character {
            '_' => raise = true,
            _ if raise => {
                name.push(character.to_ascii_uppercase());
                raise = false;
            }
            _ => name.push(character),
        }
    }
    name
}

impl Judged for ApiError {
    fn is_outdated(&self) -> bool {
        self.inner.is_outdated
    }
}

impl From<Denial> for ApiError {
    fn from(denial: Denial) -> Self {
        let code = match denial.code() {
            DenialCode::Forbidden => ErrorCode::RbacForbidden,
            DenialCode::ModuleNotContracted => ErrorCode::RbacModuleNotContracted,
        };
        Self::new(code).with_details(Details::Denied {
            permission: Cow::Borrowed(denial.permission().code),
            step: Cow::Borrowed(denial.step().as_str()),
            path: None,
        })
    }
}

impl From<RuleViolation> for ApiError {
    fn from(violation: RuleViolation) -> Self {
        Self::violations(vec![violation])
    }
}

impl From<Vec<RuleViolation>> for ApiError {
    fn from(violations: Vec<RuleViolation>) -> Self {
        Self::violations(violations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_the_contracts() {
        let lines: Vec<String> = ErrorCode::ALL
            .iter()
            .map(|code| format!("{} {}", code.status().as_u16(), code.as_str()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        400 VALIDATION_FAILED
        400 VALIDATION_MALFORMED_JSON
        400 VALIDATION_UNKNOWN_FIELD
        405 VALIDATION_METHOD_NOT_ALLOWED
        413 VALIDATION_PAYLOAD_TOO_LARGE
        415 VALIDATION_UNSUPPORTED_MEDIA_TYPE
        422 VALIDATION_IDEMPOTENCY_MISMATCH
        400 TENANT_MISMATCH
        400 TENANT_IN_PAYLOAD
        400 TENANT_REQUIRED
        403 TENANT_INACTIVE
        401 AUTH_REQUIRED
        401 AUTH_INVALID_TOKEN
        401 AUTH_TOKEN_EXPIRED
        401 AUTH_SESSION_REVOKED
        401 AUTH_INVALID_CREDENTIALS
        401 AUTH_REFRESH_REUSED
        429 AUTH_ACCOUNT_LOCKED
        403 AUTH_REGISTRATION_CLOSED
        403 RBAC_FORBIDDEN
        403 RBAC_MODULE_NOT_CONTRACTED
        403 RBAC_SYSTEM_ROLE_IMMUTABLE
        403 RBAC_ESCALATION
        404 NOT_FOUND
        409 CONFLICT_DUPLICATE
        409 CONFLICT_STATE
        409 CONFLICT_CYCLE
        409 CONFLICT_IDEMPOTENCY_IN_PROGRESS
        412 CONFLICT_VERSION
        429 RATE_LIMIT_EXCEEDED
        429 RATE_LIMIT_QUOTA_EXCEEDED
        500 INTERNAL
        503 INTERNAL_UNAVAILABLE
        ");
    }

    #[test]
    fn every_code_speaks_both_languages() {
        for code in ErrorCode::ALL {
            let message = code.message();
            assert!(
                !message.en.is_empty() && !message.pt_br.is_empty() && message.en != message.pt_br,
                "{code:?}"
            );
            assert_eq!(ErrorCode::parse(code.as_str()), Some(*code));
        }
        assert_eq!(
            ErrorCode::RbacModuleNotContracted.message().pt_br,
            "Módulo não contratado"
        );
        assert_eq!(ErrorCode::parse("TEAPOT"), None);
    }

    #[test]
    fn every_401_challenges_and_nothing_else_does() {
        for code in ErrorCode::ALL {
            assert_eq!(
                code.challenge().is_some(),
                code.status() == StatusCode::UNAUTHORIZED,
                "{code:?}"
            );
        }
    }

    #[test]
    fn the_inside_stays_inside() {
        let error = ApiError::internal("SELECT secret FROM customers");
        let body = String::from_utf8(error.render(Locale::En, "r1")).unwrap();
        assert_eq!(
            body,
            r#"{"error":{"code":"INTERNAL","message":"Something went wrong on our side.","requestId":"r1"}}"#
        );
        assert_eq!(error.internal_message(), Some("SELECT secret FROM customers"));
    }

    #[test]
    fn what_storage_could_not_do_is_told_in_our_words() {
        let columns = vec!["organization_id".to_owned(), "package_code".to_owned()];
        let duplicate = ApiError::from(DbError::Unique {
            table: "packages".into(),
            columns,
        });
        assert_eq!(duplicate.code(), ErrorCode::ConflictDuplicate);
        let field = RuleViolation::new("packageCode", Rule::AlreadyTaken);
        assert_eq!(*duplicate.details(), Details::Violations(vec![field]));

        let busy = DbError::Busy {
            what: "the writer",
            retry_after: Duration::from_millis(2_500),
        };
        for (error, code) in [
            (busy, ErrorCode::InternalUnavailable),
            (DbError::Unavailable("gone".into()), ErrorCode::InternalUnavailable),
            (DbError::CommitUnknown("gone".into()), ErrorCode::InternalUnavailable),
            (DbError::Timeout, ErrorCode::InternalUnavailable),
            (DbError::ForeignKey("roles".into()), ErrorCode::ConflictState),
            (DbError::Internal("wrong SQL".into()), ErrorCode::Internal),
            (DbError::IdempotencyInProgress, ErrorCode::ConflictIdempotencyInProgress),
            (DbError::IdempotencyMismatch, ErrorCode::ValidationIdempotencyMismatch),
        ] {
            assert_eq!(ApiError::from(error).code(), code);
        }
    }

    #[test]
    fn who_is_sent_away_is_told_for_how_long() {
        let after = |error: ApiError| {
            let mut headers = error.headers();
            headers.find_map(|(name, value)| (name == header::RETRY_AFTER).then(|| value.to_str().unwrap().to_owned()))
        };
        let wait = |millis| ApiError::unavailable("").retry_after(Duration::from_millis(millis));
        assert_eq!(after(wait(2_500)).as_deref(), Some("3"));
        assert_eq!(after(wait(2_000)).as_deref(), Some("2"));
        assert_eq!(after(wait(0)).as_deref(), Some("1"));
        assert_eq!(after(ApiError::new(ErrorCode::AuthAccountLocked)).as_deref(), Some("1"));
        assert_eq!(after(ApiError::not_found()), None);
    }
}
