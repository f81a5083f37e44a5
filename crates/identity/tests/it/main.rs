//! The building blocks together, from outside the crate.

mod marked_secrets;
mod story;
