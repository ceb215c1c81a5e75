//! The rules of the settings at real doors: by address, account, group and service, and with what they go by
//! missing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod doors;
mod unknown;

use acceptance::lab::{Lab, SETTINGS};
use serde_json::Value;

const CODE_PROMPT: &str = "Verification code: ";
const SKIP_ALL: &str = "[[rule]]\nthen = \"skip\"\n";

fn rules(lab: &Lab, text: &str) {
    lab.settings(&format!("{SETTINGS}{text}"));
}

fn rule(keys: &str, then: &str) -> String {
    format!("[[rule]]\n{keys}\nthen = \"{then}\"\n")
}

/// A door that says yes where the module says nothing.
fn door(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n"));
}

/// What `totpctl explain --json` says.
fn explain(lab: &Lab, arguments: &[&str]) -> Value {
    let all = ["explain", "--json"].into_iter().chain(arguments.iter().copied());
    serde_json::from_str(&lab.totpctl(all)).unwrap()
}
