//! Tokens that count.

use crate::bench::{Bench, fob};
use crate::session::CODE;
use serde_json::json;

#[test]
fn a_counter_token_is_enrolled_at_a_terminal_and_confirmed_by_one_of_its_first_codes() {
    for (counter, next) in [(0, 1), (10, 11)] {
        let bench = Bench::new();
        let mut session = bench.session(["enroll", &bench.user, "--hotp", "--qr", "none"]);
        session.expect("counter, SHA-1, 6 digits");
        session.expect("otpauth://hotp/");
        let secret = session.secret();
        session.expect("&counter=0\n");
        session.expect(CODE);
        session.say(&fob(&secret, 30));
        session.expect("not a code of the new token\nhint: it is looked for among the first 11 codes");
        session.say(&fob(&secret, counter));
        session.expect("is enrolled\n");
        assert_eq!(session.end().0, Some(0));
        bench.verify(fob(&secret, counter)).refused("was used before");
        bench.verify(fob(&secret, next)).done();
    }
}

#[test]
fn a_counter_token_has_no_period_anywhere() {
    let bench = Bench::new();
    let printed = bench.enroll(&["--hotp"]);
    assert!(printed["uri"].as_str().unwrap().ends_with("&counter=0"), "{printed}");
    let page = bench.run(["status", &bench.user]).done().out;
    assert!(page.contains("\nphone  hotp  sha1       6       -       never\n"), "{page}");
    assert_eq!(bench.status()["tokens"][0]["kind"], json!("hotp"));
    assert_eq!(bench.status()["tokens"][0]["period"], json!(null));
    let wrong = bench.run(["enroll", &bench.user, "--replace", "--yes", "--hotp", "--period", "60"]);
    assert_eq!(wrong.status, Some(2), "{}", wrong.err);
}

#[test]
fn the_next_code_is_shown_and_not_spent_by_it() {
    let bench = Bench::new();
    let printed = bench.enroll(&["--hotp"]);
    let secret = printed["secret"].as_str().unwrap();
    for counter in 0..3 {
        let line = format!("{}  counter {counter}  phone\n", fob(secret, counter));
        let before = bench.snapshot();
        for _ in 0..2 {
            assert_eq!(bench.run(["code", &bench.user]).done().out, line);
        }
        assert_eq!(bench.snapshot(), before);
        bench.verify(fob(secret, counter)).done();
    }
    bench.verify(fob(secret, 2 + 12)).refused("wrong code");
    bench.verify(format!("{} {}", fob(secret, 80), fob(secret, 81))).done();
    assert!(bench.run(["code", &bench.user]).done().out.contains("  counter 82  "));
}

#[test]
fn where_nobody_knows_the_counter_no_code_is_shown_as_good() {
    let bench = Bench::new();
    bench.enroll(&["--hotp"]);
    for entry in std::fs::read_dir(bench.person(bench.uid)).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("ledger.") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    let said = bench.run(["unlock", &bench.user]).done().out;
    assert!(!said.contains("minutes"), "waiting helps no counter: {said}");
    assert!(bench.run(["code", &bench.user]).done().out.ends_with("no counter is left\n"));
}
