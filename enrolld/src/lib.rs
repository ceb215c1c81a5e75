//! What an administrator does at a terminal: the verbs of `totpctl`, as a library under thin binaries.
//!
//! Nothing here knows how people are stored: every verb goes through [`verifier::Verifier`], so that a
//! daemon can stand behind it later.
#![deny(unsafe_code)]

mod cli;
mod clock;
mod failure;
mod house;
mod journal;
mod kernel_clock;
mod output;
mod people;
pub mod qr;
mod random;
mod report;
mod run;
mod sheet;
mod terminal;
mod verbs;
mod words;

pub use run::run;
