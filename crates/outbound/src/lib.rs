//! The one way out: connections to addresses that others name, checked before they are made.
//!
//! A customer who may register a webhook, or describe an integration, tells this server where to connect. Without rules that
//! is a way into the network that the server stands in: to its database, to a neighbour's admin page, to the cloud's metadata
//! service that hands out credentials. So nothing connects to such an address but through a [`Dialer`]:
//!
//! 1. The URL itself is looked at ([`Dialer::admit`]): its scheme, no credentials in it, and its host where that is an address.
//! 2. The host is resolved, and **every** address it has must be a public one ([`Rules`]). One that is not condemns the
//!    host: a name with a public and a private address is an attempt, not a mistake.
//! 3. The connection is made to an address that was looked at, not to the name: what the name means a moment later (DNS
//!    rebinding) does not matter.
//! 4. Nothing is followed: an answer that redirects is an answer like any other.
//!
//! [`Client`] sends requests over it, keeps connections for the next request to the same host, and reads as much of an answer as
//! the caller wants and no more. What is not HTTP takes streams: [`Dialer::tcp`], [`Dialer::tls`].
//!
//! ```
//! use std::time::Duration;
//! use outbound::{Client, Dialer, Refused, Rules};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new(Dialer::new(Rules::strict()));
//! let inside = "https://169.254.169.254/latest/meta-data/".parse()?;
//! assert!(matches!(client.dialer().admit(&inside), Err(Refused::Address(_))));
//!
//! let request = client.post("https://hooks.example.com/lastro".parse()?, "{}").within(Duration::from_secs(15));
//! let answer = client.send(request).await?;
//! println!("{} {}", answer.status, String::from_utf8_lossy(&answer.body));
//! # Ok(())
//! # }
//! ```

mod address;
mod client;
mod dial;
mod resolve;
mod roots;

pub use address::{Kind, Refused, Rules};
pub use client::{Answer, Client, Request, SendError};
pub use dial::{DialError, Dialer};
pub use hyper::{HeaderMap, Method, StatusCode, header};
pub use resolve::{Resolver, SystemResolver};
