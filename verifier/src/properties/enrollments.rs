//! `enrollment.toml`.

use super::keys::{has_line, keys};
use crate::format::VERSION;
use crate::record_toml::{Unread, parse, render};
use crate::{Record, State};
use otp::{BackupSet, Enrollment, Kind, MAX_ANNOUNCEMENTS, MAX_BYPASSES, MAX_TOKENS, ScratchSet, Secret};
use std::collections::BTreeSet;

/// What is taken for a record is within all bounds, says nothing that is not read, and is written as what is read
/// as the same again; what is not is refused by a line that is there.
pub fn enrollment(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text) {
        Ok(record) => {
            is_within_bounds(&record);
            let written = render(&record);
            assert_eq!(parse(&written).as_ref(), Ok(&record));
            assert_eq!(render(&record), written);
            assert_eq!(keys(&written), keys(text));
        }
        Err(Unread::Line(line)) => assert!(has_line(text, line), "line {line}"),
        Err(Unread::Format(found)) => assert!(found > VERSION, "format {found}"),
    }
}

fn is_within_bounds(record: &Record) {
    match &record.state {
        State::Enrolled(enrollment) => holds_what_may_be_held(enrollment),
        State::Invited(_) | State::Revoked(_) => assert!(record.enrollment().is_none()),
    }
    if let Some(suspension) = &record.suspended {
        is_a_line(suspension.reason.as_str());
    }
}

fn holds_what_may_be_held(enrollment: &Enrollment) {
    let names: BTreeSet<_> = enrollment.tokens().iter().map(|token| token.name.as_str()).collect();
    assert!((1..=MAX_TOKENS).contains(&names.len()) && names.len() == enrollment.tokens().len(), "{names:?}");
    for token in enrollment.tokens() {
        assert!((Secret::MIN_BYTES..=Secret::MAX_BYTES).contains(&token.secret.expose().len()));
        assert!((6..=8).contains(&token.digits.count()));
        assert!(
            matches!(token.kind, Kind::Hotp)
                || token.step_at(otp::Time(300)).is_some_and(|step| (1..=20).contains(&step))
        );
    }
    assert!(enrollment.backup().is_none_or(|set| set.hashes.len() <= BackupSet::MAX_CODES));
    assert!(enrollment.scratch().is_none_or(|set| set.hashes.len() <= ScratchSet::MAX_CODES));
    assert!(enrollment.announcements().len() <= MAX_ANNOUNCEMENTS);
    assert!(enrollment.bypasses().len() <= MAX_BYPASSES);
    for bypass in enrollment.bypasses() {
        assert!((1..=100).contains(&bypass.uses.count()));
        is_a_line(bypass.reason.as_str());
    }
}

/// It goes into a line of the log.
fn is_a_line(reason: &str) {
    assert!((1..=200).contains(&reason.len()) && !reason.contains(char::is_control), "{reason:?}");
}
