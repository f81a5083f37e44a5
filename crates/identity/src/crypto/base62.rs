//! Numbers as digits and letters of ASCII: text that a double click selects and no parser breaks.

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Characters that any number of 128 bits fits in.
pub(super) const U128: usize = 22;
/// Characters that any number of 64 bits fits in.
pub(super) const U64: usize = 11;
/// Characters that any number of 32 bits fits in.
pub(super) const U32: usize = 6;

/// Appends `number` with exactly `width` characters, the most significant first.
pub(super) fn push(text: &mut String, number: u128, width: usize) {
    let mut digits = [b'0'; U128];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        let index = usize::try_from(rest % 62).unwrap_or(0);
        *digit = ALPHABET.get(index).copied().unwrap_or(b'0');
        rest /= 62;
    }
    let leading = U128.saturating_sub(width);
    text.extend(digits.iter().skip(leading).map(|digit| char::from(*digit)));
}

/// Reads a number back; `None` for other characters and for what exceeds 128 bits.
pub(super) fn parse(text: &str) -> Option<u128> {
    text.bytes().try_fold(0_u128, |number, byte| {
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'A'..=b'Z' => byte - b'A' + 10,
            b'a'..=b'z' => byte - b'a' + 36,
            _ => return None,
        };
        number.checked_mul(62)?.checked_add(u128::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(number: u128, width: usize) -> String {
        let mut text = String::new();
        push(&mut text, number, width);
        text
    }

    #[test]
    fn numbers_have_a_fixed_width() {
        assert_eq!(text(0, U32), "000000");
        assert_eq!(text(61, U32), "00000z");
        assert_eq!(text(62, U32), "000010");
        assert_eq!(text(u128::from(u32::MAX), U32), "4gfFC3");
        assert_eq!(text(u128::from(u64::MAX), U64).len(), 11);
        assert_eq!(text(u128::MAX, U128), "7n42DGM5Tflk9n8mt7Fhc7");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert_eq!(parse("7n42DGM5Tflk9n8mt7Fhc8"), None, "one more than fits");
        assert_eq!(parse("00000-"), None);
        assert_eq!(parse("é"), None);
        assert_eq!(parse(""), Some(0));
    }

    proptest! {
        #[test]
        fn a_number_is_read_back(number: u128) {
            prop_assert_eq!(parse(&text(number, U128)), Some(number));
        }
    }
}
