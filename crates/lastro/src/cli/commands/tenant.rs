//! `lastro tenant`.

use std::fmt::Write as _;
use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use authz::Granted;
use contracts::organization::{NewOrganization, OrganizationView};
use db::UnitContext;
use db::transfer::Moved;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::App;
use indicatif::ProgressBar;
use kernel::{Actor, OrganizationId};
use organization::{OrganizationCreate, OrganizationDelete};
use secrecy::SecretString;

use super::super::args::{TenantCommand, TenantCreateArgs, TenantMoveArgs};
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output, progress};
use crate::config::DatabaseUrl;
use crate::onboarding::{self, ACROSS, Administrator, Coming, Customer, Line, NotOnboarded, Onboarded, Onboarding};
use crate::relocation::{Relocation, Stage};
use crate::storage;

pub(super) fn run(file: Option<PathBuf>, command: &TenantCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        let desk = Desk::open(&session, app).await?;
        match command {
            TenantCommand::Create(args) => desk.create(args).await,
            TenantCommand::Import { file } => desk.import(file).await,
            TenantCommand::List => desk.list().await,
            TenantCommand::Show { organization } => desk.show(organization).await,
            TenantCommand::Deactivate { organization } => desk.deactivate(organization).await,
            TenantCommand::Move(args) => desk.relocate(&session, args).await,
            TenantCommand::Export { organization, file } => desk.export(organization, file).await,
            TenantCommand::Purge { organization, confirm } => desk.purge(organization, *confirm).await,
        }
    })
}

/// How many lines of a file are imported at the same time. Each is a transaction of its own; together they share the waits for the disk.
const AT_ONCE: usize = 16;

/// Where an operator works on customers.
struct Desk {
    app: App,
    platform: OrganizationId,
    /// The owner's address of the database, who sees the rows of all.
    url: String,
}

impl Desk {
    async fn open(session: &Session, app: App) -> Result<Self, Failure> {
        let platform = organization::platform(app.db()).await?;
        let platform = platform.context("the platform organization is missing")?;
        let url = session.config().database.migration_url.expose().to_owned();
        Ok(Self { app, platform, url })
    }

    fn actor(what: &str) -> Actor {
        Actor::system(format!("tenant {what}"))
    }

    async fn create(&self, args: &TenantCreateArgs) -> Result<(), Failure> {
        let customer = Customer {
            organization: NewOrganization {
                name: args.name.clone(),
                slug: args.slug.clone(),
                document: args.document.clone(),
            },
            package_code: args.package.clone(),
            administrator: Administrator {
                name: args.admin_name.clone().unwrap_or_else(|| "Administrator".to_owned()),
                email: args.admin_email.clone(),
                coming: match &args.admin_password {
                    Some(password) => Coming::Password(SecretString::from(password.as_str())),
                    None => Coming::Invited,
                },
            },
        };
        let is_invited = matches!(customer.administrator.coming, Coming::Invited);
        let onboarded = self.onboard("create", customer).await.map_err(in_words)?;
        let (organization, administrator) = (&onboarded.organization, &onboarded.administrator);
        let coming = if is_invited { "is invited by mail" } else { "may log in" };
        output::answer(&format!(
            "{} ({}) is on {}. {} {coming}.\n",
            organization.slug, organization.id, args.package, administrator.email
        ))?;
        Ok(())
    }

    /// Onboards one customer, all of it or nothing.
    async fn onboard(&self, what: &str, customer: Customer) -> Result<Onboarded, NotOnboarded> {
        let onboarding = Onboarding::of(self.app.ports())?;
        let prepared = onboarding.prepare(customer).await?;
        let actor = Self::actor(what);
        let granted = Granted::<OrganizationCreate>::for_operator(
            "tenant create, import",
            Arc::new(actor.clone()),
            self.platform,
        );
        let context = UnitContext::system(actor, self.platform, ACROSS);
        let work = move |uow| {
            let (onboarding, granted, prepared) = (onboarding.clone(), granted.clone(), prepared.clone());
            async move { onboarding.execute(&granted, &uow, &prepared).await }
        };
        self.app.db().write(context, work).await
    }

    async fn import(&self, path: &Path) -> Result<(), Failure> {
        let text = std::fs::read_to_string(path).with_context(|| format!("{}", path.display()))?;
        let lines = onboarding::read(&text).map_err(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            anyhow::anyhow!("nothing was imported:\n  {}", problems.join("\n  "))
        })?;
        self.check(&lines).await?;
        let bar = progress::bar(lines.len() as u64, "importing");
        let (mut made, mut there, mut failed) = (0_u32, 0_u32, 0_u32);
        let mut report = String::new();
        let mut outcomes = stream::iter(lines)
            .map(|line| self.import_one(line, &bar))
            .buffered(AT_ONCE);
        while let Some(outcome) = outcomes.next().await {
            let (number, slug, outcome) = outcome?;
            let outcome = match outcome {
                Ok(None) => {
                    there += 1;
                    "is there already".to_owned()
                }
                Ok(Some(onboarded)) => {
                    made += 1;
                    format!("imported as {}", onboarded.organization.id)
                }
                Err(error) => {
                    failed += 1;
                    format!("FAILED: {}", in_words(error))
                }
            };
            writeln!(report, "line {number}: {slug} {outcome}")?;
        }
        drop(outcomes);
        bar.finish_and_clear();
        output::answer(&report)?;
        output::answer(&format!("{made} imported, {there} there already, {failed} failed\n"))?;
        if failed > 0 {
            return Err(anyhow::anyhow!(
                "not every customer was imported; what failed can be repaired and imported again"
            )
            .into());
        }
        Ok(())
    }

    /// Onboards the customer of a line, unless it was imported before; with the line's number and its slug.
    async fn import_one(
        &self,
        line: Line,
        bar: &ProgressBar,
    ) -> Result<(usize, String, Result<Option<Onboarded>, NotOnboarded>), Failure> {
        let Line { number, customer } = line;
        let slug = customer.organization.slug.clone();
        let outcome = if self.is_there(&customer).await? {
            Ok(None)
        } else {
            self.onboard("import", customer).await.map(Some)
        };
        bar.inc(1);
        Ok((number, slug, outcome))
    }

    /// Sees that every line can be imported, before the first is.
    async fn check(&self, lines: &[Line]) -> Result<(), Failure> {
        let onboarding = Onboarding::of(self.app.ports())?;
        let mut problems = Vec::new();
        for line in lines {
            for problem in onboarding.problems(&line.customer).await? {
                problems.push(format!("line {}: {problem}", line.number));
            }
        }
        if problems.is_empty() {
            return Ok(());
        }
        Err(anyhow::anyhow!("nothing was imported:\n  {}", problems.join("\n  ")).into())
    }

    /// Whether the customer was imported before: the same slug with the same document.
    async fn is_there(&self, customer: &Customer) -> Result<bool, Failure> {
        let asked = &customer.organization;
        let bare = |document: &str| -> String {
            let characters = document.chars().filter(char::is_ascii_alphanumeric);
            characters.collect::<String>().to_ascii_uppercase()
        };
        let known = organization::find(self.app.db(), &asked.slug).await?;
        Ok(known.is_some_and(|known| known.document == asked.document.as_deref().map(bare)))
    }

    async fn list(&self) -> Result<(), Failure> {
        let mut text = String::new();
        for organization in organization::list(self.app.db()).await? {
            let state = if organization.is_active { "active" } else { "inactive" };
            let package = organization.package_code.as_deref().unwrap_or("-");
            writeln!(
                text,
                "{:<40} {state:<8} {package:<16} {}",
                organization.slug, organization.name
            )?;
        }
        output::answer(&text)?;
        Ok(())
    }

    async fn show(&self, named: &str) -> Result<(), Failure> {
        let organization = self.find(named).await?;
        let mut text = serde_json::to_string_pretty(&organization)?;
        text.push('\n');
        output::answer(&text)?;
        Ok(())
    }

    async fn find(&self, named: &str) -> Result<OrganizationView, Failure> {
        let found = organization::find(self.app.db(), named).await?;
        Ok(found.with_context(|| format!("there is no organization {named}; `lastro tenant list` names them"))?)
    }

    async fn deactivate(&self, named: &str) -> Result<(), Failure> {
        let organization = self.find(named).await?;
        let actor = Self::actor("deactivate");
        let granted =
            Granted::<OrganizationDelete>::for_operator("tenant deactivate", Arc::new(actor.clone()), self.platform);
        let context = UnitContext::system(actor, self.platform, ACROSS);
        let id = organization.id;
        let work = move |uow| {
            let granted = granted.clone();
            async move { organization::deactivate(&granted, &uow, id).await }
        };
        self.app.db().write(context, work).await?;
        output::answer(&format!(
            "{} is deactivated: nobody of it gets in. It can be purged in 30 days.\n",
            organization.slug
        ))?;
        Ok(())
    }

    async fn relocate(&self, session: &Session, args: &TenantMoveArgs) -> Result<(), Failure> {
        let to = DatabaseUrl::parse(&args.to).ok_or_else(|| {
            Failure::Usage("--to is neither sqlite://PATH nor postgres://USER:PASSWORD@HOST:PORT/NAME".to_owned())
        })?;
        let organization = self.find(&args.organization).await?;
        let from = storage::db_config(&session.config().database);
        let (relocation, stage) = Relocation::prepare(&self.app, from, self.platform, &to, &organization).await?;
        let slug = &organization.slug;
        match (stage, args.dry_run) {
            (Stage::Done, _) => output::answer(&format!("{slug} was moved to {to} before; nothing was left to do.\n"))?,
            (Stage::Copied, true) => output::answer(&format!(
                "{slug} was copied to {to} before, and would be marked as moved here and active there.\n"
            ))?,
            (Stage::Beginning(planned), true) => {
                output::answer(&listed(&planned, &format!("would be moved to {to}"))?)?;
            }
            (Stage::Copied, false) => {
                relocation.finish().await?;
                output::answer(&format!("{slug} was copied to {to} before, and is active there now.\n"))?;
            }
            (Stage::Beginning(_), false) => {
                relocation.freeze().await?;
                let bar = progress::spinner("waiting for what is under way");
                tokio::time::sleep(Duration::from_secs(args.settle)).await;
                let moved = relocation
                    .copy(&mut |done: &Moved| {
                        bar.set_message(format!("{}: {} rows", done.table, done.rows));
                    })
                    .await?;
                bar.finish_and_clear();
                relocation.finish().await?;
                output::answer(&listed(&moved, &format!("were moved to {to}"))?)?;
                if moved
                    .iter()
                    .any(|table| table.table == "audit_archives" && table.rows > 0)
                {
                    output::answer(
                        "Parts of its trail are in files: carry them from the folder audit-archive here to the one there.\n",
                    )?;
                }
            }
        }
        Ok(())
    }

    async fn export(&self, named: &str, path: &Path) -> Result<(), Failure> {
        let organization = self.find(named).await?;
        let file = File::create_new(path).with_context(|| format!("{}", path.display()))?;
        let spinner = progress::spinner("exporting");
        let exported = onboarding::export(&self.url, organization.id, &mut BufWriter::new(file)).await;
        spinner.finish_and_clear();
        let exported = exported?;
        output::answer(&format!(
            "{} rows of {} tables are in {}. It holds personal data and hashes of secrets: keep it as you keep a backup.\n",
            exported.rows,
            exported.tables,
            path.display()
        ))?;
        Ok(())
    }

    async fn purge(&self, named: &str, confirm: bool) -> Result<(), Failure> {
        let organization = self.find(named).await?;
        if !confirm {
            let OrganizationView { slug, name, .. } = organization;
            return Err(Failure::Usage(format!(
                "this would delete everything of {slug} ({name}) for good, its trail excepted; say --confirm, and export it before"
            )));
        }
        let tables = db::schema::describe(&self.url).await?;
        let rows = onboarding::purge(self.app.db(), &tables, self.platform, &organization).await?;
        output::answer(&format!("{rows} rows of {} are deleted.\n", organization.slug))?;
        Ok(())
    }
}

/// The tables with their rows, and a line about all of them.
fn listed(tables: &[Moved], what: &str) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for Moved { table, rows } in tables.iter().filter(|table| table.rows > 0) {
        writeln!(text, "{table:<32} {rows:>12}")?;
    }
    let all: u64 = tables.iter().map(|table| table.rows).sum();
    writeln!(text, "{all} rows {what}.")?;
    Ok(text)
}

/// Why a customer was not onboarded, for a person.
fn in_words(error: NotOnboarded) -> anyhow::Error {
    match error {
        NotOnboarded::Storage(db::DbError::Unique { columns, .. }) => {
            anyhow::anyhow!("{} is taken by another organization", columns.join(", "))
        }
        error => error.into(),
    }
}
