//! Whether some bytes are a PNG image, all of them and nothing else.

use std::io::Cursor;

use png::{Decoder, DecodingError, Limits};

use super::PictureFlaw;

/// Rows and columns at most: a logo on the densest screen has fewer.
const MAX_SIDE: u32 = 2_048;
/// What decoding may allocate, in bytes: a few rows, not the whole picture.
const MEMORY: usize = 1024 * 1024;

/// Decodes the picture to its end, row by row, with all its checksums.
///
/// # Errors
/// [`PictureFlaw`].
pub(super) fn inspect(bytes: &[u8]) -> Result<(), PictureFlaw> {
    ends_with_its_end(bytes)?;
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: MEMORY });
    // What is compressed beside the picture is not unpacked.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    let header = decoder.read_header_info().map_err(|error| flaw(&error))?;
    if header.width > MAX_SIDE || header.height > MAX_SIDE {
        return Err(PictureFlaw::TooManyPixels);
    }
    let mut picture = decoder.read_info().map_err(|error| flaw(&error))?;
    while picture.next_row().map_err(|error| flaw(&error))?.is_some() {}
    picture.finish().map_err(|error| flaw(&error))
}

fn flaw(error: &DecodingError) -> PictureFlaw {
    match error {
        DecodingError::LimitsExceeded => PictureFlaw::TooManyPixels,
        _ => PictureFlaw::NotAnImage,
    }
}

/// Walks over the chunks: the decoder stops at the last one, and what follows it would be served along.
fn ends_with_its_end(bytes: &[u8]) -> Result<(), PictureFlaw> {
    const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
    /// The length before a chunk and its checksum behind it, its name aside.
    const AROUND: usize = 8;
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(PictureFlaw::NotAnImage)?;
    loop {
        let (length, chunk) = rest.split_first_chunk::<4>().ok_or(PictureFlaw::NotAnImage)?;
        let is_end = chunk.starts_with(b"IEND");
        let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| PictureFlaw::NotAnImage)?;
        rest = chunk
            .get(length.saturating_add(AROUND)..)
            .ok_or(PictureFlaw::NotAnImage)?;
        if is_end {
            return if rest.is_empty() {
                Ok(())
            } else {
                Err(PictureFlaw::TrailingData)
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use png::{BitDepth, ColorType, Encoder};

    use super::*;

    fn picture(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(&mut bytes, width, height);
        encoder.set_color(ColorType::Rgba);
        encoder.set_depth(BitDepth::Eight);
        let mut writer = encoder.write_header().unwrap();
        let pixels = vec![0; width as usize * height as usize * 4];
        writer.write_image_data(&pixels).unwrap();
        writer.finish().unwrap();
        bytes
    }

    #[test]
    fn a_picture_is_one() {
        assert_eq!(inspect(&picture(1, 1)), Ok(()));
        assert_eq!(inspect(&picture(300, 200)), Ok(()));
        assert_eq!(inspect(&picture(MAX_SIDE, 1)), Ok(()));
    }

    #[test]
    fn a_small_file_that_unpacks_to_much_is_refused() {
        let bomb = picture(MAX_SIDE + 1, MAX_SIDE + 1);
        assert!(bomb.len() < 100_000, "{}", bomb.len());
        assert_eq!(inspect(&bomb), Err(PictureFlaw::TooManyPixels));
        // Beyond what any decoder would even try.
        let mut header = picture(1, 1);
        header[16..24].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff]);
        assert!(inspect(&header).is_err());
    }

    #[test]
    fn what_is_broken_or_something_else_is_refused() {
        let whole = picture(8, 8);
        for length in 0..whole.len() {
            assert!(inspect(&whole[..length]).is_err(), "{length} bytes of {}", whole.len());
        }
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            changed[place] ^= 0x20;
            assert!(inspect(&changed).is_err(), "byte {place}");
        }
        for other in [
            &b""[..],
            b"GIF89a",
            b"<svg/>",
            b"\xff\xd8\xff\xe0",
            b"\x89PNG\r\n\x1a\n",
        ] {
            assert_eq!(inspect(other), Err(PictureFlaw::NotAnImage));
        }
    }

    #[test]
    fn nothing_may_follow_the_picture() {
        let mut with_script = picture(1, 1);
        with_script.extend_from_slice(b"<script>alert(1)</script>");
        assert_eq!(inspect(&with_script), Err(PictureFlaw::TrailingData));
    }
}
