//! What holds for any bytes that come over the socket (for the daemon, which reads them from whoever knocks, and
//! for the client, which reads them inside a screen locker), and for any that stand in our files.
//!
//! `tests/fuzz` looks for bytes that break one of these; what it has found worth keeping is in its corpus,
//! and is tried again by the tests below. Nothing of this is in a shipped build.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each function is a property, and says so by a panic"
)]

mod documents;
mod enrollments;
mod frames;
mod keys;
mod ledgers;
mod replies;
mod requests;
mod runtime;

pub use documents::json;
pub use enrollments::enrollment;
pub use frames::frame;
pub use ledgers::ledger;
pub use replies::reply;
pub use requests::request;
pub use runtime::{paused, remembered};

#[cfg(test)]
#[path = "../../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::holds_for;

    #[test]
    fn ours_is_the_json_of_serde_json_within_our_bounds() {
        holds_for("json", super::json);
    }

    #[test]
    fn a_request_is_what_serde_json_reads_and_comes_back_as_it_was() {
        holds_for("request", super::request);
    }

    #[test]
    fn a_reply_says_what_serde_json_reads_and_comes_back_as_it_was() {
        holds_for("reply", super::reply);
    }

    #[test]
    fn messages_are_what_stands_between_nuls_however_they_are_cut() {
        holds_for("frame", super::frame);
    }

    #[test]
    fn an_enrollment_that_is_read_is_written_as_the_same_and_leaves_no_key_unread() {
        holds_for("enrollment", super::enrollment);
    }

    #[test]
    fn a_ledger_that_is_read_is_written_as_the_same_and_damage_makes_no_spent_code_good() {
        holds_for("ledger", super::ledger);
    }

    #[test]
    fn a_remembered_login_is_read_only_as_it_is_written() {
        holds_for("remembered", super::remembered);
    }

    #[test]
    fn no_file_makes_a_pause_that_lasts_longer_than_a_week() {
        holds_for("paused", super::paused);
    }
}
