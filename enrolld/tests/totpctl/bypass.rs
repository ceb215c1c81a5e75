//! Bypasses: what an administrator gives to somebody whose phone is lost.

use crate::bench::{Bench, NOW, phone};
use serde_json::{Value, json};

const LOST: [&str; 2] = ["--reason", "phone lost, ticket \"4711\""];

fn issue(bench: &Bench, more: &[&str]) -> Value {
    let arguments = ["bypass", bench.user.as_str(), "--json"];
    bench.run(arguments.iter().chain(&LOST).chain(more)).json()
}

fn code(printed: &Value) -> &str {
    printed["bypass"].as_str().unwrap()
}

#[test]
fn a_bypass_is_shown_once_stored_hashed_and_opens_once() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let ran = bench.run(["bypass", &bench.user, LOST[0], LOST[1]]).done();
    let head = format!("Bypass 1 of {}, for 1 login until 2027-01-15 09:00:00 UTC\n\n    ", bench.user);
    let shown = ran.out.strip_prefix(&head).expect(&ran.out).split_whitespace().next().unwrap();
    assert_eq!(shown.len(), 14);
    let stored = std::fs::read_to_string(bench.person(bench.uid).join("enrollment.toml")).unwrap();
    assert!(!stored.contains(shown) && !stored.contains(&shown.replace('-', "")), "{stored}");
    assert_eq!(bench.verify(shown.to_uppercase()).done().out, "accepted: bypass 1, 0 uses left\n");
    bench.verify(shown).refused("or this bypass is used up");
}

#[test]
fn status_tells_what_is_left_of_each_until_when_and_why() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let first = issue(&bench, &["--uses", "3", "--expires", "30m"]);
    let expected = json!({ "user": bench.user, "bypass": code(&first), "number": 1, "uses": 3,
                           "expires": "2027-01-15T08:30:00Z" });
    assert_eq!(first, expected);
    issue(&bench, &[]);
    bench.verify(code(&first)).done();
    let row = |number: u32, expires: &str, left: u32| json!({ "number": number, "expires": expires, "uses_left": left, "reason": LOST[1] });
    let rows = [row(1, "2027-01-15T08:30:00Z", 2), row(2, "2027-01-15T09:00:00Z", 1)];
    assert_eq!(bench.status()["bypasses"], json!(rows));
    let page = |bench: &Bench| bench.run(["status", &bench.user]).done().out;
    let line = format!("\nbypass 1: 2 logins left until 2027-01-15 08:30:00 UTC: {}\n", LOST[1]);
    assert!(page(&bench).contains(&line), "{}", page(&bench));
    bench.set_clock(NOW + 1_800);
    let line = format!("\nbypass 1: expired 2027-01-15 08:30:00 UTC: {}\nbypass 2: 1 login left", LOST[1]);
    assert!(page(&bench).contains(&line), "{}", page(&bench));
    assert_eq!(bench.status()["bypasses"][0]["uses_left"], 0);
    bench.verify(code(&first)).refused("bypass 1 expired at 2027-01-15 08:30:00 UTC");
    bench.set_clock(NOW + 60);
    bench.verify(code(&first)).refused("this bypass is used up");
}

#[test]
fn what_is_over_makes_room_and_numbers_go_on() {
    let mut bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let spent = issue(&bench, &[]);
    bench.verify(code(&spent)).done();
    for number in 2..=9 {
        assert_eq!(issue(&bench, &[])["number"], number);
    }
    let again = ["bypass", &bench.user, "--reason", "one more"];
    bench.run(again).refused("9 bypasses at a time, at most 8 fit");
    bench.set_clock(NOW + 3_600);
    assert_eq!(issue(&bench, &[])["number"], 10);
    assert_eq!(bench.status()["bypasses"].as_array().unwrap().len(), 1);
}

#[test]
fn issuing_and_withdrawing_leave_the_rest_of_the_enrollment_as_it_is() {
    let bench = Bench::new().at(NOW);
    let enrolled = bench.enroll(&[]);
    let phone_code = phone(enrolled["secret"].as_str().unwrap(), NOW);
    let sheet = |place: usize| enrolled["backup_codes"][place].as_str().unwrap().to_owned();
    bench.verify(&phone_code).done();
    bench.verify(sheet(0)).done();
    let bypass = issue(&bench, &["--uses", "2"]);
    bench.verify(code(&bypass)).done();
    bench.verify(&phone_code).refused("was used before");
    bench.verify(sheet(0)).refused("was used before");
    assert_eq!(bench.verify(sheet(1)).done().out, "accepted: a backup code, 8 left\n");
    bench.run(["backup-codes", &bench.user, "--yes"]).done();
    bench.run(["enroll", &bench.user, "--no-confirm", "--json", "--add", "--token", "tablet"]).done();
    assert_eq!(bench.status()["bypasses"][0]["uses_left"], 1, "kept with what it has opened");
    let gone = bench.run(["revoke-bypass", &bench.user]).done().out;
    assert_eq!(gone, format!("{} has no bypass any more\n", bench.user));
    bench.verify(code(&bypass)).refused("and no bypass");
    assert_eq!(bench.status()["bypasses"], json!([]));
    assert_eq!(bench.status()["backup_codes_left"], 10);
    bench.verify(&phone_code).refused("was used before");
    bench.run(["revoke-bypass", &bench.user]).refused("has no bypass");
}

#[test]
fn a_replacement_and_a_revocation_take_bypasses_with_them() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let bypass = issue(&bench, &[]);
    bench.enroll(&["--replace", "--yes"]);
    bench.verify(code(&bypass)).refused("and no bypass");
    let bypass = issue(&bench, &[]);
    assert_eq!(bypass["number"], 2);
    bench.run(["revoke", &bench.user, "--yes"]).done();
    bench.verify(code(&bypass)).refused("is not enrolled");
    bench.run(["bypass", &bench.user, "--reason", "x"]).refused("is not enrolled");
    bench.enroll(&[]);
    bench.verify(code(&bypass)).refused("and no bypass");
}

#[test]
fn a_repair_of_a_lost_ledger_voids_them_and_says_so() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&["--backup-codes", "0"]);
    let bypass = issue(&bench, &[]);
    for entry in std::fs::read_dir(bench.person(bench.uid)).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("ledger.") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    bench.verify(code(&bypass)).refused("ledger is missing");
    let said = bench.run(["unlock", &bench.user]).done().out;
    assert!(said.ends_with("which bypasses were used is lost, so all are void\n"), "{said}");
    bench.verify(code(&bypass)).refused("and no bypass");
}

#[test]
fn what_makes_no_bypass_is_wrong_usage_and_changes_nothing() {
    let bench = Bench::new().at(NOW);
    bench.enroll(&[]);
    let before = bench.snapshot();
    for wrong in [
        &["--expires", "1h"][..],
        &["--reason", ""],
        &["--reason", "two\nlines"],
        &["--reason", "x", "--expires", "8d"],
        &["--reason", "x", "--expires", "59s"],
        &["--reason", "x", "--expires", "60"],
        &["--reason", "x", "--uses", "0"],
        &["--reason", "x", "--uses", "101"],
    ] {
        let arguments = ["bypass", bench.user.as_str()];
        let ran = bench.run(arguments.iter().chain(wrong));
        assert_eq!((ran.status, ran.out.as_str()), (Some(2), ""), "{wrong:?}: {}", ran.err);
    }
    assert_eq!(bench.snapshot(), before);
}
