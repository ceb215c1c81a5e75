//! URIs as apps write them, one peculiarity each.

use super::*;
use crate::import::samples::{K1, K2, K3, NOW, STEP, here};

fn read(text: &str) -> Read {
    parse(text, &here())
}

fn token(text: &str) -> Token {
    let read = read(text);
    assert!(read.mistakes.is_empty(), "{read:?}");
    let [brought] = &read.luggage.tokens[..] else { panic!("{read:?}") };
    brought.token.clone()
}

fn refused(text: &str) -> String {
    let read = read(text);
    assert!(read.luggage.tokens.is_empty(), "{read:?}");
    let [mistake] = &read.mistakes[..] else { panic!("{read:?}") };
    mistake.to_string()
}

#[test]
fn what_is_absent_takes_the_defaults_of_every_app() {
    let token = token(&format!("otpauth://totp/X?secret={K1}"));
    assert_eq!(token.kind, Kind::Totp { period: Period::THIRTY });
    assert_eq!((token.digits, token.algorithm), (Digits::SIX, Algorithm::Sha1));
    assert_eq!(token.code(STEP).expose(), "592691");
}

#[test]
fn an_algorithm_in_any_spelling_is_read_and_an_unknown_one_is_refused_by_name() {
    for (spelling, expected, code) in [
        ("sha256", Algorithm::Sha256, "455187"),
        ("Sha256", Algorithm::Sha256, "455187"),
        ("HmacSHA256", Algorithm::Sha256, "455187"),
        ("SHA-512", Algorithm::Sha512, "394001"),
    ] {
        let token = token(&format!("otpauth://totp/X?secret={K1}&algorithm={spelling}"));
        assert_eq!((token.algorithm, token.code(STEP).expose()), (expected, code));
    }
    assert_eq!(
        refused(&format!("otpauth://totp/X?secret={K1}&algorithm=MD5")),
        "line 1: algorithm: \"MD5\" is not known here"
    );
}

#[test]
fn a_parameter_that_cannot_be_is_refused_by_its_name() {
    let cases = [
        (format!("secret={K1}&period=0"), "period"),
        (format!("secret={K1}&period=-30"), "period"),
        (format!("secret={K1}&digits=10"), "digits"),
        (format!("secret={K1}&digits=5"), "digits"),
        (format!("secret={K1}&digits="), "digits"),
        (format!("secret={K1}&secret={K2}"), "secret stands twice"),
        (format!("secret={K1}&Period=30&period=60"), "period stands twice"),
        ("digits=6".to_owned(), "secret is missing"),
        ("secret=".to_owned(), "secret"),
        (format!("secret={}", &K1[..17]), "secret: 17 base32 characters"),
        (format!("secret={}1", &K1[..31]), "secret: character 32 of the secret is '1'"),
        (format!("secret={K1}%4"), "secret: a % without"),
    ];
    for (query, words) in cases {
        let said = refused(&format!("otpauth://totp/X?{query}"));
        assert!(said.starts_with("line 1: ") && said.contains(words), "{query}: {said}");
        assert!(!said.contains(&K1[..8]), "{said}");
    }
    assert!(refused(&format!("otpauth://hotp/X?secret={K1}")).contains("counter is missing"));
    assert!(refused(&format!("otpauth://steam/X?secret={K1}")).contains("neither totp nor hotp"));
    assert!(refused("https://example.org/").contains("this is no otpauth://"));
}

#[test]
fn a_prefix_that_is_not_the_issuer_is_no_reason_to_refuse() {
    let text = format!("otpauth://totp/Site%20A:bob?secret={K1}&issuer=Other&period=60");
    let token = token(&text);
    assert_eq!(token.kind, Kind::Totp { period: Period::new(60).unwrap() });
    assert_eq!(token.code(NOW / 60).expose(), "509478");
    let says = &read(&text).luggage.notes[0].says;
    assert!(says.starts_with("Other: bob: "), "{says}");
}

#[test]
fn labels_in_any_spelling_are_only_labels() {
    for label in ["", "a@b", "A%3Ab", "%C3%BC:x%20y", "R&D #1", "x/y", "::", "a+b"] {
        assert_eq!(*token(&format!("OTPAUTH://TOTP/{label}?secret={K1}")).secret.to_base32(), *K1, "{label}");
    }
    let says = read(&format!("otpauth://totp/a%0Ab?secret={K1}")).luggage.notes[0].says.clone();
    assert!(says.starts_with("a?b: "), "{says}");
}

#[test]
fn secrets_with_padding_blanks_and_small_letters_are_the_same_key() {
    let small = K2.to_lowercase();
    for secret in [
        format!("{K2}%3D%3D%3D%3D%3D%3D"),
        format!("{K2}======"),
        small,
        "ONUG+64TU+EB2G%20K43U-EBZWKY3SMU".into(),
    ] {
        assert_eq!(*token(&format!("otpauth://totp/X?secret={secret}")).secret.to_base32(), *K2);
    }
}

#[test]
fn a_short_key_is_kept_and_a_shorter_one_refused_with_its_line_and_nothing_else_undone() {
    let text = format!(
        "otpauth://totp/a?secret={K3}\notpauth://totp/b?secret=AZM47MJA\r\n\notpauth://totp/c?secret={K1}\n"
    );
    let read = read(&text);
    let keys: Vec<_> = read.luggage.tokens.iter().map(|brought| brought.token.secret.bits()).collect();
    assert_eq!(keys, [80, 160]);
    let [mistake] = &read.mistakes[..] else { panic!("{read:?}") };
    let said = mistake.to_string();
    assert!(said.starts_with("line 2: ") && said.contains("40 bits, at least 80"), "{said}");
}

#[test]
fn what_may_have_been_used_is_used_and_a_counter_is_the_next_one() {
    let text = format!("otpauth://totp/a?secret={K1}\notpauth://hotp/b?secret={K2}&counter=9\n");
    let tokens = read(&text).luggage.tokens;
    assert_eq!((tokens[0].state.next, tokens[0].floor), (0, STEP + 2));
    assert_eq!((tokens[1].state.next, tokens[1].floor), (9, 0));
}

#[test]
fn what_we_write_is_read_back() {
    for bytes in [10, 11, 16, 17, 20, 64] {
        for kind in [Kind::Totp { period: Period::new(60).unwrap() }, Kind::Hotp] {
            let name = name_of(kind).unwrap();
            let secret = Secret::new(&vec![0xa5; bytes]).unwrap();
            let written = Token { name, kind, algorithm: Algorithm::Sha512, digits: Digits::EIGHT, secret };
            let label = otp::Label::new("R&D #1 100% Zürich", "alice@web1");
            let uri = otp::provisioning_uri(&written, &label, 5);
            assert!(!uri.contains("%3D") && uri.matches('=').count() == uri.matches('&').count() + 1);
            assert_eq!(token(&uri), written);
        }
    }
}

/// A field of a protocol buffer: a number, or bytes.
fn number(field: u8, mut value: u64) -> Vec<u8> {
    let mut bytes = vec![field << 3];
    while value > 0x7f {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

fn bytes(field: u8, value: &[u8]) -> Vec<u8> {
    [&[field << 3 | 2, u8::try_from(value.len()).unwrap()], value].concat()
}

fn entry(key: &str, more: &[u8]) -> Vec<u8> {
    let secret = Secret::from_base32(key).unwrap();
    bytes(1, &[bytes(1, secret.expose()), bytes(2, b"Site:bob"), bytes(3, b"Site"), more.to_vec()].concat())
}

fn export(entries: &[Vec<u8>], (size, index, batch): (u64, u64, u64)) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let numbers = [number(2, 1), number(3, size), number(4, index), number(5, batch)].concat();
    let message = [entries.concat(), numbers].concat();
    let mut text = String::new();
    for chunk in message.chunks(3) {
        let word = chunk.iter().enumerate().fold(0u32, |word, (i, &b)| word | u32::from(b) << (16 - 8 * i));
        (0..=chunk.len()).for_each(|i| text.push(ALPHABET[(word >> (18 - 6 * i) & 63) as usize].into()));
    }
    format!("otpauth-migration://offline?data={}\n", text.replace('+', "%2B").replace('/', "%2F"))
}

#[test]
fn googles_export_is_read_entry_by_entry() {
    let time = [number(4, 1), number(5, 1), number(6, 2)].concat();
    let event = [number(4, 2), number(5, 2), number(6, 1), number(7, 300), number(9, 1)].concat();
    let read = read(&export(&[entry(K1, &time), entry(K2, &event)], (1, 0, u64::MAX)));
    assert!(read.mistakes.is_empty(), "{read:?}");
    let tokens = &read.luggage.tokens;
    assert_eq!(tokens[0].token.code(STEP).expose(), "592691");
    assert_eq!((tokens[1].token.kind, tokens[1].state.next), (Kind::Hotp, 300));
    assert_eq!((tokens[1].token.algorithm, tokens[1].token.digits), (Algorithm::Sha256, Digits::EIGHT));
    assert!(read.luggage.notes[0].says.starts_with("Site: bob: "));
}

/// An app that writes one all the same would lock its people out.
#[test]
fn a_counter_beside_a_time_based_entry_is_no_step_that_was_used() {
    let entry = entry(K1, &[number(6, 2), number(7, u64::MAX)].concat());
    let tokens = read(&export(&[entry], (1, 0, 1))).luggage.tokens;
    assert_eq!((tokens[0].state.next, tokens[0].floor), (0, STEP + 2));
}

#[test]
fn parts_come_in_any_order_or_twice_and_missing_ones_are_named() {
    let part = |key: &str, index| export(&[entry(key, &[])], (3, index, 77));
    let other = export(&[entry(K3, &[])], (1, 0, 78));
    let whole = read(&[part(K3, 2), part(K1, 0), part(K1, 0), part(K2, 1)].concat());
    assert_eq!((whole.luggage.tokens.len(), whole.mistakes.len()), (3, 0));
    assert_eq!(whole.luggage.missing, [""; 0]);
    let lacking = read(&[part(K3, 2), other, part(K3, 2)].concat());
    assert_eq!((lacking.luggage.tokens.len(), lacking.mistakes.len()), (2, 0), "another batch is its own");
    assert_eq!(lacking.luggage.missing, ["part 1, 2 of 3 is missing"]);
}

/// Scripts and other apps that write Google's format leave the numbers out, or take the same for all.
#[test]
fn two_exports_that_share_their_numbers_are_both_read() {
    let first = export(&[entry(K1, &[])], (1, 0, 0));
    let second = export(&[entry(K2, &[])], (1, 0, 0));
    let both = read(&[first.clone(), second, first].concat());
    assert_eq!((both.luggage.tokens.len(), both.mistakes.len()), (2, 0));
    assert_eq!(both.luggage.missing, [""; 0]);
}

#[test]
fn an_entry_that_cannot_be_kept_is_refused_and_the_others_are_not() {
    let md5 = number(4, 4);
    let short = bytes(1, &bytes(1, &[1; 5]));
    let read = read(&export(&[entry(K1, &md5), short, entry(K2, &[])], (1, 0, 1)));
    assert_eq!(read.luggage.tokens.len(), 1);
    let said: Vec<_> = read.mistakes.iter().map(Mistake::to_string).collect();
    assert!(said[0].contains("line 1: entry 1: algorithm: MD5"), "{said:?}");
    assert!(said[1].contains("entry 2: secret: the secret has 40 bits"), "{said:?}");
}

#[test]
fn an_export_that_was_cut_or_changed_is_refused_and_never_panics() {
    let whole = export(&[entry(K1, &[])], (1, 0, 1));
    let data = whole.trim().split_once("data=").unwrap().1;
    for length in 0..data.len() {
        let cut = read(&format!("otpauth-migration://offline?data={}", &data[..length]));
        assert!(cut.luggage.tokens.len() + cut.mistakes.len() <= 1, "{cut:?}");
    }
    for broken in ["data=%", "data=****", "nothing", "data=CgEB/w"] {
        assert_eq!(read(&format!("otpauth-migration://offline?{broken}")).mistakes.len(), 1, "{broken}");
    }
}
