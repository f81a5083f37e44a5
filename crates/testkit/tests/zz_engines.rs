//! The last test binary in cargo's order: says which engines the whole run used.
#![cfg(test)]

use std::io::Write;

use testkit::engines::{self, EngineUse};
use testkit::postgres;

/// The line at the end of `cargo test --workspace`, and the failure when the run used only one engine although the
/// other was there.
#[test]
fn the_run_tells_which_engines_it_used() {
    let found = postgres::server().unwrap();
    let EngineUse { sqlite, postgres } = engines::take_use().unwrap();
    // Written past the capture of test output, which keeps what `print!` says to itself when a test passes.
    writeln!(
        std::io::stderr(),
        "\nengines: SQLite, {sqlite} test databases; {}, {postgres} test databases",
        postgres::describe()
    )
    .unwrap();
    // Alone (`--test zz_engines`) nothing was used before, which proves nothing.
    if found.is_some() && sqlite > 0 {
        assert!(
            postgres > 0,
            "PostgreSQL was there, but no test asked for a database on it"
        );
    }
}
