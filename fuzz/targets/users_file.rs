//! A file of users, CSV or NDJSON, as `lastro users import` takes it.
#![no_main]

use lastro::users_file;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|source: &[u8]| {
    let Ok(file) = users_file::read(source) else { return };
    let lines = 1 + source.iter().filter(|byte| **byte == b'\n').count() as u64;
    let people = file.people.iter().map(|(line, _)| *line);
    assert!(people.clone().is_sorted(), "people come in the order of their lines");
    let problems = file.problems.iter().map(|(line, _)| *line);
    for line in people.chain(problems) {
        assert!((1..=lines).contains(&line), "line {line} of {lines}");
    }
});
