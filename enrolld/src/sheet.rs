//! The sheet of backup codes, shown once.

use crate::report::set_words;
use otp::BackupCode;
use verifier::BackupSheet;
use zeroize::Zeroizing;

/// Columns of codes side by side.
const ACROSS: usize = 2;

/// The sheet that `user` keeps: which set it is, and its codes.
pub(crate) fn sheet(user: &str, set: &BackupSheet, codes: &[BackupCode]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1024 + codes.len() * 24));
    text.push_str(&format!("Backup codes of {user}, {}\n", set_words(set)));
    text.push_str("Each opens once, where the phone is not at hand. They are shown this once: print\n");
    text.push_str("them or write them down");
    text.push_str(if set.number > 1 { "; sheets of earlier sets are void.\n\n" } else { ".\n\n" });
    for row in codes.chunks(ACROSS) {
        for code in row {
            text.push_str("    ");
            text.push_str(&code.expose());
        }
        text.push('\n');
    }
    text
}

/// The codes for JSON.
pub(crate) fn exposed(codes: &[BackupCode]) -> Vec<Zeroizing<String>> {
    codes.iter().map(BackupCode::expose).collect()
}
