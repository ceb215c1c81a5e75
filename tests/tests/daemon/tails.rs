//! A code behind a password, by way of the daemon.

use acceptance::daemon::{Daemon, SOCKET, call};
use acceptance::host;
use acceptance::lab::Lab;
use acceptance::pam::{Code, Login, Reply, Report, Style};
use acceptance::sandbox;
use serde_json::{Value, json};

use super::{ALICE, BOB, error, unprivileged};

const BOTH: &str = "Password & verification code: ";
/// One wrong code already makes the lane wait.
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

fn asked(uid: u32, code: &str, tail: &str) -> Value {
    let answer = call(uid, "Check", &json!({ "user": "alice", "code": code, "tail": tail }));
    if answer["error"].is_null() { answer["parameters"].clone() } else { answer }
}

fn waits(lab: &Lab) -> bool {
    lab.status("alice")["throttled"] != json!([])
}

#[test]
fn the_end_of_a_password_is_one_question_and_the_answer_says_where_the_code_begins() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let code = alice.phone.code(0);
        for (text, word) in [("12", "accepted"), ("12", "replayed"), ("", "replayed")] {
            let answer = asked(ALICE, &format!("{text}{code}"), "required");
            assert_eq!((&answer["verdict"], &answer["length"]), (&json!(word), &json!(6)), "{answer}");
        }
        assert_eq!(asked(ALICE, "horse", "required")["why"], "no-code-at-end");
        assert!(!waits(lab));
        let answer = asked(ALICE, &format!("12{}", alice.phone.wrong()), "required");
        assert_eq!((&answer["verdict"], &answer["length"]), (&json!("wrong"), &Value::Null));
        assert!(waits(lab), "it was counted");
        assert_eq!(error(&asked(ALICE, "123456", "maybe")), "org.varlink.service.InvalidParameter");
        assert_eq!(error(&asked(BOB, "123456", "required")), "org.pamtotp.enrolld1.NotAllowed");
    });
}

/// Of three codes that are good, whoever has seen one that is spent and asks for all others before it finds one
/// within minutes: nothing of that is counted.
#[test]
fn a_code_that_is_found_before_a_spent_one_opens_nothing() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let (spent, next) = (alice.phone.code(0), alice.phone.code(1));
        assert_eq!(asked(ALICE, &spent, "required")["verdict"], "accepted");
        for (guess, length) in [(alice.phone.wrong(), 6), (next.clone(), 12)] {
            let answer = asked(ALICE, &format!("{guess}{spent}"), "optional");
            assert_eq!((&answer["verdict"], &answer["length"]), (&json!("replayed"), &json!(length)));
        }
        assert_eq!(asked(ALICE, &next, "required")["verdict"], "replayed");
    });
}

#[test]
fn where_no_code_is_needed_nothing_is_counted_but_for_a_service_that_asks_about_everybody() {
    sandbox::within(|lab| {
        lab.add_account("database", 2026);
        let checkers = "[daemon]\ncheckers = [{ uid = 2026, service = \"postgresql\" }]\n";
        lab.settings(&format!("{MERCILESS}{checkers}"));
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        for _ in 0..10 {
            let answer = asked(ALICE, &alice.phone.wrong(), "optional");
            assert_eq!((&answer["verdict"], &answer["counted"]), (&json!("wrong"), &json!(false)));
        }
        assert!(!waits(lab));
        assert_eq!(asked(ALICE, &alice.phone.code(0), "optional")["verdict"], "accepted");
        assert_eq!(asked(ALICE, &alice.phone.code(0), "optional")["verdict"], "replayed");
        assert_eq!(asked(2026, &alice.phone.wrong(), "optional")["counted"], true);
        assert!(waits(lab));
    });
}

#[test]
fn a_program_without_privilege_hands_on_the_password_alone() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        // What it was handed is the answer of a module that asks where there is nothing.
        lab.service(
            "door",
            "auth required pam_totp.so forward_pass\n\
             auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /tmp/authtok\n",
        );
        let try_it = |user: &str, code: &str| {
            let answer = Reply::Bytes([b"p\xffw2", code.as_bytes()].concat());
            let login = Login::new("door", user).asked(Style::EchoOff, BOTH, answer);
            let verdict = Report::of(unprivileged(&login, ALICE).output().unwrap()).followed().verdict();
            let handed = std::fs::read("/tmp/authtok").unwrap();
            std::fs::remove_file("/tmp/authtok").unwrap();
            (verdict, handed.strip_suffix(b"\0").map_or(handed.clone(), <[u8]>::to_vec))
        };
        let whole = b"p\xffw2".to_vec();
        // A digit of the password goes with what may be a code, where nobody tells.
        let cut = b"p\xffw".to_vec();
        assert_eq!(try_it("alice", &alice.phone.code(0)), (Code::AuthErr, cut.clone()), "no daemon");
        let daemon = Daemon::start(lab);
        assert_eq!(try_it("alice", &alice.phone.code(0)), (Code::Success, whole.clone()));
        assert_eq!(try_it("alice", &alice.phone.code(0)), (Code::AuthErr, whole.clone()));
        assert_eq!(try_it("alice", &alice.phone.wrong()), (Code::AuthErr, cut.clone()));
        assert_eq!(try_it("alice", &alice.backup_codes[0]), (Code::Success, whole));
        assert_eq!(try_it("bob", &alice.phone.code(1)), (Code::AuthErr, cut));
        // What was typed before the code is not in the daemon's memory, nor the code.
        for text in [&b"p\xffw2"[..], alice.phone.code(0).as_bytes(), alice.backup_codes[0].as_bytes()] {
            assert_eq!(host::find_in_memory(daemon.id(), text), [""; 0]);
        }
        assert_ne!(host::find_in_memory(daemon.id(), SOCKET.as_bytes()), [""; 0], "it looks");
    });
}
