//! Access: how soon what was revoked is refused elsewhere, what the first request of an organization costs, what a user costs in memory, and what every
//! request pays before its handler.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;

use super::installation::{Customer, Installation, customers, user};
use super::requests::{Load, Request, spread};
use super::text::{count, mebibytes, percentile, spread as spread_of};
use crate::client::{Client, text};
use crate::fill::{Population, USERS};
use crate::process::{progress, sleep};
use crate::stats::median;
use crate::subject::Server;
use crate::workload::{Place, Row, Table};

/// Organizations in which grants are revoked at the same time.
const WATCHED: usize = 4;
/// How often the other node is asked whether it knows.
const LOOK: Duration = Duration::from_millis(2);
/// How long it may not know before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(10);
/// Rounds of the comparison of a request's costs.
const ROUNDS: usize = 3;
/// Connections of that load.
const CONNECTIONS: usize = 32;

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let (installation, population) = Installation::filled(place, "access", place.sizes.customers)?;
    let mut rows = cold(&installation, &population)?;
    rows.push(revocations(&installation, place.sizes.revocations)?);
    rows.extend(costs(&installation, &population)?);
    Ok(Table {
        title: "Access".to_owned(),
        method: format!(
            "{} organizations of {USERS} users, with roles over three levels. Cold: the server has just started, and one user after the other of \
             organizations that nobody asked for yet sends a request with a token of before. Revocation: two servers on one database; a role is taken \
             from a user on the one, and the other is asked every {} ms whether the user may still read. Costs: CPU time per request in a closed loop \
             of {CONNECTIONS} connections, median of {ROUNDS} rounds by turns.",
            count(place.sizes.customers as u64),
            LOOK.as_millis()
        ),
        rows,
        courses: Vec::new(),
    })
}

/// The first request of organizations that the server knows nothing of yet.
fn cold(installation: &Installation<'_>, population: &Population) -> anyhow::Result<Vec<Row>> {
    progress(format_args!("  cold organizations"));
    let server = installation.serve()?;
    let mut members = population.members.iter().collect::<Vec<_>>();
    members.sort_by_key(|member| member.organization);
    members.dedup_by_key(|member| member.organization);
    let ask = || -> anyhow::Result<Vec<Duration>> {
        members
            .iter()
            .map(|member| {
                sleep(Duration::ZERO)?;
                let mut client = Client::connect(server.address, &member.access_token)?;
                let sent = Instant::now();
                client.get(&format!("/api/v1/users/{}", member.id))?.json(200)?;
                Ok(sent.elapsed())
            })
            .collect()
    };
    // What the process does only once (opening connections, preparing statements) is no organization's cost: the operator asks first.
    for path in ["/api/v1/users?limit=1", "/api/v1/roles?limit=1", "/api/v1/auth/me"] {
        for _ in 0..20 {
            server.client()?.get(path)?.json(200)?;
        }
    }
    sleep(Duration::from_millis(500))?;
    let before = server.resident_kib()?;
    let first = ask()?;
    sleep(Duration::from_millis(500))?;
    let after = server.resident_kib()?;
    let second = ask()?;
    server.stop()?;
    let organizations = members.len() as u64;
    let each = after.saturating_sub(before) as f64 * 1024.0 / organizations as f64;
    let p99 = percentile(&first, 99);
    Ok(vec![
        Row::new("First request of a cold organization", spread_of(&first))
            .against("p99 <= 20 ms", p99 <= Duration::from_millis(20))
            .noting(format!(
                "{} organizations; the second: {}",
                count(organizations),
                spread_of(&second)
            )),
        Row::new(
            format!("Memory that {} organizations brought in", count(organizations)),
            mebibytes(after.saturating_sub(before)),
        )
        .against("<= 64 bytes a user", each / USERS as f64 <= 64.0)
        .noting(format!(
            "{:.0} bytes a user, {:.1} KiB an organization, by the process's resident memory: tokens, sessions and the allocator's own included",
            each / USERS as f64,
            each / 1024.0
        )),
    ])
}

/// Someone whose role comes and goes.
struct Watched {
    customer: Customer,
    user: String,
    token: String,
    role: String,
}

impl Watched {
    fn make(server: &Server, customer: Customer) -> anyhow::Result<Self> {
        let mut admin = Client::connect(server.address, &customer.token)?;
        let role = json!({"name": "Comes and goes", "code": "COMES_AND_GOES"});
        let role = text(&admin.post("/api/v1/roles", &role)?.json(201)?, "/data/id")?;
        let permission = json!({"permissionCode": "IDENTITY_USER_READ"});
        admin
            .post(&format!("/api/v1/roles/{role}/permissions"), &permission)?
            .json(201)?;
        let (user, token) = user(server, &customer, "watched")?;
        Ok(Self {
            customer,
            user,
            token,
            role,
        })
    }

    /// Waits until `server` answers the user's request with this status.
    fn until(&self, server: &Server, status: u16) -> anyhow::Result<Instant> {
        let mut client = Client::connect(server.address, &self.token)?;
        let started = Instant::now();
        loop {
            let answer = client.get(&format!("/api/v1/users/{}", self.user))?;
            if answer.status == status {
                return Ok(Instant::now());
            }
            ensure!(
                matches!(answer.status, 200 | 403),
                "the watched user's request was answered {}",
                answer.status
            );
            ensure!(
                started.elapsed() < PATIENCE,
                "the other node still answers {}",
                answer.status
            );
            thread::sleep(LOOK);
        }
    }

    /// Grants, waits until `far` knows, revokes on `near`: from sending that to the first refusal of `far`.
    fn revoke(&self, near: &Server, far: &Server) -> anyhow::Result<Duration> {
        let mut admin = Client::connect(near.address, &self.customer.token)?;
        let grants = format!("/api/v1/users/{}/roles", self.user);
        admin.post(&grants, &json!({"roleId": self.role}))?.json(201)?;
        self.until(far, 200)?;
        let sent = Instant::now();
        let removed = admin.send("DELETE", &format!("{grants}/{}", self.role), "")?;
        ensure!(
            removed.status == 204,
            "taking a role away was answered {}",
            removed.status
        );
        Ok(self.until(far, 403)?.saturating_duration_since(sent))
    }
}

/// From revoking on one node to the refusal on another.
fn revocations(installation: &Installation<'_>, revocations: usize) -> anyhow::Result<Row> {
    progress(format_args!("  {revocations} revocations"));
    let near = installation.serve()?;
    let far = installation.serve_another()?;
    let watched = customers(&near, "enterprise", WATCHED)?
        .into_iter()
        .map(|customer| Watched::make(&near, customer))
        .collect::<anyhow::Result<Vec<_>>>()?;
    let each = revocations.div_ceil(WATCHED);
    let times = spread(WATCHED, WATCHED, |number| {
        let watched = watched.get(number).context("nobody is watched")?;
        (0..each)
            .map(|_| {
                sleep(Duration::ZERO)?;
                watched.revoke(&near, &far)
            })
            .collect::<anyhow::Result<Vec<_>>>()
    })?
    .concat();
    far.stop()?;
    near.stop()?;
    let p99 = percentile(&times, 99);
    Ok(Row::new("Revoked on one node, refused on another", spread_of(&times))
        .against("p99 <= 1 s", p99 <= Duration::from_secs(1))
        .noting(format!(
            "{} revocations, from sending the request that revokes",
            count(times.len() as u64)
        )))
}

/// What a request costs that goes no further than its handler.
#[derive(Clone, Copy)]
enum Way {
    /// The limit server: HTTP and nothing else.
    Bare,
    /// A public route that answers a constant.
    Public,
    /// A route with a permission, whose handler finds that what is asked for cannot exist: 404 without a query.
    Guarded,
    /// The same without the log.
    GuardedSilent,
}

impl Way {
    const ALL: [Self; 4] = [Self::Bare, Self::Public, Self::Guarded, Self::GuardedSilent];

    fn what(self) -> &'static str {
        match self {
            Self::Bare => "CPU of a request: the limit server's `GET /health/live`",
            Self::Public => "CPU of a request: `GET /health/live`, with request id, log and metrics",
            Self::Guarded => "CPU of a request: `GET /users/{no id}`, everything up to the handler, and its 404",
            Self::GuardedSilent => "CPU of a request: the same without the log",
        }
    }

    fn status(self) -> u16 {
        match self {
            Self::Bare | Self::Public => 200,
            Self::Guarded | Self::GuardedSilent => 404,
        }
    }

    fn path(self) -> &'static str {
        match self {
            Self::Bare | Self::Public => "/health/live",
            Self::Guarded | Self::GuardedSilent => "/api/v1/users/none",
        }
    }
}

fn costs(installation: &Installation<'_>, population: &Population) -> anyhow::Result<Vec<Row>> {
    progress(format_args!("  costs up to the handler"));
    let load = Load::new(installation.place.workspace)?;
    let mut costs = [(); Way::ALL.len()].map(|()| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (way, costs) in Way::ALL.into_iter().zip(&mut costs) {
            let server = match way {
                Way::Bare => installation.serve_limit()?,
                Way::Public | Way::Guarded => installation.serve()?,
                Way::GuardedSilent => installation.serve_silently()?,
            };
            let requests: Vec<Request> = population
                .members
                .iter()
                .map(|member| Request::get(way.path(), &member.access_token))
                .collect();
            // Once through all tokens, and their organizations are in memory.
            load.run(server.address, &requests, CONNECTIONS, Duration::from_secs(2))?;
            let cpu = server.cpu()?;
            let outcome = load.run(server.address, &requests, CONNECTIONS, installation.place.measure)?;
            let used = server.cpu()?.saturating_sub(cpu);
            let refused = if way.status() == 404 { outcome.requests } else { 0 };
            ensure!(
                outcome.requests > 0 && outcome.errors.status == refused,
                "{} of {} answers to {} are refusals",
                outcome.errors.status,
                outcome.requests,
                way.path()
            );
            costs.push(used.as_secs_f64() * 1e6 / outcome.requests as f64);
            server.stop()?;
        }
    }
    let [bare, public, guarded, silent] = costs.each_ref().map(|costs| median(costs));
    let mut rows: Vec<Row> = Way::ALL
        .iter()
        .zip([bare, public, guarded, silent])
        .map(|(way, cost)| Row::new(way.what(), format!("{cost:.1} µs")))
        .collect();
    rows.push(
        Row::new("Between socket and handler, without the log", format!("{:.1} µs", silent - bare))
            .against("<= 5 µs", silent - bare <= 5.0)
            .noting("the last cost less the first: request id, token, session, tenant, rate limit, permission and metrics, and rendering the 404"),
    );
    Ok(rows)
}
