//! What a mail is about, before it has words.

use contracts::identity::{InvitationId, UserId};
use contracts::mail::NoticeKind;
use kernel::{Locale, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::{Email, User};

kernel::id!(
    /// A mail.
    pub struct MailId = "mail"
);

/// A mail that was given up, as its event carries it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Mail, rename_all = "camelCase")]
pub(crate) struct MailFact {
    /// Its id.
    #[schema(value_type = String, format = "uuid")]
    pub(crate) id: MailId,
    /// What it was about.
    pub(crate) kind: &'static str,
    /// Why the last attempt failed.
    pub(crate) reason: String,
}

/// To whom a letter goes. Personal data: it does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Recipient {
    /// The address.
    pub(crate) email: String,
    /// The name, if it is known.
    pub(crate) name: Option<String>,
    /// Whom a link in it is for.
    pub(crate) user: Option<UserId>,
    /// In which language; the organization's when `None`.
    pub(crate) locale: Option<Locale>,
}

impl Recipient {
    /// A user, at the address it has.
    pub(crate) fn user(user: &User) -> Self {
        let state = user.state();
        Self {
            email: state.email.as_str().to_owned(),
            name: Some(state.name.as_str().to_owned()),
            user: Some(state.id),
            locale: None,
        }
    }

    /// A user, at another address than the one it has.
    pub(crate) fn user_at(user: &User, email: &Email) -> Self {
        Self {
            email: email.as_str().to_owned(),
            ..Self::user(user)
        }
    }

    /// Everybody who administers the organization when the letter is sent: until then there is no address.
    pub(crate) const fn administrators() -> Self {
        Self {
            email: String::new(),
            name: None,
            user: None,
            locale: None,
        }
    }

    /// Whether it stands for those who administer the organization.
    pub(crate) const fn is_administrators(&self) -> bool {
        self.email.is_empty()
    }

    /// Whoever reads mail at the address.
    pub(crate) fn address(email: &Email) -> Self {
        Self {
            email: email.as_str().to_owned(),
            name: None,
            user: None,
            locale: None,
        }
    }
}

/// What a mail is about, as it is queued. None holds a secret.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
pub(crate) enum Letter {
    /// The link to set another password. Whose it is, if anybody's, is looked up when it is sent: asking for it takes as long
    /// for an address that nobody has.
    PasswordReset,
    /// The links of every organization of the address, looked up when it is sent.
    Organizations,
    /// The link that confirms the address of somebody who registered.
    EmailVerification,
    /// The link that confirms a changed address, sent there.
    EmailChange,
    /// The address before a change is told that one was asked for.
    EmailChangeRequested,
    /// The address before a change is told that it is not the user's any more.
    EmailChanged,
    /// The link by which somebody invited comes in.
    Invitation {
        /// Which invitation.
        invitation: InvitationId,
        /// Who invites, by name, where that is somebody.
        inviter: Option<String>,
    },
    /// Somebody registered with the address of a user.
    RegistrationTaken,
    /// A login from a device that was not seen before.
    NewDevice {
        /// What the device calls itself.
        user_agent: Option<String>,
        /// From where.
        ip: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The password is another one.
    PasswordChanged {
        /// Since when.
        at: Timestamp,
    },
    /// An API key was made.
    ApiKeyCreated {
        /// What it is called.
        name: String,
        /// How it begins, which is no secret.
        prefix: String,
    },
    /// The second factor is gone.
    MfaRemoved {
        /// Whether somebody else removed it.
        by_administrator: bool,
    },
    /// A webhook endpoint was disabled.
    WebhookDisabled {
        /// Its address.
        url: String,
    },
    /// A quota reached a share of its limit.
    QuotaThreshold {
        /// What is counted.
        metric: String,
        /// 80 or 100.
        percent: u8,
    },
}

impl Letter {
    /// Its kind, as stored.
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::Organizations => "organizations",
            Self::EmailVerification => "email_verification",
            Self::EmailChange => "email_change",
            Self::EmailChangeRequested => "email_change_requested",
            Self::EmailChanged => "email_changed",
            Self::Invitation { .. } => "invitation",
            Self::RegistrationTaken => "registration_taken",
            Self::NewDevice { .. } => "new_device",
            Self::PasswordChanged { .. } => "password_changed",
            Self::ApiKeyCreated { .. } => "api_key_created",
            Self::MfaRemoved { .. } => "mfa_removed",
            Self::WebhookDisabled { .. } => "webhook_disabled",
            Self::QuotaThreshold { .. } => "quota_threshold",
        }
    }

    /// Whether anybody may ask for it without a credential: then only so many go to one address in an hour.
    pub(crate) const fn is_asked_for_by_anybody(&self) -> bool {
        matches!(
            self,
            Self::PasswordReset | Self::Organizations | Self::EmailVerification | Self::RegistrationTaken
        )
    }
}

impl From<&NoticeKind> for Letter {
    fn from(kind: &NoticeKind) -> Self {
        match kind {
            NoticeKind::WebhookDisabled { url } => Self::WebhookDisabled { url: url.clone() },
            NoticeKind::QuotaThreshold { metric, percent } => Self::QuotaThreshold {
                metric: metric.clone(),
                percent: *percent,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_read_back_and_its_kind_is_the_stored_one() {
        let letters = [
            Letter::PasswordReset,
            Letter::Invitation {
                invitation: "01932f5c-9c5e-7cc3-9d4e-3b2f6a1e8d40".parse().unwrap(),
                inviter: Some("Ana \"<b>\"".to_owned()),
            },
            Letter::NewDevice {
                user_agent: None,
                ip: Some("203.0.113.7".to_owned()),
                at: Timestamp::from_micros(1_795_262_400_000_000),
            },
            Letter::QuotaThreshold {
                metric: "users.active".to_owned(),
                percent: 80,
            },
        ];
        for letter in letters {
            let json = serde_json::to_string(&letter).unwrap();
            assert!(json.starts_with(&format!("{{\"kind\":\"{}\"", letter.kind())), "{json}");
            assert!(serde_json::from_str::<Letter>(&json).unwrap() == letter, "{json}");
        }
    }
}
