//! The cursor of a list, as it comes back in a query.
//!
//! What is given is taken for a cursor where it is text, and for the keys behind the head of a genuine one.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::cursor::{Cursor, CursorRequest};
use libfuzzer_sys::fuzz_target;

const LIST: &str = "organizations?sort=name";

fn present(text: &str) {
    let Ok(cursor) = Cursor::decode(text, LIST) else { return };
    assert_eq!(
        Cursor::decode(&cursor.encode(LIST), LIST).as_ref(),
        Ok(&cursor),
        "a place can be named again"
    );
    assert!(
        Cursor::decode(text, "users?sort=name").is_err(),
        "of another list it is none"
    );
    let request = CursorRequest::parse(Some(text), Some("100"), LIST).unwrap();
    assert_eq!(request.cursor(), Some(&cursor));
}

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        present(text);
    }
    let head = URL_SAFE_NO_PAD.decode(Cursor::new(Vec::new()).encode(LIST)).unwrap();
    present(&URL_SAFE_NO_PAD.encode([head.as_slice(), bytes].concat()));
});
