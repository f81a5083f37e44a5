//! A mail as mail servers read it (RFC 5322), from whom it is, and to whom.

use std::time::{Duration, SystemTime};

use contracts::mail::{NotSent, OutgoingMail};
use kernel::Timestamp;
use lettre::Address;
use lettre::Message;
use lettre::message::header::{ContentTransferEncoding, ContentType};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

/// The installation's own address.
#[derive(Debug, Clone)]
pub(super) struct Sender(Address);

/// The sender's address is none.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("{0} is no address to send mail from")]
pub(super) struct InvalidSender(&'static str);

impl Sender {
    /// `noreply@` a host.
    pub(super) fn of_host(host: &str) -> Result<Self, InvalidSender> {
        Address::new("noreply", host)
            .map(Self)
            .map_err(|_| InvalidSender("noreply@ the host of LASTRO_BASE_URL"))
    }

    /// The parameter `from` of the server's URL; else its user name, if that is an address; else `noreply@host`.
    pub(super) fn of_url(url: &url::Url, host: &str) -> Result<Self, InvalidSender> {
        if let Some((_, from)) = url.query_pairs().find(|(name, _)| name == "from") {
            return from
                .parse()
                .map(Self)
                .map_err(|_| InvalidSender("the parameter `from` of LASTRO_SMTP_URL"));
        }
        let user = url.username().replace("%40", "@");
        user.parse().map(Self).or_else(|_| Self::of_host(host))
    }
}

/// The host of a URL, as a domain that mail can come from.
pub(super) fn host_of(base_url: &str) -> String {
    url::Url::parse(base_url)
        .ok()
        .and_then(|url| url.domain().map(str::to_owned))
        .unwrap_or_else(|| "localhost".to_owned())
}

/// How the parts of a mail are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    /// In seven bits, as every server takes it.
    Portable,
    /// As they are, for people to read in a file.
    Readable,
}

/// The mail as it goes over the wire.
///
/// # Errors
/// [`NotSent::Unsendable`]: an address that mail servers do not take.
pub(super) fn message(
    mail: &OutgoingMail,
    sender: &Sender,
    now: Timestamp,
    encoding: Encoding,
) -> Result<Message, NotSent> {
    let unsendable = |what: &str| NotSent::Unsendable(what.to_owned());
    let address = |text: &str| {
        text.parse::<Address>()
            .map_err(|_| unsendable("an address that cannot be written"))
    };
    let name = |text: &str| Some(one_line(text)).filter(|name| !name.is_empty());
    let to = Mailbox::new(mail.to_name.as_deref().and_then(name), address(&mail.to)?);
    let from = Mailbox::new(name(&mail.from_name), sender.0.clone());
    let mut builder = Message::builder()
        .from(from)
        .to(to)
        .subject(one_line(&mail.subject))
        .date(system_time(now))
        .message_id(Some(format!("<{}@{}>", mail.id, sender.0.domain())));
    // An address for answers that cannot be written is no reason to keep the mail back.
    if let Some(reply_to) = mail.reply_to.as_deref().and_then(|text| text.parse::<Address>().ok()) {
        builder = builder.reply_to(Mailbox::new(None, reply_to));
    }
    let parts = MultiPart::alternative()
        // Nothing in our parts begins like this: text lines are never of the mail's own id.
        .boundary(format!("part-{}", mail.id))
        .singlepart(part(ContentType::TEXT_PLAIN, &mail.text, encoding))
        .singlepart(part(ContentType::TEXT_HTML, &mail.html, encoding));
    builder
        .multipart(parts)
        .map_err(|error| NotSent::Unsendable(error.to_string()))
}

fn part(kind: ContentType, text: &str, encoding: Encoding) -> SinglePart {
    /// The longest line that mail takes (RFC 5322, section 2.1.1).
    const LONGEST: usize = 998;
    let may_stay = text.lines().all(|line| line.len() <= LONGEST) && !text.contains('\0');
    let body = if encoding == Encoding::Readable && may_stay {
        // The builder would write a line of more than 76 characters, such as a link, in a way that nobody reads.
        let lines = text.replace('\n', "\r\n").into_bytes();
        Body::dangerous_pre_encoded(lines, ContentTransferEncoding::EightBit)
    } else {
        Body::new(text.to_owned())
    };
    SinglePart::builder().header(kind).body(body)
}

/// A text that stands in one header: what could begin another one is dropped.
fn one_line(text: &str) -> String {
    text.chars()
        .filter(|character| !character.is_control())
        .collect::<String>()
        .trim()
        .to_owned()
}

fn system_time(now: Timestamp) -> SystemTime {
    let micros = u64::try_from(now.as_micros()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_micros(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_262_400_000_000);

    /// As long as one is.
    const TOKEN: &str = "lastro_reset_4fKq0ZbRt8W2mXo5yPv1Jc7NdLs9HgQe3AiTuB6kUxYw4fKq0ZbRt8W2mXo5yPv1";

    fn mail() -> OutgoingMail {
        OutgoingMail {
            id: "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40".to_owned(),
            from_name: "Padaria São João".to_owned(),
            reply_to: Some("help@padaria.example".to_owned()),
            to: "ana@example.com".to_owned(),
            to_name: Some("Ana".to_owned()),
            subject: "Olá".to_owned(),
            text: format!("Olá\nhttps://a.example/x?token={TOKEN}\n"),
            html: "<p>Olá</p>\n".to_owned(),
        }
    }

    fn written(mail: &OutgoingMail, encoding: Encoding) -> String {
        let sender = Sender::of_host("a.example").unwrap();
        String::from_utf8(message(mail, &sender, NOW, encoding).unwrap().formatted()).unwrap()
    }

    #[test]
    fn a_mail_in_a_file_is_readable() {
        let text = written(&mail(), Encoding::Readable);
        assert!(
            text.contains(&format!("\r\nhttps://a.example/x?token={TOKEN}\r\n")),
            "{text}"
        );
        assert!(text.contains("\r\nDate: Sat, 21 Nov 2026 12:00:00 +0000\r\n"), "{text}");
        assert!(text.contains("To: Ana <ana@example.com>\r\n"), "{text}");
        assert!(text.contains("Reply-To: help@padaria.example\r\n"), "{text}");
        assert!(
            text.contains("Message-ID: <01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40@a.example>"),
            "{text}"
        );
    }

    #[test]
    fn a_mail_on_the_wire_is_ascii() {
        assert!(written(&mail(), Encoding::Portable).is_ascii());
    }

    #[test]
    fn nothing_typed_becomes_a_header() {
        let injected = "x\r\nBcc: victim@example.com\r\n\r\n<html>";
        let mail = OutgoingMail {
            from_name: injected.to_owned(),
            to_name: Some(injected.to_owned()),
            subject: injected.to_owned(),
            reply_to: Some(injected.to_owned()),
            ..mail()
        };
        for encoding in [Encoding::Portable, Encoding::Readable] {
            let text = written(&mail, encoding);
            let (headers, _) = text.split_once("\r\n\r\n").unwrap();
            assert!(!headers.lines().any(|line| line.starts_with("Bcc")), "{headers}");
            assert!(!headers.contains("Reply-To"), "{headers}");
            assert!(headers.contains("multipart/alternative"), "{headers}");
        }
        let to = OutgoingMail {
            to: "ana@example.com\r\nBcc: x@example.com".to_owned(),
            ..mail
        };
        let sender = Sender::of_host("a.example").unwrap();
        assert!(matches!(
            message(&to, &sender, NOW, Encoding::Portable),
            Err(NotSent::Unsendable(_))
        ));
    }

    #[test]
    fn the_sender_follows_from_the_servers_url() {
        let of = |url: &str| Sender::of_url(&url.parse().unwrap(), "a.example").map(|sender| sender.0.to_string());
        assert_eq!(
            of("smtps://u:p@mail.example?from=erp%40padaria.example").unwrap(),
            "erp@padaria.example"
        );
        assert_eq!(
            of("smtps://ana%40padaria.example:p@mail.example").unwrap(),
            "ana@padaria.example"
        );
        assert_eq!(of("smtps://user:p@mail.example").unwrap(), "noreply@a.example");
        assert!(of("smtps://mail.example?from=nobody").is_err());
        assert_eq!(host_of("http://127.0.0.1:8080"), "localhost");
        assert_eq!(host_of("https://erp.padaria.example/app"), "erp.padaria.example");
    }
}
