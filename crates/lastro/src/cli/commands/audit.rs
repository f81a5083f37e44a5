//! `lastro audit`.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use audit::Head;
use http::App;

use super::super::args::{AuditCommand, AuditVerifyArgs};
use super::super::failure::Failure;
use super::super::installation;
use super::super::output;
use super::super::session::{Session, Talk};

pub(super) fn run(file: Option<PathBuf>, command: &AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify(args) = command;
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        verify(&app, args).await
    })?;
    Ok(())
}

async fn verify(app: &App, args: &AuditVerifyArgs) -> anyhow::Result<()> {
    let organizations = installation::organizations(app, args.organization.as_deref()).await?;
    let known = args.head.as_deref().map(heads).transpose()?.unwrap_or_default();
    let mut bad = 0;
    for (id, slug) in organizations {
        let verdict = audit::verify(app.db(), app.ports(), id, app.generators().now()).await?;
        let cut = first_missing(app, known.iter().filter(|head| head.organization == id)).await?;
        let state = match (verdict.first_bad_id, cut) {
            (Some(entry), _) => format!("DOES NOT FIT: {entry}"),
            (None, Some(head)) => format!("CUT OFF: the seal {} that was kept is not there", head.sequence),
            (None, None) => "valid".to_owned(),
        };
        bad += usize::from(state != "valid");
        let head = verdict.head.as_deref().unwrap_or("-");
        output::answer(&format!(
            "{slug} {id} {state}, {} checked, {} unsealed, head {} {head}\n",
            verdict.checked, verdict.unsealed, verdict.sequence
        ))?;
    }
    if bad > 0 {
        anyhow::bail!("{bad} trails are not as they were written");
    }
    Ok(())
}

/// The first of the kept heads that is not in the chain of its organization. The chain may be longer by now, also after its tail was
/// cut off: each head is looked for at its place.
async fn first_missing<'h>(app: &App, kept: impl Iterator<Item = &'h Head>) -> anyhow::Result<Option<&'h Head>> {
    for head in kept {
        if !head.is_there(app.db()).await? {
            return Ok(Some(head));
        }
    }
    Ok(None)
}

/// The heads in a file, or in the files of a folder.
fn heads(path: &Path) -> anyhow::Result<Vec<Head>> {
    let reading = || format!("reading {}", path.display());
    if !path.is_dir() {
        return heads_in(path);
    }
    let mut heads = Vec::new();
    for file in std::fs::read_dir(path).with_context(reading)? {
        let file = file.with_context(reading)?.path();
        if file.extension().is_some_and(|ending| ending == "head") {
            heads.extend(heads_in(&file)?);
        }
    }
    Ok(heads)
}

fn heads_in(file: &Path) -> anyhow::Result<Vec<Head>> {
    let text = std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    text.lines()
        // What was not sealed then has no head.
        .filter(|line| !line.ends_with(" head 0 -"))
        .map(|line| {
            Head::read(line).with_context(|| {
                let file = file.display();
                format!("{file} holds a line that `audit verify` did not print: {line}")
            })
        })
        .collect()
}
