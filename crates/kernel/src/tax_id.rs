//! The numbers of the Brazilian tax authority (Receita Federal): CNPJ for companies, CPF for people.
//!
//! Sources:
//! - CNPJ: Instrução Normativa RFB nº 2.119 of 2022, Annex XV in the wording of Instrução Normativa RFB nº 2.229 of 15 October 2024,
//!   which lets the first twelve positions be letters since July 2026. A character counts as its ASCII code minus 48, so digits
//!   count as themselves and the numbers issued before stay valid.
//! - CPF: the check digits of Instrução Normativa RFB nº 2.172 of 2024 and its predecessors, the same rule with other weights.
//!
//! Both: each check digit is the weighted sum of what is before it, modulo 11, taken from 11; remainders 0 and 1 give 0.

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

impl Cnpj {
    /// An example, for messages and documentation.
    pub const EXAMPLE: &str = "12.ABC.345/01DE-35";
    const PUNCTUATION: [(usize, u8); 4] = [(2, b'.'), (5, b'.'), (8, b'/'), (12, b'-')];
    /// The weights run 2 to 9 from the right and start again.
    const WEIGHTS: [u32; 13] = [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2];

    /// Completes the twelve positions `base` with their check digits.
    ///
    /// # Errors
    /// As for reading a whole number, except that the check digits cannot be wrong.
    pub fn with_check_digits(base: &str) -> Result<Self, InvalidTaxId> {
        let base = bare::<12>(base, &Self::PUNCTUATION).ok_or(Self::INVALID_FORMAT)?;
        let [first, second] = check_digits(&base, &Self::WEIGHTS);
        let mut number = [first; 14];
        for (position, character) in number.iter_mut().zip(base.into_iter().chain([first, second])) {
            *position = character;
        }
        refuse_repeated(&number)?;
        Ok(Self(number))
    }

    /// The number without punctuation, as stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        from_utf8(&self.0).unwrap_or_default()
    }

    /// The number with its punctuation, as printed on documents.
    #[must_use]
    pub fn formatted(&self) -> String {
        punctuated(self.as_str(), &Self::PUNCTUATION)
    }

    const INVALID_FORMAT: InvalidTaxId = InvalidTaxId::Format { expected: Self::EXAMPLE };
}
