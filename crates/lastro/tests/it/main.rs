//! What the binary promises, tested from outside: one integration binary, one module a subject.

#[cfg(test)]
mod config;
#[cfg(test)]
#[cfg(all(feature = "sentry", feature = "otlp"))]
mod reports;
#[cfg(test)]
mod sinks;
