//! The chain that an organization's trail forms. No storage, no transport.

mod chain;

pub(crate) use chain::{
    Commitments, EntryFacts, Hash, PersonalFacts, SALT, SealKey, SealedBatch, ZERO, commit, leaf, link, low_after, root,
};
