//! What contexts offer each other at run time.
//!
//! A port is a trait in this crate. Its owner implements it and provides it when the program starts; whoever needs it asks by the
//! trait. So no context knows another, and the composition root does not have to know who needs what.
//!
//! ```
//! use std::sync::Arc;
//! use contracts::Ports;
//!
//! trait Greeter: Send + Sync {
//!     fn greet(&self) -> &'static str;
//! }
//! struct Polite;
//! impl Greeter for Polite {
//!     fn greet(&self) -> &'static str {
//!         "Good morning"
//!     }
//! }
//!
//! let ports = Ports::default();
//! assert!(ports.get::<dyn Greeter>().is_err());
//! ports.provide::<dyn Greeter>(Arc::new(Polite));
//! assert_eq!(ports.get::<dyn Greeter>()?.greet(), "Good morning");
//! # Ok::<(), contracts::MissingPort>(())
//! ```

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use db::DbError;
use parking_lot::RwLock;

/// Nobody provides the port: the program was put together without its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nobody provides {0}")]
pub struct MissingPort(&'static str);

impl From<MissingPort> for DbError {
    fn from(missing: MissingPort) -> Self {
        Self::Internal(missing.to_string())
    }
}

/// The ports of one running program, by their traits.
#[derive(Default)]
pub struct Ports {
    provided: RwLock<HashMap<TypeId, Box<dyn Any + Send + Sync>>>,
}

impl Ports {
    /// Provides a port; of two with the same trait the later counts.
    pub fn provide<T: ?Sized + Send + Sync + 'static>(&self, port: Arc<T>) {
        self.provided.write().insert(TypeId::of::<T>(), Box::new(port));
    }

    /// The port, which must be there.
    ///
    /// # Errors
    /// [`MissingPort`].
    pub fn get<T: ?Sized + Send + Sync + 'static>(&self) -> Result<Arc<T>, MissingPort> {
        self.find().ok_or_else(|| MissingPort(type_name::<T>()))
    }

    /// The port, if somebody provides it.
    #[must_use]
    pub fn find<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let provided = self.provided.read();
        let port = provided.get(&TypeId::of::<T>())?;
        port.downcast_ref::<Arc<T>>().cloned()
    }
}

impl fmt::Debug for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ports")
            .field("provided", &self.provided.read().len())
            .finish()
    }
}
