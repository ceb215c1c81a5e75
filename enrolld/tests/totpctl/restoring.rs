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

/// A fob that was enrolled, and its secret; two codes of it were used since the backup that was put back.
fn fob_of_a_backup(bench: &Bench) -> String {
    let secret = bench.enroll(&["--hotp"])["secret"].as_str().unwrap().to_owned();
    copy(bench, "store", "backup");
    bench.verify(pair(&secret, 4)).done();
    copy(bench, "backup", "store");
    secret
}

fn pair(secret: &str, counter: u64) -> String {
    format!("{} {}", fob(secret, counter), fob(secret, counter + 1))
}

#[test]
fn a_token_that_counts_opens_by_two_successive_codes_beyond_those_that_are_passed_over() {
    let bench = Bench::new();
    let secret = fob_of_a_backup(&bench);
    let said = bench.run(["restored", &bench.user, "--yes"]).done().out;
    let words = "token phone counts: it opens by two successive codes in one answer, beyond 10 that are passed over\n";
    assert!(said.contains(words), "{said}");
    let status = bench.status();
    assert!(
        status["warnings"].to_string().contains("token phone: needs two successive codes in one answer"),
        "{status}"
    );
    assert_eq!(status["tokens"][0]["pairs_only"], json!(true));
    for passed_over in [0, 4, 8] {
        bench.verify(pair(&secret, passed_over)).refused("was used before");
    }
    bench.verify(fob(&secret, 12)).refused("token phone needs two successive codes, since a restore");
    bench.verify(pair(&secret, 12)).done();
    bench.verify(fob(&secret, 14)).done();
    let status = bench.status();
    assert_eq!((&status["warnings"], &status["tokens"][0]["pairs_only"]), (&json!([]), &json!(false)));
}

#[test]
fn how_many_may_have_been_used_since_the_backup_is_said_by_skip() {
    let bench = Bench::new();
    let secret = fob_of_a_backup(&bench);
    let said = bench.run(["restored", "--all", "--skip", "40", "--yes"]).done().out;
    assert!(said.contains("beyond 40 that are passed over"), "{said}");
    bench.verify(pair(&secret, 38)).refused("was used before");
    bench.verify(pair(&secret, 41)).done();
    for wrong in ["100001", "-1", "x"] {
        assert_eq!(bench.run(["restored", "--all", "--skip", wrong, "--yes"]).status, Some(2), "{wrong}");
    }
}

#[test]
fn a_token_that_counts_whose_ledger_is_lost_is_refused_until_it_is_enrolled_anew() {
    let bench = Bench::new();
    let secret = bench.enroll(&["--hotp"])["secret"].as_str().unwrap().to_owned();
    let ledger = std::fs::read_dir(bench.person(bench.uid)).unwrap().map(|entry| entry.unwrap().path());
    let ledger = ledger.filter(|path| path.to_string_lossy().contains("ledger.")).collect::<Vec<_>>();
    std::fs::remove_file(&ledger[0]).unwrap();
    let said = bench.run(["restored", &bench.user, "--yes"]).done().out;
    assert!(said.contains("token phone counts, how far is lost: enroll it anew\n"), "{said}");
    bench.verify(pair(&secret, 22)).refused("");
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
