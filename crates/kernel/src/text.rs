//! Text that came from outside.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::Deserializer;
use serde::de::{Error, Visitor};
use unicode_normalization::UnicodeNormalization as _;
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory as _};

use crate::{Rule, RuleViolation};

/// Makes a single line of text fit to be stored: Unicode NFC, without white space at its ends, `min..=max` characters
/// (Unicode scalar values), no control character and none that nobody sees. Joiners stay where they shape letters or emoji.
///
/// # Errors
/// [`Rule::ControlCharacter`], [`Rule::TooShort`] or [`Rule::TooLong`] on `field`.
pub fn checked_text(
    field: impl Into<Cow<'static, str>>,
    raw: &str,
    min: usize,
    max: usize,
) -> Result<String, RuleViolation> {
    checked(raw, min, max, |_| false).map_err(|rule| RuleViolation::new(field, rule))
}

/// As [`checked_text`], for text of several lines: line feeds and tabs are kept, and `\r\n` becomes `\n`.
///
/// # Errors
/// As [`checked_text`].
pub fn checked_lines(
    field: impl Into<Cow<'static, str>>,
    raw: &str,
    min: usize,
    max: usize,
) -> Result<String, RuleViolation> {
    let unix = raw.replace("\r\n", "\n");
    checked(&unix, min, max, |character| matches!(character, '\n' | '\t'))
        .map_err(|rule| RuleViolation::new(field, rule))
}

fn checked(raw: &str, min: usize, max: usize, keep: impl Fn(char) -> bool) -> Result<String, Rule> {
    let raw = raw.trim();
    // ASCII is composed already, and of its characters only the controls are unseen.
    let (text, length) = if raw.is_ascii() {
        if raw
            .chars()
            .any(|character| character.is_ascii_control() && !keep(character))
        {
            return Err(Rule::ControlCharacter);
        }
        (raw.to_owned(), raw.len())
    } else {
        composed(raw, keep)?
    };
    if length < min {
        return Err(Rule::TooShort { min });
    }
    if length > max {
        return Err(Rule::TooLong { max });
    }
    Ok(text)
}

/// The text in Unicode NFC, and its number of characters.
fn composed(raw: &str, keep: impl Fn(char) -> bool) -> Result<(String, usize), Rule> {
    let text: String = raw.nfc().collect();
    if text.chars().any(|character| is_unseen(character) && !keep(character)) || has_idle_joiner(&text) {
        return Err(Rule::ControlCharacter);
    }
    let length = text.chars().count();
    Ok((text, length))
}

/// What nobody sees, in the categories of Unicode: control characters, line and paragraph separators, and format characters, among
/// them the marks that turn the direction of what follows, spaces without width and tags; and the letters that are blank (the
/// fillers of Hangul, the joiner of graphemes, the Braille pattern without dots). With any of them two names that differ look alike,
/// or one reads differently from what it is, in an audit trail too.
fn is_unseen(character: char) -> bool {
    let is_blank = matches!(
        character,
        '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{2800}' | '\u{3164}' | '\u{ffa0}'
    );
    is_blank
        || match character.general_category() {
            GeneralCategory::Control | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => true,
            GeneralCategory::Format => !is_joiner(character),
            _ => false,
        }
}

/// The joiner without width and the non-joiner: format characters that Persian, the scripts of India and emoji are not written without.
const fn is_joiner(character: char) -> bool {
    matches!(character, '\u{200c}' | '\u{200d}')
}

/// Whether a joiner stands where it shapes nothing, so that nobody sees it: at an end, beside another one, or between characters of
/// scripts that know none, which are all those before Arabic in the order of Unicode.
fn has_idle_joiner(text: &str) -> bool {
    let is_shaped = |neighbour: Option<char>| neighbour.is_some_and(|it| it >= '\u{600}' && !is_joiner(it));
    text.char_indices().any(|(place, character)| {
        let (before, after) = (text.get(..place), text.get(place + character.len_utf8()..));
        is_joiner(character)
            && !(is_shaped(before.and_then(|before| before.chars().next_back()))
                && is_shaped(after.and_then(|after| after.chars().next())))
    })
}

/// Deserializes, from a borrowed or an owned string, what [`FromStr`] reads.
///
/// # Errors
/// The deserializer's, with the message of `T`'s own error when the text is refused.
pub fn deserialize_from_str<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr<Err: fmt::Display>,
    D: Deserializer<'de>,
{
    struct FromText<T>(PhantomData<T>);

    impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for FromText<T> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            text.parse().map_err(E::custom)
        }
    }

    deserializer.deserialize_str(FromText(PhantomData))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rule(outcome: Result<String, RuleViolation>) -> Rule {
        outcome.unwrap_err().rule
    }

    #[test]
    fn text_is_trimmed_and_composed() {
        assert_eq!(
            checked_text("name", " \tAcme  Ltda.\u{a0}\n", 2, 120),
            Ok("Acme  Ltda.".to_owned())
        );
        assert_eq!(
            checked_text("name", "Sa\u{303}o", 2, 3),
            Ok("São".to_owned()),
            "counted after composing"
        );
        assert_eq!(checked_text("name", "", 0, 3), Ok(String::new()));
        assert_eq!(
            checked_text("name", "👩‍👩‍👧", 1, 5).unwrap().chars().count(),
            5,
            "joined emoji are text"
        );
    }

    #[test]
    fn length_is_counted_in_characters() {
        assert_eq!(checked_text("name", "çãé", 3, 3), Ok("çãé".to_owned()));
        assert_eq!(rule(checked_text("name", "çã", 3, 3)), Rule::TooShort { min: 3 });
        assert_eq!(rule(checked_text("name", "çãéî", 3, 3)), Rule::TooLong { max: 3 });
        assert_eq!(rule(checked_text("name", "   ", 1, 3)), Rule::TooShort { min: 1 });
    }

    #[test]
    fn characters_that_are_no_text_are_refused() {
        for character in [
            '\0',
            '\u{1}',
            '\t',
            '\n',
            '\r',
            '\u{7f}',
            '\u{85}',
            '\u{2028}',
            '\u{202e}',
            '\u{2067}',
            '\u{ad}',
            '\u{34f}',
            '\u{61c}',
            '\u{180e}',
            '\u{200b}',
            '\u{200e}',
            '\u{2060}',
            '\u{2800}',
            '\u{3164}',
            '\u{feff}',
            '\u{fffb}',
            '\u{e0041}',
        ] {
            let raw = format!("a{character}b");
            assert_eq!(
                rule(checked_text("name", &raw, 1, 9)),
                Rule::ControlCharacter,
                "{character:?}"
            );
        }
    }

    #[test]
    fn ascii_is_judged_as_all_text_is() {
        for character in '\0'..='\u{7f}' {
            let raw = format!("a{character}b");
            for keep in [|_| false, |character| character == '\n'] {
                let slowly = composed(&raw, keep).map(|(text, _)| text);
                assert_eq!(checked(&raw, 1, 9, keep), slowly, "{character:?}");
            }
        }
    }

    #[test]
    fn joiners_are_text_where_they_shape_it_and_refused_where_nobody_sees_them() {
        for name in ["می\u{200c}خواهم", "क\u{94d}\u{200d}ष", "❤\u{fe0f}\u{200d}🔥"] {
            assert_eq!(checked_text("name", name, 1, 20), Ok(name.to_owned()), "{name:?}");
        }
        for raw in [
            "Ana\u{200d}Souza",
            "Ana\u{200c}",
            "\u{200d}",
            "ã\u{200d}ã",
            "می\u{200c}",
            "👩\u{200d}\u{200d}👧",
            "👩\u{200d} ",
        ] {
            assert_eq!(
                rule(checked_text("name", raw, 1, 20)),
                Rule::ControlCharacter,
                "{raw:?}"
            );
        }
    }

    #[test]
    fn several_lines_may_have_line_feeds_and_tabs() {
        assert_eq!(
            checked_lines("note", "one\r\ntwo\n\tthree\r\n", 1, 20),
            Ok("one\ntwo\n\tthree".to_owned())
        );
        for raw in ["a\rb", "a\0b", "a\u{202e}b", "a\u{b}b"] {
            assert_eq!(
                rule(checked_lines("note", raw, 1, 20)),
                Rule::ControlCharacter,
                "{raw:?}"
            );
        }
        assert_eq!(checked_lines("note", "", 1, 20).unwrap_err().field, "note");
    }

    proptest! {
        #[test]
        fn accepted_text_is_stable(raw in "\\PC{0,20}|(?s:.{0,20})") {
            if let Ok(text) = checked_text("name", &raw, 0, 20) {
                prop_assert!(text.chars().count() <= 20);
                prop_assert!(!text.contains(char::is_control));
                prop_assert_eq!(checked_text("name", &text, 0, 20), Ok(text));
            }
        }
    }
}
