//! Filling a database: as many organizations as wanted, 200 users each, roles over three levels with 60 permissions.
//!
//! One organization is made over Lastro's own API, so that its rows are those that Lastro writes. All others are copies of its rows with ids, names
//! and addresses of their own ([`copies`]), loaded with COPY on PostgreSQL ([`postgres`]) and by one thread with the bare driver on SQLite
//! ([`sqlite`]). Copied is what an organization *is*; its history (audit trail, events, mails, sessions) is not: no measured route reads it, and
//! its seals would not fit. At the end it is asked over the API whether the copies work.

mod copies;
mod postgres;
mod sqlite;
mod template;

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::client::{ACCESS_TOKEN, text};
use crate::postgres::Postgres;
use crate::process::{progress, sleep};
use crate::site;
use crate::subject::{Kind, Server, Subject};

use self::copies::Copies;

/// Users of each organization; the first of them administers it.
pub const USERS: usize = 200;
/// The password of everybody.
pub const PASSWORD: &str = "measured twice 2";
/// Everything that is not what an organization is, but what happened to it or is under way.
const HISTORY: [&str; 21] = [
    "access_changes",
    "audit_archives",
    "audit_entries",
    "audit_sealed",
    "audit_seals",
    "idempotency_records",
    "invitations",
    "login_failures",
    "mail_queue",
    "mfa_challenges",
    "one_time_tokens",
    "outbox_events",
    "outbox_log",
    "outbox_positions",
    "outbox_queue",
    "pending_registrations",
    "sessions",
    "support_sessions",
    "webhook_attempts",
    "webhook_deliveries",
    "webhook_replays",
];

/// Counts the copies as Lastro counts the organizations that it makes.
fn counting(copies: usize) -> String {
    format!(
        "INSERT INTO organization_counts (slot, count) VALUES (0, {copies}) \
         ON CONFLICT (slot) DO UPDATE SET count = organization_counts.count + {copies}"
    )
}

/// Who lives in a filled database.
#[derive(Debug)]
pub struct Population {
    /// The organizations beside the platform's.
    pub organizations: Vec<Organization>,
    /// Users that are logged in, none of them an administrator.
    pub members: Vec<Member>,
    /// The hash of a password, as it is stored.
    pub hash: String,
}

/// One organization.
#[derive(Debug, Clone)]
pub struct Organization {
    /// Its id.
    pub id: Uuid,
    /// Its number, of which its names are made.
    pub number: usize,
    /// Its users; the first administers it.
    pub users: Vec<Uuid>,
}

impl Organization {
    /// Its slug.
    #[must_use]
    pub fn slug(&self) -> String {
        slug(self.number)
    }

    /// What its user of this number logs in with.
    #[must_use]
    pub fn credentials(&self, user: usize) -> Value {
        json!({"organizationSlug": self.slug(), "email": email(user, self.number), "password": PASSWORD})
    }
}

/// A user with an open session.
#[derive(Debug, Clone)]
pub struct Member {
    /// The place of the organization in [`Population::organizations`].
    pub organization: usize,
    /// The user's id.
    pub id: Uuid,
    /// What proves it.
    pub access_token: String,
    /// What continues the session.
    pub refresh_token: String,
}

fn slug(organization: usize) -> String {
    format!("organization-{organization:05}")
}

fn email(user: usize, organization: usize) -> String {
    format!("user-{user:03}@{}.example.com", slug(organization))
}

/// Fills the empty database at `url`, in PostgreSQL's database `name` or in the file `lastro.db` of `folder`.
///
/// # Errors
/// When something does not start, is refused, or does not work as it must afterwards.
pub fn fill(
    url: &str,
    folder: &Path,
    postgres: Option<(&Postgres, &str)>,
    organizations: usize,
) -> anyhow::Result<Population> {
    let maker = Subject::new(Kind::Lastro, "lastro".to_owned());
    let server = maker.start(url, folder)?;
    let template = template::make(&server)?;
    server.stop()?;
    let copies = Copies::new(template.id, organizations);
    let (hash, organizations) = match postgres {
        Some((postgres, name)) => postgres::load(postgres, name, &template, copies)?,
        None => sqlite::load(&site::file(folder), &template, copies)?,
    };
    progress(format_args!(
        "  {} users copied, logging some in",
        organizations.len() * USERS
    ));
    let server = maker.start(url, folder)?;
    let members = log_in(&server, &organizations)?;
    check(&server, &organizations, &members)?;
    server.stop()?;
    Ok(Population {
        organizations,
        members,
        hash,
    })
}

/// Logs in one ordinary user after the other of organizations that lie far apart: at least 200, and up to 1,000 where there are as many
/// organizations.
fn log_in(server: &Server, organizations: &[Organization]) -> anyhow::Result<Vec<Member>> {
    const CONNECTIONS: usize = 8;
    let count = organizations.len().clamp(200, 1000);
    let open = |number: usize| -> anyhow::Result<(usize, usize)> {
        // Neighbours in the list of members are far from each other in the tables.
        let place = number * organizations.len() / count;
        Ok((place, 1 + number % (USERS - 1)))
    };
    let share = |share: usize| -> anyhow::Result<Vec<Member>> {
        let mut client = server.anonymous()?;
        (share..count)
            .step_by(CONNECTIONS)
            .map(|number| {
                sleep(std::time::Duration::ZERO)?;
                let (place, user) = open(number)?;
                let organization = organizations.get(place).context("an organization without a place")?;
                let answer = client.log_in(&organization.credentials(user))?;
                Ok(Member {
                    organization: place,
                    id: text(&answer, "/data/user/id")?.parse()?,
                    access_token: text(&answer, ACCESS_TOKEN)?,
                    refresh_token: text(&answer, "/data/refreshToken")?,
                })
            })
            .collect()
    };
    let shares = std::thread::scope(|scope| {
        let share = &share;
        let threads: Vec<_> = (0..CONNECTIONS)
            .map(|number| scope.spawn(move || share(number)))
            .collect();
        threads
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| anyhow::bail!("a filling thread panicked"))
            })
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    Ok(shares.concat())
}

/// The copies must be to the API what the organization is that was made with it.
fn check(server: &Server, organizations: &[Organization], members: &[Member]) -> anyhow::Result<()> {
    let total = |answer: &Value| answer.pointer("/meta/total").and_then(Value::as_u64);
    let all = server.client()?.get("/api/v1/organizations?limit=1")?.json(200)?;
    // The platform is one too.
    ensure!(
        total(&all) == Some(organizations.len() as u64 + 1),
        "the list of organizations counts {:?}",
        total(&all)
    );
    for member in members.iter().step_by(members.len().div_ceil(10)) {
        let organization = organizations
            .get(member.organization)
            .context("a member without an organization")?;
        let mut client = server.client_of(&member.access_token)?;
        let users = client.get("/api/v1/users?limit=1")?.json(200)?;
        ensure!(
            total(&users) == Some(USERS as u64),
            "the list of users counts {:?}",
            total(&users)
        );
        for user in [member.id, *organization.users.last().unwrap_or(&member.id)] {
            client.get(&format!("/api/v1/users/{user}"))?.json(200)?;
        }
        let roles = client.get(&format!("/api/v1/users/{}/permissions", member.id))?;
        // Whoever reads users may not see what they hold: the graph decides that too.
        ensure!(
            roles.status == 403,
            "a member may do more than the roles say: {}",
            roles.status
        );
        client
            .post("/api/v1/roles", &json!({"name": "Made to check", "code": "CHECK"}))?
            .json(201)?;
    }
    Ok(())
}
