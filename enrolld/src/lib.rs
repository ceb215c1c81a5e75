//! What an administrator does at a terminal, the verbs of `totpctl`, and what `enrolld` answers to those who
//! may not read the store: as a library under thin binaries.
//!
//! Nothing here knows how people are stored: everything goes through [`verifier::Verifier`].
#![deny(unsafe_code)]

mod accounts;
mod allocator;
mod authority;
mod card;
mod cli;
mod clock;
mod daemon;
mod doctor;
mod failure;
mod former;
mod house;
mod import;
mod inode_flags;
mod journal;
mod kernel_clock;
mod label;
mod libpam;
mod local_time;
mod output;
mod paused;
mod people;
mod pictures;
pub mod qr;
mod random;
mod report;
mod run;
mod sheet;
mod source;
mod terminal;
mod until;
mod verbs;
mod words;

pub use daemon::run as serve;
pub use run::run;
