//! One organization into the database of another installation: `lastro tenant move`.
//!
//! The two installations share the master key, under which secrets are sealed and the trail is, and each has a catalogue of its own:
//! what is known by the same code has another id there, so rows are told the ids of the other. The trail goes as it is, or its
//! seals would not fit.
//!
//! The order is what makes it safe to be interrupted and run again. The organization is frozen: its people are out, and no node
//! sends anything for it. When what was under way has ended, its rows are copied, frozen as they are, in one transaction. Then it is
//! marked here as gone, which nothing undoes, and only then set free there. So at no time do two installations act for it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use authz::{Granted, Permission};
use contracts::organization::OrganizationView;
use db::migrate;
use db::transfer::{self, Moved, Table};
use db::{Db, DbConfig, DbError, Engine, SystemScope, UnitContext, UnitOfWork, Value, admin};
use http::App;
use kernel::{Actor, OrganizationId};
use organization::{NotChanged, OrganizationDelete, OrganizationUpdate};
use uuid::Uuid;
use vault::Sealer;

use crate::app;
use crate::config::DatabaseUrl;
use crate::master_key;

/// Why this leaves an organization.
const ACROSS: SystemScope = SystemScope::new("a move ends an organization here and begins it in another database");
/// How often the rows are copied anew when they changed meanwhile, and how long to wait before that.
const TRIES: u32 = 10;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
/// Tables that hold what happened. Ids in them name what was, also what is not there any more.
const HISTORY: [&str; 2] = ["audit_", "outbox_"];

/// Why an organization was not moved.
#[derive(Debug, thiserror::Error)]
pub enum NotMoved {
    /// The other database is not ready.
    #[error("the database to move to is not at this version; run `lastro migrate` there first")]
    OtherVersion,
    /// Nobody has started the other installation yet.
    #[error("there is no installation in the database to move to; start one there first, with the same master key")]
    NoInstallation,
    /// The other database is this one, or a copy of it.
    #[error("the database to move to belongs to the same installation")]
    SameInstallation,
    /// Secrets could not be read there.
    #[error("the master key here does not open {whose} secrets ({why}): both installations must have the same one")]
    OtherMasterKey {
        /// Of which of the two.
        whose: &'static str,
        /// Which, and why.
        why: String,
    },
    /// Something of it is another organization's there.
    #[error("the database to move to has another organization with the same {0}")]
    Taken(String),
    /// Its rows refer to what the other catalogue does not have.
    #[error("the catalogue of the database to move to lacks {}", .0.join(", "))]
    Lacking(Vec<String>),
    /// Some modules of its package are off for it, and would be on there.
    #[error(
        "{} were switched off for all organizations and on again since the package was assigned, and are off for this one: assign \
         the package again, or switch them off for it, before it is moved", .0.join(", ")
    )]
    StalePackage(Vec<String>),
    /// It went to a third database.
    #[error("the organization was moved to {0} before")]
    GoneElsewhere(String),
    /// Somebody still wrote to it.
    #[error(
        "the organization's rows do not stop changing; it stays frozen, so run this again, or activate it to give the move up"
    )]
    Restless,
    /// The state of the organization does not allow it.
    #[error(transparent)]
    NotChanged(#[from] NotChanged),
    /// The database.
    #[error(transparent)]
    Storage(#[from] DbError),
}

/// What there is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// All of it.
    Beginning(Vec<Moved>),
    /// An earlier run copied everything, and was interrupted.
    Copied,
    /// Nothing: an earlier run did it all.
    Done,
}

/// A move that can be made.
pub struct Relocation {
    from: Side,
    to: Side,
    organization: OrganizationId,
    catalogue: Catalogue,
    place: String,
}

/// One of the two installations.
struct Side {
    db: Db,
    config: DbConfig,
    platform: OrganizationId,
}

impl Relocation {
    /// Looks whether the organization can be moved, and changes nothing. `from` is the owner's address of this database.
    ///
    /// # Errors
    /// [`NotMoved`].
    pub async fn prepare(
        app: &App,
        from: DbConfig,
        platform: OrganizationId,
        to: &DatabaseUrl,
        organization: &OrganizationView,
    ) -> Result<(Self, Stage), NotMoved> {
        if organization.id == platform {
            return Err(NotChanged::Platform.into());
        }
        let there = DbConfig::new(to.expose());
        if !migrate::pending(&there, &app::migrations()).await?.is_empty() {
            return Err(NotMoved::OtherVersion);
        }
        let db = Db::open(there.clone(), app.generators().clone())?;
        let platform_there = organization::platform(&db).await?.ok_or(NotMoved::NoInstallation)?;
        if platform_there == platform {
            return Err(NotMoved::SameInstallation);
        }
        let sealer = app.ports().get::<Sealer>().map_err(DbError::from)?;
        for (db, whose) in [(app.db(), "this installation's"), (&db, "the other installation's")] {
            let closed = master_key::closed(db, &sealer).await?;
            if !closed.is_empty() {
                let why = closed.join("; ");
                return Err(NotMoved::OtherMasterKey { whose, why });
            }
        }
        let relocation = Self {
            catalogue: Catalogue::read(&from, &there).await?,
            from: Side {
                db: app.db().clone(),
                config: from,
                platform,
            },
            to: Side {
                db,
                config: there,
                platform: platform_there,
            },
            organization: organization.id,
            place: to.to_string(),
        };
        let stage = relocation.stage(organization).await?;
        Ok((relocation, stage))
    }

    async fn stage(&self, organization: &OrganizationView) -> Result<Stage, NotMoved> {
        let here = organization::whereabouts(&self.from.db, organization.id).await?;
        let here = here.ok_or(NotChanged::NotFound)?;
        let there = organization::whereabouts(&self.to.db, organization.id).await?;
        match (here.moved_to, there) {
            (None, None) => {}
            (Some(place), None) => return Err(NotMoved::GoneElsewhere(place)),
            // A frozen copy of what is frozen here is ours.
            (None, Some(copy)) if copy.frozen_at.is_some() && copy.frozen_at == here.frozen_at => {
                return Ok(Stage::Copied);
            }
            (None, Some(_)) => return Err(NotMoved::Taken("id".to_owned())),
            (Some(_), Some(copy)) if copy.frozen_at.is_some() => return Ok(Stage::Copied),
            (Some(_), Some(_)) => return Ok(Stage::Done),
        }
        if organization::find(&self.to.db, &organization.slug).await?.is_some() {
            return Err(NotMoved::Taken(format!("slug, {}", organization.slug)));
        }
        // Letters and digits: it was checked when it was written.
        if let Some(document) = &organization.document {
            let text = format!("SELECT slug FROM organizations WHERE document = '{document}'");
            if !admin::query(self.to.config.owner_url(), &text).await?.is_empty() {
                return Err(NotMoved::Taken(format!("document, {document}")));
            }
        }
        let stale = self.catalogue.stale_modules(&self.from.config, organization.id).await?;
        if !stale.is_empty() {
            return Err(NotMoved::StalePackage(stale));
        }
        let mut lacking = BTreeSet::new();
        let counted = transfer::read_tenant(
            &self.from.config,
            &app::migrations(),
            organization.id,
            &mut |table, row| {
                if !HISTORY.iter().any(|prefix| table.name().starts_with(prefix)) {
                    lacking.extend(row.iter().filter_map(|value| self.catalogue.lacks(value)));
                }
                Ok::<_, DbError>(())
            },
        )
        .await?;
        if lacking.is_empty() {
            Ok(Stage::Beginning(counted))
        } else {
            Err(NotMoved::Lacking(lacking.into_iter().map(str::to_owned).collect()))
        }
    }

    /// Ends what the organization does here. What nodes had under way may still end: give it the time before [`Relocation::copy`].
    ///
    /// # Errors
    /// [`NotMoved`].
    pub async fn freeze(&self) -> Result<(), NotMoved> {
        let id = self.organization;
        let freeze = move |granted: Granted<OrganizationDelete>, uow| async move {
            organization::freeze(&granted, &uow, id).await
        };
        Ok(self.from.write(freeze).await?)
    }

    /// Copies everything, in one transaction. `progress` hears of each table.
    ///
    /// # Errors
    /// [`NotMoved`]; then there is nothing of it there.
    pub async fn copy(&self, progress: &mut (dyn FnMut(&Moved) + Send)) -> Result<Vec<Moved>, NotMoved> {
        let (from, to) = (&self.from.config, &self.to.config);
        let translate = |table: &Table, row: &mut [Value<'static>]| {
            self.catalogue.translate(table, row);
            Ok(())
        };
        for _ in 0..TRIES {
            match transfer::run_tenant(from, to, &app::migrations(), self.organization, &translate, progress).await {
                Ok(moved) => return Ok(moved),
                Err(DbError::Serialization) => tokio::time::sleep(BETWEEN_TRIES).await,
                Err(DbError::Unique { columns, .. }) => return Err(NotMoved::Taken(columns.join(", "))),
                Err(error) => return Err(error.into()),
            }
        }
        Err(NotMoved::Restless)
    }

    /// Marks it as gone here, and sets it free there.
    ///
    /// # Errors
    /// [`NotMoved`]; the same can be done again.
    pub async fn finish(&self) -> Result<(), NotMoved> {
        let (id, platform) = (self.organization, self.from.platform);
        let place: Arc<str> = self.place.as_str().into();
        let leave = move |granted: Granted<OrganizationDelete>, uow| {
            let place = Arc::clone(&place);
            async move { organization::leave(&granted, &uow, platform, id, &place).await }
        };
        self.from.write(leave).await?;
        let arrive = move |granted: Granted<OrganizationUpdate>, uow| async move {
            organization::arrive(&granted, &uow, id).await
        };
        Ok(self.to.write(arrive).await?)
    }
}

impl Side {
    /// Carries out in one transaction what a permission lets the operator do here.
    async fn write<P, F, Fut>(&self, work: F) -> Result<(), NotChanged>
    where
        P: Permission,
        F: Fn(Granted<P>, UnitOfWork) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), NotChanged>> + Send + 'static,
    {
        let actor = Actor::system("tenant move");
        let granted = Granted::<P>::for_operator("tenant move", Arc::new(actor.clone()), self.platform);
        let context = UnitContext::system(actor, self.platform, ACROSS);
        self.db.write(context, move |uow| work(granted.clone(), uow)).await
    }
}

/// What the two installations call by the same codes.
struct Catalogue {
    /// An id here to the id of the same there.
    ids: HashMap<Uuid, Uuid>,
    /// What is here alone, for people.
    only_here: HashMap<Uuid, String>,
    /// Of each module here, the epoch at which it was last switched off for all.
    off: HashMap<Uuid, i64>,
    /// An epoch there that is later than all at which something was switched off.
    fresh: i64,
}

impl Catalogue {
    async fn read(from: &DbConfig, to: &DbConfig) -> Result<Self, DbError> {
        let mut catalogue = Self {
            ids: HashMap::new(),
            only_here: HashMap::new(),
            off: HashMap::new(),
            fresh: 0,
        };
        for (table, called, epoch) in [
            ("modules", "module", "off_epoch"),
            ("permissions", "permission", "0"),
            ("packages", "package", "0"),
            ("system_roles", "role", "0"),
        ] {
            let (here, there) = (entries(from, table, epoch).await?, entries(to, table, epoch).await?);
            let last = there.values().map(|(_, epoch)| *epoch).max().unwrap_or_default();
            catalogue.fresh = catalogue.fresh.max(last + 1);
            for (code, (id, epoch)) in here {
                match there.get(&code) {
                    Some((other, _)) => {
                        catalogue.ids.insert(id, *other);
                    }
                    None => {
                        catalogue.only_here.insert(id, format!("the {called} {code}"));
                    }
                }
                if table == "modules" {
                    catalogue.off.insert(id, epoch);
                }
            }
        }
        Ok(catalogue)
    }

    /// What a value refers to, if the other catalogue does not have it.
    fn lacks(&self, value: &Value<'_>) -> Option<&str> {
        match value {
            Value::Uuid(id) => self.only_here.get(id).map(String::as_str),
            _ => None,
        }
    }

    /// Modules of the organization's package that count for nothing since they were switched off for all.
    async fn stale_modules(&self, from: &DbConfig, id: OrganizationId) -> Result<Vec<String>, DbError> {
        let id = match from.engine()? {
            Engine::Postgres => format!("'{id}'"),
            Engine::Sqlite => format!("x'{}'", id.to_string().replace('-', "")),
        };
        let text = format!(
            "SELECT m.code FROM organization_packages op JOIN package_modules pm ON pm.package_id = op.package_id \
             JOIN modules m ON m.id = pm.module_id WHERE op.organization_id = {id} AND m.is_active AND NOT m.is_core \
             AND op.on_epoch <= m.off_epoch AND pm.on_epoch <= m.off_epoch ORDER BY m.code"
        );
        let rows = admin::query(from.owner_url(), &text).await?;
        Ok(rows.into_iter().flatten().flatten().collect())
    }

    /// Makes a row mean there what it means here.
    fn translate(&self, table: &Table, row: &mut [Value<'static>]) {
        if table.name().starts_with("audit_") {
            return;
        }
        if let Some(place) = table.place("on_epoch") {
            let module = table.place("module_id").and_then(|place| row.get(place)).cloned();
            if let Some(Value::Integer(epoch)) = row.get_mut(place) {
                let counts = match module {
                    Some(Value::Uuid(module)) => *epoch > self.off.get(&module).copied().unwrap_or_default(),
                    // A package whose modules all count: it was looked at before.
                    _ => true,
                };
                *epoch = if counts { self.fresh } else { 0 };
            }
        }
        for value in row {
            match value {
                Value::Uuid(id) => {
                    if let Some(other) = self.ids.get(id) {
                        *id = *other;
                    }
                }
                Value::Json(text) => {
                    if let Some(told) = self.told(text) {
                        *text = told.into();
                    }
                }
                _ => {}
            }
        }
    }

    /// A JSON text with the ids of the other catalogue; `None` when it names none of this one.
    fn told(&self, text: &str) -> Option<String> {
        let mut is_other = false;
        let told: Vec<String> = text
            .split('"')
            .map(|piece| {
                let id = (piece.len() == uuid::fmt::Hyphenated::LENGTH)
                    .then(|| piece.parse().ok())
                    .flatten();
                match id.and_then(|id: Uuid| self.ids.get(&id)) {
                    Some(other) => {
                        is_other = true;
                        other.to_string()
                    }
                    None => piece.to_owned(),
                }
            })
            .collect();
        is_other.then(|| told.join("\""))
    }
}

/// What a table of the catalogue holds, by code.
async fn entries(config: &DbConfig, table: &str, epoch: &str) -> Result<HashMap<String, (Uuid, i64)>, DbError> {
    let id = match config.engine()? {
        Engine::Postgres => "CAST(id AS TEXT)",
        Engine::Sqlite => "lower(hex(id))",
    };
    let text = format!("SELECT code, {id}, CAST({epoch} AS TEXT) FROM {table}");
    let mut entries = HashMap::new();
    for row in admin::query(config.owner_url(), &text).await? {
        let [Some(code), Some(id), Some(epoch)] = row.as_slice() else {
            continue;
        };
        let unreadable = || DbError::Inconsistency {
            column: format!("{table}.id"),
            detail: format!("that of {code} is unreadable"),
        };
        let id = id.parse().map_err(|_| unreadable())?;
        entries.insert(code.clone(), (id, epoch.parse().map_err(|_| unreadable())?));
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_within_json_become_those_of_the_other_catalogue() {
        let (here, there, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let catalogue = Catalogue {
            ids: HashMap::from([(here, there)]),
            only_here: HashMap::new(),
            off: HashMap::new(),
            fresh: 1,
        };
        let text = |id: Uuid| format!(r#"{{"roleIds": ["{id}", "{other}"], "note": "say \"{other}\""}}"#);
        assert_eq!(catalogue.told(&text(here)), Some(text(there)));
        assert_eq!(catalogue.told(&text(other)), None);
    }
}
