//! The fences of the architecture (docs/architecture.md), as tests.
//!
//! Each guard is a function from sources to findings. It runs twice: over this repository, where it must find
//! nothing, and over a seeded violation, which it must find, so that a guard that no longer guards fails too.
#![cfg(test)]

mod admission;
mod arrows;
mod exceptions;
mod requirements;
mod source;
mod words;
