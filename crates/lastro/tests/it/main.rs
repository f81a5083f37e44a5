//! What the binary promises, tested from outside: one integration binary, one module a subject.

#[cfg(test)]
mod backups;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod config;
#[cfg(test)]
mod distribution;
#[cfg(test)]
mod engines;
#[cfg(test)]
mod examples;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod relocation;
#[cfg(test)]
mod replicas;
#[cfg(test)]
#[cfg(all(feature = "sentry", feature = "otlp"))]
mod reports;
#[cfg(test)]
mod serve;
#[cfg(test)]
mod sinks;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tenants;
#[cfg(test)]
#[cfg(feature = "otlp")]
mod traces;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod usage;
mod watching;
