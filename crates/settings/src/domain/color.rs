//! Colours, and whether one can be read upon another.

use kernel::{Rule, RuleViolation};

/// A colour as `#RRGGBB`, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Color {
    text: String,
    red: u8,
    green: u8,
    blue: u8,
}

impl Color {
    /// How it is written.
    pub(crate) const PATTERN: &str = "^#[0-9A-Fa-f]{6}$";
    pub(crate) const WHITE: &str = "#FFFFFF";
    pub(crate) const BLACK: &str = "#000000";

    /// Checks a colour.
    ///
    /// # Errors
    /// [`Rule::InvalidFormat`].
    pub(crate) fn new(raw: &str) -> Result<Self, RuleViolation> {
        Self::parse(raw).ok_or_else(|| {
            let expected = "#RRGGBB";
            RuleViolation::new("color", Rule::InvalidFormat { expected })
        })
    }

    fn parse(raw: &str) -> Option<Self> {
        let digits = raw.strip_prefix('#').filter(|digits| digits.len() == 6)?;
        // `from_str_radix` would read a sign.
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let [_, red, green, blue] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self {
            text: raw.to_owned(),
            red,
            green,
            blue,
        })
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The relative luminance, from 0 (black) to 1 (white) (WCAG 2.2).
    fn luminance(&self) -> f64 {
        let linear = |channel: u8| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.red) + 0.7152 * linear(self.green) + 0.0722 * linear(self.blue)
    }

    /// Whether text of this colour can be read on a background of the given luminance: a contrast of at least 4.5 to 1 (WCAG 2.2,
    /// success criterion 1.4.3).
    fn is_readable_on(&self, background: f64) -> bool {
        const LEAST: f64 = 4.5;
        contrast(self.luminance(), background) >= LEAST
    }

    /// Whether it can be read on the white of a light theme.
    pub(crate) fn is_readable_on_light(&self) -> bool {
        self.is_readable_on(1.0)
    }

    /// Whether it can be read on the near-black (`#121212`) of a dark theme.
    pub(crate) fn is_readable_on_dark(&self) -> bool {
        let near_black = 0x12;
        let background = Self {
            text: String::new(),
            red: near_black,
            green: near_black,
            blue: near_black,
        };
        self.is_readable_on(background.luminance())
    }

    /// White or black: whichever can be read better on this colour.
    pub(crate) fn readable_upon(&self) -> &'static str {
        let own = self.luminance();
        if contrast(own, 1.0) >= contrast(own, 0.0) {
            Self::WHITE
        } else {
            Self::BLACK
        }
    }
}

/// The contrast of two luminances, from 1 to 21 (WCAG 2.2).
fn contrast(one: f64, other: f64) -> f64 {
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(raw: &str) -> Color {
        Color::new(raw).unwrap()
    }

    #[test]
    fn a_colour_is_six_digits() {
        assert_eq!(color("#1a2B3c").as_str(), "#1a2B3c");
        for raw in [
            "",
            "#",
            "#fff",
            "1a2b3c",
            "#1a2b3",
            "#1a2b3c4d",
            "#1a2b3g",
            "#+12345",
            "#ÃÃÃ",
            "red",
            " #1a2b3c",
        ] {
            assert!(Color::new(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        let ratio = |one: &str, other: &str| contrast(color(one).luminance(), color(other).luminance());
        assert!((ratio("#000000", "#ffffff") - 21.0).abs() < 0.001);
        assert!((ratio("#777777", "#ffffff") - 4.478).abs() < 0.001);
        assert!((ratio("#767676", "#ffffff") - 4.542).abs() < 0.001);
        assert!((ratio("#ff0000", "#ffffff") - 3.998).abs() < 0.001);
    }

    #[test]
    fn what_can_be_read_depends_on_the_theme() {
        for (raw, light, dark, upon) in [
            ("#000000", true, false, "#FFFFFF"),
            ("#FFFFFF", false, true, "#000000"),
            ("#FFEB3B", false, true, "#000000"),
            ("#0B3D91", true, false, "#FFFFFF"),
            ("#767676", true, false, "#000000"),
            ("#777777", false, false, "#000000"),
        ] {
            let color = color(raw);
            assert_eq!(
                (
                    color.is_readable_on_light(),
                    color.is_readable_on_dark(),
                    color.readable_upon()
                ),
                (light, dark, upon),
                "{raw}"
            );
        }
    }
}
