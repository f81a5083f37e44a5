//! The command line of Lastro: a thin shell around the library of the same name.

use std::process::ExitCode;

/// Threads of a server allocate and free small pieces all the time, often on another thread than they came from.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    lastro::cli::main()
}
