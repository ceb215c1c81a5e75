//! A bypass at a login: what it opens, until when, what the log says, and what the person is told.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::codes::now;
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, run};
use acceptance::pam::{Code, Login, Report, Style, Texts};
use acceptance::sandbox;

/// One wrong code already makes the lane wait: whatever is counted by mistake shows.
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

fn login(code: &str) -> Login {
    Login::new("door", "alice").code(code)
}

/// Logs in while the machine's clock stands at `unix`.
fn at(unix: u64, code: &str) -> Code {
    let mut command = login(code).command();
    stop_clock(&mut command, unix);
    Report::of(command.output().unwrap()).followed().verdict()
}

fn told(report: &Report) -> Vec<&str> {
    let texts = report.heard.iter().filter(|message| message.style == Style::Info);
    texts.map(|message| message.text.as_str()).collect()
}

#[test]
fn a_bypass_opens_a_lane_that_has_to_wait_as_often_as_it_says() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        lab.door("");
        let alice = lab.enroll("alice");
        let (code, _) = lab.bypass("alice", &["--uses", "2"]);
        assert_eq!(login(&alice.phone.wrong()).run().verdict(), Code::AuthErr);
        for left in [1, 0] {
            lab.syslog.clear();
            assert_eq!(login(&code).run().verdict(), Code::Success);
            let line = lab.decision();
            let words = format!("method=bypass verdict=accepted reason=\"bypass 1, {left} uses left\"");
            assert!(line.contains("accepted; user=alice") && line.contains(&words), "{line}");
        }
        assert_eq!(login(&code).run().verdict(), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("verdict=replayed") && line.contains("used up"), "{line}");
        assert_eq!(login(&alice.phone.code(0)).run().verdict(), Code::Success, "none of it was counted");
    });
}

#[test]
fn a_bypass_is_nobody_elses() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        lab.enroll("bob");
        let (code, _) = lab.bypass("alice", &[]);
        assert_eq!(Login::new("door", "bob").code(&code).run().verdict(), Code::AuthErr);
        assert_eq!(Login::new("door", "carol").code(&code).run().verdict(), Code::AuthErr);
        assert_eq!(login(&code).run().verdict(), Code::Success);
    });
}

#[test]
fn a_withdrawal_holds_for_a_prompt_that_is_already_open() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        let (code, _) = lab.bypass("alice", &[]);
        let prompt = acceptance::pam::Waiting::start(login(&code).behind_gate().command());
        lab.totpctl(["revoke-bypass", "alice"]);
        assert_eq!(prompt.finish().verdict(), Code::AuthErr);
    });
}

#[test]
fn an_expired_bypass_is_logged_as_such_and_never_good_again() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        let (code, _) = lab.bypass("alice", &["--uses", "9"]);
        let start = now();
        assert_eq!(at(start + 3_500, &code), Code::Success);
        lab.syslog.clear();
        assert_eq!(at(start + 3_700, &code), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("refused;") && line.contains("method=bypass verdict=expired"), "{line}");
        assert!(!line.contains("authentication failure"), "{line}");
        assert_eq!(at(start + 60, &code), Code::AuthErr, "the clock was put back");
        let mut unlock = lab.totpctl_command();
        stop_clock(unlock.args(["unlock", "alice", "--clock"]), start + 60);
        run(&mut unlock);
        assert_eq!(at(start + 90, &code), Code::AuthErr);
    });
}

#[test]
fn a_clock_that_is_days_behind_takes_a_bypass_and_one_issued_by_it() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        assert_eq!(login(&alice.phone.code(0)).run().verdict(), Code::Success);
        let (code, _) = lab.bypass("alice", &[]);
        assert_eq!(at(1_000_000_000, &code), Code::Success);
        let mut issue = lab.totpctl_command();
        stop_clock(issue.args(["bypass", "alice", "--reason", "dead battery", "--json"]), 1_000_000_000);
        let printed: serde_json::Value = serde_json::from_slice(&run(&mut issue).stdout).unwrap();
        assert_eq!(at(1_000_000_060, printed["bypass"].as_str().unwrap()), Code::Success);
    });
}

fn with_one_left(lab: &Lab) -> (String, String) {
    lab.door("");
    let alice = lab.enroll_with("alice", &["--backup-codes", "1"]);
    (lab.bypass("alice", &["--uses", "3"]).0, alice.backup_codes[0].clone())
}

#[test]
fn whoever_comes_in_without_the_phone_is_told_how_to_enroll_again() {
    sandbox::within(|lab| {
        let (bypass, backup) = with_one_left(lab);
        let report = login(&bypass).run();
        let [text] = told(&report)[..] else { panic!("{report:?}") };
        assert!(text.contains("good for more") && text.contains("totpctl enroll --replace"), "{text}");
        assert!(text.len() < 512, "PAM_MAX_MSG_SIZE");
        let report = login(&backup).run();
        let [text] = told(&report)[..] else { panic!("{report:?}") };
        assert!(text.contains("last backup code") && text.contains("totpctl backup-codes"), "{text}");
        let more = lab.enroll_with("bob", &["--backup-codes", "2"]).backup_codes;
        let report = Login::new("door", "bob").code(&more[0]).run();
        assert_eq!(told(&report), [""; 0], "there is another one");
        for refused in [&backup, "0000-0000-000a"] {
            assert_eq!(told(&login(refused).run()), [""; 0]);
        }
    });
}

#[test]
fn the_advice_is_kept_from_a_silent_application_and_its_failure_changes_nothing() {
    sandbox::within(|lab| {
        let (bypass, backup) = with_one_left(lab);
        let silent = login(&bypass).silent().run();
        assert_eq!((silent.verdict(), told(&silent).len()), (Code::Success, 0));
        for code in [&bypass, &backup] {
            lab.syslog.clear();
            let report = login(code).texts(Texts::Fail).run();
            assert_eq!((report.verdict(), told(&report).len()), (Code::Success, 1));
            assert!(lab.decision().contains("accepted;"));
        }
    });
}

#[test]
fn whoever_becomes_somebody_else_over_the_advice_is_not_let_in_as_that_one() {
    sandbox::within(|lab| {
        let (bypass, _) = with_one_left(lab);
        lab.syslog.clear();
        assert_eq!(login(&bypass).texts(Texts::BecomeBob).run().verdict(), Code::ConvErr);
        let lines = lab.syslog.module();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("verdict=cancelled"), "{lines:?}");
    });
}
