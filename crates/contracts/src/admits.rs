//! Who lets an object be handed out, made or changed.
//!
//! The functions of a table whose rows grants can be conditioned on (`lookup`, `lock`, `add`, `save`) take an [`Admits`] and ask it
//! themselves: before they hand an object out, and of the object as it is to be stored. So a use case cannot forget the condition of
//! the grant that it was given, as a list cannot ([`Narrowed`](crate::Narrowed)). What no grant is asked for, such as a login, says so
//! with an [`OwnAct`], each of which a test lists.
//!
//! ```
//! use authz::{Permission, Within};
//! use authz::conditions::{Object, Value};
//! use contracts::{Admits, NotAdmitted, OwnAct};
//! use db::DbError;
//!
//! struct Invoice { owner: uuid::Uuid }
//!
//! impl Object for Invoice {
//!     fn value(&self, field: &str) -> Option<Value<'_>> {
//!         (field == "ownerId").then(|| self.owner.into())
//!     }
//! }
//!
//! fn lookup<A: Admits>(by: &A, stored: Option<Invoice>) -> Result<Option<Invoice>, A::Error> {
//!     by.admitted(stored)
//! }
//!
//! fn asked<P: Permission>(within: &Within<P>, stored: Option<Invoice>) -> Result<Option<Invoice>, NotAdmitted> {
//!     lookup(within, stored)
//! }
//!
//! fn unasked(stored: Option<Invoice>) -> Result<Option<Invoice>, DbError> {
//!     lookup(&OwnAct::because("a reminder is due"), stored)
//! }
//! ```

use authz::conditions::Object;
use authz::{Denial, Permission, Within};
use db::DbError;

/// What an object is asked about before a table hands it out or takes it in.
pub trait Admits: Sync + sealed::Sealed {
    /// What can come between besides the storage's own failures: nothing, where no grant is asked.
    type Error: From<DbError> + Send;

    /// Whether the object may be handed out or stored; `object` is put together only where a condition asks.
    ///
    /// # Errors
    /// That it may not.
    fn admits<O: Object>(&self, object: impl FnOnce() -> O) -> Result<(), Self::Error>;

    /// What a table found, if it may be handed out.
    ///
    /// # Errors
    /// As [`admits`](Self::admits).
    fn admitted<O: Object>(&self, found: Option<O>) -> Result<Option<O>, Self::Error> {
        found.as_ref().map_or(Ok(()), |object| self.admits(|| object))?;
        Ok(found)
    }

    /// As [`admitted`](Self::admitted), of what conditions see in another form: as clients do.
    ///
    /// # Errors
    /// As [`admits`](Self::admits).
    fn admitted_as<O, T>(&self, found: Option<T>) -> Result<Option<T>, Self::Error>
    where
        O: Object + for<'f> From<&'f T>,
    {
        found
            .as_ref()
            .map_or(Ok(()), |object| self.admits(|| O::from(object)))?;
        Ok(found)
    }
}

/// Why an object was not handed out or taken in.
#[derive(Debug)]
pub enum NotAdmitted {
    /// No condition of the grant holds of it.
    Denied(Denial),
    /// The storage refused, or failed.
    Storage(DbError),
}

impl From<DbError> for NotAdmitted {
    fn from(error: DbError) -> Self {
        Self::Storage(error)
    }
}

impl<P: Permission> Admits for Within<P> {
    type Error = NotAdmitted;

    fn admits<O: Object>(&self, object: impl FnOnce() -> O) -> Result<(), NotAdmitted> {
        if self.residual().is_some() {
            self.admit(&object()).map_err(NotAdmitted::Denied)?;
        }
        Ok(())
    }
}

/// An act of the server's own, for which nobody's grant is asked: what it does for people who are not logged in, for themselves, or by
/// itself. A test lists every one with its reason, so that none is added unseen.
#[derive(Debug, Clone, Copy)]
pub struct OwnAct;

impl OwnAct {
    /// Says why no grant is asked.
    #[must_use]
    pub const fn because(_reason: &'static str) -> Self {
        Self
    }
}

impl Admits for OwnAct {
    type Error = DbError;

    fn admits<O: Object>(&self, _object: impl FnOnce() -> O) -> Result<(), DbError> {
        Ok(())
    }
}

mod sealed {
    pub trait Sealed {}

    impl<P> Sealed for authz::Within<P> {}
    impl Sealed for super::OwnAct {}
}
