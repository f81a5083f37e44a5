//! What the whole installation holds of one person (LGPD, Lei 13.709/2018, art. 18): told as one document, and erased.
//!
//! Each context knows its own: identity the user, access the grants, audit the trail. What several of them leave in the same way is
//! done here for all: who acted is stored as kind, id and name wherever somebody did something, and events and recorded answers
//! carry objects as clients see them.

use std::io::Write;
use std::sync::Arc;

use contracts::access::{AccessControl, judged};
use contracts::identity::UserView;
use db::schema::{Schema, is_tenant};
use db::{DbError, Row, Sql, UnitContext, UnitOfWork, Value};
use http::App;
use identity::{NotErased, PersonalData};
use kernel::{Actor, Id as _, OrganizationId};
use serde_json::Value as Json;
use uuid::Uuid;

/// What stands in the place of a name.
const NOBODY: &str = "Erased";

/// Events that may tell of the person: as large a part as is read at once. The texts are looked for as they stand in JSON.
const EVENTS: Sql = Sql::tenant(
    "SELECT id, data FROM outbox_events WHERE organization_id = $1 AND id > $2 AND (strpos(data::text, $3::text) > 0 \
     OR strpos(data::text, $4::text) > 0 OR strpos(data::text, $5::text) > 0) ORDER BY id LIMIT 500",
)
.on_sqlite(
    "SELECT id, data FROM outbox_events WHERE organization_id = $1 AND id > $2 AND (instr(data, $3) > 0 \
     OR instr(data, $4) > 0 OR instr(data, $5) > 0) ORDER BY id LIMIT 500",
);
const MASK_EVENT: Sql = Sql::tenant("UPDATE outbox_events SET data = $3 WHERE organization_id = $1 AND id = $2");
/// Answers that are kept for a day so that a repeated request gets the same one.
const FORGET_ANSWERS: Sql = Sql::tenant(
    "DELETE FROM idempotency_records WHERE organization_id = $1 AND (actor_id = $2 OR position($3::bytea in body) > 0 \
     OR position($4::bytea in body) > 0 OR position($5::bytea in body) > 0)",
)
.on_sqlite(
    "DELETE FROM idempotency_records WHERE organization_id = $1 AND (actor_id = $2 OR instr(body, $3) > 0 \
     OR instr(body, $4) > 0 OR instr(body, $5) > 0)",
);

/// Why not everything was told.
#[derive(Debug, thiserror::Error)]
pub enum NotTold {
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
    /// Where it was to be written.
    #[error("the document could not be written")]
    File(#[from] std::io::Error),
    /// It is no JSON.
    #[error("the document could not be rendered")]
    Json(#[from] serde_json::Error),
}

/// Writes all that is held of a person as one JSON document. However long the trail is, only a part of it is in memory at a time.
///
/// # Errors
/// [`NotTold`].
pub async fn export(
    app: &App,
    organization: OrganizationId,
    person: &PersonalData,
    to: &mut dyn Write,
) -> Result<(), NotTold> {
    let id = person.user.id;
    let grants = access::operator::personal_grants(app.db(), organization, id).await?;
    write!(to, r#"{{"identity":{}"#, serde_json::to_string(person)?)?;
    write!(to, r#","access":{}"#, serde_json::to_string(&grants)?)?;
    write!(to, r#","auditEntries":["#)?;
    let mut separator = "\n";
    audit::tell(app.db(), organization, id.as_uuid(), |entry| {
        write!(to, "{separator}{}", entry.trim_end())?;
        separator = ",\n";
        Ok::<_, NotTold>(())
    })
    .await?;
    writeln!(to, "]}}")?;
    to.flush()?;
    Ok(())
}

/// Takes a person out of everything that is held; how many entries of the trail mentioned the person. `url` is the owner's address of
/// the database.
///
/// The trail comes first, since its part is found by what the rest forgets: when something fails, the same can be asked for again.
/// It comes once more at the end, for what the person did meanwhile.
///
/// # Errors
/// [`NotErased`].
pub async fn erase(app: &App, url: &str, organization: OrganizationId, user: &UserView) -> Result<u64, NotErased> {
    let tables: Arc<Schema> = Arc::new(db::schema::describe(url).await?);
    let access = app.ports().get::<dyn AccessControl>().map_err(DbError::from)?;
    let judge = access.judge(organization).await?;
    if user.is_active {
        judge.keeps_an_administrator_without(user.id, app.generators().now())?;
    }
    let trail = || audit::erase(app.db(), organization, user.id.as_uuid(), &user.email);
    let mentioned = trail().await?;
    let person = Arc::new(Person::new(user)?);
    let updates: Arc<[String]> = names_of_actors(&tables);
    judged(&*access, organization, |judge| {
        let context = UnitContext::tenant(Actor::system("privacy erase"), organization).long();
        let (ports, person, updates) = (app.ports().clone(), Arc::clone(&person), Arc::clone(&updates));
        let work = move |uow: UnitOfWork| {
            let (ports, judge) = (ports.clone(), Arc::clone(&judge));
            let (person, updates) = (Arc::clone(&person), Arc::clone(&updates));
            async move {
                identity::erase_person(&ports, &uow, &*judge, organization, person.user.id).await?;
                for text in updates.iter() {
                    let values = [Value::id(person.user.id), NOBODY.into()];
                    uow.scope(organization).send(&Sql::tenant(text), &values).await?;
                }
                person.forget_answers(&uow, organization).await?;
                Ok::<_, NotErased>(person.mask_events(&uow, organization).await?)
            }
        };
        app.db().write(context, work)
    })
    .await?;
    trail().await?;
    Ok(mentioned)
}

/// Statements that replace the name of whoever acted, in every table that keeps it; those of the trail are the trail's.
fn names_of_actors(tables: &Schema) -> Arc<[String]> {
    let tenant = tables
        .iter()
        .filter(|(name, table)| is_tenant(name, table) && !name.starts_with("audit_"));
    tenant
        .flat_map(|(name, table)| {
            let roles = table.columns.keys().filter_map(|column| column.strip_suffix("_kind"));
            let has = |column: String| table.columns.contains_key(&column);
            roles
                .filter(move |role| has(format!("{role}_id")) && has(format!("{role}_name")))
                .map(move |role| {
                    format!("UPDATE {name} SET {role}_name = $3 WHERE organization_id = $1 AND {role}_id = $2")
                })
        })
        .collect()
}

/// Whom to look for, and as what.
struct Person {
    user: UserView,
    /// The name as it stands in JSON, without its quotes.
    name: String,
    id: String,
}

impl Person {
    fn new(user: &UserView) -> Result<Self, DbError> {
        let quoted = serde_json::to_string(&user.name)
            .map_err(|error| DbError::Internal(format!("a name cannot be rendered: {error}")))?;
        Ok(Self {
            user: user.clone(),
            name: quoted.trim_matches('"').to_owned(),
            id: user.id.to_string(),
        })
    }

    async fn forget_answers(&self, uow: &UnitOfWork, organization: OrganizationId) -> Result<(), DbError> {
        let values = [
            Value::id(self.user.id),
            self.id.as_bytes().into(),
            self.user.email.as_bytes().into(),
            self.name.as_bytes().into(),
        ];
        uow.scope(organization).send(&FORGET_ANSWERS, &values).await
    }

    async fn mask_events(&self, uow: &UnitOfWork, organization: OrganizationId) -> Result<(), DbError> {
        let mut after = Uuid::nil();
        loop {
            let values = [
                after.into(),
                self.id.as_str().into(),
                self.user.email.as_str().into(),
                self.name.as_str().into(),
            ];
            let read = |row: &Row<'_>| Ok((row.get::<Uuid>(0)?, row.get::<String>(1)?));
            let scope = uow.scope(organization);
            let part: Vec<(Uuid, String)> = scope.reads().all(&EVENTS, &values, read).await?;
            let Some((last, _)) = part.last() else { return Ok(()) };
            after = *last;
            for (event, data) in part {
                let broken = |error: serde_json::Error| DbError::Inconsistency {
                    column: "outbox_events.data".to_owned(),
                    detail: format!("that of {event} is corrupt: {error}"),
                };
                let mut object: Json = serde_json::from_str(&data).map_err(broken)?;
                self.mask(&mut object);
                let masked = serde_json::to_string(&object).map_err(broken)?;
                let values = [event.into(), Value::Json(masked.into())];
                scope.send(&MASK_EVENT, &values).await?;
            }
        }
    }

    /// Replaces what tells who the person is, wherever it stands. An object that is the person's loses its name and address also when
    /// they were others then, and one that belongs to the person loses the device.
    fn mask(&self, value: &mut Json) {
        match value {
            Json::String(text) if *text == self.user.name => NOBODY.clone_into(text),
            Json::String(text) if text.eq_ignore_ascii_case(&self.user.email) => *text = self.nowhere(),
            Json::Array(values) => values.iter_mut().for_each(|value| self.mask(value)),
            Json::Object(fields) => {
                let is = |field: Option<&Json>| field.and_then(Json::as_str) == Some(&self.id);
                let (is_person, is_persons) = (is(fields.get("id")), is(fields.get("userId")));
                for (name, value) in fields.iter_mut() {
                    match name.as_str() {
                        "name" if is_person => *value = Json::from(NOBODY),
                        "email" if is_person => *value = Json::from(self.nowhere()),
                        "ip" | "userAgent" if is_persons => *value = Json::Null,
                        _ => self.mask(value),
                    }
                }
            }
            _ => {}
        }
    }

    /// The address that the user has when the person is erased.
    fn nowhere(&self) -> String {
        format!("erased-{}@erased.invalid", self.id)
    }
}
