//! The provisioning URI, letter by letter and as an independent reader (PyPI's pyotp) takes it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, K3, named, numbered_secret, phone, totp};
use otp::{Algorithm, Digits, Kind, Label, Secret, Token, provisioning_uri};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::io::Write;
use std::process::{Command, Stdio};

const READER: &str = r#"
import base64, sys, pyotp, pyotp.otp
# pyotp refuses keys under 112 bits, which old enrollments have: only that check is taken out.
pyotp.otp.OTP.byte_secret = lambda otp: base64.b32decode(otp.secret + "=" * (-len(otp.secret) % 8))
def shown(text): return (text or "").encode().hex() or "-"
for line in sys.stdin:
    token = pyotp.parse_uri(line.rstrip("\n"))
    kind = type(token).__name__.lower()
    factor = token.interval if kind == "totp" else token.initial_count
    code = token.at(1800000000) if kind == "totp" else token.at(0)
    print(kind, shown(token.issuer), shown(token.name), token.secret, token.digest().name, token.digits, factor, code)
"#;

/// What pyotp makes of these URIs, a line each.
fn read_by_pyotp(uris: &[String]) -> Vec<String> {
    let python = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/python");
    let mut child = Command::new(python)
        .args(["-c", READER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("tests/python runs");
    let mut stdin = child.stdin.take().unwrap();
    let text = uris.join("\n");
    let writer = std::thread::spawn(move || stdin.write_all(text.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().expect("python reads the URIs");
    assert!(output.status.success(), "tests/python failed: is python3 with venv installed?");
    let lines: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), uris.len());
    lines
}

fn hex(text: &str) -> String {
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    if hex.is_empty() { "-".to_owned() } else { hex }
}

/// The line that the reader has to print.
fn wanted(token: &Token, issuer: &str, account: &str, counter: u64) -> String {
    let (factor, code) = match token.kind {
        Kind::Totp { period } => (period.seconds(), token.code(1_800_000_000 / period.seconds())),
        Kind::Hotp => (counter, token.code(counter)),
    };
    let code = code.expose();
    let (kind, secret, algorithm) = (token.kind.name(), token.secret.to_base32(), token.algorithm.name());
    let (issuer, account, digits) = (hex(issuer), hex(account), token.digits.count());
    format!("{kind} {issuer} {account} {} {algorithm} {digits} {factor} {code}", *secret)
}

fn uri(token: &Token, issuer: &str, account: &str) -> String {
    provisioning_uri(token, &Label::new(issuer, account), 0).to_string()
}

/// Tokens of all kinds, except for periods above 120 s: pyotp reads none.
fn all_kinds() -> Vec<Token> {
    let mut tokens = Vec::new();
    for bytes in [10, 11, 14, 16, 17, 20, 32, 64] {
        let secret = Secret::new(&vec![0xa7; bytes]).unwrap();
        for kind in [totp(30), totp(15), totp(60), totp(120), Kind::Hotp] {
            for digits in 6..=8 {
                for algorithm in Algorithm::ALL {
                    tokens.push(Token { algorithm, ..named("phone", kind, digits, secret.clone()) });
                }
            }
        }
    }
    tokens
}

#[test]
fn defaults_are_left_out() {
    assert_eq!(
        uri(&phone(K1), "web1", "alice@web1"),
        format!("otpauth://totp/web1:alice%40web1?secret={K1}&issuer=web1")
    );
    assert_eq!(uri(&phone(K3), "", "alice"), format!("otpauth://totp/alice?secret={K3}"));
}

#[test]
fn what_is_no_default_is_written_as_apps_read_it() {
    let digits = Digits::new(8).unwrap();
    let token = Token { kind: totp(60), algorithm: Algorithm::Sha256, digits, ..phone(K1) };
    assert_eq!(
        uri(&token, "web1", "alice"),
        format!("otpauth://totp/web1:alice?secret={K1}&issuer=web1&algorithm=SHA256&digits=8&period=60")
    );
    let label = Label::new("web1", "alice");
    let event = Token { kind: Kind::Hotp, ..phone(K1) };
    assert_eq!(
        *provisioning_uri(&event, &label, 42),
        format!("otpauth://hotp/web1:alice?secret={K1}&issuer=web1&counter=42")
    );
}

#[test]
fn a_space_is_never_a_plus() {
    let uri = uri(&phone(K1), "Hello World + Co", "al ice+x");
    assert!(uri.starts_with("otpauth://totp/Hello%20World%20%2B%20Co:al%20ice%2Bx?"), "{uri}");
    assert!(uri.ends_with("&issuer=Hello%20World%20%2B%20Co"), "{uri}");
    assert!(!uri.contains('+') && !uri.contains(' '), "{uri}");
    assert_eq!(read_by_pyotp(&[uri]), [wanted(&phone(K1), "Hello World + Co", "al ice+x", 0)]);
}

#[test]
fn everything_outside_unreserved_is_encoded_once() {
    let uri = uri(&phone(K1), "R&D #1 100% Zürich", "alice@web1");
    let issuer = "R%26D%20%231%20100%25%20Z%C3%BCrich";
    assert_eq!(uri, format!("otpauth://totp/{issuer}:alice%40web1?secret={K1}&issuer={issuer}"));
    assert_eq!(read_by_pyotp(&[uri]), [wanted(&phone(K1), "R&D #1 100% Zürich", "alice@web1", 0)]);
}

#[test]
fn an_encoded_text_is_not_taken_for_what_it_encodes() {
    let uri = uri(&phone(K1), "100%20", "a%3Ab?c/d\\e\"f");
    assert_eq!(read_by_pyotp(&[uri]), [wanted(&phone(K1), "100%20", "a%3Ab?c/d\\e\"f", 0)]);
}

#[test]
fn a_colon_is_replaced_and_that_can_be_said() {
    let label = Label::new("web1:8443", "dom:alice");
    assert_eq!((label.issuer(), label.account()), ("web1-8443", "dom-alice"));
    assert!(label.differs("web1:8443", "dom:alice"));
    assert!(label.differs("web1:8443", "dom-alice") && label.differs("web1-8443", "dom:alice"));
    assert!(!Label::new("web1", "alice").differs("web1", "alice"));
    let uri = provisioning_uri(&phone(K1), &label, 0).to_string();
    assert_eq!(uri.matches(':').count(), 2, "{uri}");
    assert!(!uri.contains("%3A"), "{uri}");
}

#[test]
fn no_uri_holds_padding_or_lower_case_in_its_secret() {
    for token in all_kinds().into_iter().chain([phone(K1), phone(K2), phone(K3)]) {
        let uri = uri(&token, "web1", "alice");
        let secret = uri.split("secret=").nth(1).unwrap().split('&').next().unwrap();
        assert!(secret.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)), "{uri}");
        assert!(!uri.contains("%3D") && !uri.contains("%3d"), "{uri}");
        assert_eq!(Secret::from_base32(secret).unwrap(), token.secret, "{uri}");
    }
}

#[test]
fn an_independent_reader_finds_every_parameter() {
    let tokens = all_kinds();
    let label = Label::new("Büro 2", "alice@web1 yubikey");
    let uris: Vec<_> = tokens.iter().map(|token| provisioning_uri(token, &label, 17).to_string()).collect();
    let lines = read_by_pyotp(&uris);
    for (line, token) in lines.iter().zip(&tokens) {
        assert_eq!(*line, wanted(token, "Büro 2", "alice@web1 yubikey", 17));
    }
}

#[test]
fn an_independent_reader_finds_every_name() {
    let mut runner = TestRunner::deterministic();
    let name = "[^:]{1,40}|[ -9;-~]{1,64}|[%+&#@/?=. ]{1,12}";
    let names: Vec<(String, String)> =
        (0..400).map(|_| (name, name).new_tree(&mut runner).unwrap().current()).collect();
    let token = named("phone", totp(30), 6, numbered_secret(7));
    let uris: Vec<_> = names.iter().map(|(issuer, account)| uri(&token, issuer, account)).collect();
    for uri in &uris {
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~%:/?&=".contains(&b);
        assert!(uri.bytes().all(plain), "{uri}");
    }
    let lines = read_by_pyotp(&uris);
    for (line, (issuer, account)) in lines.iter().zip(&names) {
        assert_eq!(*line, wanted(&token, issuer, account, 0), "{issuer:?} {account:?}");
    }
}
