//! Enrolling at a terminal: what the person is told, and that nothing is ever half done.

use crate::bench::{Bench, NOW, phone, phone_with};
use crate::session::{CODE, CTRL_C, CTRL_D, Session};
use nix::sys::signal::Signal;
use serde_json::json;
use std::fs::File;

fn enroll(bench: &Bench, more: &[&str]) -> (Session, String) {
    let mut session = bench.session(["enroll", bench.user.as_str(), "--qr", "none"].iter().chain(more));
    let secret = session.secret();
    session.expect(CODE);
    (session, secret)
}

fn nobody_enrolled(bench: &Bench) {
    assert_eq!(bench.status()["enrolled"], json!(false));
    assert!(!bench.person(bench.uid).exists(), "something was left behind");
}

#[test]
fn a_right_code_enrolls_shows_the_backup_codes_and_is_spent() {
    let bench = Bench::new().at(NOW);
    let (mut session, secret) = enroll(&bench, &[]);
    nobody_enrolled(&bench);
    let code = phone(&secret, NOW);
    session.say(&code);
    session.expect(&format!("{} is enrolled\n", bench.user));
    session.expect(&format!("Backup codes of {}, set 1 of 2027-01-15\n", bench.user));
    let (status, screen) = session.end();
    assert_eq!(status, Some(0), "{screen}");
    bench.verify(&code).refused("was used before");
    let backup = screen.split_whitespace().rfind(|word| word.len() == 14).unwrap();
    bench.verify(backup).done();
}

#[test]
fn a_wrong_code_may_be_followed_by_the_right_one() {
    let bench = Bench::new().at(NOW);
    let (mut session, secret) = enroll(&bench, &[]);
    session.say("hello");
    session.expect("letters where digits were expected: keyboard layout?\nhint: a code has 6 digits\n");
    session.say("1234");
    session.expect("digits, but not as many as a code has\n");
    session.say(&phone(&secret, NOW + 3_000_000));
    session.expect("hint: ");
    session.say(&format!(" {} ", phone(&secret, NOW)));
    session.expect("is enrolled");
    assert_eq!(session.end().0, Some(0));
}

#[test]
fn five_wrong_codes_end_it_and_nothing_is_stored() {
    let bench = Bench::new();
    let (mut session, _) = enroll(&bench, &[]);
    for _ in 0..5 {
        session.say("hello");
    }
    session.expect("totpctl: no right code in 5 tries, nothing was stored\n");
    assert_eq!(session.end().0, Some(1));
    nobody_enrolled(&bench);
}

#[test]
fn an_app_that_ignores_a_parameter_is_found_out() {
    let cases: [(&[&str], &[&str], &str); 4] = [
        (&["--period", "60"], &[], "ignored the period and shows a 30 s SHA-1 6-digit code"),
        (&["--digits", "8"], &[], "ignored the digits and shows a 30 s SHA-1 6-digit code"),
        (&["--algorithm", "sha256"], &[], "ignored the algorithm and shows a 30 s SHA-1 6-digit code"),
        (
            &["--algorithm", "sha512", "--digits", "8"],
            &["--digits=8"],
            "ignored the algorithm and shows a 30 s SHA-1 8-digit code",
        ),
    ];
    for (token, app, words) in cases {
        let bench = Bench::new().at(NOW);
        let (mut session, secret) = enroll(&bench, token);
        session.say(&phone_with(&secret, NOW, app));
        session.expect(&format!("your app {words}\nhint: enroll with the defaults, or use another app\n"));
        session.expect(CODE);
        session.press(CTRL_C);
        assert_eq!(session.end().0, Some(1));
        nobody_enrolled(&bench);
    }
}

#[test]
fn the_tail_of_an_eight_digit_code_is_not_accepted() {
    let bench = Bench::new().at(NOW);
    let (mut session, secret) = enroll(&bench, &["--digits", "8"]);
    let whole = phone_with(&secret, NOW, &["--digits=8"]);
    session.say(&whole[2..]);
    session.expect("your app ignored the digits");
    session.say(&whole);
    session.expect("is enrolled");
    assert_eq!(session.end().0, Some(0));
}

#[test]
fn a_code_of_the_replaced_entry_is_recognized() {
    let bench = Bench::new().at(NOW);
    let old = bench.enroll(&[]);
    let (mut session, secret) = enroll(&bench, &["--replace", "--yes"]);
    session.say(&phone(old["secret"].as_str().unwrap(), NOW));
    session.expect("this code belongs to the entry that was replaced\nhint: delete it in the app\n");
    session.say(&phone(&secret, NOW));
    session.expect("is enrolled");
    assert_eq!(session.end().0, Some(0));
    assert_eq!(bench.status()["backup_set"]["number"], json!(2));
}

#[test]
fn whoever_stops_leaves_nothing_behind() {
    for keys in ["\n", CTRL_C, CTRL_D, "12345\x03", "\x1c", " \n"] {
        let bench = Bench::new();
        let (mut session, _) = enroll(&bench, &[]);
        session.press(keys);
        session.expect("totpctl: aborted, nothing was stored\n");
        assert_eq!(session.end().0, Some(1), "{keys:?}");
        nobody_enrolled(&bench);
    }
    for signal in [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGKILL] {
        let bench = Bench::new();
        let (session, _) = enroll(&bench, &[]);
        session.signal(signal);
        assert_ne!(session.end().0, Some(0), "{signal}");
        nobody_enrolled(&bench);
    }
}

#[test]
fn to_replace_is_asked_and_no_is_no() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let before = bench.snapshot();
    let question = format!("Replace {}'s token phone and 10 backup codes? [y/N] ", bench.user);
    for answer in ["n\n", "\n", CTRL_C, CTRL_D, "maybe\n"] {
        let mut session = bench.session(["enroll", "--replace", &bench.user]);
        session.expect(&question);
        session.press(answer);
        session.expect("totpctl: not confirmed, nothing was changed\n");
        let (status, screen) = session.end();
        assert_eq!(status, Some(1), "{answer:?}");
        assert!(!screen.contains("otpauth"), "{screen}");
    }
    assert_eq!(bench.snapshot(), before);
    let mut session = bench.session(["enroll", "--replace", "--qr", "none", &bench.user]);
    session.expect(&question);
    session.say("y");
    let secret = session.secret();
    session.expect(CODE);
    assert_eq!(bench.snapshot(), before, "the old one stands until the new one is confirmed");
    session.say(&phone(&secret, NOW));
    assert_eq!(session.end().0, Some(0));
    assert_ne!(bench.snapshot(), before);
}

#[test]
fn to_revoke_and_to_void_backup_codes_is_asked() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let before = bench.snapshot();
    let questions = [
        ("revoke", format!("Take away {}'s token phone and 10 backup codes? [y/N] ", bench.user)),
        ("backup-codes", "The 10 codes left of set 1 of 2027-01-15 become void. Go on? [y/N] ".to_owned()),
    ];
    for (verb, question) in &questions {
        let mut session = bench.session([verb, bench.user.as_str()]);
        session.expect(question);
        session.say("n");
        session.expect("totpctl: not confirmed, nothing was changed\n");
        assert_eq!(session.end().0, Some(1));
    }
    assert_eq!(bench.snapshot(), before);
    for (verb, question) in questions.iter().rev() {
        let mut session = bench.session([verb, bench.user.as_str()]);
        session.expect(question.split(" and ").next().unwrap());
        session.say("yes");
        assert_eq!(session.end().0, Some(0));
    }
    assert_eq!(bench.status()["enrolled"], json!(false));
}

#[test]
fn a_change_by_somebody_else_meanwhile_is_not_overwritten() {
    let bench = Bench::new().at(NOW);
    let (mut session, secret) = enroll(&bench, &[]);
    bench.enroll(&["--token", "other"]);
    let before = bench.snapshot();
    session.say(&phone(&secret, NOW));
    session.expect(
        "totpctl: the enrollment was changed by somebody else meanwhile\nhint: look at the present state",
    );
    assert_eq!(session.end().0, Some(1));
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn json_goes_to_standard_output_and_the_dialogue_to_the_terminal() {
    let bench = Bench::new().at(NOW);
    let file = bench.path("out.json");
    let out = File::create(&file).unwrap();
    let mut session = bench.session_of(["enroll", &bench.user, "--json"], (80, 24), Some(out));
    let secret = session.secret();
    session.expect(CODE);
    session.say(&phone(&secret, NOW));
    let (status, screen) = session.end();
    assert_eq!(status, Some(0), "{screen}");
    let printed: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    assert_eq!(printed["secret"], json!(secret));
    assert!(!screen.contains(printed["backup_codes"][0].as_str().unwrap()), "{screen}");
}

#[test]
fn a_code_to_verify_is_not_shown_and_the_terminal_gets_its_echo_back() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let code = phone(printed["secret"].as_str().unwrap(), NOW);
    let mut session = bench.session(["verify", &bench.user]);
    session.expect("code: ");
    session.wait_hidden();
    session.say(&code);
    session.expect("accepted: a code of token phone\n");
    let (status, screen) = session.end();
    assert!(status == Some(0) && !screen.contains(&code), "{screen}");
    for stop in [CTRL_C, CTRL_D] {
        let mut session = bench.session(["verify", &bench.user]);
        session.expect("code: ");
        session.wait_hidden();
        session.press(stop);
        session.expect("totpctl: aborted, nothing was checked\n");
        // `end` looks at the echo.
        assert_eq!(session.end().0, Some(1));
    }
    let mut session = bench.session(["verify", &bench.user]);
    session.expect("code: ");
    session.wait_hidden();
    session.signal(Signal::SIGTERM);
    assert_eq!(session.end().0, Some(1));
}

#[test]
fn a_machine_years_behind_enrolls_nobody_by_a_code() {
    let bench = Bench::new().at(1_000_000_000);
    let (mut session, secret) = enroll(&bench, &[]);
    session.say(&phone(&secret, 1_000_000_000));
    session.expect("totpctl: this machine's clock is at least ");
    assert_eq!(session.end().0, Some(1));
    nobody_enrolled(&bench);
}
