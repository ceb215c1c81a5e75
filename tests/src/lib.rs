//! The rig of the acceptance tests: the whole product against a real libpam, sshd, sudo and su.
//!
//! A test that touches accounts, `pam.d` or the store stands inside [`sandbox::within`]: its own namespaces
//! in which nothing can change the machine, with a [`lab::Lab`] to arrange. Logins are written as
//! [`pam::Login`] and happen in a process of their own; terminals are driven by [`terminal::Terminal`].
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a rig that cannot do its work must fail the test, and it is the edge that reads the clock"
)]

pub mod artefacts;
pub mod booted;
pub mod codes;
pub mod daemon;
pub mod debian;
pub mod disk;
pub mod faults;
pub mod host;
pub mod keeper;
pub mod lab;
pub mod mounts;
pub mod order;
pub mod packages;
pub mod pam;
pub mod people;
pub mod sandbox;
mod sanitizers;
pub mod sshd;
pub mod syslog;
pub mod terminal;
