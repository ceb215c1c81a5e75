//! Sheets of backup codes: nobody keeps the wrong one.

use crate::bench::{Bench, NOW, lines};
use serde_json::{Value, json};

fn codes(printed: &Value) -> Vec<String> {
    printed["backup_codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_backup_code_opens_once_in_any_spelling() {
    let bench = Bench::new();
    let sheet = codes(&bench.enroll(&[]));
    assert_eq!(bench.verify(&sheet[3]).done().out, "accepted: a backup code, 9 left\n");
    bench.verify(&sheet[3]).refused("this backup code was used before");
    let shouted = sheet[0].to_uppercase().replace('-', " ").replace('0', "O");
    assert_eq!(bench.verify(shouted).done().out, "accepted: a backup code, 8 left\n");
    assert_eq!(bench.status()["backup_codes_left"], 8);
}

#[test]
fn the_older_sheet_is_refused_without_counting_and_the_right_one_named() {
    let bench = Bench::new().at(NOW);
    let first = codes(&bench.enroll(&[]));
    let ran = bench.run(["backup-codes", &bench.user, "--yes"]).done();
    let head = format!("Backup codes of {}, set 2 of 2027-01-15\n", bench.user);
    assert!(ran.out.starts_with(&head), "{}", ran.out);
    assert!(ran.out.contains("sheets of earlier sets are void"), "{}", ran.out);
    assert_eq!(bench.status()["backup_set"], json!({ "number": 2, "date": "2027-01-15" }));
    let page = bench.run(["status", &bench.user]).done().out;
    assert!(page.contains("backup codes: 10 left of set 2 of 2027-01-15\n"), "{page}");
    for code in &first {
        bench
            .verify(code)
            .refused("not one of the present backup codes, and no bypass\nhint: the sheet must say set 2 of 2027-01-15");
    }
    assert_eq!(bench.status()["throttled"], json!([]), "ten old codes are no guesses");
    let of_sheet: Vec<_> = ran.out.split_whitespace().filter(|word| word.len() == 14).collect();
    assert_eq!(of_sheet.len(), 10, "{}", ran.out);
    bench.verify(of_sheet[9]).done();
}

#[test]
fn none_asked_for_are_none_made() {
    let bench = Bench::new();
    assert_eq!(codes(&bench.enroll(&["--backup-codes", "0"])), [""; 0]);
    let status = bench.status();
    assert_eq!((&status["backup_codes_left"], &status["backup_set"]), (&json!(0), &json!(null)));
    let stored = std::fs::read_to_string(bench.person(bench.uid).join("enrollment.toml")).unwrap();
    assert!(!stored.contains("hashes"), "{stored}");
    bench.verify("0000-0000-000a").refused("hint: there is no set of backup codes");
}

#[test]
fn a_set_can_be_taken_away_and_numbers_go_on() {
    let bench = Bench::new();
    let first = codes(&bench.enroll(&[]));
    let none = bench.run(["backup-codes", &bench.user, "--count", "0", "--yes", "--json"]).json();
    assert_eq!(none, json!({ "user": bench.user, "backup_codes": [], "backup_set": null }));
    bench.verify(&first[0]).refused("there is no set of backup codes");
    // Nothing would be lost, so nothing is asked.
    let three = bench.run(["backup-codes", &bench.user, "--count", "3", "--json"]).json();
    assert_eq!((codes(&three).len(), &three["backup_set"]["number"]), (3, &json!(2)));
    bench.verify(&codes(&three)[2]).done();
}

#[test]
fn a_new_set_leaves_the_tokens_and_what_they_spent() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let code = crate::bench::phone(printed["secret"].as_str().unwrap(), NOW);
    bench.verify(&code).done();
    bench.run(["backup-codes", &bench.user, "--yes"]).done();
    bench.verify(&code).refused("was used before");
}

#[test]
fn the_sheet_after_enrolling_shows_every_code_once() {
    let bench = Bench::new().at(NOW);
    let out =
        bench.run(["enroll", &bench.user, "--no-confirm", "--qr", "none", "--backup-codes", "3"]).done().out;
    let (_, sheet) = out.split_once(" is enrolled\n\n").unwrap();
    assert!(sheet.starts_with(&format!("Backup codes of {}, set 1 of 2027-01-15\n", bench.user)), "{sheet}");
    let shown: Vec<_> = sheet.split_whitespace().filter(|word| word.len() == 14).collect();
    assert_eq!(shown.len(), 3, "{sheet}");
    for code in shown {
        bench.run_with(["verify", &bench.user], lines(&[code]).as_bytes()).done();
    }
}
