//! Customers from a file: CSV with a header, or NDJSON.

use std::collections::{HashMap, HashSet};

use contracts::organization::NewOrganization;
use secrecy::SecretString;
use serde::Deserialize;

use super::{Administrator, Coming, Customer};

/// The columns of the CSV, which are also the fields of a line of NDJSON.
const COLUMNS: [&str; 7] = [
    "name",
    "slug",
    "document",
    "packageCode",
    "adminName",
    "adminEmail",
    "adminPasswordHash",
];

/// A customer and the line that asks for it.
#[derive(Debug, Clone)]
pub struct Line {
    /// The number of the line, from 1.
    pub number: usize,
    /// The customer.
    pub customer: Customer,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct FileProblem {
    /// The number of the line, from 1.
    pub line: usize,
    /// What is wrong, for a person.
    pub problem: String,
}

impl FileProblem {
    fn new(line: usize, problem: impl Into<String>) -> Self {
        Self {
            line,
            problem: problem.into(),
        }
    }
}

/// A line of NDJSON.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Written {
    name: String,
    slug: String,
    document: Option<String>,
    package_code: String,
    admin_name: String,
    admin_email: String,
    admin_password_hash: Option<String>,
}

impl From<Written> for Customer {
    fn from(written: Written) -> Self {
        let given = |text: Option<String>| text.filter(|text| !text.trim().is_empty());
        Self {
            organization: NewOrganization {
                name: written.name,
                slug: written.slug,
                document: given(written.document),
            },
            package_code: written.package_code,
            administrator: Administrator {
                name: written.admin_name,
                email: written.admin_email,
                coming: match given(written.admin_password_hash) {
                    Some(hash) => Coming::Hash(SecretString::from(hash)),
                    None => Coming::Invited,
                },
            },
        }
    }
}

/// Reads the customers of a file. A file whose first character is a brace is NDJSON, every other one CSV as RFC 4180 has it, with
/// the header `name,slug,document,packageCode,adminName,adminEmail,adminPasswordHash` in whatever order.
///
/// # Errors
/// Every line that cannot be read, and every slug and document that is there twice.
pub fn read(text: &str) -> Result<Vec<Line>, Vec<FileProblem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let read = if text.trim_start().starts_with('{') {
        read_ndjson(text)
    } else {
        read_csv(text)
    };
    let (mut lines, mut problems) = (Vec::new(), Vec::new());
    for result in read {
        match result {
            Ok(line) => lines.push(line),
            Err(problem) => problems.push(problem),
        }
    }
    let mut seen = HashSet::new();
    for Line { number, customer } in &lines {
        let organization = &customer.organization;
        // As it is stored: bare, in capitals.
        let document = organization.document.as_deref().map(|document| {
            let bare = document.chars().filter(char::is_ascii_alphanumeric);
            bare.collect::<String>().to_ascii_uppercase()
        });
        for (what, value) in [("slug", Some(organization.slug.clone())), ("document", document)] {
            if let Some(value) = value
                && !seen.insert((what, value.clone()))
            {
                problems.push(FileProblem::new(
                    *number,
                    format!("the {what} {value} is in the file twice"),
                ));
            }
        }
    }
    if problems.is_empty() {
        Ok(lines)
    } else {
        problems.sort_by_key(|problem| problem.line);
        Err(problems)
    }
}

fn read_ndjson(text: &str) -> Vec<Result<Line, FileProblem>> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty());
    lines
        .map(|(line, number)| match serde_json::from_str::<Written>(line) {
            Ok(written) => Ok(Line {
                number,
                customer: written.into(),
            }),
            Err(error) => Err(FileProblem::new(number, error.to_string())),
        })
        .collect()
}

fn read_csv(text: &str) -> Vec<Result<Line, FileProblem>> {
    let mut records = match records(text) {
        Ok(records) => records.into_iter(),
        Err(problem) => return vec![Err(problem)],
    };
    let Some((number, header)) = records.next() else {
        return vec![Err(FileProblem::new(1, "the file is empty"))];
    };
    let mut places = HashMap::new();
    for (place, column) in header.iter().enumerate() {
        let column = column.trim();
        if !COLUMNS.contains(&column) {
            let problem = format!("there is no column {column}; the columns are {}", COLUMNS.join(","));
            return vec![Err(FileProblem::new(number, problem))];
        }
        places.insert(column.to_owned(), place);
    }
    let width = header.len();
    records
        .filter(|(_, record)| record.iter().any(|field| !field.trim().is_empty()))
        .map(|(number, record)| {
            if record.len() != width {
                let problem = format!("{} fields, where the header has {width}", record.len());
                return Err(FileProblem::new(number, problem));
            }
            let field = |column: &str| places.get(column).and_then(|place| record.get(*place)).cloned();
            let needed = |column: &str| {
                let found = field(column).filter(|text| !text.trim().is_empty());
                found.ok_or_else(|| FileProblem::new(number, format!("{column} is missing")))
            };
            let written = Written {
                name: needed("name")?,
                slug: needed("slug")?,
                document: field("document"),
                package_code: needed("packageCode")?,
                admin_name: needed("adminName")?,
                admin_email: needed("adminEmail")?,
                admin_password_hash: field("adminPasswordHash"),
            };
            Ok(Line {
                number,
                customer: written.into(),
            })
        })
        .collect()
}

/// The records of a CSV text with the number of the line that each begins on. A quoted field may hold commas, line breaks, and
/// quotation marks written twice.
fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, FileProblem> {
    let mut records = Vec::new();
    let (mut record, mut field) = (Vec::new(), String::new());
    let (mut line, mut began, mut quoted) = (1, 1, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        line += usize::from(character == '\n');
        match character {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' if quoted => {
                quoted = false;
                if !matches!(characters.peek(), None | Some(',' | '\r' | '\n')) {
                    return Err(FileProblem::new(
                        began,
                        "a quoted field goes on after its quotation mark",
                    ));
                }
            }
            '"' if field.is_empty() => quoted = true,
            ',' if !quoted => record.push(std::mem::take(&mut field)),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                record.push(std::mem::take(&mut field));
                records.push((began, std::mem::take(&mut record)));
                began = line;
            }
            other => field.push(other),
        }
    }
    if quoted {
        return Err(FileProblem::new(began, "a quoted field does not end"));
    }
    if !field.is_empty() || !record.is_empty() {
        record.push(field);
        records.push((began, record));
    }
    Ok(records)
}
