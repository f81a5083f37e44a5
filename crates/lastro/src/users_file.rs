//! Users from a file: CSV with a header, or NDJSON, each with the hash of a password that another system kept.

use std::collections::HashMap;
use std::io::BufRead as _;

use identity::domain::Email;
use identity::operator::ImportedUser;
use serde::Deserialize;

/// The columns of the CSV, which are also the fields of a line of NDJSON.
const COLUMNS: [&str; 3] = ["name", "email", "passwordHash"];

/// A line, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    name: String,
    email: String,
    password_hash: String,
}

/// What a file held: people, with the numbers of their lines, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct UsersFile {
    /// The people, each with the number of its line, from 1.
    pub people: Vec<(u64, ImportedUser)>,
    /// What is wrong, each with the number of its line.
    pub problems: Vec<(u64, String)>,
}

/// Reads every line, and goes on after bad ones. A file whose first character is a brace is NDJSON, every other one CSV with the
/// header `name,email,passwordHash` in whatever order.
///
/// # Errors
/// When nothing of the file can be read: it has another header, or is no text.
pub fn read(source: &[u8]) -> anyhow::Result<UsersFile> {
    // A line of JSON begins with a brace, and no CSV with these columns does.
    let is_json = source.trim_ascii_start().starts_with(b"{");
    let mut file = UsersFile::default();
    if is_json {
        for (number, line) in (1..).zip(source.lines()) {
            let line = line?;
            if !line.trim().is_empty() {
                file.take(number, serde_json::from_str(&line).map_err(|error| error.to_string()));
            }
        }
    } else {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(source);
        let mut columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        columns.sort();
        let mut wanted = COLUMNS.map(str::to_owned);
        wanted.sort();
        if columns != wanted {
            anyhow::bail!("the first line names the columns {}", COLUMNS.join(","));
        }
        let headers = reader.headers()?.clone();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let number = record.position().map_or(0, |position| line_of(source, position));
                    let line = record.deserialize(Some(&headers));
                    file.take(number, line.map_err(|error| error.to_string()));
                }
                Err(error) => {
                    let number = error.position().map_or(0, |position| line_of(source, position));
                    file.problems.push((number, error.to_string()));
                }
            }
        }
    }
    file.refuse_repeated();
    Ok(file)
}

/// The line that a record stands on: its position is where the one before ended, and there may be blank lines between the two.
fn line_of(source: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = source.get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

impl UsersFile {
    fn take(&mut self, number: u64, line: Result<Line, String>) {
        match line {
            Ok(line) => match ImportedUser::new(&line.name, &line.email, &line.password_hash) {
                Ok(person) => self.people.push((number, person)),
                Err(problems) => self
                    .problems
                    .extend(problems.into_iter().map(|problem| (number, problem))),
            },
            Err(problem) => self.problems.push((number, problem)),
        }
    }

    fn refuse_repeated(&mut self) {
        let mut first = HashMap::<Email, u64>::with_capacity(self.people.len());
        for (number, person) in &self.people {
            if let Some(before) = first.get(person.email()) {
                self.problems
                    .push((*number, format!("email: the same as on line {before}")));
            } else {
                first.insert(person.email().clone(), *number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=32,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn of(text: &str) -> (Vec<u64>, Vec<(u64, String)>) {
        let mut file = read(text.as_bytes()).unwrap();
        file.problems.sort();
        (file.people.iter().map(|(line, _)| *line).collect(), file.problems)
    }

    #[test]
    fn both_forms_are_read_with_the_numbers_of_their_lines() {
        let csv = format!(
            "email,name,passwordHash\nana@example.com,\"Souza, Ana\",\"{HASH}\"\n\nrui@example.com,Rui Lima,\"{HASH}\"\n"
        );
        assert_eq!(of(&csv), (vec![2, 4], Vec::new()));
        let json =
            |email: &str| serde_json::json!({ "name": "Ana Souza", "email": email, "passwordHash": HASH }).to_string();
        let lines = format!("{}\n\n{}\n", json("ana@example.com"), json("rui@example.com"));
        assert_eq!(of(&lines), (vec![1, 3], Vec::new()));
    }

    #[test]
    fn every_bad_line_is_named_with_all_that_is_wrong() {
        let csv = format!(
            "name,email,passwordHash\nA,ana,nothing\nAna Souza,ana@example.com,\"{HASH}\"\nAna Lima,ANA@example.com,\"{HASH}\"\n\
             Rui,rui@example.com\nEva Reis,eva@example.com,\"$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc\"\n"
        );
        let (people, problems) = of(&csv);
        assert_eq!(people, [3, 4]);
        let lines: Vec<u64> = problems.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 2, 2, 4, 5, 6]);
        let texts: Vec<&str> = problems.iter().map(|(_, text)| text.as_str()).collect();
        assert!(
            texts[..3]
                .iter()
                .any(|text| text.starts_with("passwordHash: not a password hash")),
            "{texts:?}"
        );
        assert_eq!(texts[3], "email: the same as on line 3");
        assert!(texts[5].contains("m=65536"), "{texts:?}");
    }

    #[test]
    fn other_columns_are_refused() {
        assert!(read(b"name,email\nAna,ana@example.com\n").is_err());
        assert!(read(b"").is_err());
        let (_, problems) = of(r#"{"name":"Ana","email":"ana@example.com","role":"x"}"#);
        assert!(problems[0].1.contains("unknown field"), "{problems:?}");
    }
}
