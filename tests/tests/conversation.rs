//! What a conversation can do to the module, and what the module says in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use acceptance::lab::Lab;
use acceptance::pam::{Code, Login, Reply, Style, Texts};
use acceptance::sandbox;

/// One wrong code already makes the lane wait: whatever is counted by mistake shows.
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

fn door(lab: &Lab) -> Login {
    lab.door("");
    Login::new("door", "alice")
}

#[test]
fn a_code_opens_once() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let login = door(lab).code(alice.phone.code(0));
        assert_eq!(login.run().verdict(), Code::Success);
        assert!(lab.decision().contains("accepted"));
        assert_eq!(login.run().verdict(), Code::AuthErr);
        assert!(lab.decision().contains("replayed"));
        assert_eq!(door(lab).code(alice.phone.code(1)).run().verdict(), Code::Success);
    });
}

#[test]
fn a_wrong_code_is_refused_with_one_line_that_counts() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let login = door(lab).code(alice.phone.wrong()).from("203.0.113.5");
        assert_eq!(login.run().verdict(), Code::AuthErr);
        let line = lab.decision();
        assert!(line.contains("pam_totp(door:auth)") && line.contains("authentication failure"), "{line}");
        assert!(line.contains("rhost=203.0.113.5") && line.contains("user=alice"), "{line}");
    });
}

#[test]
fn the_prompt_is_exactly_this_and_says_nothing_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let mut command = door(lab).code(alice.phone.code(0)).command();
        command.env("LC_ALL", "de_DE.UTF-8").env("LANGUAGE", "de");
        let report = acceptance::pam::Report::of(command.output().unwrap()).followed();
        assert_eq!(report.texts(), ["Verification code: "]);
        assert_eq!(report.heard[0].style, Style::EchoOff);
    });
}

#[test]
fn the_administrator_chooses_the_prompts_words_and_echo() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("echo [prompt=Code of the [phone\\]: ]");
        let login = Login::new("door", "alice");
        let code = Reply::Bytes(alice.phone.code(0).into());
        let report = login.asked(Style::EchoOn, "Code of the [phone]: ", code).run();
        assert_eq!(report.verdict(), Code::Success);
    });
}

#[test]
fn no_strange_reply_opens_or_costs_a_guess() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let strange: [&[u8]; 12] = [
            b"",
            b"\0",
            b"\xff\xfe\xfd",
            &[b'1'; 500],
            &[b'x'; 500],
            &[b'1'; 20_000],
            b"correct horse",
            b"\x08\n\r\x7fINCORRECT",
            b"12345",
            b"1234567890123456789",
            b"%s%s%s%n",
            "(\u{e9}-\u{e7}&".as_bytes(),
        ];
        for reply in strange.map(<[u8]>::to_vec).map(Reply::Bytes).into_iter().chain([Reply::Null]) {
            lab.syslog.clear();
            assert_eq!(door(lab).reply(reply.clone()).run().verdict(), Code::AuthErr, "{reply:?}");
            let line = lab.decision();
            assert!(line.contains("not counted") && !line.contains("authentication failure"), "{line}");
        }
        assert_eq!(door(lab).code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn sshds_placeholder_is_named_as_such() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let _ = door(lab).code(b"\x08\n\r\x7fINCORRECT\x08\n\r\x7fINC").run();
        assert!(lab.decision().contains("sshd refuses this login by itself"));
    });
}

#[test]
fn a_reply_ends_at_its_first_nul() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let mut reply = alice.phone.code(0).into_bytes();
        reply.extend(b"\0 and more");
        assert_eq!(door(lab).code(reply).run().verdict(), Code::Success);
    });
}

#[test]
fn a_conversation_that_fails_is_cancelled_and_not_counted() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        // PAM_CONV_ERR, PAM_ABORT, PAM_CONV_AGAIN, PAM_BUF_ERR, PAM_INCOMPLETE, and what is no code at all.
        for code in [19, 26, 30, 5, 31, 4711, -1] {
            lab.syslog.clear();
            assert_eq!(door(lab).reply(Reply::Fail(code)).run().verdict(), Code::ConvErr, "{code}");
            assert!(lab.decision().contains("cancelled"), "{code}");
        }
        assert_eq!(door(lab).reply(Reply::NoArray).run().verdict(), Code::ConvErr);
        assert_eq!(door(lab).mute().run().verdict(), Code::ConvErr);
        assert_eq!(door(lab).code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn a_client_that_hangs_up_at_the_prompt_spends_nothing() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let output = door(lab).reply(Reply::Exit).command().output().unwrap();
        assert!(output.status.success());
        assert_eq!(door(lab).code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn everybody_sees_the_same_prompt_and_the_same_refusal() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let wrong = alice.phone.wrong();
        let names =
            ["alice", "bob", "nobody-here", "../../etc/passwd", "a b", "x\ny", "-r", "%s%n", "*", "."];
        for name in names.into_iter().map(str::to_owned).chain(["u".repeat(300)]) {
            let report = Login::new("door", &name).code(&wrong).run();
            assert_eq!(report.verdict(), Code::AuthErr, "{name}");
            assert_eq!(report.texts(), ["Verification code: "], "{name}");
            assert_eq!(report.user.as_deref(), Some(name.as_bytes()), "PAM_USER is not ours to change");
        }
    });
}

#[test]
fn no_two_refusals_are_delayed_alike_in_the_same_second() {
    sandbox::within(|lab| {
        // As pam_unix asks for too, whatever was typed: the longest delay counts.
        let lines = "auth optional pam_faildelay.so delay=2000000\nauth required pam_totp.so\n";
        lab.service("door", lines);
        lab.settings("[login]\nfail_delay = \"2s\"\n");
        // libpam before 1.6 varies a delay by the second alone.
        let hurried = |user| Login::new("door", user).code("000000").hurried();
        let delays: BTreeSet<_> = (0..30).map(|_| hurried("nobody-here").play().delay.unwrap()).collect();
        assert!(delays.len() > 20, "{delays:?}");
        assert!(delays.iter().all(|delay| (1_000_000..=4_500_000).contains(delay)), "{delays:?}");
    });
}

#[test]
fn a_name_that_is_no_account_is_not_written_to_the_log() {
    sandbox::within(|lab| {
        // Typed by mistake where a name was asked for: a password.
        let report = Login::new("door", "hunter2-my-password").code("123456");
        lab.door("");
        let _ = report.run();
        assert!(lab.syslog.raw().iter().all(|line| !line.contains("hunter2")));
        assert!(!lab.decision().is_empty());
    });
}

#[test]
fn a_name_with_control_characters_makes_no_second_line() {
    sandbox::within(|lab| {
        lab.door("");
        for name in ["bob\nroot accepted", "bob\u{1b}[2J", "bob\u{9b}2J"] {
            let _ = Login::new("door", name).code("123456").from("evil\nhost\u{1b}]").run();
            let line = lab.decision();
            assert!(!line.chars().any(char::is_control), "{line:?}");
        }
    });
}

#[test]
fn under_nullok_nobody_is_asked_who_is_not_enrolled() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.door("nullok");
        let report = Login::new("door", "bob").run();
        // Alone in a stack, "ignore" lets nobody in.
        assert_eq!((report.verdict(), report.conversations), (Code::PermDenied, 0));
        assert!(lab.decision().contains("exempt"));
        let report = Login::new("door", "nobody-here").code("123456").run();
        assert_eq!(report.verdict(), Code::AuthErr);
        let report = Login::new("door", "alice").code(alice.phone.code(0)).run();
        assert_eq!(report.verdict(), Code::Success);
    });
}

#[test]
fn under_nullok_alone_or_before_permit_the_stack_says_what_it_says() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let verdict = |second: &str, user: &str, code: Option<&str>| {
            lab.service("door", &format!("auth required pam_totp.so nullok\n{second}\n"));
            let login = Login::new("door", user);
            code.map_or(login.clone(), |code| login.code(code)).run().verdict()
        };
        let wrong = alice.phone.wrong();
        assert_eq!(verdict("", "bob", None), Code::PermDenied);
        assert_eq!(verdict("auth required pam_permit.so", "bob", None), Code::Success);
        assert_eq!(verdict("auth required pam_permit.so", "alice", Some(&wrong)), Code::AuthErr);
        assert_eq!(verdict("auth sufficient pam_permit.so", "bob", None), Code::Success);
        // Under "required" a later "sufficient" does not undo the refusal.
        assert_eq!(verdict("auth sufficient pam_permit.so", "alice", Some(&wrong)), Code::AuthErr);
    });
}

#[test]
fn a_silent_application_hears_nothing_but_prompts() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let report = door(lab).silent().code(alice.phone.code(0)).run();
        assert_eq!((report.verdict(), report.heard.len()), (Code::Success, 1));
    });
}

#[test]
fn a_text_that_cannot_be_shown_never_changes_the_verdict() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        for code in [alice.phone.code(0), alice.backup_codes[0].clone()] {
            let report = door(lab).texts(Texts::Fail).code(code).run();
            assert_eq!(report.verdict(), Code::Success);
        }
    });
}

#[test]
fn who_this_is_is_asked_by_libpam_and_then_the_code() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let login = door(lab).nameless();
        let login = login.asked(Style::EchoOn, "login:", Reply::Bytes(b"alice".to_vec()));
        assert_eq!(login.code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn a_typed_code_may_hold_spaces_hyphens_and_a_carriage_return() {
    sandbox::within(|lab| {
        for (user, shape) in [("alice", "{} {}"), ("bob", "{}-{}"), ("carol", " {}{}\r"), ("dave", "{}{}\n")]
        {
            let code = lab.enroll(user).phone.code(0);
            let typed = shape.replacen("{}", &code[..3], 1).replacen("{}", &code[3..], 1);
            lab.door("");
            assert_eq!(Login::new("door", user).code(typed).run().verdict(), Code::Success, "{shape}");
            // However it is spelled, it was spent.
            assert_eq!(Login::new("door", user).code(&code).run().verdict(), Code::AuthErr, "{shape}");
        }
    });
}

#[test]
fn a_backup_code_opens_once_in_any_spelling_and_order() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        assert_eq!(alice.backup_codes.len(), 10);
        let last = alice.backup_codes[9].to_uppercase().replace('-', "");
        for (typed, expected) in [
            (alice.backup_codes[4].clone(), Code::Success),
            (alice.backup_codes[0].clone(), Code::Success),
            (last, Code::Success),
            (alice.backup_codes[9].clone(), Code::AuthErr),
            (alice.backup_codes[4].replace('-', " "), Code::AuthErr),
        ] {
            assert_eq!(door(lab).code(typed).run().verdict(), expected);
        }
        assert_eq!(lab.status("alice")["backup_codes_left"], 7);
    });
}

#[test]
fn two_successive_codes_open_a_lane_that_has_to_wait() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        assert_eq!(door(lab).code(alice.phone.wrong()).run().verdict(), Code::AuthErr);
        lab.syslog.clear();
        assert_eq!(door(lab).code(alice.phone.code(0)).run().verdict(), Code::AuthErr);
        assert!(lab.decision().contains("throttled"));
        assert_ne!(lab.status("alice")["throttled"], serde_json::json!([]));
        let pair = format!("{} {}", alice.phone.code(0), alice.phone.code(1));
        assert_eq!(door(lab).code(pair).run().verdict(), Code::Success);
        for spent in [0, 1] {
            assert_eq!(door(lab).code(alice.phone.code(spent)).run().verdict(), Code::AuthErr);
        }
    });
}

#[test]
fn a_prompt_holds_nothing_that_another_login_waits_for() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let code = alice.phone.code(0);
        let waiting = acceptance::pam::Waiting::start(door(lab).code(&code).behind_gate().command());
        let begun = std::time::Instant::now();
        assert_eq!(door(lab).code(&code).run().verdict(), Code::Success);
        assert!(begun.elapsed().as_secs() < 1, "it waited for the other prompt");
        let locks = std::fs::read_to_string("/proc/locks").unwrap();
        assert!(!locks.contains(&format!(" {} ", waiting.id())), "{locks}");
        assert_eq!(waiting.finish().verdict(), Code::AuthErr);
        assert_eq!(door(lab).code(alice.phone.code(1)).run().verdict(), Code::Success);
    });
}

#[test]
fn a_code_opens_for_nobody_but_the_user_who_was_asked() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, bob) = (lab.enroll("alice"), lab.enroll("bob"));
        let as_alice = |typed: String| Reply::As("alice".to_owned(), typed.into());
        let report = Login::new("door", "bob").reply(as_alice(bob.phone.code(0))).run();
        assert_eq!(report.user.as_deref(), Some(&b"alice"[..]));
        assert_ne!(report.verdict(), Code::Success, "bob's code, and alice is in");
        let report = Login::new("door", "bob").reply(as_alice(alice.phone.code(0))).run();
        assert_ne!(report.verdict(), Code::Success);
        for person in [alice, bob] {
            let report = Login::new("door", &person.name).code(person.phone.code(0)).run();
            assert_eq!(report.verdict(), Code::Success, "nothing of {} was spent", person.name);
        }
    });
}
