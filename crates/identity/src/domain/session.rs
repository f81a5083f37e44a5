//! The session: one login on one device, continued by refresh tokens.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use kernel::{DomainEvent, FieldValue, Id as _, OrganizationId, Timestamp};

use super::{Generation, RotationDecision, RotationState, SessionId, UserId};
use crate::manifest::{SESSION_CREATED, SESSION_REVOKED};

/// Where a session was opened. Personal data: it prints as `[redacted]`.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Device {
    user_agent: Option<String>,
    ip: Option<IpAddr>,
}

impl Device {
    /// More characters of a user agent are not kept: nobody reads on, and a client must not fill the table.
    const MAX_USER_AGENT: usize = 512;

    /// What a request tells of its sender. An IPv4 address written as IPv6 becomes IPv4; control characters of the user
    /// agent are dropped.
    #[must_use]
    pub fn new(user_agent: Option<&str>, ip: Option<IpAddr>) -> Self {
        let clean = |text: &str| -> String {
            text.trim()
                .chars()
                .filter(|character| !character.is_control())
                .take(Self::MAX_USER_AGENT)
                .collect()
        };
        Self {
            user_agent: user_agent.map(clean).filter(|text| !text.is_empty()),
            ip: ip.map(|ip| ip.to_canonical()),
        }
    }

    /// The `User-Agent`, at most 512 characters.
    #[must_use]
    pub fn user_agent(&self) -> Option<&str> {
        self.user_agent.as_deref()
    }

    /// The address.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Device([redacted])")
    }
}

/// How long refresh tokens live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshRule {
    /// How long a token can be used after it was handed out.
    pub ttl: Duration,
    /// How long its predecessor still gets the same one; zero: not at all.
    pub grace: Duration,
}

impl Default for RefreshRule {
    fn default() -> Self {
        Self {
            ttl: Duration::from_secs(7 * 24 * 60 * 60),
            grace: Duration::from_secs(10),
        }
    }
}

/// Why a session ended before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RevocationReason {
    /// Its user logged it out.
    Logout,
    /// Its user logged all out.
    LogoutAll,
    /// Its user changed or reset the password.
    PasswordChanged,
    /// Its user was deactivated.
    UserDeactivated,
    /// Someone with the permission ended it.
    Administrator,
    /// A refresh token that was used up came back.
    RefreshReused,
}

/// A text that names no [`RevocationReason`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a reason for which a session ends")]
pub struct UnknownRevocationReason;

impl RevocationReason {
    /// Every reason.
    pub const ALL: [Self; 6] = [
        Self::Logout,
        Self::LogoutAll,
        Self::PasswordChanged,
        Self::UserDeactivated,
        Self::Administrator,
        Self::RefreshReused,
    ];

    /// The name in storage and in the audit trail.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::LogoutAll => "logout_all",
            Self::PasswordChanged => "password_changed",
            Self::UserDeactivated => "user_deactivated",
            Self::Administrator => "administrator",
            Self::RefreshReused => "refresh_reused",
        }
    }
}

impl FromStr for RevocationReason {
    type Err = UnknownRevocationReason;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == text)
            .ok_or(UnknownRevocationReason)
    }
}

/// What it takes to open a session.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// The user's organization.
    pub organization: OrganizationId,
    /// Who logged in.
    pub user: UserId,
    /// Where.
    pub device: Device,
    /// After so long the session ends however often it is refreshed, if the organization wishes so.
    pub lifetime: Option<Duration>,
}

/// What came of presenting a refresh token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refreshed {
    /// A new token is handed out; the session changed and is stored.
    Rotated(Generation),
    /// The newest token is handed out once more; nothing changed.
    Repeated(Generation),
}

/// Why a refresh token continues no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SessionRefusal {
    /// The session was revoked or is over.
    #[error("the session has ended")]
    Ended,
    /// The token was used up: the session is revoked by this, and is stored.
    #[error("the refresh token was used before")]
    Reused,
    /// The session never handed out such a token.
    #[error("the refresh token is not known")]
    Unknown,
}

/// A session. It records what happens to it; whoever stores it takes the events along. Refreshes are no events.
#[derive(Debug, Clone)]
pub struct Session {
    stored: StoredSession,
    events: Vec<DomainEvent>,
}

/// A session's state, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSession {
    /// Which one.
    pub id: SessionId,
    /// The user's organization.
    pub organization: OrganizationId,
    /// Whose.
    pub user: UserId,
    /// Where it was opened.
    pub device: Device,
    /// How far its refresh tokens got.
    pub rotation: RotationState,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it was last used, to within a minute.
    pub last_used_at: Timestamp,
    /// When its newest refresh token ends, and the session with it.
    pub expires_at: Timestamp,
    /// When it ends however often it is refreshed.
    pub ends_at: Option<Timestamp>,
    /// When and why it was revoked.
    pub revoked: Option<(Timestamp, RevocationReason)>,
}

impl From<StoredSession> for Session {
    fn from(stored: StoredSession) -> Self {
        Self {
            stored,
            events: Vec::new(),
        }
    }
}

impl Session {
    /// The last use is written at most so often.
    const LAST_USED_PRECISION: Duration = Duration::from_secs(60);

    /// Opens a session; its first refresh token is of [`Generation::FIRST`].
    #[must_use]
    pub fn open(id: SessionId, new: NewSession, rule: RefreshRule, now: Timestamp) -> Self {
        let NewSession {
            organization,
            user,
            device,
            lifetime,
        } = new;
        let ends_at = lifetime.map(|lifetime| now.plus(lifetime));
        let stored = StoredSession {
            id,
            organization,
            user,
            device,
            rotation: RotationState::START,
            created_at: now,
            last_used_at: now,
            expires_at: expiry(rule, ends_at, now),
            ends_at,
            revoked: None,
        };
        let event = DomainEvent::new(SESSION_CREATED, id)
            .changed("userId", FieldValue::Null, user.as_uuid())
            .changed_personal("userAgent", FieldValue::Null, stored.device.user_agent())
            .changed_personal("ip", FieldValue::Null, stored.device.ip().map(|ip| ip.to_string()))
            .changed("expiresAt", FieldValue::Null, stored.expires_at);
        Self {
            stored,
            events: vec![event],
        }
    }

    /// Its state.
    #[must_use]
    pub fn state(&self) -> &StoredSession {
        &self.stored
    }

    /// Whether it lets its user act: neither revoked nor over.
    #[must_use]
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.stored.revoked.is_none() && now < self.stored.expires_at
    }

    /// Continues it with the token of generation `presented`, whose tag is genuine.
    ///
    /// # Errors
    /// [`SessionRefusal`]. Of these only [`SessionRefusal::Reused`] changes the session.
    pub fn refresh(
        &mut self,
        presented: Generation,
        rule: RefreshRule,
        now: Timestamp,
    ) -> Result<Refreshed, SessionRefusal> {
        if !self.is_live(now) {
            return Err(SessionRefusal::Ended);
        }
        match self.stored.rotation.decide(presented, now, rule.grace) {
            RotationDecision::Rotate(next) => {
                self.stored.rotation = RotationState::rotated(next, now);
                self.stored.last_used_at = now;
                self.stored.expires_at = expiry(rule, self.stored.ends_at, now);
                Ok(Refreshed::Rotated(next))
            }
            RotationDecision::Repeat(successor) => Ok(Refreshed::Repeated(successor)),
            RotationDecision::Reuse => {
                self.revoke(RevocationReason::RefreshReused, now);
                Err(SessionRefusal::Reused)
            }
            RotationDecision::Unknown => Err(SessionRefusal::Unknown),
        }
    }

    /// Notes that it was used. Whether that must be stored: not more often than once a minute.
    pub fn touch(&mut self, now: Timestamp) -> bool {
        let is_due = now.since(self.stored.last_used_at) >= Self::LAST_USED_PRECISION;
        if is_due {
            self.stored.last_used_at = now;
        }
        is_due
    }

    /// Ends it. Nothing happens to one that is revoked.
    pub fn revoke(&mut self, reason: RevocationReason, now: Timestamp) {
        if self.stored.revoked.is_none() {
            self.stored.revoked = Some((now, reason));
            self.events.push(
                DomainEvent::new(SESSION_REVOKED, self.stored.id)
                    .changed("revokedAt", FieldValue::Null, now)
                    .changed("reason", FieldValue::Null, reason.as_str()),
            );
        }
    }

    /// Hands over what happened since the last time.
    #[must_use]
    pub fn take_events(&mut self) -> Vec<DomainEvent> {
        std::mem::take(&mut self.events)
    }
}

/// When a token that is handed out at `now` ends: in time, but never after the session.
fn expiry(rule: RefreshRule, ends_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
    let expires_at = now.plus(rule.ttl);
    ends_at.map_or(expires_at, |ends_at| expires_at.min(ends_at))
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const START: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
    const DAY: Duration = Duration::from_secs(86_400);

    fn at(seconds: u64) -> Timestamp {
        START.plus(Duration::from_secs(seconds))
    }

    fn generation(number: u32) -> Generation {
        Generation::new(number).unwrap()
    }

    fn rule() -> RefreshRule {
        RefreshRule::default()
    }

    fn opened(lifetime: Option<Duration>) -> Session {
        let new = NewSession {
            organization: OrganizationId::from_uuid(Uuid::from_u128(1)),
            user: UserId::from_uuid(Uuid::from_u128(2)),
            device: Device::new(Some("Mozilla/5.0"), Some("203.0.113.7".parse().unwrap())),
            lifetime,
        };
        Session::open(SessionId::from_uuid(Uuid::from_u128(3)), new, rule(), START)
    }

    #[test]
    fn a_new_session_lives_for_seven_days_and_says_so() {
        let mut session = opened(None);
        assert_eq!(session.state().expires_at, START.plus(7 * DAY));
        assert!(session.is_live(START) && !session.is_live(START.plus(7 * DAY)));
        let events = session.take_events();
        assert_eq!((events.len(), events[0].kind), (1, "session.created"));
        let fields: Vec<_> = events[0]
            .changes
            .iter()
            .map(|change| (change.field, change.personal))
            .collect();
        assert_eq!(
            fields,
            [
                ("userId", false),
                ("userAgent", true),
                ("ip", true),
                ("expiresAt", false)
            ]
        );
    }

    #[test]
    fn a_refresh_moves_the_end_and_is_no_event() {
        let mut session = opened(None);
        let _ = session.take_events();
        assert_eq!(
            session.refresh(Generation::FIRST, rule(), at(100)),
            Ok(Refreshed::Rotated(generation(2)))
        );
        assert_eq!(session.state().expires_at, at(100).plus(7 * DAY));
        assert_eq!(session.state().last_used_at, at(100));
        assert!(session.take_events().is_empty());
    }

    #[test]
    fn a_lost_answer_is_repeated_and_changes_nothing() {
        let mut session = opened(None);
        session.refresh(Generation::FIRST, rule(), at(100)).unwrap();
        let before = session.state().clone();
        assert_eq!(
            session.refresh(Generation::FIRST, rule(), at(109)),
            Ok(Refreshed::Repeated(generation(2)))
        );
        assert_eq!(*session.state(), before);
    }

    #[test]
    fn reuse_revokes_the_session() {
        let mut session = opened(None);
        session.refresh(Generation::FIRST, rule(), at(100)).unwrap();
        let _ = session.take_events();
        assert_eq!(
            session.refresh(Generation::FIRST, rule(), at(110)),
            Err(SessionRefusal::Reused)
        );
        assert!(!session.is_live(at(110)));
        let events = session.take_events();
        assert_eq!(events[0].kind, "session.revoked");
        assert_eq!(events[0].changes[1].to, FieldValue::from("refresh_reused"));
        assert_eq!(
            session.refresh(generation(2), rule(), at(111)),
            Err(SessionRefusal::Ended),
            "the whole family"
        );
    }

    #[test]
    fn a_token_that_was_never_handed_out_has_no_effect() {
        let mut session = opened(None);
        let before = session.state().clone();
        assert_eq!(
            session.refresh(generation(2), rule(), START),
            Err(SessionRefusal::Unknown)
        );
        assert_eq!(*session.state(), before);
    }

    #[test]
    fn a_session_that_is_over_stays_over() {
        let mut session = opened(None);
        assert_eq!(
            session.refresh(Generation::FIRST, rule(), START.plus(7 * DAY)),
            Err(SessionRefusal::Ended)
        );
        // An old token of it is not even reuse any more: there is nothing left to protect.
        assert!(session.state().revoked.is_none());
    }

    #[test]
    fn the_organizations_limit_ends_it_however_often_it_is_refreshed() {
        let mut session = opened(Some(DAY));
        assert_eq!(session.state().expires_at, START.plus(DAY));
        session.refresh(Generation::FIRST, rule(), START.plus(DAY / 2)).unwrap();
        assert_eq!(session.state().expires_at, START.plus(DAY));
        assert_eq!(
            session.refresh(generation(2), rule(), START.plus(DAY)),
            Err(SessionRefusal::Ended)
        );
        assert_eq!(opened(Some(30 * DAY)).state().expires_at, START.plus(7 * DAY));
    }

    #[test]
    fn revoking_happens_once() {
        let mut session = opened(None);
        let _ = session.take_events();
        session.revoke(RevocationReason::Logout, at(1));
        session.revoke(RevocationReason::Administrator, at(2));
        assert_eq!(session.state().revoked, Some((at(1), RevocationReason::Logout)));
        assert_eq!(session.take_events().len(), 1);
    }

    #[test]
    fn the_last_use_is_noted_once_a_minute() {
        let mut session = opened(None);
        assert!(!session.touch(at(59)));
        assert!(session.touch(at(60)));
        assert!(!session.touch(at(119)));
        assert_eq!(session.state().last_used_at, at(60));
        assert!(!session.touch(START), "a clock that was set back moves nothing");
    }

    #[test]
    fn reasons_are_read_back() {
        for reason in RevocationReason::ALL {
            assert_eq!(reason.as_str().parse(), Ok(reason));
        }
        assert_eq!("boredom".parse::<RevocationReason>(), Err(UnknownRevocationReason));
    }

    #[test]
    fn a_device_is_bounded_clean_and_not_printed() {
        let agent = format!(" Marked\u{7}\r\n{}", "x".repeat(1_000));
        let device = Device::new(Some(&agent), Some("::ffff:203.0.113.7".parse().unwrap()));
        assert_eq!(device.user_agent().unwrap().chars().count(), 512);
        assert!(device.user_agent().unwrap().starts_with("Markedx"));
        assert_eq!(device.ip(), Some("203.0.113.7".parse().unwrap()));
        assert_eq!(Device::new(Some(" \u{7}"), None), Device::default());
        let printed = format!("{:?} {device:?}", opened(None));
        assert!(
            !printed.contains("Mozilla") && !printed.contains("203.0.113.7"),
            "{printed}"
        );
    }
}
