//! After a restore of a backup, or on a clone.

use crate::bench::{Bench, K1, NOW, fob, phone};
use serde_json::json;
use std::process::Command;

/// No account has this uid.
const GONE: u32 = 3_999_999_999;

/// Copies the store aside, or back.
fn copy(bench: &Bench, from: &str, to: &str) {
    let _ = std::fs::remove_dir_all(bench.path(to));
    let copied = Command::new("cp").arg("-a").args([bench.path(from), bench.path(to)]).status();
    assert!(copied.unwrap().success());
}

#[test]
fn a_code_that_was_used_since_the_backup_is_refused_and_the_next_ones_pass() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    copy(&bench, "store", "backup");
    bench.verify(phone(K1, NOW)).done();
    // A phone that is ahead, as two codes in one answer tell: that is learned, and in no backup.
    bench.verify(format!("{} {}", phone(K1, NOW + 270), phone(K1, NOW + 300))).done();
    copy(&bench, "backup", "store");
    let said = bench.run(["restored", &bench.user, "--yes"]).done().out;
    assert!(said.starts_with(&format!("{}: what was used before is refused\n", bench.user)), "{said}");
    assert!(said.contains("that takes at most 6 minutes; codes pass after it\n"), "{said}");
    bench.verify(phone(K1, NOW)).refused("was used before");
    bench.verify(format!("{} {}", phone(K1, NOW + 270), phone(K1, NOW + 300))).refused("used before");
    bench.set_clock(NOW + 300);
    bench.verify(phone(K1, NOW + 300)).refused("was used before");
    bench.set_clock(NOW + 360);
    bench.verify(phone(K1, NOW + 360)).done();
}

#[test]
fn backup_codes_and_bypasses_of_the_backup_are_void_and_lanes_stay() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll_key(K1, &[]);
    let bypass = bench.run(["bypass", &bench.user, "--reason", "phone lost", "--json"]).json();
    for _ in 0..6 {
        bench.verify("000000");
    }
    let throttled = bench.status()["throttled"].clone();
    assert_ne!(throttled, json!([]));
    let said = bench.run(["restored", &bench.user, "--yes"]).done().out;
    assert!(
        said.contains(&format!("backup codes are void: totpctl backup-codes {}\n", bench.user)),
        "{said}"
    );
    assert!(said.contains("bypasses are void\n"), "{said}");
    let status = bench.status();
    assert_eq!((&status["throttled"], &status["bypasses"]), (&throttled, &json!([])));
    assert_eq!(status["backup_codes_left"], json!(0));
    for code in [&printed["backup_codes"][0], &bypass["bypass"]] {
        bench.verify(code.as_str().unwrap()).refused("");
    }
}

#[test]
fn a_token_that_counts_is_refused_until_it_is_enrolled_anew() {
    let bench = Bench::new();
    let secret = bench.enroll(&["--hotp"])["secret"].as_str().unwrap().to_owned();
    copy(&bench, "store", "backup");
    bench.verify(format!("{} {}", fob(&secret, 20), fob(&secret, 21))).done();
    copy(&bench, "backup", "store");
    let said = bench.run(["restored", &bench.user, "--yes"]).done().out;
    assert!(said.contains("token phone counts, how far is lost: enroll it anew\n"), "{said}");
    // Nor two successive ones: those may be two that were used.
    bench.verify(format!("{} {}", fob(&secret, 20), fob(&secret, 21))).refused("");
    bench.verify(format!("{} {}", fob(&secret, 22), fob(&secret, 23))).refused("");
    let status = bench.status();
    assert!(status["warnings"].to_string().contains("enroll it anew"), "{status}");
}

#[test]
fn an_invitation_of_the_backup_is_void() {
    let bench = Bench::new();
    bench.run(["invite", &bench.user]);
    let said = bench.run(["restored", "--all", "--yes"]).done().out;
    let name = &bench.user;
    assert_eq!(said, format!("{name}: the invitation is void: totpctl invite {name}\ndone 1, failed 0\n"));
    assert_eq!(bench.run(["list", "--pending", "--json"]).json(), json!([]));
    bench.run(["restored", name, "--yes"]).refused("is not enrolled");
}

#[test]
fn one_persons_trouble_keeps_nobody_else_from_being_done() {
    let bench = Bench::new().at(NOW);
    bench.enroll_key(K1, &[]);
    bench.copy_to(GONE, "somebody");
    bench.copy_to(GONE + 1, "other");
    std::fs::write(bench.person(GONE).join("enrollment.toml"), "secret = \"JVQWWZJANF\"\n").unwrap();
    let ran = bench.run(["restored", "--all", "--yes"]);
    assert_eq!(ran.status, Some(1));
    assert!(ran.out.ends_with("done 2, failed 1\n"), "{}", ran.out);
    assert!(ran.err.contains(&format!("totpctl: {GONE}: ")), "{}", ran.err);
    assert!(ran.err.contains("may work again for 1 of them\nhint: "), "{}", ran.err);
    assert!(!ran.err.contains("JVQW"));
    bench.verify(phone(K1, NOW)).refused("was used before");
    let other = bench.run(["status", &(GONE + 1).to_string(), "--json"]).json();
    assert_eq!(other["backup_codes_left"], json!(0));
}

#[test]
fn it_asks_first_and_knows_whom_it_is_about() {
    let bench = Bench::new();
    bench.enroll(&[]);
    let before = bench.snapshot();
    bench.run(["restored", "--all"]).refused("restored asks before it destroys");
    bench.run(["restored", &bench.user]).refused("restored asks before it destroys");
    let mut session = bench.session(["restored", "--all"]);
    session.expect("Void everybody's backup codes, and refuse all codes up to now? [y/N] ");
    session.say("n");
    session.expect("not confirmed, nothing was changed");
    assert_eq!(session.end().0, Some(1));
    assert_eq!(bench.snapshot(), before);
    for wrong in [["restored", "--yes"].as_slice(), &["restored", "--all", "--yes", &bench.user]] {
        assert_eq!(bench.run(wrong).status, Some(2));
    }
}
