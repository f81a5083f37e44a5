//! Where configuration comes from: the environment, over `lastro.toml`, over the defaults.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use super::file;
use super::keys::{KEYS, Key};
use super::problem::Problem;

/// The name of the file that is read from the working folder when `--config` names none.
pub const DEFAULT_FILE: &str = "lastro.toml";

/// Who decided a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody: it is the default.
    Default,
    /// The configuration file with this path.
    File(PathBuf),
    /// The environment.
    Environment,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment => f.write_str("environment"),
        }
    }
}

/// What the configuration is read from. Tests hand over their own variables, so that they neither read nor change those
/// of the process.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The environment variables; an empty value counts as unset.
    pub variables: BTreeMap<OsString, OsString>,
    /// The file named by `--config`, which must exist.
    pub file: Option<PathBuf>,
    /// The folder in which `lastro.toml` is looked for and to which relative paths refer.
    pub working_folder: PathBuf,
}

impl Sources {
    /// The environment of this process, with the file that `--config` named, if any.
    #[must_use]
    pub fn of_process(file: Option<PathBuf>) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place where configuration is read"
        )]
        let variables = std::env::vars_os().collect();
        Self {
            variables,
            file,
            working_folder: PathBuf::new(),
        }
    }

    /// The folders in which programs are looked for.
    #[must_use]
    pub fn search_path(&self) -> OsString {
        self.variables
            .get(std::ffi::OsStr::new("PATH"))
            .cloned()
            .unwrap_or_default()
    }

    /// Reads every source once, and tells what is wrong with the sources themselves.
    pub(super) fn read(&self) -> (Values, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut values = Values::default();
        self.read_file(&mut values, &mut problems);
        self.read_variables(&mut values, &mut problems);
        (values, problems)
    }

    fn read_file(&self, values: &mut Values, problems: &mut Vec<Problem>) {
        let path = match &self.file {
            Some(named) => self.working_folder.join(named),
            None => self.working_folder.join(DEFAULT_FILE),
        };
        let shown = path.display().to_string();
        match std::fs::read_to_string(&path) {
            Ok(text) => file::parse(&path, &text, values, problems),
            // The default file is optional; one that somebody named is not.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound && self.file.is_none() => {}
            Err(error) => problems.push(Problem::new(shown, format!("cannot be read: {error}"))),
        }
    }

    fn read_variables(&self, values: &mut Values, problems: &mut Vec<Problem>) {
        for key in KEYS {
            let Some(value) = self.variables.get(std::ffi::OsStr::new(key.name)) else {
                continue;
            };
            match value.to_str() {
                Some("") => {}
                Some(text) => values.set(key, text.to_owned(), Origin::Environment),
                None => problems.push(Problem::new(
                    format!("{} (environment)", key.name),
                    "is not valid UTF-8",
                )),
            }
        }
    }

    /// Variables that look like ours but are none, such as a misspelt one. They are worth a warning, not a refusal: other
    /// programs may share the prefix.
    pub(super) fn unknown_variables(&self) -> Vec<String> {
        self.variables
            .keys()
            .filter_map(|name| name.to_str())
            // Only the test harness reads these.
            .filter(|name| name.starts_with("LASTRO_") && !name.starts_with("LASTRO_TEST_"))
            .filter(|name| KEYS.iter().all(|key| key.name != *name))
            .map(|name| match Key::closest(name) {
                Some(meant) => {
                    format!("the environment variable {name} is not known; did you mean {meant}?")
                }
                None => format!("the environment variable {name} is not known"),
            })
            .collect()
    }
}

/// The raw values that somebody set, each with who did.
#[derive(Default)]
pub(super) struct Values {
    by_name: BTreeMap<&'static str, (String, Origin)>,
}

impl Values {
    pub(super) fn set(&mut self, key: &'static Key, text: String, origin: Origin) {
        self.by_name.insert(key.name, (text, origin));
    }

    pub(super) fn get(&self, key: &'static Key) -> Option<(&str, &Origin)> {
        self.by_name.get(key.name).map(|(text, origin)| (text.as_str(), origin))
    }

    pub(super) fn contains(&self, key: &'static Key) -> bool {
        self.by_name.contains_key(key.name)
    }
}

/// `path`, seen from `folder` unless it is absolute.
pub(super) fn resolve(folder: &Path, path: &str) -> PathBuf {
    folder.join(path)
}
