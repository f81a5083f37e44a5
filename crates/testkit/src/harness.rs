//! What the test engines share: one folder a checkout, its lock, unguessable names, and the error that a broken
//! test environment ends in.

use std::ffi::OsString;
use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Why the test environment could not be prepared. It is a broken machine or a broken migration, never a failed
/// assertion, so its text says what was being done and what the operating system or the server answered.
#[derive(Debug, Clone)]
pub struct HarnessError(String);

impl HarnessError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for HarnessError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for HarnessError {}

/// Says what was being done when an operation failed.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, HarnessError>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, HarnessError> {
        self.map_err(|error| HarnessError(format!("{}: {error}", what())))
    }
}

/// A variable of the environment, as the person who runs the tests set it; empty counts as unset.
#[expect(
    clippy::disallowed_methods,
    reason = "the test harness is told where PostgreSQL is by the environment of `cargo test`; it has no configuration file"
)]
pub(crate) fn environment(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The folder in which all test processes of this checkout and this user meet: `lastro-test-<hash>` in the
/// temporary folder. It is outside `target/` because a server that runs as another user must be able to reach its
/// part of it, and because a path inside a deep checkout can be too long for a socket.
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder, made when it is not there yet.
    pub(crate) fn open() -> Result<&'static Self, HarnessError> {
        static FOLDER: OnceLock<Result<Folder, HarnessError>> = OnceLock::new();
        FOLDER.get_or_init(Self::create).as_ref().map_err(Clone::clone)
    }

    fn create() -> Result<Self, HarnessError> {
        let user = current_user()?;
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_MANIFEST_DIR"), user).hash(&mut hasher);
        let root = std::env::temp_dir().join(format!("lastro-test-{:016x}", hasher.finish()));
        // Others may pass through (the server's user must), but not look: 0711.
        match DirBuilder::new().mode(0o711).create(&root) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).doing(|| format!("making {}", root.display())),
        }
        // The name can be guessed, so somebody else may have been there first.
        let found = root
            .symlink_metadata()
            .doing(|| format!("looking at {}", root.display()))?;
        if !found.is_dir() || found.uid() != user {
            return Err(HarnessError(format!("{} is not a folder of this user", root.display())));
        }
        Ok(Self { root })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Waits for the lock `name`; it is held until the file is dropped, and the operating system releases it when
    /// the process is killed.
    pub(crate) fn lock(&self, name: &str) -> Result<File, HarnessError> {
        let file = self.lock_file(name)?;
        file.lock().doing(|| format!("locking {name}"))?;
        Ok(file)
    }

    /// Like [`Folder::lock`], for callers on an async runtime: two tests on one thread must not wait for each other
    /// with the thread blocked.
    pub(crate) async fn lock_async(&self, name: &str) -> Result<File, HarnessError> {
        let file = self.lock_file(name)?;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(std::fs::TryLockError::WouldBlock) => tokio::time::sleep(Duration::from_millis(20)).await,
                Err(std::fs::TryLockError::Error(error)) => return Err(error).doing(|| format!("locking {name}")),
            }
        }
    }

    fn lock_file(&self, name: &str) -> Result<File, HarnessError> {
        let path = self.path(&format!("{name}.lock"));
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .doing(|| format!("opening {}", path.display()))
    }
}

/// The numeric id of the user who runs the tests. `id` is asked because the standard library does not tell.
pub(crate) fn current_user() -> Result<u32, HarnessError> {
    user_id(&["-u"]).and_then(|id| id.ok_or_else(|| HarnessError::new("`id -u` answered no number")))
}

/// What `id` answers to these arguments; `None` when there is no such user.
pub(crate) fn user_id(arguments: &[&str]) -> Result<Option<u32>, HarnessError> {
    let output = Command::new("id")
        .args(arguments)
        .output()
        .doing(|| "running `id`".to_owned())?;
    if !output.status.success() {
        return Ok(None);
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim().parse().ok())
}

/// Sixteen hexadecimal characters that nobody can guess and no other process draws.
pub(crate) fn nonce() -> Result<String, HarnessError> {
    let mut bytes = [0_u8; 8];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .doing(|| "reading /dev/urandom".to_owned())?;
    Ok(format!("{:016x}", u64::from_ne_bytes(bytes)))
}

/// A short name for the text `key`, the same in every process of one build.
pub(crate) fn digest(key: &str) -> String {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

/// Replaces the file at `path` in one step, readable by this user only.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), HarnessError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let draft = path.with_extension(nonce()?);
    OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&draft, path))
        .doing(|| format!("writing {}", path.display()))
}
