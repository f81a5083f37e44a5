//! The languages the server speaks.

use std::cmp::Reverse;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::deserialize_from_str;

/// A language of messages. English unless somebody asks for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Brazilian Portuguese.
    PtBr,
}

/// A tag that is not one of [`Locale::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a supported locale: en or pt-BR")]
pub struct UnknownLocale;

impl Locale {
    /// Every language, the default first.
    pub const ALL: [Self; 2] = [Self::En, Self::PtBr];

    /// The BCP 47 tag: `en`, `pt-BR`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::PtBr => "pt-BR",
        }
    }

    /// The primary language subtag. Whoever asks for another variety of a language (`pt-PT`, `en-GB`) is served with
    /// ours.
    const fn language(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::PtBr => "pt",
        }
    }

    /// Chooses by an `Accept-Language` header (RFC 9110, section 12.5.4): the supported language with the highest
    /// quality value, among equals the one named first, and [`Locale::default`] when none is acceptable. Ranges are
    /// looked up as in RFC 4647, section 3.4. What is malformed in the header is skipped, because a preference is no
    /// reason to refuse a request.
    ///
    /// ```
    /// use kernel::Locale;
    ///
    /// assert_eq!(Locale::negotiate("fr, pt;q=0.9, en;q=0.8"), Locale::PtBr);
    /// assert_eq!(Locale::negotiate("de"), Locale::En);
    /// ```
    #[must_use]
    pub fn negotiate(accept_language: &str) -> Self {
        let mut ranges: Vec<(&str, u16)> = accept_language.split(',').filter_map(parse_range).collect();
        // A stable sort: among equals the one named first stays first.
        ranges.sort_by_key(|(_, quality)| Reverse(*quality));
        let is_refused = |locale: &Self| {
            ranges
                .iter()
                .any(|(range, quality)| *quality == 0 && locale.is_named_by(range))
        };
        ranges
            .iter()
            .filter(|(_, quality)| *quality > 0)
            .find_map(|(range, _)| {
                let mut locales = Self::ALL.into_iter().filter(|locale| !is_refused(locale));
                locales.find(|locale| *range == "*" || locale.speaks(range))
            })
            .unwrap_or_default()
    }

    /// Whether the range asks for this language, in whatever variety.
    fn speaks(self, range: &str) -> bool {
        range
            .split('-')
            .next()
            .is_some_and(|language| language.eq_ignore_ascii_case(self.language()))
    }

    /// Whether the range means this language or variety itself, and not a sister of it.
    fn is_named_by(self, range: &str) -> bool {
        range.eq_ignore_ascii_case(self.language()) || range.eq_ignore_ascii_case(self.as_str())
    }
}

/// One element of the header: a language range and its quality in thousandths.
fn parse_range(element: &str) -> Option<(&str, u16)> {
    let mut parts = element.split(';').map(str::trim);
    let range = parts.next().filter(|range| !range.is_empty())?;
    let quality = match parts.next() {
        None => 1_000,
        Some(parameter) => parse_quality(parameter)?,
    };
    Some((range, quality))
}

/// `q=0`, `q=0.5`, `q=1.000`: at most three decimals, from 0 to 1.
fn parse_quality(parameter: &str) -> Option<u16> {
    let value = parameter.strip_prefix("q=").or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, decimals) = value.split_once('.').unwrap_or((value, ""));
    if !matches!(whole, "0" | "1") || decimals.len() > 3 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{whole}{decimals:0<3}").parse().ok()?;
    (thousandths <= 1_000).then_some(thousandths)
}

impl FromStr for Locale {
    type Err = UnknownLocale;

    fn from_str(tag: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|locale| locale.as_str() == tag)
            .ok_or(UnknownLocale)
    }
}

impl fmt::Display for Locale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Locale {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Locale {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserialize_from_str(deserializer)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_most_wanted_language_is_chosen() {
        for (header, locale) in [
            ("", Locale::En),
            ("en", Locale::En),
            ("pt-BR", Locale::PtBr),
            ("PT-br", Locale::PtBr),
            ("pt", Locale::PtBr),
            ("pt-PT", Locale::PtBr),
            ("en-GB", Locale::En),
            ("pt-BR,pt;q=0.9,en-US;q=0.8,en;q=0.7", Locale::PtBr),
            ("en-US,en;q=0.9,pt-BR;q=0.8", Locale::En),
            ("en-US, pt-BR;q=0.95, en;q=0.5", Locale::En),
            ("en;q=0.5, pt;q=0.501", Locale::PtBr),
            ("pt, en", Locale::PtBr),
            ("en, pt", Locale::En),
            ("fr, de;q=0.9", Locale::En),
            ("fr, pt;q=0.1", Locale::PtBr),
            ("*", Locale::En),
            ("pt;q=0.5, *;q=0.1", Locale::PtBr),
            ("en;q=0, *", Locale::PtBr),
            ("pt-BR;q=0, pt-PT;q=0, *;q=0.1", Locale::En),
            ("pt;q=0", Locale::En),
            ("pt-PT;q=0, pt", Locale::PtBr),
        ] {
            assert_eq!(Locale::negotiate(header), locale, "{header}");
        }
    }

    #[test]
    fn what_is_malformed_is_skipped() {
        for header in [
            "pt;q=2",
            "pt;q=1.001",
            "pt;q=0.1234",
            "pt;q=.5",
            "pt;q=-1",
            "pt;q=a",
            "pt;level=1",
            ";q=1",
            ",,;,",
            "ptx",
        ] {
            assert_eq!(Locale::negotiate(header), Locale::En, "{header}");
        }
        assert_eq!(Locale::negotiate("pt;q=x, ,pt-BR ; Q=0.3"), Locale::PtBr);
    }

    #[test]
    fn a_tag_is_read_and_written() {
        for locale in Locale::ALL {
            assert_eq!(locale.to_string().parse(), Ok(locale));
            let json = serde_json::to_string(&locale).unwrap();
            assert_eq!(serde_json::from_str::<Locale>(&json).unwrap(), locale);
        }
        assert_eq!("pt-br".parse::<Locale>(), Err(UnknownLocale));
        assert_eq!(UnknownLocale.to_string(), "not a supported locale: en or pt-BR");
    }

    proptest! {
        #[test]
        fn no_header_panics(header in "\\PC{0,60}") {
            let _ = Locale::negotiate(&header);
        }
    }
}
