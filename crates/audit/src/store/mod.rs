//! The tables of this context.

pub(crate) mod archives;
pub(crate) mod entries;
pub(crate) mod seals;
