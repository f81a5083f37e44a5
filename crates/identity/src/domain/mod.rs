//! Users, sessions and the rules about them. No storage, no transport, no format: a rule here is a function of values.

mod address_block;
mod api_key;
mod credential;
mod email;
mod ids;
mod invitation;
mod ip_allowlist;
mod lockout;
mod password;
mod rotation;
mod service_account;
mod session;
mod totp;
mod user;

pub use address_block::{AddressBlock, InvalidAddressBlock};
pub use api_key::{ApiKey, ApiKeyChanges, KeyRevoked, NewApiKey, NotAMaker, StoredApiKey, check_expiry};
pub use credential::{CredentialName, PermissionList};
pub use email::Email;
pub use ids::{InvitationId, SessionId, UserId};
pub use invitation::{Invitation, NewInvitation, StoredInvitation};
pub use ip_allowlist::{IpAllowlist, Network};
pub use lockout::{Lockout, LockoutRule, LockoutState};
pub use password::{Password, PasswordPolicy};
pub use rotation::{Generation, RotationDecision, RotationState};
pub use service_account::{AccountInactive, ClientSecretId, ServiceAccount, StoredServiceAccount};
pub use session::{
    Device, NewSession, RefreshRule, Refreshed, RevocationReason, Session, SessionRefusal, StoredSession,
    UnknownRevocationReason,
};
pub use totp::{RecoveryCode, TotpSecret, TotpStep};
pub use user::{NewUser, StoredUser, User, UserName};
