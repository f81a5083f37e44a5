//! The use cases: one file each, read as a story.
