//! The real router over a database of its own, with a clock that stands still.

use std::sync::Arc;

use authz::Decider;
use contracts::access::AccessControl;
use contracts::identity::{Accounts, Entry, FirstAdministrator, UserId};
use contracts::mail::Mailer;
use contracts::usage::ReserveError;
use contracts::{Manifests, Ports};
use db::migrate::{self, Destructive, Migrations};
use db::{Db, DbConfig, Engine, UnitContext};
use http::{App, AppParts, Edge, Foundation, HttpConfig, Identity, Jobs, Metrics, Module, Unlimited};
use kernel::{Actor, ActorKind, Generators, Id as _, ManualClock, OrganizationId, Timestamp};
use organization::TenantDirectory;
use secrecy::SecretString;
use serde_json::json;
use vault::{MasterKey, Sealer};

use crate::client::Client;
use crate::mails::Mails;
use crate::people::People;
use crate::{HarnessError, postgres, sqlite};

/// When a test begins: 2026-11-21T12:00:00Z.
pub const BEGINNING: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

kernel::id!(
    /// Somebody in a test.
    struct PersonId = "user"
);

/// A real user of an organization.
pub struct Member {
    /// What it calls with.
    pub client: Client,
    /// Its id.
    pub id: UserId,
    /// Its address.
    pub email: String,
}

/// A server under test.
pub struct TestApp {
    edge: Edge,
    db: Db,
    clock: Arc<ManualClock>,
    people: Arc<People>,
    mails: Arc<Mails>,
    platform: OrganizationId,
    url: String,
    _database: Database,
}

#[expect(dead_code, reason = "held so that it disappears with the test")]
enum Database {
    Sqlite(sqlite::TestFile),
    Postgres(postgres::TestDatabase),
}

/// The migrations of these modules, the core's first.
#[must_use]
pub fn migrations(modules: &[Module]) -> Vec<Migrations> {
    std::iter::once(migrate::CORE)
        .chain(modules.iter().filter_map(|module| module.migrations))
        .collect()
}

fn fingerprint(engine: Engine, migrations: &[Migrations]) -> String {
    let steps = migrations.iter().flat_map(|set| set.steps.iter());
    steps.map(|step| step.checksum(engine)).collect::<Vec<_>>().join("-")
}

async fn migrated(url: &str, migrations: &[Migrations]) -> Result<(), migrate::MigrateError> {
    migrate::run(&DbConfig::new(url), migrations, Destructive::Accept, &mut |_| {})
        .await
        .map(|_| ())
}

async fn database(engine: Engine, migrations: &[Migrations]) -> Result<Option<(String, Database)>, HarnessError> {
    let key = fingerprint(engine, migrations);
    match engine {
        Engine::Sqlite => {
            let fill = |path: std::path::PathBuf| async move {
                migrated(&format!("sqlite://{}", path.display()), migrations).await
            };
            let file = sqlite::database(&key, fill).await?;
            Ok(Some((file.url(), Database::Sqlite(file))))
        }
        Engine::Postgres => {
            let Some(server) = postgres::server()? else {
                return Ok(None);
            };
            let fill = |url: String| async move { migrated(&url, migrations).await };
            let database = server.database(&key, fill).await?;
            Ok(Some((database.url(), Database::Postgres(database))))
        }
    }
}

impl TestApp {
    /// A server with these modules on a database of its own; none when there is no PostgreSQL to run it on.
    ///
    /// # Panics
    /// When the test's environment is broken.
    pub async fn start(engine: Engine, modules: Vec<Module>) -> Option<Self> {
        Self::start_with(engine, modules, |_| {}).await
    }

    /// As [`start`](Self::start), after `provide` has provided what the modules take from the composition root, such as their
    /// configuration. Persons of the test ([`administrator`](Self::administrator) and its like) come in beside those whom the
    /// modules' own authenticator and decider know.
    ///
    /// # Panics
    /// When the test's environment is broken, or a module does not start.
    #[expect(clippy::expect_used, reason = "a test without its environment has failed")]
    pub async fn start_with(engine: Engine, modules: Vec<Module>, provide: impl FnOnce(&Ports)) -> Option<Self> {
        let migrations = migrations(&modules);
        let (url, database) = database(engine, &migrations).await.expect("a test database")?;
        let clock = Arc::new(ManualClock::new(BEGINNING));
        let generators = Generators::seeded(Arc::clone(&clock), 1);
        let config = DbConfig {
            pool_size: 4,
            shared_connections: 2,
            ..DbConfig::new(&*url)
        };
        let db = Db::open(config, generators.clone()).expect("an open database");
        let platform = organization::seed_platform(&db, generators.id())
            .await
            .expect("the platform organization");
        let ports = Arc::new(Ports::default());
        let key = MasterKey::new([7; 32]);
        ports.provide(Arc::new(Sealer::new(key.clone(), Vec::new())));
        ports.provide(Arc::new(key));
        ports.provide(Arc::new(Jobs::of(&modules)));
        ports.provide(Arc::new(Manifests::new(modules.iter().map(|module| module.manifest))));
        let mails = Arc::new(Mails::default());
        ports.provide::<dyn Mailer>(Arc::clone(&mails) as _);
        provide(&ports);
        let foundation = Foundation {
            db: db.clone(),
            generators: generators.clone(),
            ports: Arc::clone(&ports),
            platform,
            http: HttpConfig::default(),
            metrics: Metrics::new("test"),
        };
        for module in &modules {
            (module.start)(foundation.clone()).await.expect("a module that starts");
        }
        let people = Arc::new(People::new(platform, &ports));
        let decider: Arc<dyn Decider> = people.clone();
        let app = App::new(AppParts {
            db: db.clone(),
            generators,
            authenticator: people.clone(),
            decider,
            tenants: Arc::new(TenantDirectory::new(&db)),
            limiter: Arc::new(Unlimited),
            // Following the feed is real time; a test that is about freshness follows it itself.
            freshness: Arc::new(|| true),
            metrics: foundation.metrics,
            config: foundation.http,
            ports,
            version: "test",
            migrations: migrations.into(),
        });
        let groups = modules.iter().flat_map(|module| (module.routes)(app.clone())).collect();
        let edge = http::serve_routes(&app, groups);
        Some(Self {
            edge,
            db,
            clock,
            people,
            mails,
            platform,
            url,
            _database: database,
        })
    }

    /// The database under the server.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// The address of the database under the server.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The clock of the server.
    #[must_use]
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The service itself.
    #[must_use]
    pub fn edge(&self) -> &Edge {
        &self.edge
    }

    /// The mails that were handed over.
    #[must_use]
    pub fn mails(&self) -> &Mails {
        &self.mails
    }

    /// The platform organization.
    #[must_use]
    pub fn platform(&self) -> OrganizationId {
        self.platform
    }

    /// Somebody without a credential.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client {
            edge: self.edge.clone(),
            credential: None,
        }
    }

    /// Somebody with this credential, whatever it is.
    #[must_use]
    pub fn with_credential(&self, credential: &str) -> Client {
        Client {
            edge: self.edge.clone(),
            credential: Some(credential.to_owned()),
        }
    }

    /// A person of the organization who may do everything in it.
    #[must_use]
    pub fn administrator(&self, organization: OrganizationId) -> Client {
        let (actor, client) = self.person(organization, ActorKind::User, false);
        self.people.promote(actor, organization);
        client
    }

    /// Who operates the installation: an administrator of the platform organization.
    #[must_use]
    pub fn operator(&self) -> Client {
        self.administrator(self.platform)
    }

    /// A person of the organization who may do nothing in it.
    #[must_use]
    pub fn stranger(&self, organization: OrganizationId) -> Client {
        self.person(organization, ActorKind::User, false).1
    }

    /// A service account of the platform organization, which may do everything in `organization`.
    #[must_use]
    pub fn service(&self, organization: OrganizationId) -> Client {
        let (actor, client) = self.person(self.platform, ActorKind::ServiceAccount, true);
        self.people.promote(actor, organization);
        client
    }

    /// A real user of the organization, made through identity, who holds the system role through access, if one is named. Both
    /// contexts must be among the modules, and the catalogue.
    ///
    /// # Panics
    /// When the user cannot be made.
    #[expect(clippy::expect_used, reason = "a factory that makes nothing has failed")]
    pub async fn member(&self, organization: OrganizationId, role: Option<&'static str>) -> Member {
        let app = self.edge.app();
        let accounts = app.ports().get::<dyn Accounts>().expect("identity among the modules");
        let access = app
            .ports()
            .get::<dyn AccessControl>()
            .expect("access among the modules");
        let unique: PersonId = app.generators().id();
        let password = SecretString::from("correct horse 1");
        let person = FirstAdministrator {
            name: "Bia Lima".to_owned(),
            email: format!("{}@example.com", unique.as_uuid().simple()),
            entry: Entry::Hash(accounts.hash(&password).await.expect("a hash")),
        };
        let made = self
            .db
            .write(UnitContext::tenant(Actor::system("test"), organization), move |uow| {
                let (accounts, access, person) = (Arc::clone(&accounts), Arc::clone(&access), person.clone());
                async move {
                    let user = accounts.add_first(&uow, organization, &person).await?;
                    if let Some(role) = role {
                        access.grant_system_role(&uow, organization, user.id, role).await?;
                    }
                    Ok::<_, ReserveError>(user)
                }
            });
        let user = made.await.expect("a user");
        let actor = Actor {
            kind: ActorKind::User,
            id: user.id.as_uuid(),
            name: user.name,
        };
        let client = self.enter(organization, &actor, false);
        Member {
            client,
            id: user.id,
            email: user.email,
        }
    }

    /// The credential that a client of this test sends.
    #[must_use]
    pub fn credential(&self, client: &Client) -> String {
        client.credential.clone().unwrap_or_default()
    }

    /// Ends a credential of this test, as a logout does.
    pub fn forget(&self, credential: &str) {
        self.people.forget(credential);
    }

    fn person(&self, organization: OrganizationId, kind: ActorKind, is_platform_service: bool) -> (Actor, Client) {
        let id: PersonId = self.edge.app().generators().id();
        let actor = Actor {
            kind,
            id: id.as_uuid(),
            name: "Ana Souza".to_owned(),
        };
        let client = self.enter(organization, &actor, is_platform_service);
        (actor, client)
    }

    /// Gives the actor a credential.
    fn enter(&self, organization: OrganizationId, actor: &Actor, is_platform_service: bool) -> Client {
        let credential = actor.id.simple().to_string();
        let identity = Identity {
            actor: Arc::new(actor.clone()),
            organization,
            session: None,
            is_platform_service,
        };
        self.people.enter(&credential, identity);
        self.with_credential(&credential)
    }

    /// Makes an organization through the API.
    ///
    /// # Panics
    /// When the server refuses.
    #[expect(clippy::expect_used, reason = "a factory that makes nothing has failed")]
    pub async fn organization(&self, slug: &str) -> OrganizationId {
        let body = json!({ "name": format!("Organization {slug}"), "slug": slug });
        let made = self
            .operator()
            .post("/organizations")
            .json(&body)
            .send()
            .await
            .expect(201);
        made.id().parse().expect("an id")
    }
}

/// Runs each test on both engines: `testkit::behaviours! { with start; async fn name(app: TestApp) { … } }`.
///
/// `start` is an async function from an [`Engine`] to an `Option<TestApp>`. On a machine without PostgreSQL that half passes
/// without having run; the last line of the suite says so, and where PostgreSQL is required it fails instead.
#[macro_export]
macro_rules! behaviours {
    (with $start:path; $($(#[$meta:meta])* async fn $name:ident($app:ident: TestApp) $body:block)+) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            async fn behaviour($app: $crate::TestApp) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                behaviour($start($crate::Engine::Sqlite).await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                if let Some(app) = $start($crate::Engine::Postgres).await {
                    behaviour(app).await;
                }
            }
        }
    )+};
}
