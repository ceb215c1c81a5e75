//! `totpctl` itself: the binary, run as an administrator and as a script run it, on a store in a folder of
//! the test's own. The person enrolled is whoever runs the tests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod announcements;
mod bench;
mod bypass;
mod clocks;
mod contracts;
mod counters;
mod help;
mod importing;
mod interactive;
mod listing;
mod pictures;
mod provisioning;
mod pruning;
mod refusals;
mod renaming;
mod repair;
mod restoring;
mod session;
mod sheets;
mod showing;
mod typing;
