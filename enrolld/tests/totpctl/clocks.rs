//! Clocks that are wrong: the phone's, this machine's.

use crate::bench::{Bench, K1, NOW, phone};
use crate::session::CODE;
use std::path::Path;
use std::process::Command;

/// An adjtimex(2) that says what the test wants the kernel to say.
const SHIM: &str = r#"
#include <sys/timex.h>
#include <string.h>
int adjtimex(struct timex *t) { memset(t, 0, sizeof *t); t->status = STATUS; return STATUS ? TIME_ERROR : TIME_OK; }
"#;

fn kernel_says(bench: Bench, status: &str) -> Bench {
    let (source, library) = (bench.path("shim.c"), bench.path(&format!("{status}.so")));
    std::fs::write(&source, SHIM).unwrap();
    compile(&source, &library, status);
    bench.with("LD_PRELOAD", library.to_str().unwrap())
}

fn compile(source: &Path, library: &Path, status: &str) {
    let mut command = Command::new("gcc");
    command.args(["-shared", "-fPIC", "-o"]).arg(library).arg(format!("-DSTATUS={status}")).arg(source);
    assert!(command.status().expect("gcc of the package gcc").success());
}

#[test]
fn a_machine_that_is_wrong_does_not_blame_the_phone() {
    let bench = kernel_says(Bench::new(), "STA_UNSYNC").at(NOW - 90);
    bench.enroll_key(K1, &[]);
    bench
        .verify(phone(K1, NOW))
        .refused("totpctl: the clocks are 90 s apart; this machine's clock is not synchronized\nhint: set this machine");
    bench
        .verify(phone(K1, NOW - 90 + 3_600))
        .refused("3600 s apart; this")
        .refused("hint: 1 h looks like a time-zone");
}

#[test]
fn enrolling_on_such_a_machine_does_not_blame_the_phone_either() {
    for (status, words) in [
        ("STA_UNSYNC", "the clocks are 90 s apart; this machine's clock is not synchronized\n"),
        ("0", "your phone's clock is 90 s ahead\n"),
    ] {
        let bench = kernel_says(Bench::new(), status).at(NOW - 90);
        let mut session = bench.session(["enroll", &bench.user, "--qr", "none"]);
        let secret = session.secret();
        session.expect(CODE);
        session.say(&phone(&secret, NOW));
        session.expect(words);
        session.expect(CODE);
        session.say("");
        assert_eq!(session.end().0, Some(1));
        assert_eq!(bench.status()["enrolled"], false);
    }
}

#[test]
fn a_phone_that_is_wrong_is_told_by_how_much() {
    let bench = kernel_says(Bench::new(), "0").at(NOW + 90);
    bench.enroll_key(K1, &[]);
    bench.verify(phone(K1, NOW)).refused("totpctl: your phone's clock is 90 s behind\n");
    bench.verify(phone(K1, NOW + 180)).refused("totpctl: your phone's clock is 90 s ahead\n");
    let hours = bench.verify(phone(K1, NOW + 90 + 7_200)).refused("your phone's clock is 7200 s ahead");
    hours.refused("hint: 2 h looks like a time-zone mistake");
}

#[test]
fn a_phone_whose_clock_is_off_opens_with_two_codes_and_with_one_from_then_on() {
    let mut bench = kernel_says(Bench::new(), "0").at(NOW);
    bench.enroll_key(K1, &[]);
    let hint = "hint: or type two successive codes in one line (123456 654321)";
    bench.verify(phone(K1, NOW - 180)).refused("your phone's clock is 180 s behind").refused(hint);
    let far = bench.verify(phone(K1, NOW - 330)).refused("your phone's clock is 330 s behind");
    assert!(!far.err.contains("two successive"), "{}", far.err);
    let two = format!("{} {}", phone(K1, NOW - 210), phone(K1, NOW - 180));
    bench.verify(two).done();
    let warnings = bench.status()["warnings"].clone();
    assert_eq!(warnings[0], "token phone: its clock is 180 s behind this one");
    bench.set_clock(NOW + 600);
    bench.verify(phone(K1, NOW + 600 - 180)).done();
    bench.settings("[accept]\ndrift = 0\n");
    assert_eq!(bench.status()["warnings"].as_array().unwrap().len(), 0);
    bench.set_clock(NOW + 1200);
    let off = bench.verify(phone(K1, NOW + 1200 - 180)).refused("your phone's clock is 180 s behind");
    assert!(!off.err.contains("two successive"), "{}", off.err);
    bench.verify(phone(K1, NOW + 1200)).done();
}

#[test]
fn a_clock_set_back_makes_no_code_good_again() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    bench.verify("592691").done();
    bench.set_clock(NOW - 60);
    bench.verify("592691").refused("last used 1 minutes ahead of this clock");
    bench.verify(phone(K1, NOW - 60)).refused("last used");
    assert!(bench.status()["warnings"][0].as_str().unwrap().contains("ahead of this clock"));
}

#[test]
fn a_clock_that_ran_ahead_is_put_right_by_unlock() {
    let mut bench = Bench::new().at(NOW + 7_200);
    bench.enroll_key(K1, &[]);
    bench.verify(phone(K1, NOW + 7_200)).done();
    bench.set_clock(NOW);
    bench
        .verify(phone(K1, NOW))
        .refused("last used 120 minutes ahead of this clock")
        .refused(&format!("hint: if this clock is right now: totpctl unlock --clock {}", bench.user));
    bench.run(["unlock", "--clock", &bench.user]).done();
    bench.set_clock(NOW + 120);
    bench.verify(phone(K1, NOW + 120)).done();
    bench.set_clock(NOW + 7_200);
    bench.verify(phone(K1, NOW + 7_200)).refused("was used before");
}

#[test]
fn a_clock_years_behind_judges_no_code_but_backup_codes_open() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let bench = bench.at(1_000_000_000);
    let secret = printed["secret"].as_str().unwrap();
    bench
        .verify(phone(secret, 1_000_000_000))
        .refused("this machine's clock is at least")
        .refused("hint: set it first");
    bench.verify(printed["backup_codes"][0].as_str().unwrap()).done();
}
