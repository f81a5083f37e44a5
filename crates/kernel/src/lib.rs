//! The words every other crate speaks.

pub mod actor;
pub mod cursor;
pub mod duration;
pub mod event;
pub mod fold;
pub mod id;
pub mod locale;
pub mod money;
pub mod page;
pub mod random;
pub mod rule;
pub mod secret;
pub mod tax_id;
pub mod text;
pub mod time;

pub use actor::{Actor, ActorKind};
pub use cursor::{Cursor, CursorKey, CursorPage, CursorRequest};
pub use duration::{format_duration, parse_duration};
pub use event::{Change, DomainEvent, FieldValue, Subject};
pub use fold::fold;
pub use id::{Id, InvalidId, OrganizationId};
pub use locale::Locale;
pub use money::{Currency, Money};
pub use page::{Direction, Page, PageRequest, Sort};
pub use random::{Generators, OsRandom, Random, SeededRandom};
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
