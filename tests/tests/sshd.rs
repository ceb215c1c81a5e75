//! A real sshd with the module behind it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::lab::{Lab, PASSWORD};
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};

const PASSWORD_PROMPT: &str = "Password: ";
const CODE_PROMPT: &str = "Verification code: ";
const BOTH_PROMPT: &str = "Password & verification code: ";

fn password_and_code(lab: &Lab, arguments: &str) {
    let auth = format!("auth required pam_unix.so nodelay\nauth required pam_totp.so {arguments}\n");
    lab.service("sshd", &auth);
}

fn code_alone(lab: &Lab, arguments: &str) {
    lab.service("sshd", &format!("auth required pam_totp.so {arguments}\n"));
}

#[test]
fn password_and_code_open_once() {
    sandbox::within(|lab| {
        password_and_code(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let code = alice.phone.code(0);
        let answers = [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, code.as_str())];
        let first = sshd.log_in("alice", &answers);
        assert!(first.entered, "{}", first.screen);
        let line = lab.decision();
        assert!(line.contains("accepted") && line.contains("rhost=127.0.0.1"), "{line}");
        assert!(!sshd.log_in("alice", &answers).entered);
        assert!(lab.decision().contains("replayed"));
    });
}

#[test]
fn a_wrong_or_malformed_code_is_refused_and_a_backup_code_opens() {
    sandbox::within(|lab| {
        password_and_code(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let entered =
            |code: &str| sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, code)]).entered;
        assert!(!entered(&alice.phone.wrong()));
        assert!(!entered("what code?"));
        assert!(!entered(""));
        assert!(entered(&alice.backup_codes[3]));
        assert!(!entered(&alice.backup_codes[3]));
        assert!(entered(&alice.phone.code(0)));
    });
}

#[test]
fn a_right_code_does_not_make_up_for_a_wrong_password() {
    sandbox::within(|lab| {
        password_and_code(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let code = alice.phone.code(0);
        let answers = [(PASSWORD_PROMPT, "wrong"), (CODE_PROMPT, code.as_str())];
        assert!(!sshd.log_in("alice", &answers).entered);
    });
}

#[test]
fn a_key_and_then_a_code() {
    sandbox::within(|lab| {
        code_alone(lab, "");
        let alice = lab.enroll("alice");
        let methods = format!("{INTERACTIVE}AuthenticationMethods publickey,keyboard-interactive:pam\n");
        let sshd = Sshd::start(lab, &methods);
        let key = sshd.key_of("alice");
        let options: Vec<&str> = key.iter().map(String::as_str).collect();
        let code = alice.phone.code(0);
        assert!(sshd.log_in_with("alice", &options, &[(CODE_PROMPT, &code)]).entered);
        assert!(!sshd.log_in_with("alice", &options, &[(CODE_PROMPT, &code)]).entered);
        // Without the key nobody is even asked.
        assert!(!sshd.log_in("alice", &[]).entered);
    });
}

#[test]
fn strangers_and_the_enrolled_see_the_same_screen() {
    sandbox::within(|lab| {
        password_and_code(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let wrong = alice.phone.wrong();
        let screens: Vec<String> = ["alice", "bob", "nobody-here"]
            .map(|user| {
                let answers = [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, wrong.as_str())];
                let attempt = sshd.log_in(user, &answers);
                assert!(!attempt.entered);
                attempt.screen.replace(user, "USER")
            })
            .into();
        assert_eq!(screens[0], screens[1]);
        assert_eq!(screens[0], screens[2]);
    });
}

#[test]
fn under_nullok_the_unenrolled_get_no_second_prompt() {
    sandbox::within(|lab| {
        password_and_code(lab, "nullok");
        lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let attempt = sshd.log_in("bob", &[(PASSWORD_PROMPT, PASSWORD)]);
        assert!(attempt.entered && !attempt.screen.contains(CODE_PROMPT), "{}", attempt.screen);
        let mut client = sshd.client("alice", &[]);
        client.expect(PASSWORD_PROMPT);
        client.say(PASSWORD);
        client.expect(CODE_PROMPT);
        client.hang_up();
    });
}

#[test]
fn a_client_that_hangs_up_at_the_prompt_leaves_the_code_good() {
    sandbox::within(|lab| {
        password_and_code(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let mut client = sshd.client("alice", &[]);
        client.expect(PASSWORD_PROMPT);
        client.say(PASSWORD);
        client.expect(CODE_PROMPT);
        client.hang_up();
        sshd.wait_for("Connection closed by");
        let code = alice.phone.code(0);
        assert!(sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &code)]).entered);
    });
}

#[test]
fn a_password_poured_into_the_code_prompt_costs_no_guess() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        let alice = lab.enroll("alice");
        password_and_code(lab, "");
        {
            let sshd = Sshd::start(lab, "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n");
            for _ in 0..3 {
                lab.syslog.clear();
                assert!(!sshd.log_in("alice", &[("password: ", PASSWORD)]).entered);
                // This password has the shape of a backup code; it is no guess all the same.
                let line = lab.decision();
                assert!(line.contains("not counted"), "{line}");
            }
        }
        lab.syslog.clear();
        let sshd = Sshd::start(lab, INTERACTIVE);
        let code = alice.phone.code(0);
        assert!(sshd.log_in("alice", &[(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &code)]).entered);
    });
}

fn both_in_one(lab: &Lab) {
    lab.service(
        "sshd",
        "auth required pam_totp.so forward_pass\nauth required pam_unix.so use_first_pass nodelay\n",
    );
}

#[test]
fn both_in_one_answer_open_by_a_conversation_once() {
    sandbox::within(|lab| {
        both_in_one(lab);
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let entered = |answer: &str| sshd.log_in("alice", &[(BOTH_PROMPT, answer)]).entered;
        let both = format!("{PASSWORD}{}", alice.phone.code(0));
        assert!(!entered(PASSWORD));
        assert!(!entered(&format!("{PASSWORD}{}", alice.phone.wrong())));
        assert!(entered(&both));
        assert!(!entered(&both));
        assert!(!entered(&format!("wrong{}", alice.phone.code(1))));
        assert!(entered(&format!("{PASSWORD}{}", alice.backup_codes[0])));
    });
}

#[test]
fn both_in_one_answer_open_by_sshds_password_authentication_and_a_password_alone_is_no_guess() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        both_in_one(lab);
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n");
        let entered = |answer: &str| sshd.log_in("alice", &[("password: ", answer)]).entered;
        for password in [PASSWORD, "correcthorse", "hunter2", "hunter12345"] {
            lab.syslog.clear();
            assert!(!entered(password));
            let line = lab.decision();
            assert!(line.contains("not counted"), "{line}");
        }
        assert!(entered(&format!("{PASSWORD}{}", alice.phone.code(0))));
        assert!(!entered(&format!("{PASSWORD}{}", alice.phone.code(0))));
    });
}

#[test]
fn three_tries_on_one_connection_are_three_decisions() {
    sandbox::within(|lab| {
        code_alone(lab, "");
        let alice = lab.enroll("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let mut client = sshd.client("alice", &["-o", "NumberOfPasswordPrompts=3"]);
        for code in [alice.phone.wrong(), "no code".to_owned(), alice.phone.code(0)] {
            client.expect(CODE_PROMPT);
            client.say(&code);
        }
        let (status, screen) = client.finish();
        assert!(status.success(), "{screen}");
        let lines = lab.syslog.module();
        let verdicts = ["wrong", "malformed", "accepted"];
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines.iter().zip(verdicts).all(|(line, verdict)| line.contains(verdict)), "{lines:#?}");
    });
}

#[test]
fn a_root_login_is_asked_like_everybody() {
    sandbox::within(|lab| {
        code_alone(lab, "");
        let root = lab.enroll("root");
        let sshd = Sshd::start(lab, INTERACTIVE);
        assert!(!sshd.log_in("root", &[(CODE_PROMPT, &root.phone.wrong())]).entered);
        assert!(sshd.log_in("root", &[(CODE_PROMPT, &root.phone.code(0))]).entered);
    });
}
