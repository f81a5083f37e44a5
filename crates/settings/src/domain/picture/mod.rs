//! Pictures that an organization shows as its own: looked at as a whole before anybody else sees them.

mod png;
mod svg;

use std::fmt;

use sha2::{Digest as _, Sha256};

/// What a picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureKind {
    Png,
    Svg,
}

impl PictureKind {
    const ALL: [Self; 2] = [Self::Png, Self::Svg];

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Svg => "image/svg+xml",
        }
    }

    /// The kind with the media type.
    pub(crate) fn find(media_type: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.media_type() == media_type)
    }
}

/// The SHA-256 of a picture's bytes, which is also its name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContentHash([u8; 32]);

impl ContentHash {
    /// The hash as it is stored.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Reads 64 hexadecimal digits in lower case: one spelling only, because it is an address.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Some(byte - b'0'),
            b'a'..=b'f' => Some(byte - b'a' + 10),
            _ => None,
        };
        let mut hash = [0; 32];
        if text.len() != 2 * hash.len() {
            return None;
        }
        for (place, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = pair else { return None };
            *place = digit(*high)? * 16 + digit(*low)?;
        }
        Some(Self(hash))
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&kernel::hexadecimal(&self.0))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentHash({self})")
    }
}

/// Why a picture is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PictureFlaw {
    /// It is not what its media type says, or broken.
    NotAnImage,
    /// It has more rows or columns than anybody needs, and would take up much more memory than it has bytes.
    TooManyPixels,
    /// Something follows the picture.
    TrailingData,
    /// It would run something: a script, an event handler, an animation, a page inside the picture.
    Active,
    /// It would load something, or lead somewhere.
    ExternalReference,
    /// It declares entities, or uses others than those of XML itself.
    Entity,
    /// An element that is not among those a logo is made of.
    UnknownElement,
    /// A style that cannot be told to be harmless.
    Style,
    /// It is deeper, longer or more entangled than a logo is.
    TooComplex,
}

/// A picture that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) kind: PictureKind,
    pub(crate) hash: ContentHash,
    pub(crate) bytes: Vec<u8>,
}

impl Picture {
    /// The greatest number of bytes.
    pub(crate) const MAX_BYTES: usize = 512 * 1024;

    /// Looks at a picture. A PNG is kept as it is; an SVG is written anew from what was understood of it. It takes a while for a
    /// large one.
    ///
    /// # Errors
    /// [`PictureFlaw`].
    pub(crate) fn inspect(kind: PictureKind, bytes: &[u8]) -> Result<Self, PictureFlaw> {
        let bytes = match kind {
            PictureKind::Png => {
                png::inspect(bytes)?;
                bytes.to_vec()
            }
            PictureKind::Svg => svg::sanitized(bytes)?.into_bytes(),
        };
        let hash = ContentHash(Sha256::digest(&bytes).into());
        Ok(Self { kind, hash, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_spelling() {
        let text = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hash = ContentHash::parse(text).unwrap();
        assert_eq!(hash.to_string(), text);
        assert_eq!(ContentHash::from_bytes(hash.as_bytes()), Some(hash));
        for malformed in [
            &text.to_uppercase(),
            &text[1..],
            "",
            &text.replace('b', "g"),
            &format!("{text}00"),
        ] {
            assert_eq!(ContentHash::parse(malformed), None, "{malformed}");
        }
    }
}
