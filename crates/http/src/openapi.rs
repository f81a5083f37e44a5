//! The OpenAPI 3.1 document, assembled from the table of routes.
//!
//! Schemas come from `utoipa`; everything around them is written here, because most of what a client must know of an operation
//! follows from its access rule, its method and its path, and what follows must not have to be remembered. The document is
//! the same text at every run.

use std::collections::BTreeSet;
use std::collections::btree_map::{BTreeMap, Entry};
use std::sync::Arc;

use axum::http::{Method, StatusCode};
use serde_json::{Map, Value, json};

use crate::doc::{AnswerDoc, ContentDoc, MetaDoc, SchemaSource};
use crate::error::ErrorCode;
use crate::guard::Access;
use crate::routes::RouteInfo;

/// The routes' whole documentation. `version` is the program's.
#[must_use]
pub fn document(routes: &[Arc<RouteInfo>], version: &str) -> Value {
    let mut schemas = Schemas::default();
    let mut paths = Map::new();
    let mut tags: Vec<Value> = Vec::new();
    for route in routes {
        let tag = route.tag();
        if tags.iter().all(|known| known["name"] != tag.name) {
            tags.push(json!({ "name": tag.name, "description": tag.description }));
        }
        let path = paths.entry(route.template()).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(
                route.method().as_str().to_ascii_lowercase(),
                operation(route, &mut schemas),
            );
        }
    }
    schemas.named.insert("ErrorAnswer".to_owned(), error_answer_schema());
    schemas.named.insert("Error".to_owned(), error_schema());
    schemas.named.insert("ErrorCode".to_owned(), error_code_schema());
    schemas.named.insert("Problem".to_owned(), problem_schema());
    schemas.named.insert("PageMeta".to_owned(), page_meta_schema());
    schemas.named.insert("StreamMeta".to_owned(), stream_meta_schema());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Lastro",
            "version": version,
            "description": INTRODUCTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.named,
            "parameters": shared_parameters(),
            "headers": shared_headers(),
            "examples": ErrorCode::ALL.iter().map(|code| (code.as_str().to_owned(), error_example(*code))).collect::<Map<_, _>>(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An access token or an API key.",
                },
                "apiKey": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-API-Key",
                    "description": "An API key; not together with `Authorization`.",
                },
                "metricsToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "The operator's `LASTRO_METRICS_TOKEN`.",
                },
            },
        },
    })
}

const INTRODUCTION: &str = "The API of a multi-tenant ERP backend.\n\n\
Every successful answer is `{\"data\": …}`, with a `meta` where there is something to say about the data; every refusal is \
`{\"error\": {\"code\", \"message\", \"details\", \"requestId\"}}`. `x-permission` of an operation is what it takes to use it: \
`public`, `authenticated`, or the code of a permission.\n\n\
All paths also answer with `/v1` in the place of `/api/v1`.";

/// What is wrong with the documentation as a whole: operation ids used twice, different schemas of one name.
#[must_use]
pub fn problems(routes: &[Arc<RouteInfo>]) -> Vec<String> {
    let mut schemas = Schemas::default();
    let mut ids = BTreeSet::new();
    let mut problems = Vec::new();
    for route in routes {
        if !ids.insert(route.operation_id()) {
            problems.push(format!(
                "{route:?}: the operation id `{}` is used twice",
                route.operation_id()
            ));
        }
        if route.doc().answers.is_empty() {
            problems.push(format!("{route:?}: no answer is documented"));
        }
        operation(route, &mut schemas);
    }
    problems.extend(
        schemas
            .clashes
            .into_iter()
            .map(|name| format!("two different schemas are named `{name}`")),
    );
    problems
}

/// Who writes what a schema describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// A client: nothing but what is described.
    Asked,
    /// A client that follows another standard: what is not described is ignored.
    AskedElsewhere,
    /// The server: more may come with a later version, and what can be null is told when it is.
    Told,
}

/// The named schemas met so far.
#[derive(Default)]
struct Schemas {
    named: BTreeMap<String, Value>,
    clashes: BTreeSet<String>,
}

impl Schemas {
    /// A reference to the schema, or the schema itself where it has no name of its own (a text, an object without fields).
    fn refer(&mut self, source: SchemaSource, side: Side) -> Value {
        let mut referred = Vec::new();
        (source.referred)(&mut referred);
        for (name, schema) in referred {
            self.name(name, render(&schema), side);
        }
        let schema = render(&(source.schema)());
        if ["properties", "oneOf", "allOf"]
            .iter()
            .all(|part| schema.get(part).is_none())
        {
            return schema;
        }
        let name = (source.name)().into_owned();
        self.name(name.clone(), schema, side);
        reference(&name)
    }

    fn name(&mut self, name: String, mut schema: Value, side: Side) {
        match side {
            Side::Asked => seal(&mut schema),
            Side::AskedElsewhere => {}
            Side::Told => tell_nulls(&mut schema),
        }
        match self.named.get(&name) {
            Some(known) if *known != schema => {
                self.clashes.insert(name);
            }
            _ => {
                self.named.insert(name, schema);
            }
        }
    }

    /// Makes of a named schema one schema for each of the fields of which exactly one is given.
    fn tell_apart(&mut self, body: &Value, alternatives: &[&str]) {
        let name = body["$ref"].as_str().and_then(|path| path.rsplit('/').next());
        let Some((name, whole)) = name.and_then(|name| self.named.get_key_value(name)) else {
            return;
        };
        if alternatives.is_empty() {
            return;
        }
        let ways: Vec<_> = alternatives
            .iter()
            .map(|field| {
                (
                    format!("{name}By{}", capitalized(field)),
                    way(whole, field, alternatives),
                )
            })
            .collect();
        let references: Vec<_> = ways.iter().map(|(way, _)| reference(way)).collect();
        let either = json!({ "description": whole["description"], "oneOf": references });
        let name = name.clone();
        self.named.extend(ways);
        self.named.insert(name, either);
    }
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/schemas/{name}") })
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// The object with the one field and without the others.
fn way(whole: &Value, field: &str, alternatives: &[&str]) -> Value {
    let mut way = whole.clone();
    if let Some(Value::Object(properties)) = way.get_mut("properties") {
        properties.retain(|name, _| name == field || !alternatives.contains(&name.as_str()));
        if let Some(property) = properties.get_mut(field) {
            refuse_null(property);
        }
    }
    if let Value::Object(parts) = &mut way
        && let Value::Array(required) = parts.entry("required").or_insert_with(|| json!([]))
    {
        required.push(field.into());
    }
    way
}

/// Makes of a property that may be null one that may not.
fn refuse_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|kind| kind != "null");
        if let [kind] = types.as_slice() {
            let kind = kind.clone();
            property["type"] = kind;
        }
    } else if let Some(Value::Array(kinds)) = property.get_mut("oneOf") {
        kinds.retain(|kind| kind["type"] != "null");
        if let [kind] = kinds.as_slice() {
            let kind = kind.clone();
            *property = kind;
        }
    }
}

/// A body has no other fields than those that are described.
fn seal(schema: &mut Value) {
    if let Value::Object(fields) = schema
        && fields.contains_key("properties")
    {
        fields.insert("additionalProperties".to_owned(), Value::Bool(false));
    }
}

/// A field of an answer that can be null is always there; one that can be missing is never null.
fn tell_nulls(schema: &mut Value) {
    let Value::Object(parts) = schema else { return };
    if let Some(Value::Array(parts)) = parts.get_mut("allOf") {
        parts.iter_mut().for_each(tell_nulls);
    }
    let Some(Value::Object(properties)) = parts.get("properties") else {
        return;
    };
    let can_be_null = |property: &Value| {
        let is_null = |kind: &Value| *kind == "null" || kind["type"] == "null";
        let among = |part: &str| property[part].as_array().is_some_and(|kinds| kinds.iter().any(is_null));
        among("type") || among("oneOf")
    };
    let known = parts.get("required").and_then(Value::as_array);
    let is_known = |name: &str| known.is_some_and(|names| names.iter().any(|known| known == name));
    let told: Vec<&str> = properties
        .iter()
        .filter(|(name, property)| is_known(name) || can_be_null(property))
        .map(|(name, _)| name.as_str())
        .collect();
    if !told.is_empty() {
        let told = json!(told);
        parts.insert("required".to_owned(), told);
    }
}

/// The types of `utoipa` are written without failing.
fn render(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn operation(route: &RouteInfo, schemas: &mut Schemas) -> Value {
    let doc = route.doc();
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), doc.operation_id.into());
    operation.insert("tags".to_owned(), json!([route.tag().name]));
    operation.insert("summary".to_owned(), doc.summary.into());
    if let Some(description) = doc.description {
        operation.insert("description".to_owned(), description.into());
    }
    operation.insert("x-permission".to_owned(), route.access().as_str().into());
    operation.insert("security".to_owned(), security(route));
    operation.insert("parameters".to_owned(), Value::Array(parameters(route)));
    if let Some(body) = &doc.body {
        let media_type = if *route.method() == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let side = if body.is_form_too {
            Side::AskedElsewhere
        } else {
            Side::Asked
        };
        let schema = schemas.refer(body.schema, side);
        schemas.tell_apart(&schema, body.alternatives);
        let content = json!({ "schema": schema, "example": body.example });
        let mut contents = Map::new();
        contents.insert("application/json".to_owned(), content.clone());
        if body.is_form_too {
            contents.insert("application/x-www-form-urlencoded".to_owned(), content.clone());
        }
        contents.insert(media_type.to_owned(), content);
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": body.is_required, "content": contents }),
        );
    }
    if !doc.files.is_empty() {
        let file = json!({ "schema": { "type": "string", "format": "binary" } });
        let contents: Map<String, Value> = doc
            .files
            .iter()
            .map(|media_type| ((*media_type).to_owned(), file.clone()))
            .collect();
        operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": contents }),
        );
    }
    operation.insert("responses".to_owned(), responses(route, schemas));
    Value::Object(operation)
}

fn security(route: &RouteInfo) -> Value {
    match (route.doc().token, route.access()) {
        (Some(scheme), _) => {
            let mut requirement = Map::new();
            requirement.insert(scheme.to_owned(), json!([]));
            json!([requirement])
        }
        (None, Access::Public { .. }) => json!([]),
        (None, Access::Authenticated | Access::Requires(_)) => json!([{ "bearer": [] }, { "apiKey": [] }]),
    }
}

fn parameters(route: &RouteInfo) -> Vec<Value> {
    let mut parameters: Vec<Value> = route
        .path_parameters()
        .map(|name| {
            let is_id = name == "id" || name.ends_with("Id");
            let schema = if is_id {
                json!({ "type": "string", "format": "uuid" })
            } else {
                json!({ "type": "string" })
            };
            json!({ "name": name, "in": "path", "required": true, "schema": schema })
        })
        .collect();
    if let Some(query) = route.doc().query {
        parameters.extend(query().iter().map(|parameter| {
            let mut parameter = render(parameter);
            // An empty one is as good as absent.
            if parameter.get("required") == Some(&json!(false))
                && let Some(parameter) = parameter.as_object_mut()
            {
                parameter.insert("allowEmptyValue".to_owned(), json!(true));
            }
            parameter
        }));
    }
    let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    parameters.push(shared("RequestId"));
    parameters.push(shared("AcceptLanguage"));
    if route.access().is_tenant_scoped() {
        parameters.push(shared("TenantId"));
    }
    if takes_idempotency_key(route) {
        parameters.push(shared("IdempotencyKey"));
    }
    if answers_object(route) && *route.method() == Method::GET {
        parameters.push(shared("IfNoneMatch"));
    }
    if takes_if_match(route) {
        parameters.push(shared("IfMatch"));
    }
    parameters
}

fn takes_idempotency_key(route: &RouteInfo) -> bool {
    *route.method() == Method::POST && route.doc().changes && !matches!(route.access(), Access::Public { .. })
}

fn takes_if_match(route: &RouteInfo) -> bool {
    matches!(*route.method(), Method::PATCH | Method::PUT | Method::DELETE)
}

fn answers_object(route: &RouteInfo) -> bool {
    route
        .doc()
        .answers
        .iter()
        .any(|answer| matches!(answer.content, ContentDoc::Object { .. } | ContentDoc::Whole { .. }))
}

fn responses(route: &RouteInfo, schemas: &mut Schemas) -> Value {
    let mut responses = BTreeMap::<String, Value>::new();
    for answer in &route.doc().answers {
        add(&mut responses, answer.status, response(answer, schemas));
    }
    if answers_object(route) && *route.method() == Method::GET {
        let headers = json!({ "X-Request-Id": header("RequestId"), "ETag": header("ETag") });
        let unchanged =
            json!({ "description": "The version named by `If-None-Match` is the current one.", "headers": headers });
        responses.insert("304".to_owned(), unchanged);
    }
    let mut by_status = BTreeMap::<StatusCode, Vec<ErrorCode>>::new();
    for code in refusals(route) {
        by_status.entry(code.status()).or_default().push(code);
    }
    for (status, codes) in by_status {
        add(&mut responses, status, refusal(&codes));
    }
    json!(responses)
}

fn response(answer: &AnswerDoc, schemas: &mut Schemas) -> Value {
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header("RequestId"));
    if answer.status == StatusCode::CREATED {
        headers.insert("Location".to_owned(), header("Location"));
    }
    let content = match &answer.content {
        ContentDoc::None => None,
        ContentDoc::Object { schema, example } => {
            if answer.status != StatusCode::ACCEPTED {
                headers.insert("ETag".to_owned(), header("ETag"));
            }
            let envelope = json!({
                "type": "object",
                "required": ["data"],
                "properties": { "data": schemas.refer(*schema, Side::Told) },
            });
            Some((
                "application/json",
                json!({ "schema": envelope, "example": { "data": example } }),
            ))
        }
        ContentDoc::Whole { schema, example } => {
            headers.insert("ETag".to_owned(), header("ETag"));
            let envelope = json!({
                "type": "object",
                "required": ["data"],
                "properties": { "data": { "type": "array", "items": schemas.refer(*schema, Side::Told) } },
            });
            Some((
                "application/json",
                json!({ "schema": envelope, "example": { "data": example } }),
            ))
        }
        ContentDoc::List { schema, example, meta } => {
            let (meta, meta_example) = match meta {
                MetaDoc::Page => (
                    "PageMeta",
                    json!({ "page": 1, "limit": 20, "total": 1, "nextCursor": null }),
                ),
                MetaDoc::Stream => ("StreamMeta", json!({ "nextCursor": null })),
            };
            let envelope = json!({
                "type": "object",
                "required": ["data", "meta"],
                "properties": {
                    "data": { "type": "array", "items": schemas.refer(*schema, Side::Told) },
                    "meta": { "$ref": format!("#/components/schemas/{meta}") },
                },
            });
            let data = if example.is_array() {
                example.clone()
            } else {
                json!([example])
            };
            let example = json!({ "data": data, "meta": meta_example });
            Some(("application/json", json!({ "schema": envelope, "example": example })))
        }
        ContentDoc::Verbatim { content_type, schema } => Some((
            *content_type,
            json!({ "schema": schema.map_or_else(|| file_schema(content_type), |schema| schemas.refer(schema, Side::Told)) }),
        )),
    };
    let mut response = Map::new();
    response.insert("description".to_owned(), answer.description.into());
    response.insert("headers".to_owned(), Value::Object(headers));
    if let Some((content_type, content)) = content {
        response.insert("content".to_owned(), json!({ content_type: content }));
    }
    Value::Object(response)
}

/// What there is to say of a file: that it is an object, bytes, or text.
fn file_schema(content_type: &str) -> Value {
    match content_type {
        "application/json" => json!({ "type": "object" }),
        "application/octet-stream" | "image/*" => json!({ "type": "string", "format": "binary" }),
        _ => json!({ "type": "string" }),
    }
}

fn refusal(codes: &[ErrorCode]) -> Value {
    let names: Vec<String> = codes.iter().map(|code| format!("`{}`", code.as_str())).collect();
    let examples: Map<String, Value> = codes
        .iter()
        .map(|code| {
            (
                code.as_str().to_owned(),
                json!({ "$ref": format!("#/components/examples/{}", code.as_str()) }),
            )
        })
        .collect();
    let mut headers = Map::new();
    headers.insert("X-Request-Id".to_owned(), header("RequestId"));
    match codes.first().map(|code| code.status()) {
        Some(StatusCode::UNAUTHORIZED) => {
            headers.insert("WWW-Authenticate".to_owned(), header("WWWAuthenticate"));
        }
        Some(StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE) => {
            headers.insert("Retry-After".to_owned(), header("RetryAfter"));
        }
        _ => {}
    }
    json!({
        "description": names.join(", "),
        "headers": headers,
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/ErrorAnswer" }, "examples": examples } },
    })
}

/// Adds an answer to those of its status: an endpoint can answer in several media types, and one that answers in the words of
/// another standard stands behind the same guards as the others, which refuse in the API's words.
fn add(responses: &mut BTreeMap<String, Value>, status: StatusCode, response: Value) {
    match responses.entry(status.as_str().to_owned()) {
        Entry::Vacant(entry) => {
            entry.insert(response);
        }
        Entry::Occupied(mut entry) => either(entry.get_mut(), response),
    }
}

/// Makes of an answer one that can also be the other.
fn either(answer: &mut Value, other: Value) {
    let (Value::Object(answer), Value::Object(other)) = (answer, other) else {
        return;
    };
    for (part, other) in other {
        match (answer.get_mut(&part), other) {
            (Some(Value::String(text)), Value::String(other)) => {
                text.push_str("; ");
                text.push_str(&other);
            }
            (Some(Value::Object(headers)), Value::Object(others)) if part == "headers" => headers.extend(others),
            (Some(Value::Object(contents)), Value::Object(others)) => {
                for (media_type, content) in others {
                    either_content(contents, media_type, content);
                }
            }
            (_, other) => {
                answer.insert(part, other);
            }
        }
    }
}

fn either_content(contents: &mut Map<String, Value>, media_type: String, mut other: Value) {
    match contents
        .get_mut(&media_type)
        .and_then(|content| content.get_mut("schema"))
    {
        Some(schema) => *schema = json!({ "anyOf": [schema.take(), other.get_mut("schema").map(Value::take)] }),
        None => {
            contents.insert(media_type, other);
        }
    }
}

fn header(name: &str) -> Value {
    json!({ "$ref": format!("#/components/headers/{name}") })
}

/// Every code the route can answer: by its guard, its method, its path, its query, its body, and its own.
fn refusals(route: &RouteInfo) -> BTreeSet<ErrorCode> {
    use ErrorCode as Code;
    let doc = route.doc();
    // Any route refuses query parameters it does not know.
    let mut codes = BTreeSet::from([Code::Internal, Code::InternalUnavailable, Code::ValidationUnknownField]);
    if doc.query.is_some() {
        codes.insert(Code::ValidationFailed);
    }
    if !matches!(route.access(), Access::Public { .. }) {
        codes.extend([
            Code::AuthRequired,
            Code::AuthInvalidToken,
            Code::AuthTokenExpired,
            Code::AuthSessionRevoked,
            Code::TenantMismatch,
            Code::TenantInactive,
            Code::RateLimitExceeded,
        ]);
    }
    if route.access().is_tenant_scoped() {
        codes.extend([Code::TenantRequired, Code::NotFound]);
    }
    if matches!(route.access(), Access::Requires(_)) {
        codes.extend([Code::RbacForbidden, Code::RbacModuleNotContracted]);
    }
    if !doc.files.is_empty() {
        codes.extend([
            Code::ValidationFailed,
            Code::ValidationPayloadTooLarge,
            Code::ValidationUnsupportedMediaType,
        ]);
    }
    if doc.body.is_some() || *route.method() == Method::POST {
        codes.extend([
            Code::ValidationFailed,
            Code::ValidationMalformedJson,
            Code::ValidationPayloadTooLarge,
            Code::ValidationUnsupportedMediaType,
        ]);
        if route.access().is_tenant_scoped() {
            codes.insert(Code::TenantInPayload);
        }
    }
    if takes_idempotency_key(route) {
        codes.extend([Code::ConflictIdempotencyInProgress, Code::ValidationIdempotencyMismatch]);
    }
    if takes_if_match(route) {
        codes.insert(Code::ConflictVersion);
    }
    if route.path_parameters().next().is_some() {
        codes.insert(Code::NotFound);
    }
    codes.extend(doc.errors.iter().copied());
    codes
}

fn shared_parameters() -> Value {
    json!({
        "RequestId": {
            "name": "X-Request-Id", "in": "header", "required": false,
            "description": "The client's name for the request, 1 to 128 visible ASCII characters; one is made when it is absent or malformed.",
            "schema": { "type": "string" },
        },
        "AcceptLanguage": {
            "name": "Accept-Language", "in": "header", "required": false,
            "description": "The language of messages: `en` (default) or `pt-BR`.",
            "schema": { "type": "string" }, "example": "pt-BR",
        },
        "TenantId": {
            "name": "X-Tenant-Id", "in": "header", "required": false,
            "description": "For service accounts of the platform organization: the organization to act in. From anyone else it must be the credential's own.",
            "schema": { "type": "string", "format": "uuid" },
        },
        "IdempotencyKey": {
            "name": "Idempotency-Key", "in": "header", "required": false,
            "description": "The client's name for this change, 1 to 255 visible ASCII characters. The first answer is kept for 24 hours and given again to the same request.",
            "schema": { "type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$" },
        },
        "IfNoneMatch": {
            "name": "If-None-Match", "in": "header", "required": false,
            "description": "The `ETag` the client knows: the answer is 304 when it is still the current one.",
            "schema": { "type": "string" },
        },
        "IfMatch": {
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` the client read: the change is refused with 412 when the object has changed since.",
            "schema": { "type": "string" },
        },
    })
}

fn shared_headers() -> Value {
    json!({
        "RequestId": { "description": "The request's id, also in the log.", "schema": { "type": "string" } },
        "ETag": { "description": "The version of the object, for `If-None-Match` and `If-Match`.", "schema": { "type": "string" } },
        "Location": { "description": "Where the new object is found.", "schema": { "type": "string", "format": "uri-reference" } },
        "RetryAfter": { "description": "Seconds to wait.", "schema": { "type": "integer", "minimum": 1 } },
        "WWWAuthenticate": { "description": "How to authenticate (RFC 6750).", "schema": { "type": "string" } },
    })
}

fn error_answer_schema() -> Value {
    json!({
        "type": "object",
        "required": ["error"],
        "properties": { "error": { "$ref": "#/components/schemas/Error" } },
    })
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "requestId"],
        "properties": {
            "code": { "$ref": "#/components/schemas/ErrorCode" },
            "message": { "type": "string", "description": "For people, in the language asked for." },
            "details": {
                "description": "All problems of the request; for RBAC_FORBIDDEN the permission and the step that denied.",
                "oneOf": [
                    { "type": "array", "items": { "$ref": "#/components/schemas/Problem" } },
                    { "type": "object" },
                ],
            },
            "requestId": { "type": "string", "description": "The request's id, also in `X-Request-Id` and in the log." },
        },
    })
}

fn error_code_schema() -> Value {
    let codes: Vec<&str> = ErrorCode::ALL.iter().map(|code| code.as_str()).collect();
    json!({ "type": "string", "enum": codes })
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["field", "code", "message"],
        "properties": {
            "field": { "type": "string", "description": "The path of the field, such as `items[0].name`; empty for the body as a whole." },
            "code": { "type": "string", "description": "The rule it breaks, such as `TOO_SHORT`." },
            "message": { "type": "string" },
        },
    })
}

fn page_meta_schema() -> Value {
    json!({
        "type": "object",
        "required": ["limit", "total", "nextCursor"],
        "properties": {
            "page": { "type": "integer", "description": "Absent where the list was asked for by cursor." },
            "limit": { "type": "integer" },
            "total": { "type": "integer", "description": "How many objects the whole list has." },
            "nextCursor": { "type": ["string", "null"], "description": "Where the list goes on; null at its end." },
        },
    })
}

fn stream_meta_schema() -> Value {
    json!({
        "type": "object",
        "required": ["nextCursor"],
        "properties": {
            "nextCursor": { "type": ["string", "null"], "description": "Where the stream goes on; null at its end." },
        },
    })
}

fn error_example(code: ErrorCode) -> Value {
    let problem = |field: &str, rule: &kernel::Rule| json!([{ "field": field, "code": rule.code(), "message": rule.message(kernel::Locale::En) }]);
    let details = match code {
        ErrorCode::ValidationFailed => Some(problem("name", &kernel::Rule::TooShort { min: 2 })),
        ErrorCode::ValidationUnknownField => Some(problem("colour", &kernel::Rule::UnknownField)),
        ErrorCode::TenantInPayload => Some(problem("organizationId", &kernel::Rule::TenantInPayload)),
        ErrorCode::ConflictDuplicate => Some(problem("slug", &kernel::Rule::AlreadyTaken)),
        ErrorCode::ValidationMalformedJson => Some(json!({ "line": 1, "column": 9 })),
        ErrorCode::RbacForbidden => Some(json!({ "permission": "ORGANIZATION_ORGANIZATION_CREATE", "step": "grant" })),
        ErrorCode::RbacModuleNotContracted => Some(json!({ "permission": "FINANCE_INVOICE_READ", "step": "module" })),
        _ => None,
    };
    let mut error = Map::new();
    error.insert("code".to_owned(), code.as_str().into());
    error.insert("message".to_owned(), code.message().en.into());
    error.extend(details.map(|details| ("details".to_owned(), details)));
    error.insert("requestId".to_owned(), "4f1d0c92a7b3e655-00000001".into());
    json!({ "summary": code.message().en, "value": { "error": error } })
}

#[cfg(test)]
mod tests {
    use utoipa::ToSchema;

    use super::*;
    use crate::doc::Doc;

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "it is only described")]
    struct Person {
        id: Option<String>,
        #[schema(value_type = Option<Name>)]
        name: Option<String>,
        age: u8,
        #[schema(required = false)]
        nick: String,
    }

    #[derive(ToSchema)]
    #[schema(as = Name, value_type = String)]
    #[expect(dead_code, reason = "it is only described")]
    struct Name(String);

    #[derive(ToSchema)]
    #[expect(dead_code, reason = "it is only described")]
    struct Member {
        #[serde(flatten)]
        person: Person,
        since: Option<String>,
    }

    fn schemas(doc: &Doc) -> Schemas {
        let mut schemas = Schemas::default();
        if let Some(body) = &doc.body {
            let schema = schemas.refer(body.schema, Side::Asked);
            schemas.tell_apart(&schema, body.alternatives);
        }
        for answer in &doc.answers {
            response(answer, &mut schemas);
        }
        assert!(schemas.clashes.is_empty());
        schemas
    }

    #[test]
    fn what_can_be_null_is_always_told_and_may_be_left_out_of_a_body() {
        let told = schemas(&Doc::new("getPerson", "").answers::<Person>("", json!({})));
        assert_eq!(told.named["Person"]["required"], json!(["id", "name", "age"]));
        let asked = schemas(&Doc::new("createPerson", "").takes::<Person>(json!({})));
        assert_eq!(asked.named["Person"]["required"], json!(["age"]));
        assert_eq!(asked.named["Person"]["additionalProperties"], json!(false));
    }

    #[test]
    fn an_object_made_of_another_has_a_name_and_tells_its_nulls() {
        let told = schemas(&Doc::new("getMember", "").answers::<Member>("", json!({})));
        let parts = &told.named["Member"]["allOf"];
        assert_eq!(parts[0], reference("Person"));
        assert_eq!(parts[1]["required"], json!(["since"]));
    }

    #[test]
    fn of_fields_that_exclude_each_other_each_makes_a_schema() {
        let doc = Doc::new("findPerson", "").takes::<Person>(json!({}));
        let asked = schemas(&doc.with_one_of(&["id", "name"]));
        assert_eq!(
            asked.named["Person"]["oneOf"],
            json!([reference("PersonById"), reference("PersonByName")])
        );
        let (by_id, by_name) = (&asked.named["PersonById"], &asked.named["PersonByName"]);
        assert_eq!(by_id["required"], json!(["age", "id"]));
        assert_eq!(by_id["properties"]["id"]["type"], "string");
        assert_eq!(by_id["properties"].get("name"), None);
        assert_eq!(by_name["properties"]["name"]["$ref"], "#/components/schemas/Name");
        assert_eq!(by_name["properties"].get("id"), None);
        assert_eq!(by_name["additionalProperties"], json!(false));
    }

    #[test]
    fn a_list_of_all_there_is_names_its_objects() {
        let doc = Doc::new("listPeople", "").answers_all::<Person>("", json!([]));
        let answer = response(&doc.answers[0], &mut Schemas::default());
        let data = &answer["content"]["application/json"]["schema"]["properties"]["data"];
        assert_eq!(*data, json!({ "type": "array", "items": reference("Person") }));
    }
}
