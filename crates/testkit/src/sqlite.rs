//! A SQLite file per test, copied from a template that is migrated once.

use std::collections::HashSet;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use parking_lot::Mutex;
use tempfile::TempDir;

use crate::engines::{self, Engine};
use crate::harness::{Doing, Folder, HarnessError, digest, nonce};

/// Templates of other builds are removed when they are older than this.
const KEPT: Duration = Duration::from_hours(24);

/// The templates that this process has already seen.
static READY: Mutex<Option<HashSet<String>>> = Mutex::new(None);

/// A database file of one test, in a folder of its own that disappears with this value.
#[derive(Debug)]
pub struct TestFile {
    folder: TempDir,
}

impl TestFile {
    /// The database file. Its folder holds nothing else, so it can also be the data folder of a server under test.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("lastro.db")
    }

    /// The folder of the database file.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The database as a `DATABASE_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("sqlite://{}", self.path().display())
    }
}

/// A copy of the template `key`, which `migrate` fills when no process of this checkout has made it yet.
///
/// `key` must change whenever what `migrate` does changes: make it from the checksums of the migrations. `migrate`
/// is handed the path of a file that does not exist yet and must have closed it when it returns.
///
/// # Errors
/// When the temporary folder cannot be written, when `migrate` fails, or when it left the file open.
pub async fn database<F, Fut, E>(key: &str, migrate: F) -> Result<TestFile, HarnessError>
where
    F: FnOnce(PathBuf) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let template = template(key, migrate).await?;
    let folder = TempDir::new().doing(|| "making a folder for a test database".to_owned())?;
    let file = TestFile { folder };
    fs::copy(&template, file.path()).doing(|| format!("copying {}", template.display()))?;
    engines::record(Engine::Sqlite)?;
    Ok(file)
}

async fn template<F, Fut, E>(key: &str, migrate: F) -> Result<PathBuf, HarnessError>
where
    F: FnOnce(PathBuf) -> Fut,
    Fut: Future<Output = Result<(), E>>,
    E: Display,
{
    let folder = Folder::open()?;
    let name = digest(key);
    let home = folder.path("sqlite");
    let template = home.join(format!("{name}.db"));
    if READY.lock().as_ref().is_some_and(|ready| ready.contains(&name)) {
        return Ok(template);
    }
    let lock = folder.lock_async("sqlite").await?;
    if !template.exists() {
        fs::create_dir_all(&home).doing(|| format!("making {}", home.display()))?;
        let draft = home.join(format!("{}.draft", nonce()?));
        migrate(draft.clone())
            .await
            .doing(|| "migrating the SQLite template".to_owned())?;
        // A write-ahead log that is still there belongs to an open connection: the copy would lack its pages.
        let log = PathBuf::from(format!("{}-wal", draft.display()));
        if log.metadata().is_ok_and(|found| found.len() > 0) {
            return Err(HarnessError::new("the migration left the SQLite template open"));
        }
        fs::rename(&draft, &template).doing(|| format!("naming {}", template.display()))?;
        remove_old(&home, &template)?;
    }
    drop(lock);
    READY.lock().get_or_insert_default().insert(name);
    Ok(template)
}

/// Removes what builds of other days left behind.
fn remove_old(home: &Path, newest: &Path) -> Result<(), HarnessError> {
    let modified = |path: &Path| path.metadata().and_then(|found| found.modified());
    let newest = modified(newest).doing(|| "reading the age of a template".to_owned())?;
    for entry in fs::read_dir(home).doing(|| format!("listing {}", home.display()))? {
        let path = entry.doing(|| format!("listing {}", home.display()))?.path();
        if modified(&path).is_ok_and(|age| newest.duration_since(age).is_ok_and(|since| since > KEPT)) {
            fs::remove_file(&path).doing(|| format!("removing {}", path.display()))?;
        }
    }
    Ok(())
}
