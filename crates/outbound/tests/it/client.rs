//! What becomes of answers.

use std::time::Duration;

use outbound::{Answer, Client, Dialer, Rules, SendError, header};

use crate::server::Server;

fn client() -> Client {
    Client::new(Dialer::new(Rules {
        allow_private: true,
        require_https: false,
    }))
}

async fn sent(client: &Client, server: &Server) -> Result<Answer, SendError> {
    let url = format!("http://127.0.0.1:{}/hook", server.port).parse().unwrap();
    client.send(client.post(url, "{}").within(Duration::from_secs(5))).await
}

#[tokio::test]
async fn an_answer_is_its_status_its_headers_and_its_body() {
    let server = Server::answering("HTTP/1.1 429 Slow Down\r\nretry-after: 7\r\ncontent-length: 5\r\n\r\nlater").await;
    let answer = sent(&client(), &server).await.unwrap();
    assert_eq!(answer.status.as_u16(), 429);
    assert_eq!(answer.headers[header::RETRY_AFTER], "7");
    assert_eq!(&answer.body[..], b"later");
    assert!(!answer.is_truncated);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    let redirect = format!(
        "HTTP/1.1 301 Moved\r\nlocation: http://127.0.0.1:{}/\r\ncontent-length: 0\r\n\r\n",
        elsewhere.port
    );
    let server = Server::answering(redirect).await;
    assert_eq!(sent(&client(), &server).await.unwrap().status.as_u16(), 301);
    assert_eq!(elsewhere.connections(), 0);
}

#[tokio::test]
async fn connections_are_used_again() {
    let server = Server::answering("HTTP/1.1 204 No Content\r\n\r\n").await;
    let client = client();
    for _ in 0..20 {
        sent(&client, &server).await.unwrap();
    }
    assert_eq!((server.connections(), server.requests()), (1, 20));
}

#[tokio::test]
async fn of_a_long_body_only_the_beginning_is_read() {
    let long = format!(
        "HTTP/1.1 500 Oh\r\ncontent-length: 1000000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let server = Server::answering(long).await;
    let answer = sent(&client(), &server).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_truncated), (4_096, true));

    let exact = format!("HTTP/1.1 200 OK\r\ncontent-length: 4096\r\n\r\n{}", "x".repeat(4_096));
    let server = Server::answering(exact).await;
    let answer = sent(&client(), &server).await.unwrap();
    assert_eq!((answer.body.len(), answer.is_truncated), (4_096, false));
}

#[tokio::test]
async fn who_never_answers_is_not_waited_for() {
    let silent = Server::answering("").await;
    let client = client();
    let url = format!("http://127.0.0.1:{}/", silent.port).parse().unwrap();
    let request = client.post(url, "{}").within(Duration::from_secs(2));
    assert_eq!(client.send(request).await.unwrap_err(), SendError::Timeout);
    assert_eq!(silent.requests(), 1);
    // Nor is a body that does not end.
    let trickling = Server::answering("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx").await;
    let url = format!("http://127.0.0.1:{}/", trickling.port).parse().unwrap();
    let request = client.get(url).within(Duration::from_millis(200));
    assert_eq!(client.send(request).await.unwrap_err(), SendError::Timeout);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    let server = Server::answering("SSH-2.0-OpenSSH_9.9\r\n").await;
    assert_eq!(sent(&client(), &server).await.unwrap_err(), SendError::Broken);
}
