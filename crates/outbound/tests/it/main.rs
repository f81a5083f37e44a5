//! The outbound client against servers on this machine: what it connects to, and what it makes of answers.
#![cfg(test)]

mod client;
mod dialing;
mod server;
