//! The temporary folder of a run.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that holds databases and logs and is removed at the end.
#[derive(Debug)]
pub struct Workspace(TempDir);

impl Workspace {
    /// Makes the folder inside `parent`; other users may pass through it to what is theirs, but not list it.
    ///
    /// # Errors
    /// When `parent` is not writable.
    pub fn create(parent: &Path) -> std::io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("lastro-bench-").tempdir_in(parent)?;
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711))?;
        Ok(Self(folder))
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file or folder in it.
    #[must_use]
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }
}

/// Copies a folder with everything in it, onto the disk: what follows is not to wait for these writes.
///
/// # Errors
/// When something cannot be read or written.
pub fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            fs::File::open(&target)?.sync_all()?;
        }
    }
    Ok(())
}
