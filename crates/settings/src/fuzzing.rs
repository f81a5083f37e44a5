//! Doors for the fuzz targets, which stand outside of this crate (`docs/fuzzing.md`); nothing that is shipped has them.

use crate::domain::{Picture, PictureKind};

/// An uploaded PNG as it would be served: `None` where it is refused.
#[must_use]
pub fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    Picture::inspect(PictureKind::Png, bytes)
        .ok()
        .map(|picture| picture.bytes)
}

/// An uploaded SVG as it would be served: `None` where it is refused.
#[must_use]
pub fn svg(bytes: &[u8]) -> Option<Vec<u8>> {
    Picture::inspect(PictureKind::Svg, bytes)
        .ok()
        .map(|picture| picture.bytes)
}
