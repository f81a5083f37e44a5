//! A reference interpreter of the SQL that predicates are written in: it reads the text, as an engine does, and follows the
//! three-valued logic of the standard.

use std::iter::Peekable;
use std::slice::Iter;

use kernel::FieldValue;

use crate::conditions::differential::{COLUMNS, NARROW, Row};
use crate::conditions::{Column, ColumnKind, Dialect, Predicate};

/// Of each row, whether the predicate is true, false, or NULL (`None`).
pub(super) fn ask(predicate: &Predicate, dialect: Dialect, rows: &[Row]) -> Vec<Option<bool>> {
    // As in a list of an organization: $1 is taken.
    const FIRST: usize = 2;
    let text = predicate.text(dialect, FIRST);
    let words = words(&text);
    rows.iter()
        .map(|row| {
            let mut reader = Reader {
                words: words.iter().peekable(),
                values: predicate.values(),
                first: FIRST,
                dialect,
                row,
                placeholders: 0,
            };
            let answer = reader.disjunction();
            assert_eq!(reader.words.next(), None, "nothing follows: {text}");
            assert_eq!(
                reader.placeholders,
                predicate.values().len(),
                "every value is bound once: {text}"
            );
            answer
        })
        .collect()
}

fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut glue = false;
    for character in text.chars() {
        let part_of_word = character.is_ascii_alphanumeric() || matches!(character, '_' | '.' | '$' | '"');
        let part_of_sign = matches!(character, '<' | '>' | '=');
        let fits = words.last().is_some_and(|word: &String| {
            let sign = word.starts_with(['<', '>', '=']);
            (part_of_word && !sign && !word.starts_with(['(', ')', ','])) || (part_of_sign && sign)
        });
        match words.last_mut() {
            _ if character == ' ' => {}
            Some(word) if glue && fits => word.push(character),
            _ => words.push(character.to_string()),
        }
        glue = character != ' ';
    }
    words
}

struct Reader<'a> {
    words: Peekable<Iter<'a, String>>,
    values: &'a [FieldValue],
    first: usize,
    dialect: Dialect,
    row: &'a Row,
    placeholders: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> &'a str {
        self.words.next().expect("the text goes on")
    }

    fn expect(&mut self, word: &str) {
        assert_eq!(self.next(), word);
    }

    fn skip(&mut self, word: &str) -> bool {
        self.words.next_if(|next| *next == word).is_some()
    }

    fn disjunction(&mut self) -> Option<bool> {
        let mut answer = self.conjunction();
        while self.skip("OR") {
            let other = self.conjunction();
            answer = match (answer, other) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        answer
    }

    fn conjunction(&mut self) -> Option<bool> {
        let mut answer = self.term();
        while self.skip("AND") {
            let other = self.term();
            answer = match (answer, other) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        answer
    }

    fn term(&mut self) -> Option<bool> {
        if self.skip("(") {
            let answer = self.disjunction();
            self.expect(")");
            return answer;
        }
        let word = self.next();
        if word == "1" {
            self.expect("=");
            return Some(self.next() == "1");
        }
        let number = COLUMNS.iter().position(|column| column.column == word);
        let number = number.unwrap_or_else(|| panic!("{word} is no column"));
        let column = COLUMNS[number];
        let found = self.row.0[number].as_ref();
        if self.skip("IS") {
            let negated = self.skip("NOT");
            self.expect("NULL");
            return Some(found.is_none() != negated);
        }
        let negated = self.skip("NOT");
        if self.skip("IN") {
            self.expect("(");
            let mut answer = Some(false);
            loop {
                let value = self.value(column, number);
                answer = match (answer, found.map(|found| found == value)) {
                    (Some(true), _) | (_, Some(true)) => Some(true),
                    (None, _) | (_, None) => None,
                    (Some(false), Some(false)) => Some(false),
                };
                if self.skip(")") {
                    return answer.map(|answer| answer != negated);
                }
                self.expect(",");
            }
        }
        let mut by_code_point = self.dialect == Dialect::Sqlite;
        if self.skip("COLLATE") {
            assert_eq!(self.dialect, Dialect::Postgres, "SQLite knows no collation \"C\"");
            self.expect("\"C\"");
            by_code_point = true;
        }
        let sign = self.next();
        let value = self.value(column, number);
        let found = found?;
        if sign == "=" || sign == "<>" {
            return Some((found == value) == (sign == "="));
        }
        let ordering = match (found, value) {
            (FieldValue::Integer(found), FieldValue::Integer(value)) => found.cmp(value),
            (FieldValue::Time(found), FieldValue::Time(value)) => found.cmp(value),
            (FieldValue::Text(found), FieldValue::Text(value)) if by_code_point => found.cmp(value),
            // Some locale, which puts capitals beside their small letters.
            (FieldValue::Text(found), FieldValue::Text(value)) => found.to_lowercase().cmp(&value.to_lowercase()),
            _ => panic!("{column:?} has no order"),
        };
        Some(match sign {
            "<" => ordering.is_lt(),
            "<=" => ordering.is_le(),
            ">" => ordering.is_gt(),
            ">=" => ordering.is_ge(),
            other => panic!("{other} is no comparison"),
        })
    }

    /// A placeholder's value. An engine is strict about its type: it takes it from the column beside.
    fn value(&mut self, column: Column, number: usize) -> &'a FieldValue {
        let mut word = self.next();
        let wide = word == "CAST";
        if wide {
            self.expect("(");
            word = self.next();
            self.expect("AS");
            self.expect("BIGINT");
            self.expect(")");
        }
        let place: usize = word.strip_prefix('$').expect("a placeholder").parse().unwrap();
        let value = &self.values[place - self.first];
        self.placeholders += 1;
        assert_eq!(place - self.first, self.placeholders - 1, "placeholders in their order");
        match (column.kind, value) {
            (ColumnKind::Bool, FieldValue::Bool(_))
            | (ColumnKind::Text, FieldValue::Text(_))
            | (ColumnKind::Time, FieldValue::Time(_))
            | (ColumnKind::Id, FieldValue::Id(_)) => {}
            (ColumnKind::Integer, FieldValue::Integer(value)) => {
                assert!(
                    wide || number != NARROW || i32::try_from(*value).is_ok(),
                    "integer out of range"
                );
            }
            (kind, value) => panic!("{value:?} bound beside {kind:?}"),
        }
        value
    }
}

#[test]
fn the_interpreter_knows_the_third_value() {
    let row = Row(vec![None; COLUMNS.len()]);
    let ask = |text: &'static str| {
        let words = words(text);
        let mut reader = Reader {
            words: words.iter().peekable(),
            values: &[FieldValue::Integer(1)],
            first: 1,
            dialect: Dialect::Postgres,
            row: &row,
            placeholders: 0,
        };
        reader.disjunction()
    };
    assert_eq!(ask("amount = $1"), None);
    assert_eq!(ask("amount NOT IN ($1)"), None);
    assert_eq!(ask("(amount > $1 AND 1 = 0)"), Some(false));
    assert_eq!(ask("(1 = 1 AND amount > $1)"), None);
    assert_eq!(ask("amount > $1 OR 1 = 1"), Some(true));
    assert_eq!(ask("(amount > $1 OR 1 = 0)"), None);
    assert_eq!(ask("amount IS NULL"), Some(true));
    assert_eq!(ask("amount IS NOT NULL"), Some(false));
}
