//! The audit trail: what an entry adds to a write, and what sealing, exporting and checking a long trail take.

use std::io::{BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::installation::{Installation, Statement};
use super::text::{count, mebibytes, millis, per_second};
use super::watch::{part, peak, watching};
use crate::micro;
use crate::process::{progress, wait_for};
use crate::subject::Server;
use crate::workload::{Place, Row, Table};

/// How long sealing may take.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// What is filtered out of the micro-benchmarks: the cases whose name has this.
const CASES: &str = "audit";

pub(super) fn run(place: &Place<'_>) -> anyhow::Result<Table> {
    let installation = Installation::new(place, "audit")?;
    installation.serve()?.stop()?;
    let entries = u64::from(place.sizes.audit_entries);
    progress(format_args!("  filling {entries} entries"));
    let platform = platform(&installation)?;
    let there = installation.number("SELECT count(*) FROM audit_entries")?;
    installation.sql(&fill(&platform, entries))?;
    installation.settle()?;
    let server = installation.serve()?;
    let mut rows = vec![seal(&installation, &server, entries + there)?];
    rows.extend(export(&server, entries)?);
    rows.push(verify(&server, entries)?);
    server.stop()?;
    rows.extend(cost(place)?);
    Ok(Table {
        title: "Audit".to_owned(),
        method: "The cost of an entry: the storage layer's own unit of work with the row, its audit entry and its event against the same unit without \
                 the entry, 64 at a time, in pairs of blocks next to each other (`bench/micro`). The rest: entries put into the table of one \
                 organization while the server is down; then its sealing job takes them, and a client reads the whole export as it comes."
            .to_owned(),
        rows,
        courses: Vec::new(),
    })
}

/// What the audit entry adds to a write, from the micro-benchmarks.
fn cost(place: &Place<'_>) -> anyhow::Result<Vec<Row>> {
    let engine = place.engine.to_string();
    let pairs = micro::run(place.workspace.path(), Some(CASES))?;
    let rows: Vec<Row> = pairs
        .iter()
        .filter(|pair| pair.engine == engine)
        .map(|pair| {
            Row::new(
                format!("Cost of an entry: {}", pair.case),
                format!(
                    "{:+.1} % ({:+.1} to {:+.1})",
                    pair.overhead_percent, pair.lower_percent, pair.upper_percent
                ),
            )
            .against("<= 15 %", pair.overhead_percent <= 15.0)
            .noting(format!(
                "{:.1} µs and {:.1} µs",
                pair.bare_ns / 1e3,
                pair.layer_ns / 1e3
            ))
        })
        .collect();
    ensure!(
        !rows.is_empty(),
        "the micro-benchmarks have no case of {engine} called {CASES}"
    );
    Ok(rows)
}

fn platform(installation: &Installation<'_>) -> anyhow::Result<String> {
    installation.sql(&Statement {
        postgres: "SELECT id FROM organizations WHERE slug = 'platform'".to_owned(),
        sqlite: "SELECT lower(hex(id)) FROM organizations WHERE slug = 'platform'".to_owned(),
    })
}

/// Entries as changes leave them, an hour old.
fn fill(organization: &str, entries: u64) -> Statement {
    const CHANGES: &str =
        r#"{"name": {"from": "Before", "to": "After"}, "description": {"from": null, "to": "What it is for"}}"#;
    const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    let now = jiff::Timestamp::now();
    let (begin, micros) = (now.as_millisecond() - 3_600_000, now.as_microsecond());
    let last = entries.saturating_sub(1);
    let columns = "organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, target_kind, target_id, changes, request_id, ip, \
                   user_agent";
    let rest = format!("'{CHANGES}', '01930000-0000-7000-8000-000000000000', '203.0.113.7', '{AGENT}'");
    Statement {
        postgres: format!(
            "INSERT INTO audit_entries ({columns}) SELECT '{organization}', (lpad(to_hex({begin} + n / 4096), 12, '0') || '7' || \
             lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0'))::uuid, '{now}', 'user', '{organization}', 'Ana Souza', \
             'role.updated', 'role', '{organization}', {rest} FROM generate_series(0, {last}) AS n"
        ),
        sqlite: format!(
            "INSERT INTO audit_entries ({columns}) WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < {last}) \
             SELECT x'{organization}', unhex(printf('%012x7%03x8%015x', {begin} + n / 4096, n % 4096, n)), {micros}, 'user', x'{organization}', \
             'Ana Souza', 'role.updated', 'role', x'{organization}', {rest} FROM numbers"
        ),
    }
}

/// Waits until the job has sealed everything.
fn seal(installation: &Installation<'_>, server: &Server, entries: u64) -> anyhow::Result<Row> {
    progress(format_args!("  sealing"));
    let started = Instant::now();
    let (begun, samples) = watching(server.pid(), Duration::from_millis(200), || {
        let mut begun = None;
        wait_for("sealing", PATIENCE, || {
            crate::process::sleep(Duration::from_millis(100))?;
            let sealed: u64 = installation
                .sql(&Statement {
                    postgres: "SELECT coalesce(sum(count), 0)::bigint FROM audit_seals".to_owned(),
                    sqlite: "SELECT coalesce(sum(count), 0) FROM audit_seals".to_owned(),
                })?
                .parse()?;
            if sealed > 0 && begun.is_none() {
                begun = Some((started.elapsed(), sealed));
            }
            Ok((sealed >= entries).then_some(begun))
        })
    })?;
    let (at, already) = begun.context("everything was sealed before")?;
    let took = started.elapsed().saturating_sub(at);
    Ok(Row::new(
        "Sealing in the background",
        per_second(entries.saturating_sub(already), took),
    )
    .noting(format!(
        "most memory: {} in the first half, {} in the second",
        mebibytes(peak(&part(&samples, 0.0, 0.5))),
        mebibytes(peak(&part(&samples, 0.5, 1.0)))
    )))
}

/// Reads the whole export as it comes.
fn export(server: &Server, entries: u64) -> anyhow::Result<Vec<Row>> {
    progress(format_args!("  exporting"));
    let mut rows = Vec::new();
    for format in ["ndjson", "csv"] {
        let before = server.resident_kib()?;
        let started = Instant::now();
        let ((lines, bytes), samples) = watching(server.pid(), Duration::from_millis(50), || {
            read(server, &format!("/api/v1/audit-logs/export?format={format}"))
        })?;
        let took = started.elapsed();
        ensure!(lines >= entries, "the export has {lines} lines of {entries} entries");
        let (early, late) = (peak(&part(&samples, 0.05, 0.5)), peak(&part(&samples, 0.5, 1.0)));
        rows.push(
            Row::new(
                format!("Export of {} entries as {format}", count(entries)),
                per_second(entries, took),
            )
            .noting(format!("{:.0} MB in {}", bytes as f64 / 1e6, millis(took))),
        );
        rows.push(
            Row::new(
                format!("Most memory in the first and in the second half ({format})"),
                format!("{}, {}", mebibytes(early), mebibytes(late)),
            )
            .against("constant", late <= early + (early / 10).max(8 * 1024))
            .noting(format!("{} before", mebibytes(before))),
        );
    }
    Ok(rows)
}

/// The lines and bytes of an answer that comes in pieces (RFC 9112, section 7.1).
fn read(server: &Server, path: &str) -> anyhow::Result<(u64, u64)> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(Duration::from_secs(60)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n",
        server.token
    )?;
    pieces(BufReader::with_capacity(1 << 16, stream))
}

fn pieces(mut stream: impl std::io::BufRead) -> anyhow::Result<(u64, u64)> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    ensure!(line.contains(" 200 "), "the export was answered with {line:?}");
    let mut chunked = false;
    while line != "\r\n" {
        line.clear();
        ensure!(stream.read_line(&mut line)? > 0, "the answer ends in its head");
        chunked |= line.to_ascii_lowercase().starts_with("transfer-encoding: chunked");
    }
    ensure!(chunked, "the export does not come in pieces");
    let (mut lines, mut bytes) = (0, 0);
    let mut piece = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line)?;
        let length =
            u64::from_str_radix(line.trim_end(), 16).with_context(|| format!("no length of a piece: {line:?}"))?;
        if length == 0 {
            return Ok((lines, bytes));
        }
        piece.clear();
        stream.by_ref().take(length).read_to_end(&mut piece)?;
        ensure!(piece.len() as u64 == length, "the answer ends within a piece");
        lines += piece.iter().filter(|byte| **byte == b'\n').count() as u64;
        bytes += length;
        line.clear();
        stream.read_line(&mut line)?;
    }
}

/// Has the whole trail checked.
fn verify(server: &Server, entries: u64) -> anyhow::Result<Row> {
    progress(format_args!("  verifying"));
    let mut client = server.client()?;
    let started = Instant::now();
    let answer = client.get("/api/v1/audit-logs/verify")?.json(200)?;
    let took = started.elapsed();
    let checked = answer
        .pointer("/data/checked")
        .and_then(Value::as_u64)
        .unwrap_or_default();
    let valid = answer.pointer("/data/valid").and_then(Value::as_bool);
    ensure!(
        valid == Some(true) && checked >= entries,
        "the trail does not verify: {answer}"
    );
    Ok(Row::new(
        format!("Verifying {} entries", count(checked)),
        per_second(checked, took),
    )
    .noting(format!("{} in one request", millis(took))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_in_pieces_is_read_to_its_end() {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\none\ntw\r\n2\r\no\n\r\n0\r\n\r\n";
        assert_eq!(pieces(answer.as_bytes()).unwrap(), (2, 8));
        assert!(pieces(&answer.as_bytes()[..answer.len() - 12]).is_err());
        assert!(pieces("HTTP/1.1 503 Unavailable\r\n\r\n".as_bytes()).is_err());
    }
}
