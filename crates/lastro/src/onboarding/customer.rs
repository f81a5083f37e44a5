//! A customer as somebody asks for one.

use contracts::organization::NewOrganization;
use secrecy::SecretString;

/// A new customer.
#[derive(Debug, Clone)]
pub struct Customer {
    /// The company.
    pub organization: NewOrganization,
    /// The code of its package.
    pub package_code: String,
    /// Who administers it first.
    pub administrator: Administrator,
}

/// The first administrator of a customer.
#[derive(Debug, Clone)]
pub struct Administrator {
    /// The person's name.
    pub name: String,
    /// The address.
    pub email: String,
    /// How the person will come in.
    pub coming: Coming,
}

/// How the first administrator will come in.
#[derive(Debug, Clone)]
pub enum Coming {
    /// By an invitation to the address.
    Invited,
    /// With this password.
    Password(SecretString),
    /// With the password of this hash, imported from elsewhere.
    Hash(SecretString),
}
