//! The codes of the project's shared cases, computed by other implementations.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, K3, NOW, phone, totp};
use otp::{Algorithm, Digits, Kind, Time, Token};

fn shows(token: &Token, now: Time, code: &str) {
    let step = token.step_at(now).unwrap();
    assert_eq!(token.code(step).expose(), code, "step {step}");
}

#[test]
fn each_key_shows_its_code() {
    shows(&phone(K1), NOW, "592691");
    shows(&phone(K2), NOW, "957261");
    shows(&phone(K3), NOW, "950582");
    shows(&phone(K1), Time(1_800_000_900), "078169");
}

#[test]
fn successive_steps_show_their_codes() {
    let codes = ["996205", "316541", "592691", "606107", "923361", "339446", "410109"];
    for (step, code) in (59_999_998..).zip(codes) {
        assert_eq!(phone(K1).code(step).expose(), code, "step {step}");
    }
}

#[test]
fn each_parameter_changes_the_code_as_it_should() {
    let token = phone(K1);
    shows(&Token { algorithm: Algorithm::Sha256, ..token.clone() }, NOW, "455187");
    shows(&Token { algorithm: Algorithm::Sha512, ..token.clone() }, NOW, "394001");
    shows(&Token { digits: Digits::new(8).unwrap(), ..token.clone() }, NOW, "70592691");
    shows(&Token { kind: totp(60), ..token }, NOW, "509478");
}

#[test]
fn the_greatest_factor_has_a_code_too() {
    let token = Token { kind: Kind::Hotp, ..phone(K1) };
    assert_eq!(token.code(u64::MAX).expose().len(), 6);
    assert_eq!(phone(K1).step_at(Time(u64::MAX)), Some(u64::MAX / 30));
}

#[test]
fn an_algorithm_is_read_in_any_spelling_and_written_in_one() {
    for (text, algorithm) in [
        ("sha1", Algorithm::Sha1),
        ("SHA1", Algorithm::Sha1),
        ("SHA-1", Algorithm::Sha1),
        ("HmacSHA1", Algorithm::Sha1),
        ("sha256", Algorithm::Sha256),
        ("Sha256", Algorithm::Sha256),
        ("HmacSHA256", Algorithm::Sha256),
        ("HMAC-SHA-512", Algorithm::Sha512),
    ] {
        assert_eq!(Algorithm::parse(text), Some(algorithm), "{text}");
    }
    for text in ["", "sha", "sha2", "sha224", "md5", "hmac", "sha256 ", "steam", "sha１"] {
        assert_eq!(Algorithm::parse(text), None, "{text}");
    }
    for algorithm in Algorithm::ALL {
        assert_eq!(algorithm.uri_name(), algorithm.name().to_uppercase());
        assert_eq!(Algorithm::parse(algorithm.uri_name()), Some(algorithm));
    }
}

#[test]
fn parameters_outside_their_bounds_are_no_parameters() {
    for digits in [0, 1, 5, 9, 10, 255] {
        assert_eq!(Digits::new(digits), None, "{digits}");
    }
    for seconds in [0, 1, 14, 301, 65_536 + 30, u64::MAX] {
        assert_eq!(otp::Period::new(seconds), None, "{seconds}");
    }
    for seconds in [15, 30, 60, 300] {
        assert_eq!(otp::Period::new(seconds).unwrap().seconds(), seconds);
    }
}
