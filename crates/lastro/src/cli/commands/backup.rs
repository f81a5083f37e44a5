//! `lastro backup`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use indicatif::HumanBytes;

use super::super::args::BackupArgs;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{output, progress};
use crate::config::{DatabaseKind, DatabaseUrl};
use crate::postgres_tools::Tools;

pub(super) fn run(file: Option<PathBuf>, args: &BackupArgs) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    let url = &session.config().database.migration_url;
    let copied = match url.kind() {
        DatabaseKind::Sqlite => sqlite(url, &args.file),
        DatabaseKind::Postgres => {
            session
                .runtime
                .block_on(postgres(&Tools::in_path(&session.search_path), url, &args.file))
        }
    };
    copied.with_context(|| format!("the database {url} was not copied"))?;
    let size = std::fs::metadata(&args.file)?.len();
    output::answer(&format!(
        "{} holds the whole database, {}.\n",
        args.file.display(),
        HumanBytes(size)
    ))?;
    Ok(())
}

fn sqlite(url: &DatabaseUrl, file: &Path) -> anyhow::Result<()> {
    let bar = progress::bar(0, "copying pages");
    db::sqlite_backup(url.expose(), file, &mut |copied, total| {
        bar.set_length(total);
        bar.set_position(copied);
    })?;
    bar.finish_and_clear();
    Ok(())
}

async fn postgres(tools: &Tools, url: &DatabaseUrl, file: &Path) -> anyhow::Result<()> {
    let spinner = progress::spinner("dumping");
    spinner.enable_steady_tick(Duration::from_millis(200));
    let mut show = |bytes| spinner.set_message(format!("dumping, {}", HumanBytes(bytes)));
    tools.dump(url, file, &mut show).await?;
    spinner.finish_and_clear();
    Ok(())
}
