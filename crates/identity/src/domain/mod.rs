//! Users, sessions and the rules about them. No storage, no transport, no format: a rule here is a function of values.

mod address_block;
mod email;
mod ids;
mod lockout;
mod password;
mod rotation;
mod session;
mod totp;
mod user;

pub use address_block::{AddressBlock, InvalidAddressBlock};
pub use email::Email;
pub use ids::{SessionId, UserId};
pub use lockout::{Lockout, LockoutRule, LockoutState};
pub use password::{Password, PasswordPolicy};
pub use rotation::{Generation, RotationDecision, RotationState};
pub use session::{
    Device, NewSession, RefreshRule, Refreshed, RevocationReason, Session, SessionRefusal, StoredSession,
    UnknownRevocationReason,
};
pub use totp::{RecoveryCode, TotpSecret, TotpStep};
pub use user::{NewUser, StoredUser, User, UserName};
