//! Rows of users.oath, one peculiarity each.

use super::*;
use crate::import::samples::{NOW, STEP, here};

fn hex() -> String {
    let key = Secret::from_base32(crate::import::samples::K1).unwrap();
    key.expose().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A wall clock that shows UTC.
fn utc(civil: Civil) -> Vec<Time> {
    assert_eq!((civil.year, civil.month, civil.day), (2027, 1, 15));
    let seconds = civil.hour * 3600 + civil.minute * 60 + civil.second;
    vec![Time(NOW - NOW % 86_400 + u64::try_from(seconds).unwrap())]
}

fn token(line: &str) -> (Brought, Vec<Note>) {
    match row(line, 1, &here(), utc).unwrap() {
        Row::Token { brought, notes } => {
            assert_eq!(user_of(line), Some("alice"));
            (*brought, notes)
        }
        other => panic!("{other:?}"),
    }
}

fn refused(line: &str) -> String {
    row(line, 7, &here(), utc).unwrap_err().to_string()
}

#[test]
fn every_type_is_read_as_what_it_is() {
    let hex = hex();
    let (thirty, sixty) =
        (Kind::Totp { period: Period::THIRTY }, Kind::Totp { period: Period::new(60).unwrap() });
    let cases = [
        ("HOTP", Kind::Hotp, 6),
        ("HOTP/E", Kind::Hotp, 6),
        ("HOTP/E/7", Kind::Hotp, 7),
        ("HOTP/T30", thirty, 6),
        ("HOTP/T30/8", thirty, 8),
        ("HOTP/T60/6", sixty, 6),
    ];
    for (kind, expected, digits) in cases {
        let (brought, notes) = token(&format!("{kind}\talice  -\t{hex}"));
        assert_eq!((brought.token.kind, brought.token.digits.count()), (expected, digits), "{kind}");
        assert_eq!((brought.state, brought.floor, notes), (TokenState::default(), 0, Vec::new()));
    }
}

#[test]
fn other_first_words_are_ignored_as_the_module_ignores_them() {
    for line in
        ["# HOTP alice - 00", "TOTP alice - 00", "HOTP/T15 alice - 00", "HOTP/E/9 alice - 00", "hotp a - 0"]
    {
        assert!(matches!(row(line, 1, &here(), utc), Ok(Row::Ignored)), "{line}");
        assert_eq!(user_of(line), None);
    }
    for line in ["", "  \t \r"] {
        assert!(matches!(row(line, 1, &here(), utc), Ok(Row::Blank)));
    }
}

#[test]
fn the_counter_is_the_last_one_used_once_a_code_stands_beside_it() {
    let hex = hex();
    assert_eq!(token(&format!("HOTP alice - {hex}")).0.state.next, 0);
    assert_eq!(token(&format!("HOTP alice - {hex} 12")).0.state.next, 12);
    let (used, _) = token(&format!("HOTP alice - {hex} 12 123456 2027-01-15T08:00:00L"));
    assert_eq!((used.state.next, &used.state.spent[..]), (13, &[12][..]));
    assert_eq!(used.state.last_used, Some(Time(NOW)));
}

#[test]
fn the_last_code_of_a_time_token_tells_its_step() {
    let hex = hex();
    let (fresh, _) = token(&format!("HOTP/T30 alice - {hex}"));
    for step in [STEP - 3, STEP, STEP + 4] {
        let code = fresh.token.code(step);
        let (used, _) = token(&format!("HOTP/T30 alice - {hex} 0 {} 2027-01-15T08:00:00L", code.expose()));
        assert_eq!((used.state.next, &used.state.spent[..]), (step + 1, &[step][..]));
    }
    let (unknown, _) = token(&format!("HOTP/T30 alice - {hex} 0 000000 2027-01-15T08:00:00L"));
    assert_eq!(unknown.state.next, STEP + 6, "all that the module's window can have reached");
}

/// The module asks localtime(3), which goes by the caller's TZ in a setuid program; and an hour that a clock
/// skips is no instant at all.
#[test]
fn a_code_whose_time_is_another_zones_or_none_does_not_open_again() {
    let hex = hex();
    let (fresh, _) = token(&format!("HOTP/T30 alice - {hex}"));
    let code = fresh.token.code(STEP);
    let far = |civil| vec![Time(utc(civil)[0].0 - 8 * 3600)];
    let timed = format!("HOTP/T30 alice - {hex} 0 {} 2027-01-15T08:00:00L", code.expose());
    let untimed = format!("HOTP/T30 alice - {hex} 0 {}", code.expose());
    for read in [
        row(&timed, 1, &here(), far),
        row(&timed, 1, &here(), |_| Vec::new()),
        row(&untimed, 1, &here(), utc),
    ] {
        let Ok(Row::Token { brought, notes }) = read else { panic!("{read:?}") };
        let state = brought.state.raised_to(brought.floor);
        assert!(!state.is_fresh(STEP + WINDOW) && state.is_fresh(STEP + WINDOW + 1), "{brought:?}");
        assert_eq!(notes.iter().map(|note| note.field).collect::<Vec<_>>(), ["LAST"]);
    }
}

#[test]
fn an_hour_that_comes_twice_shuts_nobody_out_and_lets_nothing_in_twice() {
    let hex = hex();
    let (fresh, _) = token(&format!("HOTP/T30 alice - {hex}"));
    let twice = |civil| vec![utc(civil)[0], utc(civil)[0].after(3600)];
    for step in [STEP, STEP + 120] {
        let line =
            format!("HOTP/T30 alice - {hex} 0 {} 2027-01-15T08:00:00L", fresh.token.code(step).expose());
        let Ok(Row::Token { brought, .. }) = row(&line, 1, &here(), twice) else { panic!("{line}") };
        assert_eq!(brought.state.next, step + 1);
    }
}

#[test]
fn a_password_column_is_named_and_never_quoted() {
    let hex = hex();
    for (password, words) in [("hunter2", "clear-text password"), ("+", "no longer taken")] {
        let (_, notes) = token(&format!("HOTP alice {password} {hex}"));
        assert!(notes.len() == 1 && notes[0].field == "PASS" && notes[0].says.contains(words), "{notes:?}");
        assert!(!notes[0].says.contains("hunter2"));
    }
}

#[test]
fn a_key_that_is_none_is_refused_with_its_line() {
    let long = "00".repeat(33);
    let cases = [
        ("HOTP alice - 00112233445566778899a", "odd"),
        ("HOTP alice - 0011223344556677889g", "character 20 of the key is 'g'"),
        ("HOTP alice - 0011223344", "40 bits"),
        (&format!("HOTP alice - {long}"), "more than 32 bytes"),
        ("HOTP alice -", "the key is missing"),
        ("HOTP alice", "the password column is missing"),
        ("HOTP", "the user is missing"),
        ("HOTP alice - 00112233445566778899 x", "the counter is no number"),
        ("HOTP alice - 00112233445566778899 1 123456 yesterday", "the time of the last use"),
        ("HOTP alice - 00112233445566778899 1 123456 2027-13-15T08:00:00L", "the time of the last use"),
    ];
    for (line, words) in cases {
        let said = refused(line);
        let words = if words == "odd" { "expected an even number" } else { words };
        assert!(said.starts_with("line 7: ") && said.contains(words), "{line}: {said}");
        assert!(!said.contains("0011"), "{said}");
    }
}
