//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): reading `traceparent`.

use std::fmt;

/// The position in a distributed trace that a client sent with its request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TraceContext {
    trace_id: [u8; 32],
    parent_id: [u8; 16],
    sampled: bool,
}

impl TraceContext {
    /// Reads a `traceparent` value. `None` for one the specification says to ignore: a malformed one, a version `ff`,
    /// ids of zeros only, upper-case digits, or version `00` with anything behind the flags.
    #[must_use]
    pub fn parse(traceparent: &str) -> Option<Self> {
        let mut parts = traceparent.split('-');
        let version = hex::<2>(parts.next()?)?;
        let trace_id = hex::<32>(parts.next()?)?;
        let parent_id = hex::<16>(parts.next()?)?;
        let flags = hex::<2>(parts.next()?)?;
        let is_nothing = trace_id.iter().all(|digit| *digit == b'0') || parent_id.iter().all(|digit| *digit == b'0');
        if is_nothing || version == *b"ff" || (version == *b"00" && parts.next().is_some()) {
            return None;
        }
        let [_, low] = flags;
        let sampled = char::from(low).to_digit(16).is_some_and(|digit| digit & 1 == 1);
        Some(Self {
            trace_id,
            parent_id,
            sampled,
        })
    }

    /// The trace's id, 32 hexadecimal digits in lower case.
    #[must_use]
    pub fn trace_id(&self) -> &str {
        std::str::from_utf8(&self.trace_id).unwrap_or_default()
    }

    /// The caller's span, 16 hexadecimal digits in lower case.
    #[must_use]
    pub fn parent_id(&self) -> &str {
        std::str::from_utf8(&self.parent_id).unwrap_or_default()
    }

    /// Whether the caller records this trace.
    #[must_use]
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }
}

impl fmt::Debug for TraceContext {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TraceContext({}-{})", self.trace_id(), self.parent_id())
    }
}

/// Exactly `N` hexadecimal digits in lower case.
fn hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits: [u8; N] = text.as_bytes().try_into().ok()?;
    digits
        .iter()
        .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        .then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const PARENT: &str = "00f067aa0ba902b7";

    #[test]
    fn reads_the_example_of_the_specification() {
        let context = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
        assert_eq!(
            (context.trace_id(), context.parent_id(), context.is_sampled()),
            (TRACE, PARENT, true)
        );
    }

    #[test]
    fn a_later_version_may_say_more() {
        assert!(TraceContext::parse(&format!("cc-{TRACE}-{PARENT}-00-what-the-future-holds")).is_some());
    }

    #[test]
    fn ignores_what_the_specification_says_to_ignore() {
        for malformed in [
            String::new(),
            "garbage".into(),
            format!("ff-{TRACE}-{PARENT}-01"),
            format!("00-{}-{PARENT}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{PARENT}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{PARENT}-01-extra"),
            format!("00-{TRACE}-{PARENT}"),
            format!("00-{TRACE}é-{PARENT}-01"),
        ] {
            assert_eq!(TraceContext::parse(&malformed), None, "{malformed}");
        }
    }
}
