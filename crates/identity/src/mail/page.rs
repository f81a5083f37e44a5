//! A letter as plain text and as a page, from the same words and in the organization's looks.
//!
//! Names, devices and everything else that somebody typed is text: it is escaped where it enters the page, and nowhere else
//! does anything enter it.

use contracts::settings::Branding;
use kernel::Locale;

use super::words::{self, Words};

/// Text on the primary colour and the colour itself, where the organization has none of its own.
const COLOURS: (&str, &str) = ("#ffffff", "#1f4e79");

/// How the organization looks in a mail.
pub(super) struct Looks<'a> {
    /// What it calls itself.
    pub(super) name: &'a str,
    /// Its branding, where it has any.
    pub(super) branding: &'a Branding,
}

/// The letter as plain text.
pub(super) fn text(words: &Words, locale: Locale, to: Option<&str>, looks: &Looks<'_>) -> String {
    let mut parts = vec![words::greeting(locale, to)];
    parts.extend(words.paragraphs.iter().cloned());
    parts.extend(words.links.iter().map(|link| format!("{}:\n{}", link.label, link.url)));
    parts.extend(words.notes.iter().cloned());
    parts.push(format!("-- \n{}", signature(locale, looks).join("\n")));
    parts.join("\n\n") + "\n"
}

/// The letter as a page.
pub(super) fn html(words: &Words, locale: Locale, to: Option<&str>, looks: &Looks<'_>) -> String {
    let branding = looks.branding;
    let background = colour(branding.primary_color.as_deref()).unwrap_or(COLOURS.1);
    let foreground = colour(branding.on_primary_color.as_deref()).unwrap_or(COLOURS.0);
    let mut body = String::new();
    if let Some(logo) = branding.logo_url.as_deref().filter(|url| is_web(url)) {
        line(
            &mut body,
            &format!("<img src=\"{}\" alt=\"\" height=\"40\">", escaped(logo)),
        );
    }
    line(
        &mut body,
        &format!("<h1 style=\"font-size:20px\">{}</h1>", escaped(&words.subject)),
    );
    paragraph(&mut body, &words::greeting(locale, to));
    for text in &words.paragraphs {
        paragraph(&mut body, text);
    }
    for link in words.links.iter().filter(|link| is_web(&link.url)) {
        line(&mut body, "<p><a");
        line(
            &mut body,
            &format!(
                "style=\"display:inline-block;padding:12px 20px;border-radius:6px;text-decoration:none;\
                 background:{background};color:{foreground}\""
            ),
        );
        line(&mut body, &format!("href=\"{}\"", escaped(&link.url)));
        line(&mut body, &format!(">{}</a></p>", escaped(&link.label)));
    }
    if let [link] = words.links.as_slice() {
        small(&mut body, words::copied(locale));
        small(&mut body, &link.url);
    }
    for note in &words.notes {
        small(&mut body, note);
    }
    line(&mut body, "<hr style=\"border:0;border-top:1px solid #dddddd\">");
    for part in signature(locale, looks) {
        small(&mut body, &part);
    }
    let (language, title) = (locale.as_str(), escaped(&words.subject));
    format!(
        "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n</head>\n\
         <body style=\"margin:0;padding:24px;background:#f5f5f5;color:#222222;font-family:sans-serif;font-size:16px\">\n\
         <div style=\"max-width:560px;margin:0 auto;padding:24px;background:#ffffff\">\n{body}</div>\n</body>\n</html>\n"
    )
}

/// Who writes, and where to ask for help.
fn signature(locale: Locale, looks: &Looks<'_>) -> Vec<String> {
    let branding = looks.branding;
    let places = [branding.support_email.as_deref(), branding.support_url.as_deref()];
    let places = places.into_iter().flatten().collect::<Vec<_>>().join(" · ");
    let mut lines = vec![looks.name.to_owned()];
    if !places.is_empty() {
        lines.push(words::help(locale, &places));
    }
    lines
}

fn paragraph(body: &mut String, text: &str) {
    line(body, &format!("<p>{}</p>", escaped(text)));
}

fn small(body: &mut String, text: &str) {
    line(
        body,
        &format!("<p style=\"font-size:13px;color:#666666\">{}</p>", escaped(text)),
    );
}

/// A line each: mail servers take none of more than 998 bytes.
fn line(body: &mut String, text: &str) {
    body.push_str(text);
    body.push('\n');
}

/// A text as it stands in a page, between tags and between quotes alike.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// A colour that is one: it stands in a style, where escaping is no help.
fn colour(text: Option<&str>) -> Option<&str> {
    let is_colour = |text: &&str| {
        text.strip_prefix('#')
            .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
    };
    text.filter(is_colour)
}

fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::words::Link;

    fn letter(paragraph: &str, url: &str) -> Words {
        Words {
            subject: "Subject".to_owned(),
            paragraphs: vec![paragraph.to_owned()],
            links: vec![Link {
                label: "Press".to_owned(),
                url: url.to_owned(),
            }],
            notes: Vec::new(),
        }
    }

    #[test]
    fn what_people_type_is_text_in_the_page() {
        let branding = Branding {
            primary_color: Some("red;background:url(https://evil.example)".to_owned()),
            logo_url: Some("javascript:alert(1)".to_owned()),
            support_email: Some("<script>".to_owned()),
            ..Branding::default()
        };
        let looks = Looks {
            name: "A & B <i>",
            branding: &branding,
        };
        let words = letter("<img src=x onerror=alert(1)>", "https://a.example/?token=a&b=\"c");
        let page = html(&words, Locale::En, Some("<b>Ana</b>"), &looks);
        for injected in ["<img", "<script", "<b>", "<i>", "javascript:", "evil.example", "=\"c"] {
            assert!(!page.contains(injected), "{injected} in {page}");
        }
        assert!(
            page.contains("&lt;b&gt;Ana&lt;/b&gt;") && page.contains("token=a&amp;b=&quot;c"),
            "{page}"
        );
        assert!(text(&words, Locale::En, Some("<b>Ana</b>"), &looks).contains("Hello <b>Ana</b>,"));
    }

    #[test]
    fn a_link_that_leads_nowhere_on_the_web_is_no_link() {
        let looks = Looks {
            name: "A",
            branding: &Branding::default(),
        };
        assert!(!html(&letter("", "javascript:alert(1)"), Locale::En, None, &looks).contains("href"));
    }

    #[test]
    fn the_organization_shows_its_colours_and_where_it_helps() {
        let branding = Branding {
            primary_color: Some("#AB12cd".to_owned()),
            on_primary_color: Some("#000000".to_owned()),
            logo_url: Some("https://a.example/logo.png".to_owned()),
            support_email: Some("help@a.example".to_owned()),
            ..Branding::default()
        };
        let looks = Looks {
            name: "Padaria",
            branding: &branding,
        };
        let words = letter("Text", "https://a.example");
        let page = html(&words, Locale::PtBr, None, &looks);
        for shown in [
            "background:#AB12cd;color:#000000",
            "https://a.example/logo.png",
            "lang=\"pt-BR\"",
        ] {
            assert!(page.contains(shown), "{shown} not in {page}");
        }
        let text = text(&words, Locale::PtBr, None, &looks);
        assert!(text.ends_with("-- \nPadaria\nAjuda: help@a.example\n"), "{text}");
    }
}
