//! The numbers of the Brazilian tax authority (Receita Federal): CNPJ for companies, CPF for people.
//!
//! Sources:
//! - CNPJ: Instrução Normativa RFB nº 2.229 of 15 October 2024, sole annex as rectified on 25 October 2024. Since July
//!   2026 the first twelve positions may be letters; each character counts as its ASCII code minus 48, so digits count as
//!   themselves and the numbers issued before stay valid. The check digits stay numeric.
//! - CPF: eleven digits, the last two by the same rule with weights that do not start again (register: Instrução
//!   Normativa RFB nº 2.172 of 2024).
//!
//! The rule of both: each check digit is the weighted sum of all that is before it, modulo 11, taken from 11, the
//! weights rising from 2 at the right (in a CNPJ to 9, then from 2 again); remainders 0 and 1 give 0. It finds every
//! mistyped check digit, and a single mistyped character before them unless both check digits are 0 (for the leftmost
//! digit of a CPF, whose weight 11 counts for nothing: unless the first is 0), or the mistaken letter counts a multiple
//! of 11 more or less (`A` and `L`).

use std::fmt;
use std::str::{FromStr, from_utf8};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::deserialize_from_str;
use crate::{FieldValue, Rule};

/// What is wrong with a CNPJ or a CPF. It does not repeat the number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTaxId {
    /// Not written like one.
    #[error("not written like {expected}")]
    Format {
        /// An example.
        expected: &'static str,
    },
    /// One character repeated: zeros in a CNPJ and any digit in a CPF satisfy the check digits, but are never issued.
    #[error("one character repeated")]
    Repeated,
    /// The check digits do not match.
    #[error("the check digits do not match")]
    CheckDigits,
}

impl From<InvalidTaxId> for Rule {
    fn from(invalid: InvalidTaxId) -> Self {
        match invalid {
            InvalidTaxId::Format { expected } => Self::InvalidFormat { expected },
            InvalidTaxId::Repeated => Self::RepeatedCharacter,
            InvalidTaxId::CheckDigits => Self::InvalidCheckDigits,
        }
    }
}

/// The number of a company, numeric or alphanumeric.
///
/// Read with or without punctuation and in either case; kept and written bare and in upper case.
///
/// ```
/// use kernel::Cnpj;
///
/// let cnpj: Cnpj = "12.abc.345/01de-35".parse()?;
/// assert_eq!(cnpj.to_string(), "12ABC34501DE35");
/// assert_eq!(cnpj.formatted(), "12.ABC.345/01DE-35");
/// # Ok::<(), kernel::tax_id::InvalidTaxId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cnpj([u8; 14]);

/// The number of a person. It is personal data: it has no `Display`, and `Debug` hides it.
///
/// ```
/// use kernel::Cpf;
///
/// let cpf: Cpf = "529.982.247-25".parse()?;
/// assert_eq!(cpf.as_str(), "52998224725");
/// assert_eq!(format!("{cpf:?}"), "Cpf([redacted])");
/// # Ok::<(), kernel::tax_id::InvalidTaxId>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cpf([u8; 11]);

/// What the two numbers have in common. `$base` positions come before the two check digits.
macro_rules! tax_id {
    ($name:ident, $length:literal, $base:literal, $is_base:expr, $example:literal, $weights:expr, $punctuation:expr) => {
        impl $name {
            /// How the number is written, for messages and documentation.
            pub const EXAMPLE: &str = $example;

            /// The weights of what comes before the second check digit; without the first of them, those before the
            /// first.
            const WEIGHTS: [u32; $base + 1] = $weights;
            /// The marks, and before which position each stands.
            const PUNCTUATION: &[(usize, u8)] = &$punctuation;
            const INVALID_FORMAT: InvalidTaxId = InvalidTaxId::Format {
                expected: Self::EXAMPLE,
            };

            /// Completes the positions before the check digits, which may be punctuated, with the check digits.
            ///
            /// # Errors
            /// [`InvalidTaxId::Format`] or [`InvalidTaxId::Repeated`].
            pub fn with_check_digits(base: &str) -> Result<Self, InvalidTaxId> {
                let base: [u8; $base] = bare(base, Self::PUNCTUATION).ok_or(Self::INVALID_FORMAT)?;
                if !base.iter().all($is_base) {
                    return Err(Self::INVALID_FORMAT);
                }
                let mut number = [b'0'; $length];
                let check_digits = check_digits(&base, &Self::WEIGHTS);
                for (position, character) in number.iter_mut().zip(base.into_iter().chain(check_digits)) {
                    *position = character;
                }
                if is_repeated(&number) {
                    Err(InvalidTaxId::Repeated)
                } else {
                    Ok(Self(number))
                }
            }

            /// The number without punctuation, as stored.
            #[must_use]
            pub fn as_str(&self) -> &str {
                // ASCII by construction.
                from_utf8(&self.0).unwrap_or_default()
            }

            /// The number with its punctuation, as printed on documents.
            #[must_use]
            pub fn formatted(&self) -> String {
                let mut text = String::new();
                for (position, character) in self.as_str().chars().enumerate() {
                    text.extend(mark_before(position, Self::PUNCTUATION).map(char::from));
                    text.push(character);
                }
                text
            }
        }

        impl FromStr for $name {
            type Err = InvalidTaxId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let number: [u8; $length] = bare(text, Self::PUNCTUATION).ok_or(Self::INVALID_FORMAT)?;
                let Some((base, given)) = number.split_first_chunk::<$base>() else {
                    return Err(Self::INVALID_FORMAT);
                };
                if !base.iter().all($is_base) || !given.iter().all(u8::is_ascii_digit) {
                    return Err(Self::INVALID_FORMAT);
                }
                if is_repeated(&number) {
                    return Err(InvalidTaxId::Repeated);
                }
                if given != check_digits(base, &Self::WEIGHTS) {
                    return Err(InvalidTaxId::CheckDigits);
                }
                Ok(Self(number))
            }
        }

        impl From<$name> for FieldValue {
            fn from(number: $name) -> Self {
                Self::Text(number.as_str().to_owned())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserialize_from_str(deserializer)
            }
        }
    };
}

tax_id!(
    Cnpj,
    14,
    12,
    u8::is_ascii_alphanumeric,
    "12.ABC.345/01DE-35",
    [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2],
    [(2, b'.'), (5, b'.'), (8, b'/'), (12, b'-')]
);

tax_id!(
    Cpf,
    11,
    9,
    u8::is_ascii_digit,
    "529.982.247-25",
    [11, 10, 9, 8, 7, 6, 5, 4, 3, 2],
    [(3, b'.'), (6, b'.'), (9, b'-')]
);

impl fmt::Display for Cnpj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Cnpj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cnpj({self})")
    }
}

impl fmt::Debug for Cpf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cpf([redacted])")
    }
}

/// Exactly `N` characters in upper case, after dropping the white space at the ends and every mark that stands where it
/// belongs. A mark elsewhere is no slip of punctuation: the text is then something else.
fn bare<const N: usize>(text: &str, punctuation: &[(usize, u8)]) -> Option<[u8; N]> {
    let mut rest = text.trim().as_bytes();
    let mut number = [0; N];
    for (position, character) in number.iter_mut().enumerate() {
        if let Some(mark) = mark_before(position, punctuation) {
            rest = rest.strip_prefix(&[mark]).unwrap_or(rest);
        }
        let (first, tail) = rest.split_first()?;
        *character = first.to_ascii_uppercase();
        rest = tail;
    }
    rest.is_empty().then_some(number)
}

fn mark_before(position: usize, punctuation: &[(usize, u8)]) -> Option<u8> {
    punctuation
        .iter()
        .find(|(before, _)| *before == position)
        .map(|(_, mark)| *mark)
}

fn is_repeated(number: &[u8]) -> bool {
    number
        .first()
        .is_some_and(|first| number.iter().all(|character| character == first))
}

fn check_digits(base: &[u8], weights: &[u32]) -> [u8; 2] {
    let first = check_digit(base.iter(), weights);
    [first, check_digit(base.iter().chain([&first]), weights)]
}

/// Weights are matched from the right, so the first check digit leaves the leftmost one unused.
fn check_digit<'a>(characters: impl DoubleEndedIterator<Item = &'a u8>, weights: &[u32]) -> u8 {
    let value = |character: u8| u32::from(character - b'0');
    let sum: u32 = characters
        .rev()
        .zip(weights.iter().rev())
        .map(|(character, weight)| value(*character) * weight)
        .sum();
    match sum % 11 {
        0 | 1 => b'0',
        remainder => b'0' + u8::try_from(11 - remainder).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const COMPANIES: [&str; 30] = [
        "33.000.167/0001-01",
        "00.000.000/0001-91",
        "33.592.510/0001-54",
        "60.701.190/0001-04",
        "60.746.948/0001-12",
        "00.360.305/0001-04",
        "07.526.557/0001-00",
        "47.960.950/0001-21",
        "71.673.990/0001-77",
        "07.689.002/0001-89",
        "84.429.695/0001-11",
        "06.990.590/0001-23",
        "02.558.157/0001-62",
        "33.611.500/0001-19",
        "02.916.265/0001-60",
        "16.670.085/0001-55",
        "92.754.738/0001-62",
        "16.404.287/0001-55",
        "18.236.120/0001-58",
        "61.585.865/0001-51",
        "02.421.421/0001-11",
        "34.028.316/0001-03",
        "33.683.111/0001-07",
        "27.865.757/0001-02",
        "47.508.411/0001-56",
        "09.296.295/0001-60",
        "06.164.253/0001-87",
        "01.838.723/0001-27",
        "53.113.791/0001-22",
        "90.400.888/0001-42",
    ];

    fn cnpj(text: &str) -> Result<Cnpj, InvalidTaxId> {
        text.parse()
    }

    fn cpf(text: &str) -> Result<Cpf, InvalidTaxId> {
        text.parse()
    }

    #[test]
    fn the_numbers_of_thirty_real_companies_are_valid() {
        for company in COMPANIES {
            assert_eq!(cnpj(company).unwrap().formatted(), company);
        }
    }

    #[test]
    fn the_published_alphanumeric_example_is_valid() {
        let number = cnpj("12.ABC.345/01DE-35").unwrap();
        assert_eq!(number.as_str(), "12ABC34501DE35");
        assert_eq!(number.to_string(), "12ABC34501DE35");
        assert_eq!(format!("{number:?}"), "Cnpj(12ABC34501DE35)");
        assert_eq!(cnpj("12abc34501de35"), Ok(number));
        assert_eq!(cnpj("  12abc345/01DE-35\n"), Ok(number), "each mark is optional");
        assert_eq!(Cnpj::with_check_digits("12.abc.345/01de"), Ok(number));
        assert_eq!(cnpj("12ABC34501DE36"), Err(InvalidTaxId::CheckDigits));
    }

    #[test]
    fn what_is_written_otherwise_is_no_cnpj() {
        for text in [
            "",
            "33000167000",
            "330001670001011",
            "33.000.167/0001-01-",
            "3.3000167000101",
            "33..000.167/0001-01",
            "33,000,167/0001-01",
            "33 000 167 0001 01",
            "33000167/0001/01",
            "12ABC34501DEA5",
            "12ABC34501DE3A",
            "12ÇBC34501DE35",
            "３３000167000101",
            "12ABC3450-DE35",
        ] {
            assert_eq!(
                cnpj(text),
                Err(InvalidTaxId::Format {
                    expected: "12.ABC.345/01DE-35"
                }),
                "{text}"
            );
        }
        assert!(Cnpj::with_check_digits("12ABC34501D").is_err());
        assert!(Cnpj::with_check_digits("12ABC34501D_").is_err());
    }

    #[test]
    fn a_cpf_is_read_and_written() {
        for text in ["529.982.247-25", "52998224725", "529982247-25", " 529.982.247-25 "] {
            assert_eq!(cpf(text).unwrap().as_str(), "52998224725", "{text}");
        }
        assert_eq!(cpf("52998224725").unwrap().formatted(), "529.982.247-25");
        assert_eq!(cpf("111.444.777-35").unwrap().formatted(), "111.444.777-35");
        assert_eq!(Cpf::with_check_digits("529.982.247"), cpf("52998224725"));
        assert_eq!(cpf("52998224724"), Err(InvalidTaxId::CheckDigits));
        for text in [
            "",
            "5299822472",
            "529982247255",
            "529-982-247.25",
            "A2998224725",
            "5299822472A",
        ] {
            assert_eq!(
                cpf(text),
                Err(InvalidTaxId::Format {
                    expected: "529.982.247-25"
                }),
                "{text}"
            );
        }
        assert!(Cpf::with_check_digits("52998224A").is_err());
    }

    #[test]
    fn a_cpf_is_not_printed_by_accident() {
        assert_eq!(format!("{:?}", cpf("52998224725").unwrap()), "Cpf([redacted])");
    }

    #[test]
    fn one_character_repeated_is_refused() {
        for digit in '0'..='9' {
            assert_eq!(cnpj(&digit.to_string().repeat(14)), Err(InvalidTaxId::Repeated));
            assert_eq!(cpf(&digit.to_string().repeat(11)), Err(InvalidTaxId::Repeated));
        }
        assert_eq!(Cnpj::with_check_digits("000000000000"), Err(InvalidTaxId::Repeated));
        assert_eq!(Cpf::with_check_digits("777777777"), Err(InvalidTaxId::Repeated));
    }

    #[test]
    fn each_defect_breaks_its_own_rule() {
        assert_eq!(
            Rule::from(InvalidTaxId::Format { expected: Cpf::EXAMPLE }).code(),
            "INVALID_FORMAT"
        );
        assert_eq!(Rule::from(InvalidTaxId::Repeated).code(), "REPEATED_CHARACTER");
        assert_eq!(Rule::from(InvalidTaxId::CheckDigits).code(), "INVALID_CHECK_DIGITS");
        assert_eq!(InvalidTaxId::CheckDigits.to_string(), "the check digits do not match");
    }

    #[test]
    fn the_examples_are_valid() {
        assert!(cnpj(Cnpj::EXAMPLE).is_ok());
        assert!(cpf(Cpf::EXAMPLE).is_ok());
    }

    #[test]
    fn json_holds_the_bare_number() {
        let number: Cnpj = serde_json::from_str(r#""12.abc.345/01de-35""#).unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), r#""12ABC34501DE35""#);
        let number: Cpf = serde_json::from_str(r#""529.982.247-25""#).unwrap();
        assert_eq!(serde_json::to_string(&number).unwrap(), r#""52998224725""#);
        assert!(
            serde_json::from_str::<Cnpj>("33000167000101").is_err(),
            "a JSON number would lose leading zeros"
        );
        assert_eq!(FieldValue::from(number), FieldValue::from("52998224725"));
        assert_eq!(
            FieldValue::from(cnpj("33000167000101").unwrap()),
            FieldValue::from("33000167000101")
        );
    }

    /// Every number that differs from `number` in one character and that the algorithm promises to notice; see the
    /// module's text.
    fn mistyped(number: &str, weights: &[u32], alphabet: &str) -> Vec<String> {
        let original: Vec<char> = number.chars().collect();
        let (base, check_digits) = original.split_at(weights.len() - 1);
        let (first_counts, second_counts) = (check_digits[0] != '0', check_digits[1] != '0');
        let is_promised = |position: usize, character: char| match base.get(position) {
            Some(right) => {
                let is_seen = u32::from(*right).abs_diff(u32::from(character)) % 11 != 0;
                is_seen && (first_counts || second_counts && weights[position] != 11)
            }
            None => original[position] != character,
        };
        let places =
            (0..original.len()).flat_map(|position| alphabet.chars().map(move |character| (position, character)));
        let promised = places.filter(|(position, character)| is_promised(*position, *character));
        let numbers = promised.map(|(position, character)| {
            let mut characters = original.clone();
            characters[position] = character;
            characters.into_iter().collect()
        });
        numbers.collect()
    }

    proptest! {
        #[test]
        fn a_completed_cnpj_is_valid(base in "[0-9A-Z]{12}") {
            prop_assume!(base != "000000000000");
            let number = Cnpj::with_check_digits(&base).unwrap();
            prop_assert_eq!(&number.as_str()[..12], &base);
            prop_assert_eq!(cnpj(number.as_str()), Ok(number));
            prop_assert_eq!(cnpj(&number.formatted().to_lowercase()), Ok(number));
        }

        #[test]
        fn a_completed_cpf_is_valid(base in "[0-9]{9}") {
            let number = Cpf::with_check_digits(&base);
            prop_assume!(number != Err(InvalidTaxId::Repeated));
            let number = number.unwrap();
            prop_assert_eq!(&number.as_str()[..9], &base);
            prop_assert_eq!(cpf(number.as_str()), Ok(number));
            prop_assert_eq!(cpf(&number.formatted()), Ok(number));
        }

        #[test]
        fn a_mistyped_character_of_a_cnpj_is_noticed(base in "[0-9A-Z]{12}") {
            prop_assume!(base != "000000000000");
            let number = Cnpj::with_check_digits(&base).unwrap();
            let wrong = mistyped(number.as_str(), &Cnpj::WEIGHTS, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ");
            prop_assert!(wrong.len() >= 2 * 9, "at least every other check digit");
            for wrong in wrong {
                prop_assert!(cnpj(&wrong).is_err(), "{} passed for {}", wrong, number);
            }
        }

        #[test]
        fn a_mistyped_digit_of_a_cpf_is_noticed(base in "[0-9]{9}") {
            let number = Cpf::with_check_digits(&base);
            prop_assume!(number != Err(InvalidTaxId::Repeated));
            let number = number.unwrap();
            let wrong = mistyped(number.as_str(), &Cpf::WEIGHTS, "0123456789");
            prop_assert!(wrong.len() >= 2 * 9, "at least every other check digit");
            for wrong in wrong {
                prop_assert!(cpf(&wrong).is_err(), "{} passed for {}", wrong, number.as_str());
            }
        }

        #[test]
        fn no_text_panics(text in "\\PC{0,20}") {
            let _ = (cnpj(&text), cpf(&text));
        }
    }
}
