//! The use cases: one file each, read as a story.

mod accounts;
mod activate_user;
mod api_keys;
mod challenge;
mod change_password;
mod clean_up;
mod client_credentials;
mod create_user;
mod deactivate_user;
mod email_change;
mod end_sessions;
mod entry_refusal;
mod guesses;
mod headcount;
mod invitations;
mod links;
mod listed;
mod log_out_user;
mod login;
mod open_session;
pub(crate) mod own_acts;
mod principals;
mod privacy;
mod recount;
mod refresh;
mod refusal;
mod register;
mod rotate_keys;
mod second_factor;
mod service_accounts;
mod support;
mod unlock_user;
mod update_user;

pub(crate) use accounts::FirstAccounts;
pub(crate) use activate_user::activate_user;
pub(crate) use api_keys::{create_api_key, revoke_api_key, rotate_api_key, update_api_key};
pub(crate) use change_password::{ChangeRefusal, NewPassword, prove_password};
pub(crate) use clean_up::clean_up;
pub(crate) use client_credentials::{ClientRefusal, client_credentials};
pub(crate) use create_user::create_user;
pub(crate) use deactivate_user::deactivate_user;
pub(crate) use email_change::request_email_change;
pub(crate) use end_sessions::{OwnSession, end_own_session, end_sessions};
pub(crate) use entry_refusal::EntryRefusal;
pub(crate) use guesses::Guesses;
pub(crate) use headcount::{headcount, user_changed};
pub(crate) use invitations::{
    Chosen, Guest, accept_invitation, invite, issue_for, present, resend_invitation, revoke_invitation,
};
pub(crate) use links::{ask_for_organizations, ask_for_reset, follow, reset_password, verify_email};
pub(crate) use listed::listed;
pub(crate) use log_out_user::log_out_user;
pub(crate) use login::{Attempt, LoggedIn, LoginRefusal, Named, login};
pub(crate) use open_session::{Opening, Tokens};
pub(crate) use principals::Directory;
pub use privacy::{NotErased, PersonalData, erase_person, personal_data};
pub(crate) use recount::recount;
pub(crate) use refresh::{RefreshRefusal, refresh};
pub(crate) use refusal::Refusal;
pub(crate) use register::{open_to, register};
pub(crate) use rotate_keys::rotate_keys;
pub(crate) use second_factor::{
    FactorRefusal, Proof, Proposal, StepRefusal, confirm_factor, remove_factor, reset_factor, take_second_step,
};
pub(crate) use service_accounts::{create_service_account, deactivate_service_account, rotate_secret};
pub(crate) use support::{Support, end_support_session};
pub(crate) use unlock_user::unlock_user;
pub(crate) use update_user::{UserChanges, update_user};
