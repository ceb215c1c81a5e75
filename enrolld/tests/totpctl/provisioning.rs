//! What the phone reads.

use crate::bench::{Bench, K3, NOW, phone_with};
use serde_json::Value;

fn uri(printed: &Value) -> String {
    let uri = printed["uri"].as_str().unwrap().to_owned();
    assert!(!uri.contains('+') && !uri.contains(' ') && !uri.contains("%3D"), "{uri}");
    uri
}

fn host() -> String {
    nix::unistd::gethostname().unwrap().into_string().unwrap()
}

#[test]
fn a_space_in_the_issuer_is_no_plus() {
    let bench = Bench::new();
    let uri = uri(&bench.enroll(&["--issuer", "Hello World + Co"]));
    assert!(uri.starts_with("otpauth://totp/Hello%20World%20%2B%20Co:"), "{uri}");
    assert!(uri.ends_with("&issuer=Hello%20World%20%2B%20Co"), "{uri}");
}

#[test]
fn an_issuer_is_encoded_once_and_stands_in_both_places() {
    let bench = Bench::new();
    let uri = uri(&bench.enroll(&["--issuer", "R&D #1 100% Zürich", "--label", "alice@web1"]));
    let issuer = "R%26D%20%231%20100%25%20Z%C3%BCrich";
    assert!(uri.starts_with(&format!("otpauth://totp/{issuer}:alice%40web1?secret=")), "{uri}");
    assert!(uri.ends_with(&format!("&issuer={issuer}")), "{uri}");
}

#[test]
fn the_host_tells_entries_apart_unless_the_settings_name_an_issuer() {
    let bench = Bench::new();
    let host = host();
    let named = |issuer: &str| format!("otpauth://totp/{issuer}:{}%40{host}?secret=", bench.user);
    assert!(uri(&bench.enroll(&[])).starts_with(&named(&host)));
    bench.settings("issuer = \"example.org\"\n");
    assert!(uri(&bench.enroll(&["--replace", "--yes"])).starts_with(&named("example.org")));
}

#[test]
fn a_colon_is_replaced_and_that_is_said() {
    let bench = Bench::new();
    let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--json", "--issuer", "a:b"]);
    assert_eq!(ran.status, Some(0));
    assert!(
        ran.err.starts_with("note: apps split names at a colon, so it was replaced: \"a-b\", "),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("otpauth://totp/a-b:"), "{}", ran.out);
    assert!(ran.out.contains("&issuer=a-b\""), "{}", ran.out);
}

#[test]
fn an_algorithm_is_read_in_any_spelling_and_written_in_upper_case() {
    for spelling in ["sha256", "SHA256", "Sha256", "HmacSHA256", "SHA-256"] {
        let bench = Bench::new();
        let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--json", "--algorithm", spelling]);
        assert!(ran.out.contains("&algorithm=SHA256\""), "{spelling}: {}", ran.out);
        assert!(ran.err.contains("note: known to ignore SHA-256: Google Authenticator"), "{}", ran.err);
    }
}

#[test]
fn what_is_no_default_is_named_with_the_apps_that_ignore_it_and_works() {
    let bench = Bench::new().at(NOW);
    let arguments = ["--digits", "8", "--period", "60", "--algorithm", "sha512"];
    let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--json"].iter().chain(&arguments));
    for ignored in ["SHA-512", "8 digits", "60 s"] {
        assert!(ran.err.contains(&format!("note: known to ignore {ignored}: ")), "{}", ran.err);
    }
    assert!(ran.out.contains("&algorithm=SHA512&digits=8&period=60\""), "{}", ran.out);
    let printed: Value = serde_json::from_str(&ran.out).unwrap();
    let secret = printed["secret"].as_str().unwrap();
    bench.verify(phone_with(secret, NOW, &["--totp=SHA512", "--digits=8", "--time-step-size=60s"])).done();
}

#[test]
fn new_tokens_follow_the_settings() {
    let bench = Bench::new();
    bench.settings("[new_tokens]\ndigits = 8\nperiod = \"60s\"\n[backup_codes]\ncount = 3\n");
    let ran = bench.run(["enroll", &bench.user, "--no-confirm", "--json", "--digits", "7"]);
    assert!(ran.out.contains("&digits=7&period=60\""), "{}", ran.out);
    assert_eq!(bench.status()["backup_codes_left"], 3);
}

#[test]
fn a_short_key_is_named_and_no_other_algorithm_suggested() {
    let bench = Bench::new();
    bench.enroll_key(K3, &[]);
    let warning = bench.status()["warnings"][0].as_str().unwrap().to_owned();
    assert_eq!(warning, "token phone: 80 bits, some apps warn; re-enroll when convenient");
    let page = bench.run(["status", &bench.user]).done().out;
    assert!(page.contains(&format!("warning: {warning}\n")), "{page}");
}
