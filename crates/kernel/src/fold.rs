//! The form of a text that ignores case and accents.

use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The form in which a text is searched, sorted and compared without regard to case and accents: Unicode NFKD, marks
/// removed, lower case. It is stored beside the text in a companion column, because `lower()` and `ILIKE` mean
/// something else on each engine and in each locale of a database.
///
/// The result depends on nothing but the text and is stable: folding twice changes nothing. It is for comparing only;
/// vowel signs of some scripts are marks as well and are lost.
///
/// ```
/// use kernel::fold;
///
/// assert_eq!(fold("São João"), "sao joao");
/// assert_eq!(fold("STRASSE"), fold("Straße"));
/// ```
#[must_use]
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkd()
        .filter(|character| !is_combining_mark(*character))
        // Down, up and down again, so that the several lower-case forms of one letter meet: ß and ss, ς and σ.
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_and_accents_are_ignored() {
        for (text, folded) in [
            ("", ""),
            ("Acme Ltda.", "acme ltda."),
            ("Petróleo Brasileiro S.A.", "petroleo brasileiro s.a."),
            ("COMUNICAÇÃO", "comunicacao"),
            ("e\u{301}", "e"),
            ("ＦＵＬＬ ｗｉｄｔｈ", "full width"),
            ("ﬁnança", "financa"),
            ("İstanbul", "istanbul"),
            ("ΟΔΟΣ ὁδός", "οδοσ οδοσ"),
            ("Łódź", "łodz"),
            ("日本", "日本"),
        ] {
            assert_eq!(fold(text), folded, "{text}");
        }
    }

    /// The planes that hold every letter with two cases.
    const CASED: std::ops::RangeInclusive<char> = '\0'..='\u{1ffff}';

    #[test]
    fn folding_each_character_twice_changes_nothing() {
        for character in CASED {
            let once = fold(&character.to_string());
            assert_eq!(fold(&once), once, "U+{:04X}", u32::from(character));
        }
    }

    #[test]
    fn both_cases_of_each_character_fold_alike() {
        for character in CASED {
            // The iota under a Greek vowel is a mark, but in capitals a letter beside it: no rule for marks joins the
            // two.
            if character.nfkd().all(|part| part != '\u{345}') {
                let upper = character.to_uppercase().to_string();
                assert_eq!(
                    fold(&upper),
                    fold(&character.to_string()),
                    "U+{:04X}",
                    u32::from(character)
                );
            }
        }
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn composed_and_decomposed_texts_fold_alike(text in "\\PC{0,40}") {
            let composed: String = text.nfc().collect();
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(fold(&composed), fold(&decomposed));
        }
    }
}
