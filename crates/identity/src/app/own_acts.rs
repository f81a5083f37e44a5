//! What this context does with users, invitations and credentials without asking for anybody's grant, and why.

use contracts::OwnAct;

/// Whoever comes in proves who they are by a password, a code, a session or a link that was mailed.
pub(crate) const ENTRY: OwnAct =
    OwnAct::because("somebody comes in: login, refresh, registration, a link that was mailed");
/// Everybody sees and changes what is their own, and proves the password for what is worth it.
pub(crate) const ONESELF: OwnAct = OwnAct::because("people see and change their own account");
/// Other contexts and the rules of this one ask whether a user is there and what it is called.
pub(crate) const NAMED: OwnAct = OwnAct::because("a user is named, for a port or a rule, and not shown");
/// A mail is about to be written.
pub(crate) const MAIL: OwnAct = OwnAct::because("a mail is written to the user or the guest whom it is for");
/// Whoever holds the machine, and onboarding, whose own permission was asked for.
pub(crate) const OPERATOR: OwnAct = OwnAct::because("commands of the operator, and the onboarding of a customer");
/// The grant was asked for the object as it was when it was locked.
pub(crate) const ENDED: OwnAct = OwnAct::because("an object that the grant reached is ended: nothing comes after");
