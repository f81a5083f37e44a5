//! Switching a module off for everybody while others read, and onboarding.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::installation::{Installation, customers};
use super::requests::{Load, Request, spread};
use super::text::{count, millis, per_second, percentile, rate};
use crate::client::{Client, text};
use crate::fill::Population;
use crate::process::{progress, sleep};
use crate::subject::Server;
use crate::workload::{Place, Row, Table};
use crate::wrk::Outcome;

/// Modules that are switched off, one after the other, with a permission of each.
const MODULES: [(&str, &str); 6] = [
    ("FINANCE", "FINANCE_INVOICE_READ"),
    ("INVENTORY", "INVENTORY_PRODUCT_READ"),
    ("SALES", "SALES_ORDER_READ"),
    ("PURCHASE", "PURCHASE_ORDER_READ"),
    ("HR", "HR_EMPLOYEE_READ"),
    ("CRM", "CRM_LEAD_READ"),
];
/// Connections of those who read meanwhile.
const READERS: usize = 16;
/// Onboardings under way at a time.
const ONBOARDING: usize = 8;

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let (installation, population) = Installation::filled(place, "modules", place.sizes.customers)?;
    let server = installation.serve()?;
    let mut rows = switch_off(place, &server, &population)?;
    rows.push(onboard(&server, place.sizes.onboardings)?);
    server.stop()?;
    rows.push(import(&installation, &population.hash, place.sizes.onboardings)?);
    Ok(Table {
        title: "Modules and onboarding".to_owned(),
        method: format!(
            "{} organizations with 200 users each, all of whose modules are on. Modules are switched off for the whole installation one after the other, \
             while {READERS} connections read users and ask for permissions in up to 1,000 of the organizations. Onboarding: organization, package, administrator, roles and \
             groups in one transaction each, the administrator invited by mail or with the hash of a password from elsewhere.",
            count(place.sizes.customers as u64)
        ),
        rows,
        courses: Vec::new(),
    })
}

/// Switches modules off while others read.
fn switch_off(place: &Place<'_>, server: &Server, population: &Population) -> anyhow::Result<Vec<Row>> {
    let load = Load::new(place.workspace)?;
    let administered = customers(server, "enterprise", 1)?;
    let observer = administered.first().context("no customer")?;
    let readers: Vec<Request> = population
        .members
        .iter()
        .flat_map(|member| {
            let asked = json!({"permission": "IDENTITY_USER_READ"});
            [
                Request::get(format!("/api/v1/users/{}", member.id), &member.access_token),
                Request::post("/api/v1/access/require", &member.access_token, &asked),
            ]
        })
        .collect();
    let ids = module_ids(server)?;
    let duration = place.measure.max(Duration::from_secs(5));
    let read = || {
        load.run(server.address, &readers, READERS, duration)?
            .all_good("readers")
    };
    // Two passes: the first finds organizations that nobody asked for yet.
    read().context("warm-up")?;
    let quiet = read()?;
    progress(format_args!("  switching modules off"));
    let (meanwhile, times) = std::thread::scope(|scope| -> anyhow::Result<(Outcome, Vec<(Duration, Duration)>)> {
        let reading = scope.spawn(read);
        sleep(Duration::from_secs(1))?;
        let mut times = Vec::new();
        let mut operator = server.client()?;
        let mut observing = Client::connect(server.address, &observer.token)?;
        let pause = (duration - Duration::from_secs(2)) / u32::try_from(MODULES.len())?;
        for (module, permission) in MODULES {
            let require = json!({"permission": permission});
            ensure!(
                observing.post("/api/v1/access/require", &require)?.status == 204,
                "{module} is off before it is switched off"
            );
            let id = ids
                .iter()
                .find_map(|(code, id)| (code == module).then_some(id))
                .with_context(|| format!("there is no module {module}"))?;
            let sent = Instant::now();
            operator
                .post(&format!("/api/v1/modules/{id}/deactivate"), &json!({}))?
                .json(200)?;
            let answered = sent.elapsed();
            // The next request of this very node must be refused already.
            let refused = observing.post("/api/v1/access/require", &require)?;
            ensure!(
                refused.status == 403,
                "{module} is switched off, and a request is answered {}",
                refused.status
            );
            times.push((answered, sent.elapsed()));
            sleep(pause)?;
        }
        let meanwhile = reading
            .join()
            .unwrap_or_else(|_| anyhow::bail!("the readers panicked"))?;
        Ok((meanwhile, times))
    })?;
    let answered: Vec<Duration> = times.iter().map(|time| time.0).collect();
    let refused: Vec<Duration> = times.iter().map(|time| time.1).collect();
    Ok(vec![
        Row::new(
            "Switching a module off for everybody",
            format!(
                "p50 {}, most {}",
                millis(percentile(&answered, 50)),
                millis(percentile(&answered, 100))
            ),
        )
        .noting(format!(
            "{} modules; the first refusal of a request, read right after, came within {}",
            MODULES.len(),
            millis(percentile(&refused, 100))
        )),
        Row::new(
            "p99 of readers, before and meanwhile",
            format!("{} and {}", millis(quiet.p99), millis(meanwhile.p99)),
        )
        .noting(format!(
            "{} and {}; slowest answer {} and {}",
            per_second(quiet.requests, quiet.elapsed),
            per_second(meanwhile.requests, meanwhile.elapsed),
            millis(quiet.most),
            millis(meanwhile.most)
        )),
    ])
}

/// Codes and ids of all modules.
fn module_ids(server: &Server) -> anyhow::Result<Vec<(String, String)>> {
    let answer = server.client()?.get("/api/v1/modules?limit=100")?.json(200)?;
    let modules = answer
        .pointer("/data")
        .and_then(Value::as_array)
        .context("no modules")?;
    modules
        .iter()
        .map(|module| Ok((text(module, "/code")?, text(module, "/id")?)))
        .collect()
}

/// Onboards customers whose administrators are invited.
fn onboard(server: &Server, onboardings: usize) -> anyhow::Result<Row> {
    progress(format_args!("  onboarding {onboardings} customers over the API"));
    let started = Instant::now();
    let times = spread(onboardings, ONBOARDING, |number| {
        let body = json!({
            "organization": {"name": format!("Invited {number:05} Ltda"), "slug": format!("invited-{number:05}")},
            "packageCode": "business",
            "admin": {"name": "Ana Souza", "email": format!("ana@invited-{number:05}.example")},
        });
        let mut client = server.client()?;
        let sent = Instant::now();
        client.post("/api/v1/tenants", &body)?.json(201)?;
        Ok(sent.elapsed())
    })?;
    let took = started.elapsed();
    Ok(Row::new(
        format!("`POST /tenants`, {ONBOARDING} at a time, administrators invited"),
        per_second(onboardings as u64, took),
    )
    .against(">= 200/s", rate(onboardings as u64, took) >= 200.0)
    .noting(format!(
        "p50 {}, p99 {}",
        millis(percentile(&times, 50)),
        millis(percentile(&times, 99))
    )))
}

/// Imports customers with hashes of their administrators' passwords from a file.
fn import(installation: &Installation<'_>, hash: &str, onboardings: usize) -> anyhow::Result<Row> {
    progress(format_args!("  importing {onboardings} customers"));
    let mut lines = "name,slug,document,packageCode,adminName,adminEmail,adminPasswordHash\n".to_owned();
    for number in 0..onboardings {
        writeln!(
            lines,
            "Imported {number:05} Ltda,imported-{number:05},,business,Ana Souza,ana@imported-{number:05}.example,\"{hash}\""
        )?;
    }
    let file = installation.folder().join("customers.csv");
    fs::write(&file, lines)?;
    let path = file.to_str().context("the work folder's name is not UTF-8")?;
    let started = Instant::now();
    let said = installation.command(&["tenant", "import", path])?;
    let took = started.elapsed();
    let summary = said.lines().last().unwrap_or_default();
    ensure!(
        summary.starts_with(&format!("{onboardings} imported, 0 there already, 0 failed")),
        "not all were imported: {summary}"
    );
    Ok(Row::new(
        format!("`lastro tenant import` of {} with hashes", count(onboardings as u64)),
        per_second(onboardings as u64, took),
    )
    .against(">= 200/s", rate(onboardings as u64, took) >= 200.0)
    .noting("from the start of the command to its end, one after the other"))
}
