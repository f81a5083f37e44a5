//! What comes with a business module.

/// The code of the role and the group that see a business module.
pub(crate) fn readers_code(module: &str) -> String {
    format!("{module}_READERS")
}
