//! Rust files as the guards see them: their path in the repository, and their code without comments and strings.

use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_path_buf()
}

/// One Rust file.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// From the root of the repository, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// A file made up for a seeded violation.
    pub(crate) fn seeded(path: &str, text: &str) -> Self {
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// The crate's folder name: `http` for `crates/http/src/lib.rs`.
    pub(crate) fn krate(&self) -> &str {
        self.path
            .strip_prefix("crates/")
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default()
    }

    /// Whether the file belongs to the layer `layer` of a context: `crates/<context>/src/<layer>/…` or `<layer>.rs`.
    pub(crate) fn is_in_layer(&self, layer: &str) -> bool {
        let inside = format!("crates/{}/src/{layer}", self.krate());
        self.path.starts_with(&format!("{inside}/")) || self.path == format!("{inside}.rs")
    }

    /// Whether the file is compiled into the program, rather than into tests or measurements only.
    pub(crate) fn is_product(&self) -> bool {
        self.path.starts_with(&format!("crates/{}/src/", self.krate())) && self.krate() != "testkit"
    }

    /// The lines of [`code`], numbered from one.
    pub(crate) fn code_lines(&self) -> Vec<(usize, String)> {
        code(&self.text)
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.to_owned()))
            .collect()
    }
}

/// All Rust files under `crates/`.
pub(crate) fn sources() -> Vec<Source> {
    let root = repository();
    let mut files = Vec::new();
    collect(&root.join("crates"), &mut files);
    files.sort();
    assert!(
        files.len() > 20,
        "the guards found only {} files to look at",
        files.len()
    );
    files
        .into_iter()
        .map(|file| Source {
            text: fs::read_to_string(&file).unwrap(),
            path: file.strip_prefix(&root).unwrap().to_str().unwrap().replace('\\', "/"),
        })
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// `text` with comments and the insides of string and character literals blanked, line breaks kept: what is left is
/// what the compiler acts on.
pub(crate) fn code(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut kept = String::with_capacity(text.len());
    let mut index = 0;
    while index < characters.len() {
        let end = if at(index) == '/' && at(index + 1) == '/' {
            (index..characters.len())
                .find(|i| at(*i) == '\n')
                .unwrap_or(characters.len())
        } else if at(index) == '/' && at(index + 1) == '*' {
            end_of_block_comment(&at, index, characters.len())
        } else if let Some(hashes) = raw_string(&at, index) {
            end_of_raw_string(&at, index + 1 + hashes, hashes, characters.len())
        } else if at(index) == '"' {
            end_of_quoted(&at, index, '"', characters.len())
        } else if at(index) == '\'' && (at(index + 1) == '\\' || at(index + 2) == '\'') {
            // Not a lifetime: those have no closing quote.
            end_of_quoted(&at, index, '\'', characters.len())
        } else {
            kept.push(at(index));
            index += 1;
            continue;
        };
        kept.extend((index..end).map(|i| if at(i) == '\n' { '\n' } else { ' ' }));
        index = end;
    }
    kept
}

fn end_of_block_comment(at: &impl Fn(usize) -> char, start: usize, length: usize) -> usize {
    let mut depth = 0;
    let mut index = start;
    while index < length {
        if at(index) == '/' && at(index + 1) == '*' {
            depth += 1;
            index += 2;
        } else if at(index) == '*' && at(index + 1) == '/' {
            depth -= 1;
            index += 2;
            if depth == 0 {
                return index;
            }
        } else {
            index += 1;
        }
    }
    length
}

/// The number of `#` when a raw string starts here (`r"`, `r#"`, …).
fn raw_string(at: &impl Fn(usize) -> char, start: usize) -> Option<usize> {
    let before = start.checked_sub(1).map_or(' ', at);
    if at(start) != 'r' || ((before.is_alphanumeric() || before == '_') && before != 'b') {
        return None;
    }
    let hashes = (start + 1..).take_while(|index| at(*index) == '#').count();
    (at(start + 1 + hashes) == '"').then_some(hashes)
}

fn end_of_raw_string(at: &impl Fn(usize) -> char, quote: usize, hashes: usize, length: usize) -> usize {
    (quote + 1..length)
        .find(|index| at(*index) == '"' && (1..=hashes).all(|ahead| at(index + ahead) == '#'))
        .map_or(length, |index| index + 1 + hashes)
}

fn end_of_quoted(at: &impl Fn(usize) -> char, start: usize, quote: char, length: usize) -> usize {
    let mut index = start + 1;
    while index < length {
        match at(index) {
            '\\' => index += 2,
            found if found == quote => return index + 1,
            _ => index += 1,
        }
    }
    length
}

/// The identifiers of a line of code.
pub(crate) fn identifiers(line: &str) -> impl Iterator<Item = &str> {
    line.split(|character: char| !(character.is_alphanumeric() || character == '_'))
        .filter(|word| !word.is_empty())
}

#[test]
fn comments_and_strings_are_not_code() {
    let text = "let a = \"sql \\\" http\"; // axum\n/* db /* nested */ */ let b: &'static str = r#\"x\"y\"#; let c = '\"';\nlet d = 'q'; end";
    let words: Vec<String> = code(text).lines().flat_map(identifiers).map(str::to_owned).collect();
    assert_eq!(
        words,
        ["let", "a", "let", "b", "static", "str", "let", "c", "let", "d", "end"]
    );
}
