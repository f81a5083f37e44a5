//! What no client should send, on a real socket: each gets a clear refusal or a closed connection, never a 5xx, and nothing is
//! written.

use std::io;
use std::thread;
use std::time::Duration;

use crate::client::{Answer, Client, Connection, ORGANIZATIONS, organization};
use crate::installation::{Installation, Server};
use crate::rows::whole;
use crate::time::{SOON, Stopwatch};

/// The largest body, in bytes.
const LARGEST: usize = 1_024 * 1_024;

/// Sends bytes as they are, all of them, on a connection of their own, and only then reads one answer.
///
/// # Errors
/// When the server closes the connection before it has taken all, or without an answer.
fn say(server: &Server, bytes: &[u8]) -> io::Result<Answer> {
    let mut connection = Connection::open(server.address)?;
    connection.send(bytes)?;
    connection.answer()
}

/// A body of exactly so many bytes that is a valid creation but for the length of its name.
fn body_of(bytes: usize) -> Vec<u8> {
    let frame = r#"{"slug":"large","name":""}"#;
    frame
        .replace(r#""""#, &format!("\"{}\"", "a".repeat(bytes - frame.len())))
        .into_bytes()
}

/// A request in pieces, as a client sends it that does not know its length.
fn chunked(client: &Client, body: &[u8]) -> Vec<u8> {
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let mut request = client.text(&format!("POST {ORGANIZATIONS}"), &headers, b"");
    for piece in body.chunks(64 * 1_024) {
        request.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        request.extend_from_slice(piece);
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"0\r\n\r\n");
    request
}

/// Asserts that the server goes on as if nothing had been, and that nothing was written but the platform and the sample.
#[track_caller]
fn assert_unimpressed(lastro: &Installation, server: &Server) {
    server.operator().get(ORGANIZATIONS).assert_status(200);
    assert_eq!(
        whole(lastro.url()).into_keys().collect::<Vec<_>>(),
        ["padaria-modelo", "platform"]
    );
    let log = server.log();
    let failed: Vec<_> = log
        .lines()
        .filter(|line| line.contains("\"status\":5") || line.contains("panic"))
        .collect();
    assert!(failed.is_empty(), "{failed:?}");
}

on_both_engines! {
    fn a_body_that_is_none_is_refused_by_what_is_wrong_with_it(lastro: Installation) {
        let server = lastro.serve(&["--demo"]);
        let mut client = server.operator();
        let nested = [b"[".repeat(5_000), b"]".repeat(5_000)].concat();
        let deep = format!(r#"{{"name":{}1{},"slug":"deep"}}"#, r#"{"a":"#.repeat(5_000), "}".repeat(5_000)).into_bytes();
        let wrong_utf_8 = b"{\"name\":\"caf\xe9 do centro\",\"slug\":\"cafe\"}".to_vec();
        let overlong = b"{\"name\":\"a\xc0\x80b\",\"slug\":\"ab\"}".to_vec();
        let bodies: [(&str, Vec<u8>, &str); 15] = [
            ("5,000 arrays", nested, "VALIDATION_MALFORMED_JSON"),
            ("5,000 unclosed arrays", b"[".repeat(5_000), "VALIDATION_MALFORMED_JSON"),
            ("5,000 objects", deep, "VALIDATION_MALFORMED_JSON"),
            ("no UTF-8", wrong_utf_8, "VALIDATION_MALFORMED_JSON"),
            ("overlong UTF-8", overlong, "VALIDATION_MALFORMED_JSON"),
            ("half a surrogate", br#"{"name":"\ud800","slug":"half"}"#.to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("a byte order mark", b"\xef\xbb\xbf{\"name\":\"Mark\",\"slug\":\"mark\"}".to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("half an object", br#"{"name":"Half"#.to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("two objects", br#"{"name":"One","slug":"one"}{}"#.to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("a comma too many", br#"{"name":"One","slug":"one",}"#.to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("a huge number", br#"{"name":1e999999,"slug":"huge"}"#.to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("an escaped NUL", br#"{"name":"Zero\u0000Zero","slug":"zero"}"#.to_vec(), "VALIDATION_FAILED"),
            ("a raw NUL", b"{\"name\":\"Zero\0Zero\",\"slug\":\"zero\"}".to_vec(), "VALIDATION_MALFORMED_JSON"),
            ("wrong types", br#"{"name":{},"slug":[1]}"#.to_vec(), "VALIDATION_FAILED"),
            ("an array", b"[]".to_vec(), "VALIDATION_FAILED"),
        ];
        for (what, body, code) in bodies {
            let head = format!("POST {ORGANIZATIONS}");
            let answer = client.try_send(&head, &[("idempotency-key", "bad")], &body).expect("an answer");
            assert_eq!((answer.status, &*answer.code()), (400, code), "{what}: {}", answer.body);
            assert!(answer.body.len() < 10_000, "{what}: {} bytes of an answer", answer.body.len());
        }
        assert_unimpressed(&lastro, &server);
        server.stop();
    }

    fn a_place_or_a_question_that_is_none_is_refused(lastro: Installation) {
        let server = lastro.serve(&["--demo"]);
        let mut client = server.operator();
        for (path, status) in [
            ("/not-a-uuid", 404),
            ("/00000000-0000-0000-0000-000000000000", 404),
            ("/%00", 404),
            ("/%ff%fe", 404),
            ("/..%2f..%2fetc%2fpasswd", 404),
            ("?page=0", 400),
            ("?page=-1", 400),
            ("?page=1000000000000", 400),
            ("?page=99999999999999999999999999", 400),
            ("?page=1&page=2", 400),
            ("?limit=0", 400),
            ("?limit=101", 400),
            ("?limit=1e2", 400),
            ("?sort=secret", 400),
            ("?sort=-", 400),
            ("?sort=name;drop", 400),
            ("?cursor=forged", 400),
            ("?cursor=AAAAAAAA", 400),
            ("?color=blue", 400),
            ("?isActive=perhaps", 400),
            ("?document=11", 400),
            ("?q=%ff%fe", 400),
            ("?q=%00", 400),
            ("?q=%", 200),
            ("?q=%25_%5c%27--", 200),
            ("?page=10001&limit=99", 200),
        ] {
            let answer = client.get(&format!("{ORGANIZATIONS}{path}"));
            assert_eq!(answer.status, status, "{path}: {}", answer.body);
        }
        for (head, status) in [
            ("BREW /api/v1/organizations", 405),
            ("PUT /api/v1/organizations", 405),
            ("GET /api/v2/organizations", 404),
            ("GET //", 404),
            ("OPTIONS *", 404),
        ] {
            let answer = client.try_send(head, &[], b"").expect("an answer");
            assert_eq!(answer.status, status, "{head}: {}", answer.body);
        }
        assert_unimpressed(&lastro, &server);
        server.stop();
    }
}

#[test]
fn a_body_may_have_one_mebibyte_and_not_a_byte_more() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    let head = format!("POST {ORGANIZATIONS}");
    // It is read, and refused for the name in it.
    let fits = client.try_send(&head, &[], &body_of(LARGEST)).expect("an answer");
    assert_eq!((fits.status, &*fits.code()), (400, "VALIDATION_FAILED"));
    let fits = say(&server, &chunked(&client, &body_of(LARGEST))).expect("an answer");
    assert_eq!((fits.status, &*fits.code()), (400, "VALIDATION_FAILED"));
    for too_large in [
        client.text(&head, &[], &body_of(LARGEST + 1)),
        chunked(&client, &body_of(LARGEST + 1)),
        chunked(&client, &body_of(3 * LARGEST)),
    ] {
        let refused = say(&server, &too_large).expect("an answer");
        assert_eq!(
            (refused.status, &*refused.code()),
            (413, "VALIDATION_PAYLOAD_TOO_LARGE")
        );
    }
    // The length that is claimed is enough; nothing is read, and nothing is set aside for it.
    let headers = [
        ("content-type", "application/json"),
        ("content-length", "9223372036854775807"),
    ];
    let refused = say(&server, &client.text(&head, &headers, b"")).expect("an answer");
    assert_eq!(
        (refused.status, &*refused.code()),
        (413, "VALIDATION_PAYLOAD_TOO_LARGE")
    );
    // Who may not ask is told so first.
    let refused = say(&server, &server.visitor().text(&head, &[], &body_of(LARGEST + 1))).expect("an answer");
    assert_eq!((refused.status, &*refused.code()), (401, "AUTH_REQUIRED"));
    assert_unimpressed(&lastro, &server);
    server.stop();
}

#[test]
fn a_head_that_is_none_ends_its_connection_and_nothing_else() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&["--demo"]);
    let client = server.operator();
    let get = |headers: &[(&str, &str)]| client.text(&format!("GET {ORGANIZATIONS}"), headers, b"");
    let post = |headers: &[(&str, &str)], body: &str| {
        let mut text = client.text(&format!("POST {ORGANIZATIONS}"), headers, b"");
        text.extend_from_slice(body.as_bytes());
        text
    };
    let body = organization("smuggled");
    let length = body.len().to_string();
    let many: Vec<_> = (0..500).map(|number| (format!("x-{number}"), "1")).collect();
    let many: Vec<_> = many.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let long = "a".repeat(20_000);
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(70_000));
    let json = ("content-type", "application/json");
    let requests: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("a header of 20 kB", get(&[("x-long", &long)]), &[400, 431]),
        ("a header's name of 20 kB", get(&[(&long, "1")]), &[400, 431]),
        ("500 headers", get(&many), &[400, 431]),
        ("a path of 70 kB", path.into_bytes(), &[400, 414, 431]),
        (
            "a TLS greeting",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03hello\r\n\r\n".to_vec(),
            &[400],
        ),
        ("NULs", [0; 64].to_vec(), &[400]),
        ("a NUL in a header", get(&[("x-zero", "a\0b")]), &[400]),
        (
            "a raw byte in a path",
            b"GET /\xff HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
            &[400, 404],
        ),
        (
            "a space in a path",
            b"GET /a b HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(),
            &[400],
        ),
        (
            "a version of tomorrow",
            b"GET / HTTP/7.0\r\nhost: x\r\n\r\n".to_vec(),
            &[400, 505],
        ),
        (
            "a header without a colon",
            b"GET / HTTP/1.1\r\nhost x\r\n\r\n".to_vec(),
            &[400],
        ),
        (
            "two lengths",
            post(&[json, ("content-length", &length), ("content-length", "1")], &body),
            &[400],
        ),
        (
            "a negative length",
            post(&[json, ("content-length", "-1")], &body),
            &[400],
        ),
        (
            "a length that is none",
            post(&[json, ("content-length", "0x10")], &body),
            &[400],
        ),
        (
            "a length beyond all",
            post(&[json, ("content-length", &"9".repeat(40))], &body),
            &[400],
        ),
        (
            "a chunk's size that is none",
            post(&[json, ("transfer-encoding", "chunked")], "xyz\r\n{}\r\n0\r\n\r\n"),
            &[400],
        ),
        (
            "an unknown encoding",
            post(&[json, ("transfer-encoding", "rot13")], &body),
            &[400, 501],
        ),
        (
            "two credentials",
            get(&[("x-api-key", client.credential())]),
            &[400, 401],
        ),
        (
            "a credential twice",
            get(&[("authorization", "Bearer other")]),
            &[400, 401],
        ),
        (
            "a credential that is no text",
            get(&[("x-api-key", "\u{ff}\u{fe}")]),
            &[400, 401],
        ),
        (
            "a key of 256 characters",
            post(
                &[json, ("content-length", &length), ("idempotency-key", &"k".repeat(256))],
                &body,
            ),
            &[400],
        ),
        (
            "an empty key",
            post(&[json, ("content-length", &length), ("idempotency-key", "")], &body),
            &[400],
        ),
        (
            "no JSON",
            post(&[("content-type", "text/plain"), ("content-length", &length)], &body),
            &[415],
        ),
        ("no type", post(&[("content-length", &length)], &body), &[415]),
    ];
    for (what, request, expected) in requests {
        match say(&server, &request) {
            Ok(answer) => assert!(
                expected.contains(&answer.status),
                "{what}: {} {}",
                answer.status,
                answer.body
            ),
            Err(error) => panic!("{what}: {error}"),
        }
    }
    assert_unimpressed(&lastro, &server);
    server.stop();
}

#[test]
fn requests_sent_at_once_are_answered_in_their_order() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&["--demo"]);
    let client = server.operator();
    let mut connection = Connection::open(server.address).unwrap();
    let id = |number: usize| format!("request-{number}");
    let requests: Vec<u8> = (0..100)
        .flat_map(|number| {
            client.text(
                &format!("GET {ORGANIZATIONS}?limit=1"),
                &[("x-request-id", &id(number))],
                b"",
            )
        })
        .collect();
    connection.send(&requests).unwrap();
    for number in 0..100 {
        let answer = connection.answer().unwrap().assert_status(200);
        assert_eq!(answer.header("x-request-id"), Some(&*id(number)));
    }
    server.stop();
}

#[test]
fn clients_that_say_little_do_not_stop_others() {
    let lastro = Installation::on_sqlite();
    let server = lastro.serve(&["--demo"]);
    let mut client = server.operator();
    let mut idle: Vec<Connection> = (0..200).map(|_| Connection::open(server.address).unwrap()).collect();
    // A byte of a head now and then, and a body that is announced and does not come.
    let mut slow: Vec<Connection> = (0..50).map(|_| Connection::open(server.address).unwrap()).collect();
    let mut owing: Vec<Connection> = (0..50).map(|_| Connection::open(server.address).unwrap()).collect();
    let headers = [("content-type", "application/json"), ("content-length", "100")];
    let promise = client.text(&format!("POST {ORGANIZATIONS}"), &headers, b"");
    for connection in &mut owing {
        connection.send(&promise).unwrap();
    }
    let head = b"GET /health/live HTTP/1.1\r\nhost: x\r\nx-slow: ";
    let watch = Stopwatch::start();
    for byte in head {
        for connection in &mut slow {
            connection.send(&[*byte]).unwrap();
        }
        client.get(ORGANIZATIONS).assert_status(200);
        thread::sleep(Duration::from_millis(20));
    }
    assert!(watch.elapsed() < SOON, "44 requests took {:?}", watch.elapsed());
    client.create("beside-them").assert_status(201);
    // None was refused for being slow, which is no fault yet: each can still ask.
    for connection in &mut slow {
        connection.send(b"1\r\n\r\n").unwrap();
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    for connection in &mut idle {
        connection.send(&client.text("GET /health/live", &[], b"")).unwrap();
        assert_eq!(connection.answer().unwrap().status, 200);
    }
    drop(owing);
    server.stop();
    assert_eq!(whole(lastro.url()).len(), 3);
}
