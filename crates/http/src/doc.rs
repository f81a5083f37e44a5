//! What an endpoint says about itself: the source of its OpenAPI operation.
//!
//! A [`Doc`] says only what cannot be derived. Path parameters, the access rule, the answers its guard can give, and the
//! headers every operation has are added when the document is assembled (see [`crate::openapi`]).

use axum::http::StatusCode;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::Parameter;
use utoipa::openapi::{RefOr, Schema};

use crate::error::ErrorCode;
use crate::query::QueryParameters;

/// The documentation of one endpoint.
///
/// ```
/// use http::{Doc, ErrorCode};
/// use serde_json::json;
///
/// #[derive(serde::Serialize, utoipa::ToSchema)]
/// struct InvoiceView {
///     number: String,
/// }
///
/// pub(super) fn doc() -> Doc {
///     Doc::new("getInvoice", "Get an invoice")
///         .answers::<InvoiceView>("The invoice", json!({ "number": "2026-0001" }))
/// }
/// # doc();
/// ```
#[derive(Clone, Debug)]
pub struct Doc {
    pub(crate) operation_id: &'static str,
    pub(crate) summary: &'static str,
    pub(crate) description: Option<&'static str>,
    pub(crate) body: Option<BodyDoc>,
    pub(crate) files: &'static [&'static str],
    pub(crate) query: Option<fn() -> Vec<Parameter>>,
    pub(crate) answers: Vec<AnswerDoc>,
    pub(crate) errors: Vec<ErrorCode>,
    pub(crate) changes: bool,
    pub(crate) token: Option<&'static str>,
}

/// A schema, and the schemas it refers to, made only when the document is assembled: a server that is never asked for its
/// document does not pay for it at start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SchemaSource {
    pub(crate) name: fn() -> std::borrow::Cow<'static, str>,
    pub(crate) schema: fn() -> RefOr<Schema>,
    pub(crate) referred: fn(&mut Vec<(String, RefOr<Schema>)>),
}

impl SchemaSource {
    fn of<T: ToSchema>() -> Self {
        Self {
            name: T::name,
            schema: T::schema,
            referred: T::schemas,
        }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct BodyDoc {
    pub(crate) schema: SchemaSource,
    pub(crate) example: Value,
    pub(crate) is_required: bool,
    pub(crate) is_form_too: bool,
    pub(crate) alternatives: &'static [&'static str],
}

#[derive(Clone, Debug)]
pub(crate) struct AnswerDoc {
    pub(crate) status: StatusCode,
    pub(crate) description: &'static str,
    pub(crate) content: ContentDoc,
}

#[derive(Clone, Debug)]
pub(crate) enum ContentDoc {
    /// No body.
    None,
    /// `{"data": <schema>}` with an `ETag` unless the work is only accepted.
    Object { schema: SchemaSource, example: Value },
    /// `{"data": [<schema>]}`, everything there is, with an `ETag`.
    Whole { schema: SchemaSource, example: Value },
    /// `{"data": [<schema>], "meta": <meta>}`.
    List {
        schema: SchemaSource,
        example: Value,
        meta: MetaDoc,
    },
    /// Something outside the envelope.
    Verbatim {
        content_type: &'static str,
        schema: Option<SchemaSource>,
    },
}

/// The `meta` of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MetaDoc {
    /// `{page, limit, total, nextCursor}`.
    Page,
    /// `{nextCursor}`.
    Stream,
}

impl Doc {
    /// The operation's id (`createInvoice`, unique in the API) and its one-line summary.
    #[must_use]
    pub const fn new(operation_id: &'static str, summary: &'static str) -> Self {
        Self {
            operation_id,
            summary,
            description: None,
            body: None,
            files: &[],
            query: None,
            answers: Vec::new(),
            errors: Vec::new(),
            changes: true,
            token: None,
        }
    }

    /// What a reader should know beyond the summary; Markdown.
    #[must_use]
    pub const fn describe(mut self, description: &'static str) -> Self {
        self.description = Some(description);
        self
    }

    /// The body it takes, with an example that is valid as it stands.
    #[must_use]
    pub fn takes<T: ToSchema>(mut self, example: Value) -> Self {
        self.body = Some(BodyDoc {
            schema: SchemaSource::of::<T>(),
            example,
            is_required: true,
            is_form_too: false,
            alternatives: &[],
        });
        self
    }

    /// Exactly one of these fields of the body is given, as they are written in JSON. The documentation then has a schema for
    /// each way to say it, so that a client cannot be compiled that says it twice or not at all.
    #[must_use]
    pub const fn with_one_of(mut self, fields: &'static [&'static str]) -> Self {
        if let Some(body) = &mut self.body {
            body.alternatives = fields;
        }
        self
    }

    /// The body it takes when there is one ([`OptionalBody`](crate::OptionalBody)), with an example that is valid as it stands.
    #[must_use]
    pub fn may_take<T: ToSchema>(mut self, example: Value) -> Self {
        self = self.takes::<T>(example);
        if let Some(body) = &mut self.body {
            body.is_required = false;
        }
        self
    }

    /// The body can also be a form (`application/x-www-form-urlencoded`), as another standard prescribes, and what it does not
    /// know is ignored.
    #[must_use]
    pub fn also_form(mut self) -> Self {
        if let Some(body) = &mut self.body {
            body.is_form_too = true;
        }
        self
    }

    /// The body it takes is a file of one of these media types, read with [`RawBody`](crate::RawBody).
    #[must_use]
    pub const fn takes_file(mut self, media_types: &'static [&'static str]) -> Self {
        self.files = media_types;
        self
    }

    /// The query parameters it takes. A route without this refuses every parameter.
    #[must_use]
    pub fn query<Q: QueryParameters>(mut self) -> Self {
        self.query = Some(Q::parameters);
        self
    }

    /// 200 with one object.
    #[must_use]
    pub fn answers<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        self.object::<T>(StatusCode::OK, description, example)
    }

    /// 200 with all the objects there are: so few that they come without pages. The example is a list of them.
    #[must_use]
    pub fn answers_all<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        let schema = SchemaSource::of::<T>();
        self.answer(StatusCode::OK, description, ContentDoc::Whole { schema, example })
    }

    /// 201 with the object made.
    #[must_use]
    pub fn creates<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        self.object::<T>(StatusCode::CREATED, description, example)
    }

    /// 202 with what there is to say about work that is done later.
    #[must_use]
    pub fn accepts<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        self.object::<T>(StatusCode::ACCEPTED, description, example)
    }

    /// 204.
    #[must_use]
    pub fn answers_nothing(self, description: &'static str) -> Self {
        self.answer(StatusCode::NO_CONTENT, description, ContentDoc::None)
    }

    /// 200 with a page of objects; the example is one of them, or a list.
    #[must_use]
    pub fn lists<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        let schema = SchemaSource::of::<T>();
        self.answer(
            StatusCode::OK,
            description,
            ContentDoc::List {
                schema,
                example,
                meta: MetaDoc::Page,
            },
        )
    }

    /// 200 with a stretch of a time-ordered stream; the example is one object of it, or a list.
    #[must_use]
    pub fn streams<T: ToSchema>(self, description: &'static str, example: Value) -> Self {
        let schema = SchemaSource::of::<T>();
        self.answer(
            StatusCode::OK,
            description,
            ContentDoc::List {
                schema,
                example,
                meta: MetaDoc::Stream,
            },
        )
    }

    /// 200 with something outside the envelope, such as a file.
    #[must_use]
    pub fn answers_verbatim(self, content_type: &'static str, description: &'static str) -> Self {
        self.answer(
            StatusCode::OK,
            description,
            ContentDoc::Verbatim {
                content_type,
                schema: None,
            },
        )
    }

    /// An answer with JSON outside the envelope.
    #[must_use]
    pub fn answers_json<T: ToSchema>(self, status: StatusCode, description: &'static str) -> Self {
        let schema = Some(SchemaSource::of::<T>());
        self.answer(
            status,
            description,
            ContentDoc::Verbatim {
                content_type: "application/json",
                schema,
            },
        )
    }

    /// The refusals of the endpoint itself, beyond those its guard, its body and its query can give.
    #[must_use]
    pub fn refuses(mut self, codes: impl IntoIterator<Item = ErrorCode>) -> Self {
        self.errors.extend(codes);
        self
    }

    /// A `POST` that changes nothing, and so takes no `Idempotency-Key`.
    #[must_use]
    pub const fn changes_nothing(mut self) -> Self {
        self.changes = false;
        self
    }

    /// A route of the platform that is guarded by another token than a customer's credential.
    pub(crate) const fn guarded_by(mut self, security_scheme: &'static str) -> Self {
        self.token = Some(security_scheme);
        self
    }

    fn object<T: ToSchema>(self, status: StatusCode, description: &'static str, example: Value) -> Self {
        self.answer(
            status,
            description,
            ContentDoc::Object {
                schema: SchemaSource::of::<T>(),
                example,
            },
        )
    }

    fn answer(mut self, status: StatusCode, description: &'static str, content: ContentDoc) -> Self {
        self.answers.push(AnswerDoc {
            status,
            description,
            content,
        });
        self
    }
}
