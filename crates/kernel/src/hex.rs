//! Bytes as people compare them.

/// The bytes in hexadecimal, in lower case.
///
/// ```
/// assert_eq!(kernel::hexadecimal(&[0, 0x7f, 0xff]), "007fff");
/// ```
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or_default();
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
        .collect()
}
