//! `lastro access`.

use std::path::PathBuf;

use access::operator;
use anyhow::Context as _;
use http::App;
use serde_json::Value;

use super::super::args::{AccessCommand, AccessExplainArgs, AccessLintArgs};
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output};

pub(super) fn run(file: Option<PathBuf>, command: AccessCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            AccessCommand::Explain(args) => explain(&app, args).await,
            AccessCommand::Lint(args) => lint(&app, args).await,
        }
    })?;
    Ok(())
}

async fn explain(app: &App, args: AccessExplainArgs) -> anyhow::Result<()> {
    let object: Value = match &args.object {
        Some(text) => serde_json::from_str(text).context("--object is not JSON")?,
        None => Value::Null,
    };
    let (user, permission) = (&args.user, &args.permission);
    let explained = operator::explain(app.db(), app.ports(), app.generators(), user, permission, &object).await?;
    let verdict = if explained.allowed { "allowed" } else { "denied" };
    output::answer(&format!("{verdict}\n{}", explained.text))?;
    Ok(())
}

async fn lint(app: &App, args: AccessLintArgs) -> anyhow::Result<()> {
    let mut count = 0_usize;
    for (organization, slug) in installation::organizations(app, args.organization.as_deref()).await? {
        for finding in operator::lint(app.db(), app.ports(), app.generators(), organization).await? {
            count += 1;
            output::answer(&format!("{slug}: {finding}\n"))?;
        }
    }
    if count > 0 {
        anyhow::bail!("{count} findings");
    }
    Ok(())
}
