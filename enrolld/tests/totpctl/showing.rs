//! A token that is enrolled, shown once more.

use crate::bench::{Bench, K1, K2, K3, NOW, fob, keys, phone_with};
use serde_json::Value;
use std::process::Command;

fn show(bench: &Bench, more: &[&str]) -> Value {
    let ran = bench.run(["show", bench.user.as_str(), "--yes", "--json"].iter().chain(more));
    assert_eq!(ran.status, Some(0), "{}", ran.err);
    serde_json::from_str(&ran.out).unwrap()
}

/// Keys of 88, 136 and 512 bits, whose base32 would be padded.
fn odd_keys() -> [String; 3] {
    [11, 17, 64].map(|length| {
        let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37).wrapping_add(length)).collect();
        otp::Secret::new(&bytes).unwrap().to_base32().to_string()
    })
}

#[test]
fn what_was_enrolled_is_shown_again_and_nothing_else_changes() {
    let bench = Bench::new().at(NOW);
    let printed = bench.enroll(&[]);
    let before = bench.snapshot();
    let ran = bench.run(["show", &bench.user, "--yes", "--json"]).done();
    assert_eq!(keys(&ran.out), ["user", "token", "uri", "secret"]);
    let shown = ran.json();
    for key in ["user", "token", "uri", "secret"] {
        assert_eq!(shown[key], printed[key]);
    }
    let page = bench.run(["show", &bench.user, "--yes"]).done().out;
    assert!(page.contains(printed["uri"].as_str().unwrap()) && page.contains("time, SHA-1, 6 digits, 30 s"));
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn a_secret_is_shown_to_nobody_who_did_not_say_yes() {
    let bench = Bench::new();
    let secret = bench.enroll(&[])["secret"].as_str().unwrap().to_owned();
    bench.run(["show", &bench.user]).refused("show asks before it shows a secret, and there is no terminal");
    for answer in ["", "n", "nein"] {
        let mut session = bench.session(["show", &bench.user]);
        session.expect(&format!("Show the secret of {}'s token phone on this screen? [y/N] ", bench.user));
        session.say(answer);
        let (status, screen) = session.end();
        assert_eq!(status, Some(1));
        assert!(screen.contains("totpctl: not confirmed, nothing is shown") && !screen.contains(&secret));
    }
    let mut session = bench.session(["show", &bench.user, "--qr", "none"]);
    session.expect("[y/N] ");
    session.say("y");
    assert_eq!(session.secret(), secret);
    assert_eq!(session.end().0, Some(0));
}

#[test]
fn the_picture_of_a_shown_token_is_its_uri() {
    let bench = Bench::new();
    bench.enroll(&[]);
    let png = bench.path("code.png");
    let uri = show(&bench, &["--png", png.to_str().unwrap()])["uri"].as_str().unwrap().to_owned();
    let read = Command::new("zbarimg").args(["--quiet", "--raw"]).arg(&png).output().expect("zbarimg");
    assert_eq!(String::from_utf8(read.stdout).unwrap().trim(), uri);
}

#[test]
fn of_several_tokens_the_one_that_is_named_is_shown_under_a_label_of_its_own() {
    let bench = Bench::new();
    bench.enroll(&[]);
    let fob = bench.enroll(&["--add", "--token", "fob"]);
    let asked = bench.run(["show", &bench.user, "--yes"]);
    asked.refused("has 2 tokens\nhint: say which by --token: phone, fob");
    assert_eq!(show(&bench, &["--token", "fob"])["uri"], fob["uri"]);
    let label = show(&bench, &["--token", "phone", "--issuer", "R&D", "--label", "me"])["uri"].to_string();
    assert!(label.contains("otpauth://totp/R%26D:me?secret="), "{label}");
    bench.run(["show", &bench.user, "--yes", "--token", "x"]).refused("hint: there is: phone, fob");
}

#[test]
fn a_shown_counter_token_carries_the_counter_that_is_next() {
    let bench = Bench::new();
    let printed = bench.enroll(&["--hotp"]);
    let secret = printed["secret"].as_str().unwrap();
    bench.verify(fob(secret, 4)).done();
    let uri = show(&bench, &[])["uri"].as_str().unwrap().to_owned();
    assert!(uri.starts_with("otpauth://hotp/") && uri.ends_with("&counter=5"), "{uri}");
    for entry in std::fs::read_dir(bench.person(bench.uid)).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("ledger.") {
            std::fs::remove_file(entry.path()).unwrap();
        }
    }
    bench.run(["show", &bench.user, "--yes"]).refused("which counters of token phone were used is lost");
    bench.run(["unlock", &bench.user]).done();
    bench.run(["show", &bench.user, "--yes"]).refused("which counters of token phone were used is lost");
}

#[test]
fn no_shown_uri_holds_padding_and_every_key_comes_back_as_it_was() {
    // Google's app on iOS calls a code with `=` in its secret invalid.
    for key in [K1, K2, K3].map(str::to_owned).into_iter().chain(odd_keys()) {
        let bench = Bench::new().at(NOW);
        bench.enroll_key(&key, &[]);
        let shown = show(&bench, &[]);
        let uri = shown["uri"].as_str().unwrap();
        let (_, rest) = uri.split_once("?secret=").unwrap();
        let secret = rest.split('&').next().unwrap();
        assert!(!uri.contains("%3D") && secret.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()));
        assert_eq!((secret, shown["secret"].as_str().unwrap()), (key.as_str(), key.as_str()));
        // Another program reads the same key out of it.
        bench.verify(phone_with(secret, NOW, &[])).done();
    }
}

#[test]
fn a_short_key_is_named_when_it_is_shown_and_no_other_algorithm_suggested() {
    let bench = Bench::new();
    bench.enroll_key(K3, &[]);
    let ran = bench.run(["show", &bench.user, "--yes", "--qr", "none"]);
    assert_eq!(ran.err, "note: token phone: 80 bits, some apps warn; re-enroll when convenient\n");
    bench.enroll_key(K2, &["--replace", "--yes"]);
    bench.run(["show", &bench.user, "--yes", "--qr", "none"]).done();
}

#[test]
fn what_apps_ignore_is_said_when_it_is_shown_and_written_in_upper_case() {
    let bench = Bench::new();
    bench.enroll(&["--algorithm", "sha256", "--digits", "8", "--period", "60"]);
    let ran = bench.run(["show", &bench.user, "--yes", "--json"]);
    assert!(ran.out.contains("&algorithm=SHA256&digits=8&period=60\""), "{}", ran.out);
    for ignored in ["SHA-256", "8 digits", "60 s"] {
        assert!(ran.err.contains(&format!("note: known to ignore {ignored}: ")), "{}", ran.err);
    }
}

#[test]
fn what_a_former_owner_of_the_uid_has_is_not_shown() {
    let bench = Bench::new();
    bench.enroll(&[]);
    bench.edit(bench.uid, &format!("account = {:?}", bench.user), "account = \"former-name\"");
    bench.run(["show", &bench.user, "--yes"]).refused("was enrolled as \"former-name\"");
}
