//! What holds for any file of an earlier module, and for any text of an app.
//!
//! `tests/fuzz` looks for bytes that break one of these; what it has found worth keeping is in its corpus, and is
//! tried again by the tests below. Nothing of this is in a shipped build.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "each function is a property, and says so by a panic"
)]

use super::oath::{Civil, Row, row, user_of};
use super::{Here, Luggage, Mistake, Note, google_authenticator as google, uri};
use otp::{Algorithm, Kind, Label, MAX_SPENT, Policy, ScratchSet, Secret, Time, Token, provisioning_uri};
use std::collections::BTreeSet;
use std::fmt::Write;
use verifier::Brought;

/// Step 60000000 of 30 s begins.
const NOW: Time = Time(1_800_000_000);

fn here() -> Here {
    Here { now: NOW, policy: Policy::default() }
}

/// What is read of a file has the bounds of the module that wrote it, and what was used there is used here; whatever
/// is said of it is the same for another key.
pub(crate) fn google_authenticator(bytes: &[u8]) {
    let read = google::parse(bytes, &here());
    let other = google::parse(&other_key(bytes), &here());
    assert_eq!(
        read.as_ref().map(said).map_err(Mistake::to_string),
        other.as_ref().map(said).map_err(Mistake::to_string)
    );
    let text = String::from_utf8_lossy(bytes);
    match read {
        Ok(Luggage { tokens, scratch, notes, missing }) => {
            let [Brought { token, state, floor }] = &tokens[..] else { panic!("{tokens:?}") };
            assert!(token.algorithm == Algorithm::Sha1 && token.digits.count() == 6 && missing.is_empty());
            assert!(!matches!(token.kind, Kind::Totp { period } if period.seconds() > 60));
            let scratch = scratch.expect("it has some, or none");
            assert!(scratch.len() <= ScratchSet::MAX_CODES);
            assert!(
                scratch
                    .iter()
                    .all(|code| code.digits() == ScratchSet::DIGITS && !code.expose().starts_with('0'))
            );
            is_plausible(&tokens[0]);
            let used = used_there(&text).filter(|_| token.kind != Kind::Hotp);
            assert!(used.is_none_or(|used| used.iter().all(|step| !state.is_fresh(*step))), "{state:?}");
            assert!(*floor > 0 || token.kind == Kind::Hotp || text.contains("DISALLOW_REUSE"));
            are_lines(&notes);
        }
        Err(mistake) => is_at_a_line(&mistake, &text),
    }
}

/// The steps of the first such line.
fn used_there(text: &str) -> Option<Vec<u64>> {
    let mut options = text.lines().skip(1).filter_map(|line| line.strip_prefix("\" "));
    let line = options.find(|option| option.split([' ', '\t']).next() == Some("DISALLOW_REUSE"))?;
    Some(line.split_whitespace().skip(1).filter_map(|step| step.parse().ok()).collect())
}

/// The same with every letter of the first line another one, which leaves the key as long and as good.
fn other_key(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.iter().position(|&byte| byte == b'\n').unwrap_or(bytes.len());
    let (key, rest) = bytes.split_at(end);
    let turned = key.iter().map(|byte| match byte {
        b'Z' => b'A',
        b'z' => b'a',
        byte if byte.is_ascii_alphabetic() => byte + 1,
        other => *other,
    });
    turned.chain(rest.iter().copied()).collect()
}

/// All that is told of it.
fn said(luggage: &Luggage) -> String {
    let Luggage { tokens, scratch, notes, missing } = luggage;
    // Of keys and codes this tells the length alone.
    format!("{tokens:?} {scratch:?} {notes:?} {missing:?}")
}

/// Of each line that is read as a row, its user, key and type are as they stand there, so that it could be written
/// anew; and what was used there is used here.
pub(crate) fn oath(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for (line, number) in text.lines().zip(1..) {
        match row(line, number, &here(), utc) {
            Ok(Row::Token { brought, notes }) => {
                let user = user_of(line).expect("it is somebody's");
                are_lines(&notes);
                is_plausible(&brought);
                is_used(line, &brought);
                comes_back(user, &brought.token);
            }
            Ok(Row::Blank) => assert!(line.trim_ascii().is_empty() && user_of(line).is_none()),
            Ok(Row::Ignored) => assert!(user_of(line).is_none()),
            Err(mistake) => {
                assert_eq!(mistake.line, number);
                is_a_line(&mistake.what);
                let is_key = |run: &[u8]| run.iter().all(u8::is_ascii_hexdigit);
                assert!(!mistake.what.as_bytes().windows(8).any(is_key), "{mistake}");
            }
        }
    }
}

/// A wall clock that shows UTC, near enough.
fn utc(civil: Civil) -> Vec<Time> {
    let days = (civil.year - 1970) * 365 + (civil.month - 1) * 30 + civil.day;
    let seconds = i64::from(days) * 86_400 + i64::from(civil.hour * 3600 + civil.minute * 60 + civil.second);
    u64::try_from(seconds).map(Time).into_iter().collect()
}

/// The counter of an event token once a code stands beside it; of the others, the step of that code or all.
fn is_used(line: &str, Brought { token, state, floor }: &Brought) {
    let words: Vec<_> = line.split_ascii_whitespace().collect();
    let counter = words.get(4).map_or(0, |word| word.parse().expect("a number"));
    match (token.kind, words.get(5)) {
        (Kind::Hotp, last) => {
            assert!(state.next >= counter && (last.is_none() || !state.is_fresh(counter)));
        }
        (Kind::Totp { .. }, None) => {}
        (Kind::Totp { .. }, Some(code)) => {
            let shown = state.spent.iter().any(|&step| token.code(step).expose() == *code);
            assert!(shown || *floor > 0, "the last code may open again");
        }
    }
}

fn comes_back(user: &str, token: &Token) {
    let (kind, digits) = match token.kind {
        Kind::Hotp => ("HOTP/E".to_owned(), token.digits.count()),
        Kind::Totp { period } => (format!("HOTP/T{}", period.seconds()), token.digits.count()),
    };
    let key = token.secret.expose().iter().fold(String::new(), |mut key, byte| {
        let _ = write!(key, "{byte:02X}");
        key
    });
    let line = format!("{kind}/{digits} {user} - {key}");
    match row(&line, 1, &here(), utc) {
        Ok(Row::Token { brought, .. }) => assert_eq!(brought.token, *token),
        other => panic!("{other:?}"),
    }
}

/// Each line is read by itself, but for the parts of an export, and none that is refused stops another; and each token
/// that was read is the same in the URI that we would write of it.
pub(crate) fn otpauth(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let read = uri::parse(text, &here());
    are_lines(&read.luggage.notes);
    for brought in &read.luggage.tokens {
        is_plausible(brought);
        let Brought { token, state, floor } = brought;
        assert!(*floor > 0 || token.kind == Kind::Hotp, "what was used is not known");
        let written = provisioning_uri(token, &Label::new("Example: Ltd %", "ann & co"), state.next);
        let again = uri::parse(&written, &here());
        let [again] = &again.luggage.tokens[..] else { panic!("{}", *written) };
        assert_eq!((&again.token, again.state.next), (token, state.next));
    }
    read.mistakes.iter().for_each(|mistake| {
        is_at_a_line(mistake, text);
        assert!(mistake.line > 0);
    });
    read.luggage
        .missing
        .iter()
        .for_each(|missing| assert!(missing.len() < 1000 && !missing.contains(char::is_control)));
    if !text.to_ascii_lowercase().contains("migration") {
        let alone = text.lines().map(|line| uri::parse(line, &here()));
        let (tokens, mistakes) = alone.fold((0, 0), |(tokens, mistakes), read| {
            (tokens + read.luggage.tokens.len(), mistakes + read.mistakes.len())
        });
        assert_eq!((tokens, mistakes), (read.luggage.tokens.len(), read.mistakes.len()));
    }
    let mut luggage = read.luggage;
    luggage.name_apart();
    let names: BTreeSet<_> = luggage.tokens.iter().map(|brought| brought.token.name.as_str()).collect();
    assert_eq!(names.len(), luggage.tokens.len());
}

/// Past its constructors nobody checks a token again; and this is how a ledger of ours may stand.
fn is_plausible(Brought { token, state, .. }: &Brought) {
    assert!((Secret::MIN_BYTES..=Secret::MAX_BYTES).contains(&token.secret.expose().len()));
    assert!(state.spent.len() <= MAX_SPENT && state.spent.is_sorted_by(|one, other| one < other));
    assert!((-10..=10).contains(&state.drift) && !state.pairs_only);
}

fn are_lines(notes: &[Note]) {
    notes.iter().for_each(|note| is_a_line(&note.says));
}

/// It goes to a terminal and into a log.
fn is_a_line(says: &str) {
    assert!(!says.is_empty() && !says.contains(char::is_control), "{says:?}");
}

fn is_at_a_line(mistake: &Mistake, text: &str) {
    assert!(mistake.line <= text.matches('\n').count() + 1);
    is_a_line(&mistake.what);
}

#[cfg(test)]
#[path = "../../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    use super::replay::holds_for;

    #[test]
    fn a_file_of_google_authenticator_is_read_within_its_bounds_and_what_was_used_stays_used() {
        holds_for("google_authenticator", super::google_authenticator);
    }

    #[test]
    fn a_row_of_oath_is_read_as_it_stands_and_what_was_used_stays_used() {
        holds_for("oath", super::oath);
    }

    #[test]
    fn a_uri_is_read_by_itself_and_is_the_same_when_we_write_it() {
        holds_for("otpauth", super::otpauth);
    }
}
