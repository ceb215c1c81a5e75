//! Files of pam_google_authenticator, one peculiarity each.

use super::*;
use crate::import::samples::{K1, K2, K3, NOW, STEP, here};

const PLAIN: &str = "\" RATE_LIMIT 3 30\n\" WINDOW_SIZE 3\n\" DISALLOW_REUSE\n\" TOTP_AUTH\n";

fn read(options: &str) -> Luggage {
    parse(format!("{K1}\n{options}").as_bytes(), &here()).unwrap()
}

fn refused(text: &str) -> String {
    parse(text.as_bytes(), &here()).unwrap_err().to_string()
}

fn only(luggage: &Luggage) -> &Brought {
    let [brought] = &luggage.tokens[..] else { panic!("{luggage:?}") };
    brought
}

fn fields(luggage: &Luggage) -> Vec<&'static str> {
    luggage.notes.iter().map(|note| note.field).collect()
}

#[test]
fn the_usual_file_is_a_phone_with_scratch_codes() {
    let luggage = read(&format!("{PLAIN}26404933\n76014243\n"));
    let brought = only(&luggage);
    assert_eq!(brought.token.name.as_str(), "phone");
    assert_eq!(brought.token.kind, Kind::Totp { period: Period::THIRTY });
    assert_eq!(*brought.token.secret.to_base32(), K1);
    assert_eq!((&brought.state, brought.floor), (&TokenState::default(), 0), "nothing was used");
    let scratch = luggage.scratch.as_ref().unwrap();
    assert_eq!(scratch.iter().map(Code::expose).collect::<Vec<_>>(), ["26404933", "76014243"]);
    assert_eq!(fields(&luggage), ["RATE_LIMIT"]);
}

#[test]
fn steps_that_must_not_be_used_again_are_used() {
    let luggage = read(&format!("\" TOTP_AUTH\n\" DISALLOW_REUSE {} {STEP}\n", STEP - 1));
    let state = &only(&luggage).state;
    assert_eq!((state.next, &state.spent[..]), (STEP + 1, &[STEP - 1, STEP][..]));
    assert_eq!(state.last_used, Some(Time(NOW)));
}

#[test]
fn without_disallow_reuse_nothing_opens_that_may_have_been_used() {
    for (options, floor) in
        [("", STEP + 2), ("\" WINDOW_SIZE 1\n", STEP + 1), ("\" WINDOW_SIZE 17\n", STEP + 9)]
    {
        let luggage = read(&format!("\" TOTP_AUTH\n{options}"));
        assert_eq!(only(&luggage).floor, floor, "{options}");
        assert!(fields(&luggage).contains(&"DISALLOW_REUSE"));
    }
    let ahead = read("\" TOTP_AUTH\n\" TIME_SKEW 3\n");
    assert_eq!((only(&ahead).floor, only(&ahead).state.drift), (STEP + 5, 3));
}

#[test]
fn a_step_far_ahead_stays_used_and_shuts_nothing_out() {
    let luggage = read(&format!("\" TOTP_AUTH\n\" DISALLOW_REUSE {} {}\n", STEP, STEP + 5000));
    let state = &only(&luggage).state;
    assert_eq!((state.next, &state.spent[..]), (STEP + 1, &[STEP, STEP + 5000][..]));
    assert!(!state.is_fresh(STEP + 5000) && state.is_fresh(STEP + 1));
}

#[test]
fn more_steps_far_ahead_than_are_remembered_are_refused() {
    let with = |count: u64| {
        let list: Vec<_> = (0..count).map(|nth| (STEP + 100 + 2 * nth).to_string()).collect();
        format!("\" TOTP_AUTH\n\" DISALLOW_REUSE {STEP} {}\n", list.join(" "))
    };
    let luggage = read(&with(16));
    let state = &only(&luggage).state;
    assert_eq!((state.next, state.spent.len()), (STEP + 1, 16));
    assert!((0..16).all(|nth| !state.is_fresh(STEP + 100 + 2 * nth)), "{state:?}");
    let said = refused(&format!("{K1}\n{}", with(17)));
    assert_eq!(said, "line 3: DISALLOW_REUSE: 17 steps lie ahead of the clock, 16 are kept");
}

#[test]
fn the_next_counter_is_the_next_counter() {
    let luggage = read("\" HOTP_COUNTER 7\n\" WINDOW_SIZE 17\n");
    let brought = only(&luggage);
    assert_eq!((brought.token.kind, brought.token.name.as_str()), (Kind::Hotp, "fob"));
    assert_eq!((brought.state.next, brought.floor), (7, 0));
    assert_eq!(fields(&luggage), ["WINDOW_SIZE"]);
}

#[test]
fn a_counter_wins_over_totp_unless_it_is_0() {
    assert_eq!(only(&read("\" TOTP_AUTH\n\" HOTP_COUNTER 1\n")).token.kind, Kind::Hotp);
    assert_ne!(only(&read("\" TOTP_AUTH\n\" HOTP_COUNTER 0\n")).token.kind, Kind::Hotp);
    assert!(refused(&format!("{K1}\n\" HOTP_COUNTER 0\n")).contains("neither TOTP_AUTH nor HOTP_COUNTER"));
}

#[test]
fn the_first_of_a_key_wins_and_unknown_ones_are_named_by_their_line() {
    let luggage = read("\" TOTP_AUTH\n\" STEP_SIZE 60\n\" STEP_SIZE 20\n\" DISALLOW_REUSE\n\" HUNTER2 x\n");
    assert_eq!(only(&luggage).token.kind, Kind::Totp { period: Period::new(60).unwrap() });
    assert_eq!(luggage.notes.len(), 1);
    assert_eq!(luggage.notes[0].field, "unknown options");
    assert!(luggage.notes[0].says.contains("line 6") && !luggage.notes[0].says.contains("HUNTER2"));
}

#[test]
fn a_key_that_only_begins_like_another_is_another() {
    let luggage =
        read("\" TOTP_AUTHX\n\" TOTP_AUTH\n\"\" STEP_SIZE 60\n\" STEP_SIZES 60\n\" DISALLOW_REUSE\n");
    assert_eq!(only(&luggage).token.kind, Kind::Totp { period: Period::THIRTY });
}

#[test]
fn crlf_is_read_like_lf() {
    let unix = format!("{K1}\n{PLAIN}26404933\n");
    let windows = parse(unix.replace('\n', "\r\n").as_bytes(), &here()).unwrap();
    assert_eq!(only(&windows).token, only(&parse(unix.as_bytes(), &here()).unwrap()).token);
    assert_eq!(windows.scratch.unwrap().len(), 1);
}

#[test]
fn digits_that_look_like_letters_are_read_as_google_reads_them() {
    // Letters that 0, 1 and 8 are read as, and a secret as somebody copied it.
    let luggage =
        parse(format!("jvqw-wzja nfxh mz10 0RSW 11DT mvrx 8z1u\n{PLAIN}").as_bytes(), &here()).unwrap();
    assert_eq!(*only(&luggage).token.secret.to_base32(), "JVQWWZJANFXHMZLOORSWLLDTMVRXBZLU");
}

#[test]
fn what_is_not_base32_is_refused_with_its_place() {
    let cases = [
        (format!("{}9", &K1[..31]), "character 32 of the secret is '9'"),
        (format!("JVQW{}", '…'), "character 5 of the secret is '…'"),
        (K1[..17].to_owned(), "17 base32 characters"),
        (K1[..19].to_owned(), "19 base32 characters"),
        (K1[..22].to_owned(), "22 base32 characters"),
        (String::new(), "the secret is empty"),
        ("AZM47MJA".to_owned(), "40 bits"),
    ];
    for (secret, words) in cases {
        let said = refused(&format!("{secret}\n{PLAIN}"));
        assert!(said.starts_with("line 1: ") && said.contains(words), "{said}");
        assert!(secret.len() < 5 || !said.contains(&secret[..4]), "{said}");
    }
}

#[test]
fn a_key_of_80_or_128_bits_is_kept() {
    for key in [K2, K3] {
        let luggage = parse(format!("{key}\n{PLAIN}").as_bytes(), &here()).unwrap();
        assert_eq!(*only(&luggage).token.secret.to_base32(), *key);
    }
}

#[test]
fn a_file_of_zero_bytes_or_of_no_text_is_refused() {
    assert_eq!(refused(""), "the file is empty");
    assert_eq!(parse(b"\xff\xfe", &here()).unwrap_err().to_string(), "the file is not text");
}

#[test]
fn scratch_codes_end_where_google_stops_to_read() {
    let luggage = read(&format!("{PLAIN}11111111\n\" LAST0 host 17\n22222222\n00333333\n44444444\n"));
    assert_eq!(luggage.scratch.as_ref().unwrap().len(), 2);
    assert!(luggage.notes.iter().any(|note| note.field == "scratch codes" && note.says.contains("line 9")));
    assert!(luggage.notes.iter().all(|note| !note.says.contains("333333")));
    assert!(fields(&luggage).contains(&"LAST"));
    let many: String = (0..130).map(|n| format!("{}\n", 10_000_000 + n)).collect();
    let luggage = read(&format!("{PLAIN}{many}"));
    assert_eq!(luggage.scratch.as_ref().unwrap().len(), 128);
    assert!(luggage.notes.iter().any(|note| note.says.contains("130, of which 128")));
}

#[test]
fn a_step_that_cannot_be_kept_is_refused() {
    for (size, words) in
        [("10", "10 s, at least 15 s"), ("0", "expected 1 to 60"), ("61", "1 to 60"), ("x", "number")]
    {
        let said = refused(&format!("{K1}\n\" TOTP_AUTH\n\" STEP_SIZE {size}\n"));
        assert!(said.starts_with("line 3: STEP_SIZE: ") && said.contains(words), "{said}");
    }
}

#[test]
fn a_wider_window_than_ours_is_named() {
    let luggage = read("\" TOTP_AUTH\n\" DISALLOW_REUSE\n\" WINDOW_SIZE 17\n");
    assert!(luggage.notes[0].says.contains("240 s off; here [accept] window takes 30 s"), "{luggage:?}");
    assert!(fields(&read("\" TOTP_AUTH\n\" DISALLOW_REUSE\n\" WINDOW_SIZE 3\n")).is_empty());
}

#[test]
fn a_clock_that_is_too_far_off_is_named_and_not_carried_over() {
    let luggage = read("\" TOTP_AUTH\n\" DISALLOW_REUSE\n\" TIME_SKEW -120\n");
    assert_eq!(only(&luggage).state.drift, 0);
    assert!(luggage.notes[0].says.contains("60 minutes off"), "{luggage:?}");
    assert_eq!(only(&read("\" TOTP_AUTH\n\" DISALLOW_REUSE\n\" TIME_SKEW -4\n")).state.drift, -4);
    assert!(refused(&format!("{K1}\n\" TOTP_AUTH\n\" TIME_SKEW 9999999999\n")).contains("line 3"));
}
