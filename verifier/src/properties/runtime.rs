//! What lies below `/run` and lets somebody in without a code.

use super::keys::{has_line, keys};
use crate::Pause;
use crate::forgotten::Forgotten;
use crate::pause::{Written, parse, render};
use crate::remembered::Entry;
use otp::Time;

/// What is taken for a login that is remembered, or for the mark that all are forgotten, is what we would write,
/// byte by byte, and never both; cut short anywhere it is neither.
pub fn remembered(bytes: &[u8]) {
    let entry = Entry::parse(bytes).map(|entry| entry.render());
    let forgotten = Forgotten::parse(bytes).map(|forgotten| forgotten.render());
    assert!(entry.is_none() || forgotten.is_none());
    let Some(written) = entry.or(forgotten) else { return };
    assert_eq!(written.as_bytes(), bytes);
    for end in 0..bytes.len() {
        let cut = &bytes[..end];
        assert!(Entry::parse(cut).is_none() && Forgotten::parse(cut).is_none(), "cut at {end}");
    }
}

/// What is taken for a pause says nothing that is not read, and is written as what is read as the same again; and
/// no clock is so wrong that it lasts longer than a week. What is not is refused by a line that is there.
pub fn paused(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match parse(text) {
        Ok(written) => {
            let again = render(&written);
            assert_eq!(parse(&again).as_ref(), Ok(&written));
            assert_eq!(keys(&again), keys(text));
            let reason = written.pause.reason.as_str();
            assert!((1..=200).contains(&reason.len()) && !reason.contains(char::is_control));
            ends_within_a_week(&written);
        }
        Err(wrong) => assert!(has_line(text, wrong.place(text).0)),
    }
}

fn ends_within_a_week(written: &Written) {
    let Written { pause: Pause { since, until, .. }, ends, .. } = written;
    let near = |time: u64| [time.saturating_sub(1), time, time.saturating_add(1)];
    let edges = |time: u64| {
        [0, time.saturating_sub(Pause::LONGEST), time, time.saturating_add(Pause::LONGEST)]
            .into_iter()
            .flat_map(near)
    };
    let is_on = |now: u64, since_boot| written.is_on(Time(now), since_boot) == Some(true);
    let clocks = || edges(since.0).chain(edges(until.0));
    for since_boot in edges(*ends) {
        let Some(now) = clocks().find(|&now| is_on(now, since_boot)) else { continue };
        assert!(now < until.0);
        let later = since_boot.saturating_add(Pause::LONGEST);
        assert!(!clocks().any(|now| is_on(now, later)), "{written:?} is on at {since_boot} and at {later}");
    }
}
