//! The languages the server speaks.

use std::str::FromStr;

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

    /// The primary language subtag. Whoever asks for another variety of a language (`pt-PT`, `en-GB`) is served with ours.
    const fn language(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::PtBr => "pt",
        }
    }

    /// Chooses by an `Accept-Language` header (RFC 9110, section 12.5.4): the supported language with the highest quality value,
    /// among equals the one named first, and [`Locale::default`] when none is acceptable.
    /// What is malformed in the header is skipped, because a preference is no reason to refuse a request.
    ///
    /// ```
    /// use kernel::Locale;
    ///
    /// assert_eq!(Locale::negotiate("fr, pt;q=0.9, en;q=0.8"), Locale::PtBr);
    /// assert_eq!(Locale::negotiate("de"), Locale::En);
    /// ```
    #[must_use]
    pub fn negotiate(accept_language: &str) -> Self {
        let ranges: Vec<(&str, u16)> = accept_language.split(',').filter_map(parse_range).collect();
        let mut best = None;
        for locale in Self::ALL {
            // The most specific range speaks for a language: `*` only where no other names it.
            let named = ranges.iter().position(|(range, _)| locale.matches(range));
            let Some(position) = named.or_else(|| ranges.iter().position(|(range, _)| *range == "*")) else {
                continue;
            };
            let quality = ranges
                .iter()
                .filter(|(range, _)| locale.matches(range))
                .map(|(_, quality)| *quality)
                .max();
            let quality = quality
                .or_else(|| ranges.get(position).map(|(_, quality)| *quality))
                .unwrap_or(0);
            let rank = (quality, std::cmp::Reverse(position));
            if quality > 0 && best.is_none_or(|(known, _)| rank > known) {
                best = Some((rank, locale));
            }
        }
        best.map_or_else(Self::default, |(_, locale)| locale)
    }

    fn matches(self, range: &str) -> bool {
        range
            .split('-')
            .next()
            .is_some_and(|language| language.eq_ignore_ascii_case(self.language()))
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
