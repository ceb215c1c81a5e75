//! An application of Linux-PAM in a process of its own: plays the login in its argument, prints the report.
#![allow(clippy::expect_used, reason = "a rig that cannot do its work must fail the test")]

use acceptance::pam::Login;

fn main() {
    let argument = std::env::args().nth(1).expect("usage: pamhost LOGIN-AS-JSON");
    let login: Login = serde_json::from_str(&argument).expect("a login as JSON");
    let report = login.play();
    println!("{}", serde_json::to_string(&report).expect("a report is data"));
}
