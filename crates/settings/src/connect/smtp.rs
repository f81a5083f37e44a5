//! SMTP: greets, encrypts, logs in, and says goodbye (RFC 5321, RFC 3207, RFC 4954).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use outbound::Dialer;
use secrecy::ExposeSecret as _;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use zeroize::Zeroizing;

use super::Outcome;
use crate::domain::{Connection, Secrets};

/// Bytes of a line, at most; the standard has 512.
const LINE: u64 = 2_048;
/// Lines of a reply, at most.
const LINES: usize = 100;

pub(super) async fn test(dialer: &Dialer, connection: &Connection, secrets: &Secrets) -> Result<(), Outcome> {
    let (host, port) = (connection.text("host"), connection.port("port"));
    let login = Login::of(connection, secrets);
    match connection.text("tls") {
        "implicit" => {
            let mut session = Session::new(dialer.tls(host, port).await?);
            session.greeting().await?;
            let abilities = session.hello().await?;
            session.finish(&abilities, login).await
        }
        "starttls" => {
            let mut session = Session::new(dialer.tcp(host, port).await?);
            session.greeting().await?;
            let abilities = session.hello().await?;
            if !abilities.has("STARTTLS") {
                return Err(Outcome::TlsFailed);
            }
            session.command("STARTTLS", 220).await?;
            let mut session = Session::new(dialer.secure(host, session.into_bare()?).await?);
            let abilities = session.hello().await?;
            session.finish(&abilities, login).await
        }
        // Where plain connections are refused, the configuration was too; and nothing secret is told without encryption there.
        _ if dialer.rules().require_https => Err(Outcome::AddressRefused),
        _ => {
            let mut session = Session::new(dialer.tcp(host, port).await?);
            session.greeting().await?;
            let abilities = session.hello().await?;
            session.finish(&abilities, login).await
        }
    }
}

/// Who logs in.
#[derive(Clone, Copy)]
struct Login<'a> {
    user: &'a str,
    password: &'a str,
}

impl<'a> Login<'a> {
    fn of(connection: &'a Connection, secrets: &'a Secrets) -> Option<Self> {
        let user = Some(connection.text("username")).filter(|user| !user.is_empty())?;
        let password = secrets.get("password")?.expose_secret();
        Some(Self { user, password })
    }
}

/// What a server says it can do.
struct Abilities(Vec<String>);

impl Abilities {
    fn has(&self, keyword: &str) -> bool {
        self.0.iter().any(|line| {
            let first = line.split_ascii_whitespace().next().unwrap_or_default();
            first.eq_ignore_ascii_case(keyword)
        })
    }

    fn takes(&self, mechanism: &str) -> bool {
        self.0.iter().any(|line| {
            let mut words = line.split_ascii_whitespace();
            words.next().is_some_and(|word| word.eq_ignore_ascii_case("AUTH"))
                && words.any(|word| word.eq_ignore_ascii_case(mechanism))
        })
    }
}

struct Session<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Session<S> {
    fn new(stream: S) -> Self {
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// The stream itself. What arrived in the clear before encryption began is not believed after it: an attacker could have put
    /// it there.
    fn into_bare(self) -> Result<S, Outcome> {
        if self.stream.buffer().is_empty() {
            Ok(self.stream.into_inner())
        } else {
            Err(Outcome::Unexpected)
        }
    }

    async fn greeting(&mut self) -> Result<(), Outcome> {
        match self.reply().await? {
            (220, _) => Ok(()),
            _ => Err(Outcome::Unexpected),
        }
    }

    async fn hello(&mut self) -> Result<Abilities, Outcome> {
        let (_, lines) = self.command("EHLO lastro.invalid", 250).await?;
        Ok(Abilities(lines))
    }

    /// Logs in, if there is somebody to log in, and says goodbye.
    async fn finish(&mut self, abilities: &Abilities, login: Option<Login<'_>>) -> Result<(), Outcome> {
        if let Some(login) = login {
            self.log_in(abilities, login).await?;
        }
        // It works, however the goodbye goes.
        let _best_effort = self.command("QUIT", 221).await;
        Ok(())
    }

    async fn log_in(&mut self, abilities: &Abilities, login: Login<'_>) -> Result<(), Outcome> {
        let secret = |text: &str| Zeroizing::new(STANDARD.encode(text));
        let outcome = if abilities.takes("PLAIN") {
            let plain = Zeroizing::new(format!("\0{}\0{}", login.user, login.password));
            let line = Zeroizing::new(format!("AUTH PLAIN {}", secret(&plain).as_str()));
            self.command(&line, 235).await
        } else if abilities.takes("LOGIN") {
            self.command("AUTH LOGIN", 334).await?;
            self.command(&secret(login.user), 334).await?;
            self.command(&secret(login.password), 235).await
        } else {
            return Err(Outcome::AuthenticationFailed);
        };
        outcome.map(|_| ())
    }

    /// Sends a line, and reads a reply that must have this code.
    async fn command(&mut self, line: &str, expected: u16) -> Result<(u16, Vec<String>), Outcome> {
        let whole = Zeroizing::new(format!("{line}\r\n"));
        let stream = self.stream.get_mut();
        let sent = async {
            stream.write_all(whole.as_bytes()).await?;
            stream.flush().await
        };
        sent.await.map_err(|_| Outcome::Unexpected)?;
        match self.reply().await? {
            reply @ (code, _) if code == expected => Ok(reply),
            (530 | 534 | 535 | 538, _) => Err(Outcome::AuthenticationFailed),
            _ => Err(Outcome::Unexpected),
        }
    }

    /// A reply: its code, and the text of its lines.
    async fn reply(&mut self) -> Result<(u16, Vec<String>), Outcome> {
        let mut lines = Vec::new();
        while lines.len() < LINES {
            let mut line = Vec::new();
            let mut bounded = (&mut self.stream).take(LINE);
            bounded
                .read_until(b'\n', &mut line)
                .await
                .map_err(|_| Outcome::Unexpected)?;
            let text = line.strip_suffix(b"\r\n").or_else(|| line.strip_suffix(b"\n"));
            let text = text
                .and_then(|text| std::str::from_utf8(text).ok())
                .ok_or(Outcome::Unexpected)?;
            let (code, rest) = text.split_at_checked(3).ok_or(Outcome::Unexpected)?;
            let code = code.parse().map_err(|_| Outcome::Unexpected)?;
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok((code, lines));
            }
        }
        Err(Outcome::Unexpected)
    }
}
