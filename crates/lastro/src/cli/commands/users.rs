//! `lastro users`.

use std::collections::HashMap;
use std::io::BufRead as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use http::App;
use identity::domain::Email;
use identity::operator::{self, ImportedUser};
use kernel::OrganizationId;
use serde::Deserialize;

use super::super::args::UsersCommand;
use super::super::failure::Failure;
use super::super::session::{Session, Talk};
use super::super::{installation, output, progress};

pub(super) fn run(file: Option<PathBuf>, command: &UsersCommand) -> Result<(), Failure> {
    let session = Session::begin(file, Talk::Trouble)?;
    session.runtime.block_on(async {
        let app = installation::open(&session).await?;
        match command {
            UsersCommand::Import { file, organization } => import(&app, file, organization).await,
        }
    })?;
    Ok(())
}

/// A line of the file, as it is written.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Line {
    name: String,
    email: String,
    password_hash: String,
}

/// What a file held: people, with the numbers of their lines, and what is wrong with the others.
#[derive(Default)]
struct Read {
    people: Vec<(u64, ImportedUser)>,
    problems: Vec<(u64, String)>,
}

async fn import(app: &App, file: &Path, slug: &str) -> anyhow::Result<()> {
    let organization = installation::organization(app, slug).await?;
    let named = || file.display().to_string();
    let mut read = read(file).with_context(named)?;
    refuse_repeated(&mut read);
    refuse_taken(app, organization.id, &mut read).await?;
    if !read.problems.is_empty() {
        read.problems.sort();
        let lines = read
            .problems
            .iter()
            .map(|(line, problem)| format!("\n  line {line}: {problem}"));
        anyhow::bail!("nobody was imported from {}:{}", named(), lines.collect::<String>());
    }
    let count = read.people.len();
    let bar = Arc::new(progress::bar(count as u64, "importing users"));
    let people = read.people.into_iter().map(|(_, person)| person).collect();
    let advance = Arc::clone(&bar);
    operator::import_users(app.ports(), organization.id, people, move || advance.inc(1)).await?;
    bar.finish_and_clear();
    output::answer(&format!("{count} users of {slug} were imported.\n"))?;
    Ok(())
}

/// Reads every line, and goes on after bad ones.
fn read(file: &Path) -> anyhow::Result<Read> {
    let source = std::fs::read(file)?;
    // A line of JSON begins with a brace, and no CSV with these columns does.
    let is_json = source.trim_ascii_start().starts_with(b"{");
    let mut read = Read::default();
    if is_json {
        for (number, line) in (1..).zip(source.as_slice().lines()) {
            let line = line?;
            if !line.trim().is_empty() {
                read.take(number, serde_json::from_str(&line).map_err(|error| error.to_string()));
            }
        }
    } else {
        let mut reader = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(source.as_slice());
        let expected = ["name", "email", "passwordHash"];
        let mut columns: Vec<String> = reader.headers()?.iter().map(str::to_owned).collect();
        columns.sort();
        let mut wanted = expected.map(str::to_owned);
        wanted.sort();
        if columns != wanted {
            anyhow::bail!("the first line names the columns {}", expected.join(","));
        }
        let headers = reader.headers()?.clone();
        for record in reader.records() {
            match record {
                Ok(record) => {
                    let number = record.position().map_or(0, |position| line_of(&source, position));
                    let line = record.deserialize(Some(&headers));
                    read.take(number, line.map_err(|error| error.to_string()));
                }
                Err(error) => {
                    let number = error.position().map_or(0, |position| line_of(&source, position));
                    read.problems.push((number, error.to_string()));
                }
            }
        }
    }
    Ok(read)
}

/// The line that a record stands on: its position is where the one before ended, and there may be blank lines between the two.
fn line_of(source: &[u8], position: &csv::Position) -> u64 {
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = source.get(start..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|byte| **byte == b'\n').count() as u64
}

impl Read {
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
}

fn refuse_repeated(read: &mut Read) {
    let mut first = HashMap::<Email, u64>::with_capacity(read.people.len());
    for (number, person) in &read.people {
        if let Some(before) = first.get(person.email()) {
            read.problems
                .push((*number, format!("email: the same as on line {before}")));
        } else {
            first.insert(person.email().clone(), *number);
        }
    }
}

async fn refuse_taken(app: &App, organization: OrganizationId, read: &mut Read) -> anyhow::Result<()> {
    for (number, person) in &read.people {
        let taken = operator::user_with_address(app.ports(), organization, person.email()).await?;
        if taken.is_some() {
            read.problems
                .push((*number, "email: the address of a user already".to_owned()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "$argon2id$v=19$m=32,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";

    fn file(text: &str) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn of(text: &str) -> (Vec<u64>, Vec<(u64, String)>) {
        let mut read = read(file(text).path()).unwrap();
        refuse_repeated(&mut read);
        read.problems.sort();
        (read.people.iter().map(|(line, _)| *line).collect(), read.problems)
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
        assert!(read(file("name,email\nAna,ana@example.com\n").path()).is_err());
        assert!(read(file("").path()).is_err());
        let (_, problems) = of(r#"{"name":"Ana","email":"ana@example.com","role":"x"}"#);
        assert!(problems[0].1.contains("unknown field"), "{problems:?}");
    }
}
