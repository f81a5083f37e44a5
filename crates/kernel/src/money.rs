//! Money: whole minor units of a currency, never a floating-point number.

use std::cmp::{Ordering, Reverse};
use std::fmt;
use std::num::NonZeroU64;
use std::str::{FromStr, from_utf8};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Rule;
use crate::text::deserialize_from_str;

/// The currencies of ISO 4217, list one as published on 2026-01-01, by their number of decimal places. Codes without
/// minor units (precious metals, units of account, the test code) are not money one can post.
const CURRENCIES: [(u8, &[&str]); 4] = [
    (
        0,
        &[
            "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF",
            "XOF", "XPF",
        ],
    ),
    (
        2,
        &[
            "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BMD", "BND", "BOB",
            "BOV", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHE", "CHF", "CHW", "CNY", "COP", "COU",
            "CRC", "CUP", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL",
            "GHS", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IRR", "JMD", "KES",
            "KGS", "KHR", "KPW", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "MAD", "MDL", "MGA", "MKD", "MMK",
            "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MXV", "MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR",
            "NZD", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SDG",
            "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SVC", "SYP", "SZL", "THB", "TJS", "TMT", "TOP",
            "TRY", "TTD", "TWD", "TZS", "UAH", "USD", "USN", "UYU", "UZS", "VED", "VES", "WST", "XAD", "XCD", "XCG",
            "YER", "ZAR", "ZMW", "ZWG",
        ],
    ),
    (3, &["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"]),
    (4, &["CLF", "UYW"]),
];

/// A currency of ISO 4217.
///
/// ```
/// use kernel::Currency;
///
/// let yen: Currency = "JPY".parse()?;
/// assert_eq!((yen.as_str(), yen.exponent()), ("JPY", 0));
/// assert_eq!(Currency::BRL.exponent(), 2);
/// # Ok::<(), kernel::money::UnknownCurrency>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// A text that is not the code of a currency with minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a currency code of ISO 4217")]
pub struct UnknownCurrency;

impl Currency {
    /// Brazilian real.
    pub const BRL: Self = Self {
        code: *b"BRL",
        exponent: 2,
    };
    /// Euro.
    pub const EUR: Self = Self {
        code: *b"EUR",
        exponent: 2,
    };
    /// US dollar.
    pub const USD: Self = Self {
        code: *b"USD",
        exponent: 2,
    };

    /// Every currency, by exponent and code.
    pub fn all() -> impl Iterator<Item = Self> {
        CURRENCIES.into_iter().flat_map(|(exponent, codes)| {
            codes.iter().filter_map(move |code| {
                let code = code.as_bytes().try_into().ok()?;
                Some(Self { code, exponent })
            })
        })
    }

    /// The three-letter code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // ASCII by construction.
        from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimal places the minor unit is: 2 for cents, 0 where there is none.
    #[must_use]
    pub const fn exponent(self) -> u8 {
        self.exponent
    }

    /// How many minor units make a unit: 100 for cents.
    const fn scale(self) -> u64 {
        10_u64.pow(self.exponent as u32)
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let (exponent, _) = CURRENCIES
            .into_iter()
            .find(|(_, codes)| codes.binary_search(&code).is_ok())
            .ok_or(UnknownCurrency)?;
        let code = code.as_bytes().try_into().map_err(|_| UnknownCurrency)?;
        Ok(Self { code, exponent })
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_from_str(deserializer)
    }
}

/// Why a calculation with money has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies in one calculation: there is no exchange rate here.
    #[error("{left} and {right} do not mix")]
    CurrencyMismatch {
        /// The currency on the left.
        left: Currency,
        /// The currency on the right.
        right: Currency,
    },
    /// More minor units than an `i64` counts.
    #[error("the amount is too large")]
    Overflow,
    /// Nothing to share among: no weights, or only zeros.
    #[error("there is nobody to share among")]
    NoShares,
}

/// A text that is not an amount of its currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAmount {
    /// Not a decimal number, or with more decimal places than the currency has.
    #[error("not a decimal number with at most the decimal places of the currency")]
    Format,
    /// More minor units than an `i64` counts.
    #[error("the amount is too large")]
    TooLarge,
}

impl From<InvalidAmount> for Rule {
    fn from(invalid: InvalidAmount) -> Self {
        match invalid {
            InvalidAmount::Format => Self::InvalidFormat { expected: "1234.56" },
            InvalidAmount::TooLarge => Self::OutOfRange {
                min: i64::MIN,
                max: i64::MAX,
            },
        }
    }
}

/// Which whole number stands for a fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rounding {
    /// The nearest, a half to the even one: what ABNT NBR 5891 prescribes, without a bias in long sums.
    HalfEven,
    /// The nearest, a half away from zero.
    HalfUp,
    /// The one nearer to zero.
    Down,
}

/// An amount of one currency, in its minor units (cents).
///
/// ```
/// use kernel::{Currency, Money};
///
/// let price = Money::parse("1234.56", Currency::BRL)?;
/// assert_eq!(price.minor(), 123_456);
/// assert_eq!(price.to_string(), "BRL 1234.56");
///
/// let thirds = price.allocate(&[1, 1, 1])?;
/// assert_eq!(Money::sum(Currency::BRL, thirds)?, price, "no cent is lost");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// So many minor units.
    #[must_use]
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    /// Nothing.
    #[must_use]
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// Reads a plain decimal number: `1234.56`, `-0.5`, `7`. Neither groups of thousands nor a `+`, and no more decimal
    /// places than the currency has, zeros included: a cut-off tenth of a cent would be a silent change.
    ///
    /// # Errors
    /// [`InvalidAmount`].
    pub fn parse(text: &str, currency: Currency) -> Result<Self, InvalidAmount> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (units, decimals) = match unsigned.split_once('.') {
            Some((_, "")) => return Err(InvalidAmount::Format),
            Some(parts) => parts,
            None => (unsigned, ""),
        };
        let places = usize::from(currency.exponent);
        let is_decimal = !units.is_empty() && units.bytes().chain(decimals.bytes()).all(|byte| byte.is_ascii_digit());
        if !is_decimal || decimals.len() > places {
            return Err(InvalidAmount::Format);
        }
        let digits = format!("{units}{decimals:0<places$}");
        let magnitude: i128 = digits.parse().map_err(|_| InvalidAmount::TooLarge)?;
        let minor = i64::try_from(if negative { -magnitude } else { magnitude });
        minor
            .map(|minor| Self { minor, currency })
            .map_err(|_| InvalidAmount::TooLarge)
    }

    /// The minor units.
    #[must_use]
    pub const fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether it is nothing.
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    /// The plain decimal number that [`Money::parse`] reads, with all decimal places of the currency.
    #[must_use]
    pub fn decimal(self) -> String {
        let sign = if self.minor < 0 { "-" } else { "" };
        let magnitude = self.minor.unsigned_abs();
        let (units, rest) = (magnitude / self.currency.scale(), magnitude % self.currency.scale());
        match usize::from(self.currency.exponent) {
            0 => format!("{sign}{units}"),
            places => format!("{sign}{units}.{rest:0>places$}"),
        }
    }

    /// The sum.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_add(other.minor))
    }

    /// The difference.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.with(self.minor.checked_sub(other.minor))
    }

    /// So many times the amount.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn checked_mul(self, times: i64) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_mul(times))
    }

    /// The amount with the opposite sign.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`] for the least amount, whose opposite does not exist.
    pub fn checked_neg(self) -> Result<Self, MoneyError> {
        self.with(self.minor.checked_neg())
    }

    /// `numerator / denominator` of the amount, calculated exactly and rounded once: 7.5 % is 75 of 1,000.
    ///
    /// # Errors
    /// [`MoneyError::Overflow`].
    pub fn fraction(self, numerator: i64, denominator: NonZeroU64, rounding: Rounding) -> Result<Self, MoneyError> {
        let product = i128::from(self.minor) * i128::from(numerator);
        let (magnitude, denominator) = (product.unsigned_abs(), u128::from(denominator.get()));
        let (whole, rest) = (magnitude / denominator, magnitude % denominator);
        let up = match rounding {
            Rounding::Down => false,
            Rounding::HalfUp => 2 * rest >= denominator,
            Rounding::HalfEven => match (2 * rest).cmp(&denominator) {
                Ordering::Less => false,
                Ordering::Equal => whole % 2 == 1,
                Ordering::Greater => true,
            },
        };
        let rounded = i128::try_from(whole + u128::from(up)).map_err(|_| MoneyError::Overflow)?;
        self.with(i64::try_from(product.signum() * rounded).ok())
    }

    /// Shares the amount in proportion to `weights` without losing or making a minor unit: every share is the exact one
    /// rounded down or up, those with the largest remainders being rounded up, among equals the earlier ones.
    ///
    /// # Errors
    /// [`MoneyError::NoShares`] when all weights are zero or there are none.
    pub fn allocate(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: u128 = weights.iter().copied().map(u128::from).sum();
        if total == 0 {
            return Err(MoneyError::NoShares);
        }
        let magnitude = u128::from(self.minor.unsigned_abs());
        // At most 2^63 times 2^64: it fits.
        let exact = weights.iter().map(|weight| magnitude * u128::from(*weight));
        let mut shares: Vec<(u128, u128)> = exact.map(|share| (share / total, share % total)).collect();
        let shared: u128 = shares.iter().map(|(share, _)| share).sum();
        let mut by_remainder: Vec<&mut (u128, u128)> = shares.iter_mut().collect();
        by_remainder.sort_by_key(|(_, remainder)| Reverse(*remainder));
        // Fewer units are left over than there are shares with a remainder, since each remainder is less than one unit.
        for ((share, _), _) in by_remainder.into_iter().zip(shared..magnitude) {
            *share += 1;
        }
        let sign = i128::from(self.minor.signum());
        let signed = |share: u128| {
            i128::try_from(share)
                .ok()
                .and_then(|share| i64::try_from(sign * share).ok())
        };
        shares.into_iter().map(|(share, _)| self.with(signed(share))).collect()
    }

    /// The sum of all `amounts`, in `currency` also when there are none.
    ///
    /// # Errors
    /// [`MoneyError::CurrencyMismatch`], [`MoneyError::Overflow`].
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            Ok(())
        } else {
            Err(MoneyError::CurrencyMismatch {
                left: self.currency,
                right: other.currency,
            })
        }
    }

    fn with(self, minor: Option<i64>) -> Result<Self, MoneyError> {
        minor.map(|minor| Self { minor, ..self }).ok_or(MoneyError::Overflow)
    }
}

/// Amounts of different currencies are neither equal nor greater nor less.
impl PartialOrd for Money {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self.currency == other.currency).then(|| self.minor.cmp(&other.minor))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.currency, self.decimal())
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn brl(minor: i64) -> Money {
        Money::new(minor, Currency::BRL)
    }

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    fn per(denominator: u64) -> NonZeroU64 {
        NonZeroU64::new(denominator).unwrap()
    }

    #[test]
    fn the_table_is_sorted_and_without_repetition() {
        let codes: Vec<&str> = CURRENCIES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        assert!(
            CURRENCIES.iter().all(|(_, codes)| codes.is_sorted()),
            "binary search needs it"
        );
        assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
        assert!(
            codes
                .iter()
                .all(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase()))
        );
        assert_eq!(Currency::all().count(), 165);
        for known in Currency::all() {
            assert_eq!(known.as_str().parse(), Ok(known));
        }
    }

    #[test]
    fn a_currency_knows_its_minor_unit() {
        for (code, exponent) in [
            ("BRL", 2),
            ("USD", 2),
            ("EUR", 2),
            ("JPY", 0),
            ("CLP", 0),
            ("PYG", 0),
            ("KWD", 3),
            ("CLF", 4),
        ] {
            assert_eq!(currency(code).exponent(), exponent, "{code}");
        }
        for constant in [Currency::BRL, Currency::EUR, Currency::USD] {
            assert_eq!(currency(constant.as_str()), constant);
        }
        for code in ["", "brl", "BR", "BRLX", "XAU", "XXX", "XTS", "BGN", "HRK", "R$ "] {
            assert_eq!(code.parse::<Currency>(), Err(UnknownCurrency), "{code}");
        }
    }

    #[test]
    fn a_currency_is_its_code_in_texts_and_json() {
        assert_eq!(format!("{} {:?}", Currency::BRL, Currency::EUR), "BRL EUR");
        assert_eq!(serde_json::to_string(&Currency::USD).unwrap(), r#""USD""#);
        assert_eq!(serde_json::from_str::<Currency>(r#""BRL""#).unwrap(), Currency::BRL);
        let error = serde_json::from_str::<Currency>(r#""brl""#).unwrap_err().to_string();
        assert!(error.starts_with("not a currency code of ISO 4217"), "{error}");
    }

    #[test]
    fn an_amount_is_read_and_written() {
        for (text, code, minor, written) in [
            ("1234.56", "BRL", 123_456, "BRL 1234.56"),
            ("-0.05", "BRL", -5, "BRL -0.05"),
            ("7", "BRL", 700, "BRL 7.00"),
            ("7.5", "BRL", 750, "BRL 7.50"),
            ("007.50", "BRL", 750, "BRL 7.50"),
            ("-0", "BRL", 0, "BRL 0.00"),
            ("1234", "JPY", 1_234, "JPY 1234"),
            ("1.234", "KWD", 1_234, "KWD 1.234"),
            ("92233720368547758.07", "BRL", i64::MAX, "BRL 92233720368547758.07"),
            ("-92233720368547758.08", "BRL", i64::MIN, "BRL -92233720368547758.08"),
        ] {
            let money = Money::parse(text, currency(code)).unwrap();
            assert_eq!(money, Money::new(minor, currency(code)), "{text}");
            assert_eq!(money.to_string(), written);
            assert_eq!(format!("{money:?}"), written);
        }
    }

    #[test]
    fn what_is_no_amount_is_refused() {
        for text in [
            "", "-", ".", ".5", "5.", "1,5", "1.234,56", "1_000", "+1", "--1", "1e3", "0.001", "1.500", " 1", "１",
            "1.-5", "NaN",
        ] {
            assert_eq!(Money::parse(text, Currency::BRL), Err(InvalidAmount::Format), "{text}");
        }
        assert_eq!(Money::parse("1.0", currency("JPY")), Err(InvalidAmount::Format));
        for text in ["92233720368547758.08", "-92233720368547758.09", &"9".repeat(60)] {
            assert_eq!(
                Money::parse(text, Currency::BRL),
                Err(InvalidAmount::TooLarge),
                "{text}"
            );
        }
        assert_eq!(Rule::from(InvalidAmount::Format).code(), "INVALID_FORMAT");
        assert_eq!(Rule::from(InvalidAmount::TooLarge).code(), "OUT_OF_RANGE");
    }

    #[test]
    fn currencies_do_not_mix() {
        let dollar = Money::new(100, Currency::USD);
        let mismatch = MoneyError::CurrencyMismatch {
            left: Currency::BRL,
            right: Currency::USD,
        };
        assert_eq!(brl(100).checked_add(dollar), Err(mismatch));
        assert_eq!(brl(100).checked_sub(dollar), Err(mismatch));
        assert_eq!(Money::sum(Currency::BRL, [brl(1), dollar]), Err(mismatch));
        assert_eq!(brl(100).partial_cmp(&dollar), None);
        assert_ne!(brl(100), dollar);
        assert_eq!(mismatch.to_string(), "BRL and USD do not mix");
    }

    #[test]
    fn what_does_not_fit_is_an_error() {
        assert_eq!(brl(i64::MAX).checked_add(brl(1)), Err(MoneyError::Overflow));
        assert_eq!(brl(i64::MIN).checked_sub(brl(1)), Err(MoneyError::Overflow));
        assert_eq!(brl(i64::MAX).checked_mul(2), Err(MoneyError::Overflow));
        assert_eq!(brl(i64::MIN).checked_neg(), Err(MoneyError::Overflow));
        assert_eq!(
            brl(i64::MAX).fraction(2, per(1), Rounding::Down),
            Err(MoneyError::Overflow)
        );
        assert_eq!(
            brl(i64::MIN).fraction(i64::MIN, per(1), Rounding::Down),
            Err(MoneyError::Overflow)
        );
    }

    #[test]
    fn plain_arithmetic() {
        assert_eq!(brl(150).checked_add(brl(50)), Ok(brl(200)));
        assert_eq!(brl(150).checked_sub(brl(200)), Ok(brl(-50)));
        assert_eq!(brl(150).checked_mul(-3), Ok(brl(-450)));
        assert_eq!(brl(150).checked_neg(), Ok(brl(-150)));
        assert_eq!(Money::sum(Currency::BRL, []), Ok(Money::zero(Currency::BRL)));
        assert!(Money::zero(Currency::BRL).is_zero() && !brl(1).is_zero());
        assert!(brl(1) < brl(2));
        assert_eq!((brl(7).minor(), brl(7).currency()), (7, Currency::BRL));
    }

    #[test]
    fn a_fraction_is_rounded_once() {
        for (minor, half_even, half_up, down) in [
            (5, 0, 1, 0),
            (15, 2, 2, 1),
            (25, 2, 3, 2),
            (26, 3, 3, 2),
            (24, 2, 2, 2),
            (-5, 0, -1, 0),
            (-15, -2, -2, -1),
            (-26, -3, -3, -2),
        ] {
            assert_eq!(
                brl(minor).fraction(1, per(10), Rounding::HalfEven),
                Ok(brl(half_even)),
                "{minor}"
            );
            assert_eq!(
                brl(minor).fraction(1, per(10), Rounding::HalfUp),
                Ok(brl(half_up)),
                "{minor}"
            );
            assert_eq!(
                brl(minor).fraction(1, per(10), Rounding::Down),
                Ok(brl(down)),
                "{minor}"
            );
        }
        // ICMS of 18 % on R$ 1,234.56 is R$ 222.2208.
        assert_eq!(brl(123_456).fraction(18, per(100), Rounding::HalfEven), Ok(brl(22_222)));
        assert_eq!(brl(100).fraction(-1, per(4), Rounding::HalfEven), Ok(brl(-25)));
        assert_eq!(
            brl(i64::MAX).fraction(i64::MAX, per(i64::MAX.unsigned_abs()), Rounding::Down),
            Ok(brl(i64::MAX))
        );
    }

    #[test]
    fn shares_lose_nothing() {
        assert_eq!(brl(100).allocate(&[1, 1, 1]), Ok(vec![brl(34), brl(33), brl(33)]));
        assert_eq!(brl(-100).allocate(&[1, 1, 1]), Ok(vec![brl(-34), brl(-33), brl(-33)]));
        assert_eq!(
            brl(5).allocate(&[3, 7]),
            Ok(vec![brl(2), brl(3)]),
            "1.5 and 3.5: the earlier one is rounded up"
        );
        assert_eq!(brl(10).allocate(&[1, 0, 2]), Ok(vec![brl(3), brl(0), brl(7)]));
        assert_eq!(brl(0).allocate(&[1, 2]), Ok(vec![brl(0), brl(0)]));
        assert_eq!(brl(i64::MIN).allocate(&[u64::MAX]), Ok(vec![brl(i64::MIN)]));
        assert_eq!(brl(1).allocate(&[]), Err(MoneyError::NoShares));
        assert_eq!(brl(1).allocate(&[0, 0]), Err(MoneyError::NoShares));
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole_and_are_each_nearly_exact(
            minor in any::<i64>(),
            weights in prop::collection::vec(prop_oneof![Just(0), 1..10_u64, any::<u64>()], 1..20),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let shares = brl(minor).allocate(&weights).unwrap();
            let total: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
            prop_assert_eq!(shares.iter().map(|share| i128::from(share.minor())).sum::<i128>(), i128::from(minor));
            for (share, weight) in shares.iter().zip(&weights) {
                // |share - minor * weight / total| < 1, without dividing.
                let difference = i128::from(share.minor()) * total - i128::from(minor) * i128::from(*weight);
                prop_assert!(difference.abs() < total, "{} of {}", share, minor);
                prop_assert!(*weight > 0 || share.is_zero());
            }
        }

        #[test]
        fn what_is_written_is_read_back(minor in any::<i64>(), index in any::<prop::sample::Index>()) {
            let currencies: Vec<Currency> = Currency::all().collect();
            let money = Money::new(minor, *index.get(&currencies));
            prop_assert_eq!(Money::parse(&money.decimal(), money.currency()), Ok(money));
        }

        #[test]
        fn what_is_added_can_be_taken_away(one in any::<i64>(), other in any::<i64>()) {
            match brl(one).checked_add(brl(other)) {
                Ok(sum) => {
                    prop_assert_eq!(sum.checked_sub(brl(other)), Ok(brl(one)));
                    prop_assert_eq!(brl(other).checked_add(brl(one)), Ok(sum));
                }
                Err(error) => {
                    prop_assert_eq!(error, MoneyError::Overflow);
                    prop_assert_eq!(one.checked_add(other), None);
                }
            }
        }

        #[test]
        fn a_fraction_is_the_nearest(
            minor in -1_000_000..1_000_000_i64, numerator in -1_000..1_000_i64, denominator in 1..1_000_u64,
        ) {
            let exact = i128::from(minor) * i128::from(numerator);
            let scale = i128::from(denominator);
            for rounding in [Rounding::HalfEven, Rounding::HalfUp] {
                let result = i128::from(brl(minor).fraction(numerator, per(denominator), rounding).unwrap().minor());
                prop_assert!(2 * (result * scale - exact).abs() <= scale);
            }
            let down = brl(minor).fraction(numerator, per(denominator), Rounding::Down).unwrap().minor();
            prop_assert_eq!(i128::from(down), exact / scale);
        }

        #[test]
        fn no_text_panics(text in "[0-9.-]{0,45}|\\PC{0,20}") {
            let _ = Money::parse(&text, Currency::BRL);
        }
    }
}
