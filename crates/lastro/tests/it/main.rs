//! What the binary promises, tested from outside: one integration binary, one module a subject.

mod config;
