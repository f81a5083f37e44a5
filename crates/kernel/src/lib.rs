//! The words that every other crate speaks: ids, instants, money, text, pages, events. It knows no web framework, no
//! database and no business context, and everything depends on it; so what is here is small, and right.
//!
//! # What is here
//!
//! | to | take |
//! |---|---|
//! | name a thing | an [`Id`] type declared with [`id!`] |
//! | look for what was made since an instant | [`id::least_at`] |
//! | tell the time, make ids and random bytes | [`Generators`]; in tests with [`ManualClock`] and a seed |
//! | say what was wrong with a value | [`Rule`] and [`RuleViolation`]: a code for programs, a sentence for people |
//! | check text from outside | [`checked_text`], [`checked_lines`] |
//! | compare without case and accents | [`fold()`](fold::fold) |
//! | hold money, company and personal numbers | [`Money`], [`Cnpj`], [`Cpf`] |
//! | hand out a list | [`PageRequest`] and [`Page`], or [`CursorRequest`] and [`CursorPage`] |
//! | say what happened | [`DomainEvent`] with its [`Change`]s, caused by an [`Actor`] |
//! | keep something out of the logs | [`secret`] |
//! | count what one party does from its network | [`address_block`] |
//!
//! # A value object
//!
//! An aggregate is built of values that cannot be wrong: each has a constructor that checks and a private field. It
//! returns the violation, and the caller collects those of all fields, because a client wants to hear of all problems
//! at once.
//!
//! ```
//! use kernel::{Rule, RuleViolation, checked_text};
//!
//! struct Name(String);
//!
//! impl Name {
//!     fn parse(raw: &str) -> Result<Self, RuleViolation> {
//!         checked_text("name", raw, 2, 120).map(Self)
//!     }
//! }
//!
//! assert_eq!(Name::parse("  Acme Ltda. ")?.0, "Acme Ltda.");
//! assert_eq!(Name::parse("A").err().map(|violation| violation.rule), Some(Rule::TooShort { min: 2 }));
//! # Ok::<(), RuleViolation>(())
//! ```
//!
//! # Nothing is ambient
//!
//! No code reads the machine's clock or randomness by itself. It is handed [`Generators`], and a test hands it others:
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//! use kernel::{Generators, ManualClock, OrganizationId};
//!
//! let clock = Arc::new(ManualClock::new("2026-11-21T12:00:00Z".parse()?));
//! let generators = Generators::seeded(Arc::clone(&clock), 42);
//! let first: OrganizationId = generators.id();
//! clock.advance(Duration::from_secs(60));
//! let second: OrganizationId = generators.id();
//! assert!(first < second, "ids grow with time");
//! # Ok::<(), kernel::time::InvalidTimestamp>(())
//! ```

// Money and quantities are whole numbers; a float anywhere near them is a mistake.
#![deny(clippy::float_arithmetic)]

pub mod actor;
mod address;
pub mod csv;
pub mod cursor;
pub mod duration;
pub mod event;
pub mod fold;
mod hex;
pub mod id;
pub mod locale;
pub mod money;
pub mod page;
pub mod random;
pub mod rate;
pub mod rule;
pub mod secret;
pub mod tax_id;
pub mod text;
pub mod time;

pub use actor::{Actor, ActorKind};
pub use address::address_block;
pub use csv::{push_csv, push_csv_line};
pub use cursor::{Cursor, CursorKey, CursorPage, CursorRequest};
pub use duration::{format_duration, parse_duration};
pub use event::{Change, DomainEvent, FieldValue, Subject};
pub use fold::fold;
pub use hex::hexadecimal;
pub use id::{Id, InvalidId, OrganizationId};
pub use locale::Locale;
pub use money::{Currency, Money};
pub use page::{Direction, Page, PageRequest, Sort};
pub use random::{Generators, OsRandom, Random, SeededRandom};
pub use rate::Rate;
pub use rule::{Rule, RuleViolation};
pub use secret::Redacted;
pub use tax_id::{Cnpj, Cpf};
pub use text::{checked_lines, checked_text};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};

/// What the macros of this crate expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use serde;
    pub use uuid;
}
