//! The one way out: connections to addresses that others name, checked before they are made.
