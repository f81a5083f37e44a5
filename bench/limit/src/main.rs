//! The *limit* server: what this stack could answer if it had nothing else to do.
//!
//! axum on hyper and the bare drivers in the fastest way known: reads pipelined over a few shared PostgreSQL connections with prepared
//! statements, a write's rows pipelined in one transaction, SQLite read in place and written by one group-committing thread. The same rows, the
//! same JSON as Lastro's routes, and none of what a server needs: no credential, permission, validation, log, metric or limit.
//! `lastro serve` is measured as a ratio to it (`bench/README.md`). Never expose it to anything but a load generator.

mod routes;
mod store;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use clap::Parser;
use lastro_bench_limit::postgres::Postgres;
use lastro_bench_limit::sqlite::Sqlite;
use mimalloc::MiMalloc;

/// The allocator of the release binary: the comparison is not to be decided by it.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Environment and options carry the names that `lastro serve` uses, so that the harness starts both alike.
#[derive(Debug, Parser)]
#[command(version = VERSION.as_str(), about = "The reference server that Lastro's own server is compared with")]
struct Options {
    /// `postgres://user:password@host:port/database` or `sqlite://path`
    #[arg(long, env = "DATABASE_URL")]
    database_url: String,
    /// Where to listen.
    #[arg(long, env = "LASTRO_BIND", default_value = "127.0.0.1:8081")]
    bind: SocketAddr,
    /// PostgreSQL connections shared by all reads.
    #[arg(long, default_value_t = 4)]
    readers: usize,
    /// PostgreSQL connections for transactions.
    #[arg(long, default_value_t = 16)]
    writers: usize,
}

/// The versions that decide what is measured.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{} (SQLite {})",
        env!("CARGO_PKG_VERSION"),
        lastro_bench_limit::sqlite_version()
    )
});

/// Whatever ends the process.
type Fatal = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Fatal> {
    let options = Options::parse();
    if let Some(path) = options.database_url.strip_prefix("sqlite://") {
        routes::serve(options.bind, Arc::new(Sqlite::open(PathBuf::from(path))?)).await
    } else {
        let store = Postgres::connect(&options.database_url, options.readers, options.writers).await?;
        routes::serve(options.bind, Arc::new(store)).await
    }
}
