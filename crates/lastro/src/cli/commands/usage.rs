//! `lastro usage`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use http::App;
use kernel::{Timestamp, push_csv_line};
use usage::{EventRecord, Rebuilt};

use super::super::args::{TableFormat, UsageCommand, UsageExportArgs, UsageRebuildArgs};
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output, progress};

pub(super) fn run(file: Option<PathBuf>, command: UsageCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            UsageCommand::Rebuild(args) => rebuild(&app, args).await,
            UsageCommand::Export(args) => export(&app, args).await,
        }
    })?;
    Ok(())
}

async fn rebuild(app: &App, args: UsageRebuildArgs) -> anyhow::Result<()> {
    let only = match &args.organization {
        Some(slug) => Some(installation::organization(app, slug).await?.id),
        None => None,
    };
    let spinner = progress::spinner("summing up");
    let rebuilt = usage::rebuild(app.db(), app.ports(), only, !args.check).await?;
    spinner.finish_and_clear();
    output::answer(&told(&rebuilt, args.check))?;
    if args.check && !rebuilt.agrees() {
        anyhow::bail!("what was counted does not agree with the events; `lastro usage rebuild` puts it right");
    }
    Ok(())
}

/// What a recomputation found, in words.
fn told(rebuilt: &Rebuilt, is_check: bool) -> String {
    let wrong = if is_check { "wrong" } else { "put right" };
    let Rebuilt {
        organizations,
        events,
        sums,
        wrong_sums,
        counters,
        wrong_counters,
        levels,
        wrong_levels,
    } = rebuilt;
    format!(
        "{organizations} organizations, {events} events: {sums} sums compared, {wrong_sums} {wrong}; \
         {counters} counters compared, {wrong_counters} {wrong}; {levels} levels compared, {wrong_levels} {wrong}\n"
    )
}

async fn export(app: &App, args: UsageExportArgs) -> anyhow::Result<()> {
    let organization = installation::organization(app, &args.organization).await?.id;
    let mut rows = Rows::new(args.format, destination(args.file.as_deref())?)?;
    let stretch = (args.from.unwrap_or(Timestamp::MIN), args.to.unwrap_or(Timestamp::MAX));
    let metric = args.metric.as_deref();
    let written = usage::export(app.db(), organization, metric, stretch, |event| rows.write(event)).await?;
    rows.finish()?;
    if let Some(file) = &args.file {
        output::say(&format!("{written} events are in {}", file.display()));
    }
    Ok(())
}

fn destination(file: Option<&Path>) -> anyhow::Result<Box<dyn Write>> {
    Ok(match file {
        Some(file) => Box::new(File::create(file).with_context(|| format!("the file {}", file.display()))?),
        None => Box::new(io::stdout()),
    })
}

/// Writes events as they come.
struct Rows<W: Write> {
    format: TableFormat,
    to: BufWriter<W>,
}

impl<W: Write> Rows<W> {
    fn new(format: TableFormat, to: W) -> anyhow::Result<Self> {
        let mut rows = Self {
            format,
            to: BufWriter::new(to),
        };
        if format == TableFormat::Csv {
            rows.line(["id", "metric", "quantity", "idempotencyKey", "occurredAt", "recordedAt"])?;
        }
        Ok(rows)
    }

    fn write(&mut self, event: &EventRecord) -> anyhow::Result<()> {
        if self.format == TableFormat::Ndjson {
            serde_json::to_writer(&mut self.to, event).map_err(io::Error::from)?;
            return Ok(self.to.write_all(b"\n")?);
        }
        self.line([
            event.id.to_string().as_str(),
            &event.metric,
            &event.quantity.to_string(),
            event.idempotency_key.as_deref().unwrap_or_default(),
            &event.occurred_at.to_string(),
            &event.recorded_at.to_string(),
        ])
    }

    fn line(&mut self, values: [&str; 6]) -> anyhow::Result<()> {
        let mut line = String::new();
        push_csv_line(&mut line, values);
        Ok(self.to.write_all(line.as_bytes())?)
    }

    fn finish(mut self) -> anyhow::Result<()> {
        Ok(self.to.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> EventRecord {
        let instant: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        EventRecord {
            id: uuid::Uuid::nil(),
            metric: "documents.signed".to_owned(),
            quantity: 3,
            idempotency_key: Some("=cmd,\"x\"".to_owned()),
            occurred_at: instant,
            recorded_at: instant,
        }
    }

    fn written(format: TableFormat) -> String {
        let mut to = Vec::new();
        let mut rows = Rows::new(format, &mut to).unwrap();
        rows.write(&event()).unwrap();
        rows.finish().unwrap();
        String::from_utf8(to).unwrap()
    }

    #[test]
    fn an_event_is_a_line() {
        assert_eq!(
            written(TableFormat::Ndjson),
            "{\"id\":\"00000000-0000-0000-0000-000000000000\",\"metric\":\"documents.signed\",\"quantity\":3,\
             \"idempotencyKey\":\"=cmd,\\\"x\\\"\",\"occurredAt\":\"2026-11-21T12:00:00.000000Z\",\
             \"recordedAt\":\"2026-11-21T12:00:00.000000Z\"}\n"
        );
        assert_eq!(
            written(TableFormat::Csv),
            "id,metric,quantity,idempotencyKey,occurredAt,recordedAt\r\n\
             00000000-0000-0000-0000-000000000000,documents.signed,3,\"'=cmd,\"\"x\"\"\",\
             2026-11-21T12:00:00.000000Z,2026-11-21T12:00:00.000000Z\r\n"
        );
    }

    #[test]
    fn what_a_rebuild_found_is_told() {
        let rebuilt = Rebuilt {
            organizations: 2,
            events: 40,
            sums: 7,
            wrong_sums: 1,
            counters: 8,
            wrong_counters: 0,
            levels: 4,
            wrong_levels: 2,
        };
        assert_eq!(
            told(&rebuilt, false),
            "2 organizations, 40 events: 7 sums compared, 1 put right; 8 counters compared, 0 put right; \
             4 levels compared, 2 put right\n"
        );
        assert!(told(&rebuilt, true).contains("1 wrong"));
    }
}
