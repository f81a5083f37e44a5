//! `docs/configuration.md`, written from the table of keys.

use std::fmt::Write as _;

use super::keys::{Exposure, Fallback, KEYS, Key, Section};

const INTRODUCTION: &str = "\
# Configuration

<!-- Written by `lastro config docs`; a test compares. Change crates/lastro/src/config/keys.rs instead. -->

Lastro runs without any configuration. What you set, you set in the environment or in a file: `lastro.toml` in the working
folder, or the one that `--config` names. The environment wins over the file, the file over the defaults. The file is flat and
takes the same names, in upper or lower case:

```toml
lastro_bind = \"0.0.0.0:8080\"
database_url = \"postgres://lastro@db.internal/lastro?sslmode=verify-full\"
lastro_cors_origins = [\"https://app.example.com\"]
```

An empty value counts as unset. Unknown keys in the file are errors; an unknown variable that begins with `LASTRO_` is a
warning. Everything is checked before the server starts: all problems are listed at once, and the exit code is 2.
`lastro config check` does only that, and prints what every key came to and who decided it, with secrets redacted.

Durations are a number and a unit: `500ms`, `10s`, `15m`, `1h`, `7d`. Rates are a number and a time: `50/s`, `6000/min`, `100/h`.
Lists are separated by commas; in the file they may be arrays.

In `staging` and `production` these are required: `LASTRO_MASTER_KEY`, and a decision on mail (`LASTRO_SMTP_URL`, or `off`).
";

/// The whole page, in Markdown.
#[must_use]
pub fn documentation() -> String {
    let mut page = INTRODUCTION.to_owned();
    for section in Section::ALL {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {section}\n");
        for key in KEYS.iter().filter(|key| key.section == section) {
            describe(&mut page, key);
        }
    }
    page
}

fn describe(page: &mut String, key: &Key) {
    let _ = write!(page, "\n### `{}`\n\n{}\n\n", key.name, key.about.trim());
    let _ = writeln!(page, "- Value: {}", key.format);
    let _ = match key.fallback {
        Fallback::Unset => writeln!(page, "- Default: unset"),
        Fallback::Value(value) => writeln!(page, "- Default: `{value}`"),
        Fallback::Derived(how) => writeln!(page, "- Default: {how}"),
    };
    let _ = match key.exposure {
        Exposure::Open => Ok(()),
        Exposure::Credentials => writeln!(page, "- Shown without its credentials"),
        Exposure::Secret => writeln!(page, "- Secret: never shown"),
    };
}
