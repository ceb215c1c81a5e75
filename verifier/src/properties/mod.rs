//! What holds for any bytes that come over the socket: for the daemon, which reads them from whoever knocks,
//! and for the client, which reads them inside a screen locker.
//!
//! `tests/fuzz` looks for bytes that break one of these; what it has found worth keeping is in its corpus,
//! and is tried again by the test below. Nothing of this is in a shipped build.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each function is a property, and says so by a panic"
)]

mod documents;
mod frames;
mod replies;
mod requests;

pub use documents::json;
pub use frames::frame;
pub use replies::reply;
pub use requests::request;

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::{Path, PathBuf};

    fn corpus(target: &str) -> Vec<PathBuf> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fuzz/corpus").join(target);
        let files: Vec<_> =
            fs::read_dir(folder).expect("a corpus").map(|entry| entry.expect("a file").path()).collect();
        assert!(files.len() > 20, "{target}: {} files", files.len());
        files
    }

    fn holds_for(target: &str, property: fn(&[u8])) {
        for file in corpus(target) {
            let bytes = fs::read(&file).expect("a file");
            let held = std::panic::catch_unwind(|| property(&bytes));
            assert!(held.is_ok(), "{} breaks it", file.display());
        }
    }

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
}
