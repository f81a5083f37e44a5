//! From names to addresses.

use std::io;
use std::net::IpAddr;

use futures_util::future::BoxFuture;

/// Looks hosts up.
pub trait Resolver: Send + Sync + 'static {
    /// Every address that the host has.
    ///
    /// # Errors
    /// Why there is none.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// Asks the operating system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

impl Resolver for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}
