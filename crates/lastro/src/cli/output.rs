//! What a command answers, to standard output; and what it says to a person, to standard error.

use std::io::{self, IsTerminal as _, Write as _};

/// Writes an answer.
///
/// # Errors
///
/// That of standard output, such as a reader that went away.
pub(super) fn answer(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
}

/// Says something to a person.
pub(super) fn say(text: &str) {
    // When nobody can be told, there is nobody to tell.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a person is watching standard error.
pub(super) fn is_watched() -> bool {
    io::stderr().is_terminal()
}
