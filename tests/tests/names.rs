//! One person under several names, accounts that changed, and a name service that does not answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use acceptance::lab::{Lab, write};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;

const SPELLINGS: [&str; 4] = ["alice", "Alice", "alice@dom", "DOM\\alice"];

fn several_names(lab: &Lab) {
    lab.name_service("Alice alice 2001 2001\nalice@dom alice 2001 2001\nDOM\\alice alice 2001 2001\n");
    lab.door("nullok");
}

fn login(user: &str, code: &str) -> Code {
    Login::new("door", user).code(code).run().verdict()
}

#[test]
fn every_spelling_is_the_same_person_and_stays_as_it_was_typed() {
    sandbox::within(|lab| {
        several_names(lab);
        let alice = lab.enroll("alice");
        let mut codes = alice.backup_codes.iter();
        for name in SPELLINGS {
            let report = Login::new("door", name).code(codes.next().unwrap()).run();
            assert_eq!(report.verdict(), Code::Success, "{name}");
            assert_eq!(report.user.as_deref(), Some(name.as_bytes()));
        }
        assert_eq!(login("Alice", &alice.phone.code(0)), Code::Success);
        for name in SPELLINGS {
            assert_eq!(login(name, &alice.phone.code(0)), Code::AuthErr, "{name}");
        }
    });
}

#[test]
fn guesses_spread_over_spellings_are_counted_together() {
    sandbox::within(|lab| {
        several_names(lab);
        let alice = lab.enroll("alice");
        for name in SPELLINGS.iter().cycle().take(5) {
            assert_eq!(login(name, &alice.phone.wrong()), Code::AuthErr);
        }
        lab.syslog.clear();
        assert_eq!(login("alice", &alice.phone.code(0)), Code::AuthErr);
        assert!(lab.decision().contains("throttled"));
    });
}

#[test]
fn a_second_name_of_the_uid_is_no_exemption() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let alice = lab.enroll("alice");
        lab.add_account("toor", 2001);
        assert_eq!(login("toor", &alice.phone.wrong()), Code::AuthErr);
        assert_eq!(login("toor", &alice.phone.code(0)), Code::Success);
    });
}

fn edit_passwd(from: &str, to: &str) {
    let text = fs::read_to_string("/etc/passwd").unwrap();
    assert!(text.contains(from));
    write("/etc/passwd", &text.replace(from, to));
}

#[test]
fn a_renamed_account_is_denied_until_it_is_adopted() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let alice = lab.enroll("alice");
        edit_passwd("\nalice:", "\nalicia:");
        lab.syslog.clear();
        assert_eq!(login("alicia", &alice.phone.code(0)), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("adopt") && line.contains("unavailable"), "{line}");
        assert_eq!(login("alice", &alice.phone.code(0)), Code::AuthErr, "she is gone");
        lab.totpctl(["adopt", "alicia"]);
        assert_eq!(login("alicia", &alice.phone.code(0)), Code::Success);
    });
}

#[test]
fn a_uid_given_to_somebody_else_inherits_nothing_and_is_not_exempt() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let alice = lab.enroll("alice");
        // alice is deleted, mallory created with her uid, and then a new alice with another.
        edit_passwd("\nalice:x:2001:", "\nmallory:x:2001:");
        lab.add_account("alice", 2099);
        assert_eq!(login("mallory", &alice.phone.code(0)), Code::AuthErr);
        assert_eq!(Login::new("door", "alice").run().verdict(), Code::PermDenied, "not enrolled");
    });
}

#[test]
fn a_name_service_that_does_not_answer_exempts_nobody() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let alice = lab.enroll("alice");
        // EIO; EAGAIN; ENOENT and ESRCH, which getpwnam(3) also uses for "not found"; ECONNREFUSED.
        for answer in ["unavailable 5", "try_again 11", "unavailable 2", "unavailable 3", "unavailable 111"] {
            lab.name_service(&format!("{answer}\n"));
            lab.syslog.clear();
            assert_eq!(login("dana", "123456"), Code::AuthErr, "{answer}");
            let line = lab.decision();
            assert!(!line.contains("exempt") && !line.contains("dana"), "{answer}: {line}");
        }
        // Whom the files know is judged as always.
        assert_eq!(login("alice", &alice.phone.code(0)), Code::Success);
    });
}

#[test]
fn a_name_that_any_table_of_ours_could_choke_on_is_denied() {
    sandbox::within(|lab| {
        lab.door("nullok");
        let mut names: Vec<Vec<u8>> =
            ["..", ".", "a/b", "/", "2001", "", " ", "a\tb", "-", "root\n", "%2e%2e"]
                .map(|name| name.as_bytes().to_vec())
                .into();
        names.extend([b"\xff\xfe".to_vec(), vec![b'a'; 256], vec![b'a'; 5000]]);
        for name in names.into_iter().filter(|name| !name.is_empty()) {
            let verdict = Login::new("door", &name).code("123456").run().verdict();
            assert_eq!(verdict, Code::AuthErr, "{}", String::from_utf8_lossy(&name));
        }
    });
}

#[test]
fn a_name_that_would_write_to_the_terminal_or_the_log_is_shown_on_neither() {
    sandbox::within(|lab| {
        lab.door("nullok");
        lab.enroll("alice");
        // The directory comes to say that this is what she is called.
        edit_passwd("\nalice:", "\nsomebody:");
        edit_passwd(":2001:", ":2051:");
        lab.name_service("alice \u{1b}]0;pwned\u{7}alice 2001 2001\n");
        lab.syslog.clear();
        assert_eq!(login("alice", "123456"), Code::AuthErr);
        assert!(lab.decision().contains("unavailable"));
        for verb in
            [&["list"][..], &["status", "alice"], &["enroll", "alice", "--no-confirm"], &["adopt", "alice"]]
        {
            let output = lab.totpctl_command().args(verb).output().unwrap();
            let said = [output.stdout, output.stderr].concat();
            assert!(!said.contains(&0x1b), "{verb:?}: {}", String::from_utf8_lossy(&said).escape_debug());
        }
    });
}
