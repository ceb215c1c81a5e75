//! Secrets as people type them and as apps read them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
mod common;

use common::{K1, K2, K3, phone};
use otp::{Secret, SecretError};
use proptest::prelude::*;

fn refused(text: &str) -> SecretError {
    Secret::from_base32(text).unwrap_err()
}

#[test]
fn one_secret_has_many_spellings() {
    let secret = Secret::from_base32(K1).unwrap();
    for spelling in [
        "jvqwwzjanfxhmzloorswiidtmvrxezlu",
        "JvQwWzJaNfXhMzLoOrSwIiDtMvRxEzLu",
        "JVQW WZJA NFXH MZLO ORSW IIDT MVRX EZLU",
        "  JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU\t",
        "jvqw-wzja-nfxh-mzlo-orsw-iidt-mvrx-ezlu",
        "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU========",
        "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU = = ",
    ] {
        assert_eq!(Secret::from_base32(spelling).as_ref(), Ok(&secret), "{spelling}");
    }
    assert_eq!(Secret::from_base32(&format!("{K2}======")), Secret::from_base32(K2));
}

#[test]
fn a_character_outside_base32_is_named_with_its_place() {
    for (text, position, found) in [
        ("JVQW0ZJANFXHMZLO", 5, '0'),
        ("1VQWWZJANFXHMZLO", 1, '1'),
        ("JVQWWZJANFXHMZL8", 16, '8'),
        ("JVQW WZ9A NFXH MZLO", 8, '9'),
        ("JVQW/WZJANFXHMZLO", 5, '/'),
        ("JVQW+WZJANFXHMZLO", 5, '+'),
        ("JVQWüWZJANFXHMZLO", 5, 'ü'),
        ("ＪVQWWZJANFXHMZLO", 1, 'Ｊ'),
        ("JVQWWZJANFXHMZLO\n", 17, '\n'),
        ("JVQW\0WZJANFXHMZLO", 5, '\0'),
        ("JVQW\u{a0}WZJANFXHMZLO", 5, '\u{a0}'),
        ("=JVQWWZJANFXHMZLO", 1, '='),
        ("JVQWWZJA==!", 11, '!'),
        ("ſVQWWZJANFXHMZLO", 1, 'ſ'),
    ] {
        let error = refused(text);
        assert_eq!(error, SecretError::Character { position, found }, "{text:?}");
        assert!(error.to_string().contains(&format!("character {position}")), "{error}");
    }
}

#[test]
fn a_letter_behind_the_padding_is_named_by_its_place_alone() {
    let error = refused("JVQWWZJA==NFXHMZLO");
    assert_eq!(error, SecretError::Padding { position: 11 });
    assert_eq!(error.to_string(), "character 11 of the secret stands behind its padding");
}

#[test]
fn a_missing_character_is_noticed_where_it_can_be() {
    for characters in 16..=64 {
        let result = Secret::from_base32(&"A".repeat(characters));
        match characters % 8 {
            1 | 3 | 6 => assert_eq!(result, Err(SecretError::Length { characters }), "{characters}"),
            _ => assert_eq!(result.unwrap().bits(), characters * 5 / 8 * 8, "{characters}"),
        }
    }
    assert_eq!(refused("A"), SecretError::Length { characters: 1 });
    assert_eq!(refused("ABC"), SecretError::Length { characters: 3 });
    assert_eq!(refused("ABCDEF"), SecretError::Length { characters: 6 });
}

#[test]
fn short_and_long_keys_are_refused_with_their_size() {
    assert_eq!(refused(""), SecretError::Empty);
    assert_eq!(refused(" - - "), SecretError::Empty);
    assert_eq!(refused("AZM47MJA"), SecretError::Size { bits: 40 });
    assert_eq!(refused("AZM47MJA").to_string(), "the secret has 40 bits, at least 80 are needed");
    assert_eq!(refused(&"A".repeat(15)), SecretError::Size { bits: 72 });
    assert_eq!(SecretError::Size { bits: 80 }.to_string(), "the secret has 80 bits, at most 512 are read");
    assert_eq!(refused(&"A".repeat(104)), SecretError::Size { bits: 520 });
    assert_eq!(refused(&"A".repeat(8000)), SecretError::Size { bits: 40_000 });
    assert_eq!(Secret::from_base32(&"A".repeat(103)).unwrap().bits(), 512);
    assert_eq!(Secret::new(&[]), Err(SecretError::Empty));
    assert_eq!(Secret::new(&[0; 9]), Err(SecretError::Size { bits: 72 }));
    assert_eq!(Secret::new(&[0; 65]), Err(SecretError::Size { bits: 520 }));
}

#[test]
fn the_keys_of_old_enrollments_are_read() {
    for (key, bits) in [(K1, 160), (K2, 128), (K3, 80)] {
        let secret = Secret::from_base32(key).unwrap();
        assert_eq!(secret.bits(), bits);
        assert_eq!(*secret.to_base32(), key);
    }
}

#[test]
fn a_secret_is_shown_in_groups_of_four() {
    let groups = Secret::from_base32(K2).unwrap().to_groups();
    assert_eq!(*groups, "ONUG 64TU EB2G K43U EBZW KY3S MU");
}

#[test]
fn debug_shows_nothing_of_a_secret() {
    let token = phone(K1);
    let key = token.secret.expose();
    for shown in [format!("{:?}", token.secret), format!("{token:?}"), format!("{token:#?}")] {
        assert!(shown.contains("160 bits"), "{shown}");
        assert!(!shown.contains(&K1[..4]) && !shown.contains("Make"), "{shown}");
        assert!(!shown.contains(&format!("{}, {}", key[0], key[1])), "{shown}");
    }
}

#[test]
fn an_error_shows_one_character_and_no_more() {
    let shown = format!("{0} {0:?}", refused("JVQWWZJANFXHMZL8"));
    assert!(!shown.contains("JVQW") && !shown.contains("MZL"), "{shown}");
}

proptest! {
    #[test]
    fn a_key_survives_being_written_and_read(key in prop::collection::vec(any::<u8>(), 10..=64)) {
        let secret = Secret::new(&key).unwrap();
        let text = secret.to_base32();
        prop_assert!(text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b)));
        for spelling in [text.to_string(), text.to_lowercase(), secret.to_groups().to_string()] {
            let read = Secret::from_base32(&spelling).unwrap();
            prop_assert_eq!(read.expose(), key.as_slice(), "{}", spelling);
        }
    }

    #[test]
    fn no_text_upsets_the_reader(text in "\\PC*") {
        let _ = Secret::from_base32(&text);
        let _ = otp::Typed::parse(text.as_bytes());
        let _ = otp::Network::of_rhost(&text);
    }

    #[test]
    fn no_bytes_upset_the_prompt(reply in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = otp::Typed::parse(&reply);
    }
}
