//! The outbox context over HTTP, on both engines, with receivers on this machine.
#![cfg(test)]

mod delivering;
mod endpoints;
mod failing;
mod limits;
mod ordering;
mod people;
mod private;
mod streams;
mod world;

use world::start;

testkit::conformance!(outbox::module, crate::start);
