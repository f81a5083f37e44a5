//! A logo, PNG or SVG.
//!
//! What is served of an SVG must refer to nothing but itself, as browsers read it: they know fewer spaces than Unicode has, and one
//! quotation mark around a URL.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// Some of what runs, loads or leads somewhere.
const ACTIVE: [&str; 8] = [
    "script",
    "foreignObject",
    "image",
    "a",
    "animate",
    "set",
    "iframe",
    "feImage",
];

/// The text without the white space that CSS and HTML know.
fn trimmed(text: &str) -> &str {
    text.trim_start_matches([' ', '\t', '\n', '\r', '\x0c'])
}

fn inspect(served: &str) {
    assert!(
        served.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""),
        "{served}"
    );
    let again = settings::fuzzing::svg(served.as_bytes());
    assert_eq!(
        again.as_deref(),
        Some(served.as_bytes()),
        "twice is the same as once: {served}"
    );
    // No value has a quotation mark in it: every other piece is one, behind what it is the value of.
    let pieces: Vec<&str> = served.split('"').collect();
    for pair in pieces.chunks_exact(2).filter(|pair| pair[0].ends_with("href=")) {
        assert!(trimmed(pair[1]).starts_with('#'), "{served}");
    }
    // Values as a browser sees them, with their entities resolved.
    for value in served.split('"').skip(1).step_by(2) {
        let shown = value.replace("&quot;", "\"").to_ascii_lowercase();
        for (place, name) in shown.match_indices("url(") {
            let (_, target) = shown.split_at(place + name.len());
            let target = trimmed(target);
            let target = target.strip_prefix(['"', '\'']).unwrap_or(target);
            assert!(target.starts_with('#'), "{served}");
        }
    }
    for tag in served.split('<').skip(1).filter_map(|tag| tag.split('>').next()) {
        assert!(
            tag.starts_with(|first: char| first.is_ascii_alphabetic() || first == '/'),
            "{served}"
        );
        // Every other piece is in quotation marks, which no value has in it.
        let names: String = tag.split('"').step_by(2).collect();
        let mut names = names.split_ascii_whitespace();
        assert!(!ACTIVE.contains(&names.next().unwrap_or_default()), "{served}");
        assert!(names.all(|name| !name.starts_with("on")), "{served}");
    }
}

fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\x89PNG") {
        if let Some(served) = settings::fuzzing::png(bytes) {
            assert_eq!(served, bytes, "a PNG is kept as it is");
        }
    } else if let Some(served) = settings::fuzzing::svg(bytes) {
        inspect(str::from_utf8(&served).unwrap());
    }
});
