//! The server on a real socket.

use std::time::Duration;

use http::HttpConfig;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::world::World;

struct Running {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    _world: World,
}

async fn start() -> Running {
    start_with(HttpConfig::default()).await
}

async fn start_with(config: HttpConfig) -> Running {
    let world = World::with(config).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let server = tokio::spawn(http::serve(listener, world.edge.clone(), async move {
        stopped.await.unwrap();
    }));
    Running {
        address,
        stop,
        server,
        _world: world,
    }
}

impl Running {
    /// Sends what it is given and reads until the server closes or has answered.
    async fn say(&self, request: &[u8]) -> String {
        say(self.address, request).await
    }
}

async fn say(address: std::net::SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn it_answers_over_a_socket_and_knows_the_peer() {
    let running = start().await;
    let answer = running
        .say(b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nConnection: close\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\"ip\":\"127.0.0.1\""), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_a_clients_fault() {
    let running = start().await;
    let head = format!(
        "GET /health/live HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n",
        "a".repeat(20_000)
    );
    let answer = running.say(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    let head = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000));
    let answer = running.say(head.as_bytes()).await;
    assert!(
        answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 431 "),
        "{answer}"
    );
}

#[tokio::test]
async fn what_is_no_http_is_400() {
    let running = start().await;
    let answer = running.say(b"\x16\x03\x01 hello\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
}

#[tokio::test]
async fn a_large_body_is_refused_without_being_read() {
    let running = start().await;
    let head = "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nContent-Type: application/json\r\n\
                Content-Length: 1048577\r\n\r\n";
    let answer = running.say(head.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("VALIDATION_PAYLOAD_TOO_LARGE"), "{answer}");
}

#[tokio::test]
async fn a_client_that_sends_everything_before_it_listens_is_told_what_is_wrong() {
    let running = start().await;
    // Nobody who may not ask has a body read, and nobody a body that is too large: the rest is taken from them all the same.
    for (credential, status) in [("user", "413"), ("nobody", "401")] {
        for length in [1_048_577, 5_000_000] {
            let head = format!(
                "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {credential}\r\n\
                 Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
            );
            let mut stream = TcpStream::connect(running.address).await.unwrap();
            stream.write_all(head.as_bytes()).await.unwrap();
            for piece in vec![b'a'; length].chunks(100_000) {
                stream.write_all(piece).await.expect("the whole body is taken");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let last = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
            stream.write_all(last).await.expect("the connection can be used again");
            let mut answers = String::new();
            stream.read_to_string(&mut answers).await.unwrap();
            assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{answers}");
            assert!(answers.contains("HTTP/1.1 200 OK"), "{answers}");
        }
    }
}

#[tokio::test]
async fn a_body_without_end_is_not_taken_for_ever() {
    let running = start().await;
    let head = "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nContent-Type: application/json\r\n\
                Content-Length: 9000000000\r\n\r\n";
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let piece = vec![b'a'; 1_000_000];
    let taken = async {
        let mut taken = 0;
        while stream.write_all(&piece).await.is_ok() {
            taken += 1;
        }
        taken
    };
    let taken = tokio::time::timeout(Duration::from_secs(30), taken)
        .await
        .expect("an end");
    // What is on its way counts too.
    assert!(taken < 40, "{taken} MB were taken");
}

#[tokio::test]
async fn what_runs_is_finished_before_it_ends() {
    let running = start().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let body = r#"{"title":"Fine"}"#;
    let head = format!(
        "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The handler waits for the body while the server is asked to end.
    tokio::time::sleep(Duration::from_millis(50)).await;
    running.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(TcpStream::connect(running.address).await.is_err(), "it still accepts");
    assert!(!running.server.is_finished());
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 201 "));
    running.server.await.unwrap();
}

#[tokio::test]
async fn told_to_stop_it_says_that_it_is_not_ready_and_answers_on_for_a_while() {
    let running = start_with(HttpConfig {
        stop_grace: Duration::from_secs(2),
        ..HttpConfig::default()
    })
    .await;
    let mut kept = TcpStream::connect(running.address).await.unwrap();
    let live = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
    kept.write_all(live).await.unwrap();
    let mut first = vec![0; 1_024];
    let length = kept.read(&mut first).await.unwrap();
    let first = String::from_utf8_lossy(&first[..length]).into_owned();
    assert!(
        first.starts_with("HTTP/1.1 200 ") && !first.contains("connection: close"),
        "{first}"
    );

    running.stop.send(()).unwrap();
    let ready = b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let unready = loop {
        let answer = say(running.address, ready).await;
        if !answer.starts_with("HTTP/1.1 200 ") {
            break answer;
        }
    };
    assert!(
        unready.starts_with("HTTP/1.1 503 ") && unready.contains(r#""server":"stopping""#),
        "{unready}"
    );
    // Who comes all the same is answered, and whoever kept a connection is told to end it.
    kept.write_all(live).await.unwrap();
    let mut last = String::new();
    kept.read_to_string(&mut last).await.unwrap();
    assert!(
        last.starts_with("HTTP/1.1 200 ") && last.contains("connection: close"),
        "{last}"
    );
    let new = say(running.address, live).await;
    assert!(
        new.starts_with("HTTP/1.1 200 ") && new.contains("connection: close"),
        "{new}"
    );
    running.server.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "it still accepts");
}

/// What clients send that have not asked anything yet: nothing, a part of a head, and the beginning of what HTTP/2 begins with.
const SILENT: [&[u8]; 3] = [b"", b"GET /health/live HTTP/1.1\r\nHost: x\r\nX-", b"PRI * HT"];

#[tokio::test]
async fn a_client_that_does_not_come_to_the_point_is_left() {
    let running = start_with(HttpConfig {
        idle_timeout: Duration::from_millis(200),
        ..HttpConfig::default()
    })
    .await;
    let whole = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n".as_slice();
    let second = [whole, b"GET /health"].concat();
    for request in SILENT.into_iter().chain([whole, &second]) {
        let answer = tokio::time::timeout(Duration::from_secs(10), running.say(request));
        let answer = answer.await.expect("the server closes the connection");
        assert!(!answer.contains(" 5"), "{answer}");
    }
    // Nor does it help to send a byte now and then.
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let trickled = async {
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), trickled)
        .await
        .expect("the server closes the connection");
}

#[tokio::test]
async fn a_connection_without_requests_does_not_delay_the_end() {
    let running = start().await;
    let mut silent = Vec::new();
    for request in SILENT {
        let mut stream = TcpStream::connect(running.address).await.unwrap();
        stream.write_all(request).await.unwrap();
        silent.push(stream);
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    running.stop.send(()).unwrap();
    tokio::time::timeout(Duration::from_secs(5), running.server)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn one_client_cannot_take_every_connection() {
    let running = start_with(HttpConfig {
        max_connections_per_address: 2,
        ..HttpConfig::default()
    })
    .await;
    let ask = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let first = TcpStream::connect(running.address).await.unwrap();
    let second = TcpStream::connect(running.address).await.unwrap();
    let mut third = TcpStream::connect(running.address).await.unwrap();
    let mut answer = Vec::new();
    // The end, or a reset where something had been sent.
    let end = tokio::time::timeout(Duration::from_secs(10), third.read_to_end(&mut answer)).await;
    assert!(end.is_ok() && answer.is_empty(), "it is closed without a word");
    drop((first, second));
    // Its places are free again as soon as the server has seen that it left.
    for _ in 0..200 {
        let mut next = TcpStream::connect(running.address).await.unwrap();
        let mut answer = Vec::new();
        if next.write_all(ask).await.is_ok() && next.read_to_end(&mut answer).await.is_ok() && !answer.is_empty() {
            assert!(answer.starts_with(b"HTTP/1.1 200 OK"));
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("its places were not free again");
}
