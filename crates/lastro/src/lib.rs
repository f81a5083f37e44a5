//! The binary's parts, and the place where every context meets the others.
//!
//! [`app`] is the composition root: it lists the contexts and wires them to the database, the configuration and each other.
//! [`serve`] starts a server from it and ends it in good order. [`cli`] is the command line, one file a command; [`config`] reads
//! what the operator set; [`telemetry`] is what the server tells about itself. The binary is a call of [`cli::main`].

pub mod access_matrix;
pub mod administrators;
pub mod app;
pub mod causes;
pub mod cli;
pub mod config;
pub mod demo;
pub mod doctor;
pub mod first_start;
pub mod listen;
pub mod master_key;
pub mod onboarding;
mod open_files;
pub mod postgres_tools;
pub mod privacy;
pub mod rate_limit;
pub mod relocation;
pub mod seeds;
pub mod serve;
pub mod stop;
pub mod storage;
pub mod support;
pub mod telemetry;
pub mod users_file;
