//! What holds for any bytes that are typed, alone or behind a password.
//!
//! `tests/fuzz` looks for bytes that break it; what it has found worth keeping is in its corpus, and is tried
//! again by the test below. Nothing of this is in a shipped build.
#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::panic,
    reason = "each function is a property, and says so by a panic"
)]

use crate::attempt::is_sshd_placeholder;
use crate::{
    Algorithm, Attempt, BackupCode, BackupSet, Bypass, Code, Digits, Enrollment, Judgement, Kind, Ledger,
    Life, Malformed, Origin, Period, Policy, Reason, ScratchSet, Secret, Split, Tail, Time, Token, TokenName,
    Typed, Uses, Verdict, judge, split,
};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// An instant of RFC 6238's test vectors, and others by which nothing may open again.
const NOW: Time = Time(1_111_111_109);
const OTHERS: [Time; 4] = [Time(0), Time(NOW.0 - 30), NOW, Time(NOW.0 + 30)];
/// Bytes of the longest reply that may be a code.
const LONGEST: usize = 128;
const BACKUP: &str = "0123-abcd-efgh";
const BYPASS: &str = "4567-jkmn-pqrs";
const SCRATCH: &str = "26404933";

/// A reply is a code by its digits alone, whatever stands between them; one that is right opens, and once, in
/// whatever spelling; nothing else does, or changes what is spent.
pub fn attempt(bytes: &[u8]) {
    let typed = Typed::parse(bytes);
    let plain = plain(bytes);
    is_what_was_typed(bytes, &plain, &typed);
    let mut replies: Vec<_> = spellings(&plain).iter().map(|spelling| Typed::parse(spelling)).collect();
    if said(&typed).is_some() {
        assert!(replies.iter().all(|reply| said(reply) == said(&typed)), "a spelling is another code");
    }
    let Fixture { ledger, may_open, must_open, .. } = &*FIXTURE;
    let Judgement { verdict, next } = judged(ledger, &typed, NOW);
    if matches!(verdict, Verdict::Accepted { .. }) {
        assert!(said(&typed).is_some_and(|said| may_open.contains(&said)), "nobody's code opens");
        let next = next.expect("it is recorded");
        replies.push(typed);
        for (reply, now) in replies.iter().flat_map(|reply| OTHERS.map(|now| (reply, now))) {
            assert!(!opens(&judged(&next, reply, now)), "it opens twice");
        }
    } else {
        assert!(said(&typed).is_none_or(|said| !must_open.contains(&said)), "not the owner: {verdict:?}");
        assert!(next.iter().all(|next| spent(next) == spent(ledger)), "{verdict:?} has spent something");
        assert!(
            next.is_none() || matches!(verdict, Verdict::Wrong { counted: true }),
            "{verdict:?} is recorded"
        );
    }
    ends(bytes, &Tail::of(bytes));
    opens_once_behind_a_password(bytes, ledger);
}

/// What it is taken for, in the digits and letters that count: no prefix of the one is in the other.
fn said(typed: &Typed) -> Option<String> {
    match typed {
        Typed::Code(code) => Some(code.expose().to_owned()),
        Typed::Pair(first, second) => Some(format!("{}{}", first.expose(), second.expose())),
        Typed::Backup(code) => Some(code.expose().replace('-', "")),
        Typed::Malformed(_) => None,
    }
}

/// Without what may stand between the digits of a code, and around it.
fn plain(bytes: &[u8]) -> Vec<u8> {
    let is_around = |byte: &u8| b" \t\r\n".contains(byte);
    let start = bytes.iter().take_while(|byte| is_around(byte)).count();
    let end = bytes.iter().rev().take_while(|byte| is_around(byte)).count();
    let inner = bytes.get(start..bytes.len().saturating_sub(end)).unwrap_or_default();
    inner.iter().copied().filter(|byte| !b" -".contains(byte)).collect()
}

fn is_what_was_typed(bytes: &[u8], plain: &[u8], typed: &Typed) {
    let is_text =
        || bytes.len() <= LONGEST && std::str::from_utf8(bytes).is_ok() && !is_sshd_placeholder(bytes);
    let are_digits = || plain.iter().all(u8::is_ascii_digit);
    match typed {
        Typed::Code(code) => {
            assert!(is_text() && code.expose().as_bytes() == plain && (6..=8).contains(&plain.len()));
        }
        Typed::Pair(first, second) => {
            assert_eq!(first.digits(), second.digits());
            assert!(is_text() && said(typed).is_some_and(|said| said.as_bytes() == plain));
        }
        Typed::Backup(_) => {
            let folded = plain.iter().map(|byte| match byte.to_ascii_lowercase() {
                b'o' => b'0',
                b'i' | b'l' => b'1',
                other => other,
            });
            assert!(is_text() && said(typed).is_some_and(|said| folded.eq(said.bytes())));
            assert!(plain.len() == 12 && !plain.contains(&b'u'));
        }
        Typed::Malformed(why) => match why {
            Malformed::Empty => assert!(plain.is_empty()),
            Malformed::SshdPlaceholder => assert!(is_sshd_placeholder(bytes)),
            Malformed::TooLong => assert!(bytes.len() > LONGEST),
            Malformed::NotText => assert!(std::str::from_utf8(bytes).is_err()),
            Malformed::WrongLength => assert!(are_digits() && ![6, 7, 8, 12, 14, 16].contains(&plain.len())),
            Malformed::NotACode => assert!(is_text() && !are_digits()),
            Malformed::NoCodeAtEnd => panic!("nothing was said of a password"),
        },
    }
}

/// The same digits and letters as people and programs write them.
fn spellings(plain: &[u8]) -> [Vec<u8>; 5] {
    let with = |between: &[u8], size| plain.chunks(size).collect::<Vec<_>>().join(between);
    let behind = [plain, b" \r\n"].concat();
    [plain.to_vec(), with(b" ", 3), with(b"-", 1), behind, plain.to_ascii_uppercase()]
}

struct Fixture {
    enrollment: Enrollment,
    ledger: Ledger,
    /// All that anything but a scratch code, a backup code or a bypass may be opened by, and these.
    may_open: BTreeSet<String>,
    /// Of these, what opens at once.
    must_open: BTreeSet<String>,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let token = |name, kind, digits| Token {
        name: TokenName::new(name).expect("a name"),
        kind,
        algorithm: Algorithm::Sha1,
        digits,
        // The key of both RFCs' test vectors.
        secret: Secret::new(b"12345678901234567890").expect("a key"),
    };
    let tokens = vec![
        token("phone", Kind::Totp { period: Period::THIRTY }, Digits::SIX),
        token("fob", Kind::Hotp, Digits::SIX),
        token("long", Kind::Totp { period: Period::THIRTY }, Digits::EIGHT),
    ];
    let (mut may_open, mut must_open) = (BTreeSet::new(), BTreeSet::new());
    for token in &tokens {
        let step = token.step_at(NOW);
        let (near, far) = match step {
            Some(step) => (step - 1..=step + 1, step - 12..=step + 12),
            None => (0..=10, 0..=120),
        };
        must_open.insert(token.code(step.unwrap_or(0)).expose().to_owned());
        may_open.extend(near.map(|factor| token.code(factor).expose().to_owned()));
        let pair = |factor| format!("{}{}", token.code(factor).expose(), token.code(factor + 1).expose());
        may_open.extend(far.map(pair));
    }
    must_open.extend([BACKUP, BYPASS, SCRATCH].map(|code| code.replace('-', "")));
    may_open.extend(must_open.iter().cloned());
    let backup = BackupCode::parse(BACKUP).expect("a backup code");
    let scratch = Code::new(SCRATCH.as_bytes()).expect("a code");
    let salt = [7; 16];
    let bypass = Bypass {
        number: 1,
        life: Life::new(NOW, Time(0), 3600),
        uses: Uses::ONE,
        reason: Reason::new("phone lost").expect("a reason"),
        salt,
        hash: Bypass::hash(&salt, &BackupCode::parse(BYPASS).expect("a code")),
    };
    let enrollment = Enrollment::new(tokens, Some(BackupSet::new(1, NOW, salt, &[backup])))
        .and_then(|made| made.with_bypasses(vec![bypass]))
        .expect("an enrollment")
        .with_scratch(Some(ScratchSet::new(salt, &[scratch])));
    Fixture { ledger: Ledger::new(&enrollment), enrollment, may_open, must_open }
});

fn judged(ledger: &Ledger, typed: &Typed, now: Time) -> Judgement {
    let attempt = Attempt { typed: typed.clone(), origin: Origin::Stranger };
    judge(&FIXTURE.enrollment, ledger, &attempt, now, &Policy::default())
}

fn judged_end(ledger: &Ledger, tail: &Tail, now: Time) -> Split {
    split(&FIXTURE.enrollment, ledger, tail, Origin::Stranger, now, &Policy::default())
}

fn opens(judgement: &Judgement) -> bool {
    matches!(judgement.verdict, Verdict::Accepted { .. })
}

fn spent(ledger: &Ledger) -> impl PartialEq + '_ {
    (&ledger.tokens, ledger.spent_backup, ledger.spent_scratch, ledger.bypass_uses)
}

/// Each reading of the end is what would be read if it stood alone; the end says the same without what stands
/// before it, which is all that goes to the daemon; and what is left of a cut off answer has no such end.
fn ends(bytes: &[u8], tail: &Tail) {
    assert!(bytes.ends_with(tail.text()));
    for reading in tail.readings() {
        let start = bytes.len().checked_sub(reading.length).expect("it is a part");
        let alone = Typed::parse(bytes.get(start..).unwrap_or_default().trim_ascii_end());
        assert!(said(&alone).is_some() && said(&alone) == said(&reading.typed));
    }
    let readings = |tail: &Tail| -> Vec<_> {
        tail.readings().iter().map(|reading| (reading.length, said(&reading.typed))).collect()
    };
    assert_eq!(readings(&Tail::of(tail.text())), readings(tail));
    let rest = Tail::cut_off(bytes);
    assert!(bytes.starts_with(rest) && Tail::of(rest).readings().is_empty());
}

/// What opened behind a password opens nothing again, neither there nor alone, and is not left in the password.
fn opens_once_behind_a_password(bytes: &[u8], ledger: &Ledger) {
    let tail = Tail::of(bytes);
    let Split { judgement, code } = judged_end(ledger, &tail, NOW);
    if !opens(&judgement) {
        return assert!(judgement.next.is_none_or(|next| spent(&next) == spent(ledger)));
    }
    let next = judgement.next.expect("it is recorded");
    let length = code.expect("it is known where it begins");
    let end = tail.text().len().checked_sub(length).and_then(|start| tail.text().split_at_checked(start));
    let (before, code) = end.expect("it is a part of what was read");
    for now in OTHERS {
        assert!(!opens(&judged_end(&next, &tail, now).judgement), "it opens twice");
        assert!(!opens(&judged(&next, &Typed::parse(code), now)), "it opens alone too");
        assert!(!opens(&judged_end(&next, &Tail::of(before), now).judgement), "the password has a code");
    }
}

#[cfg(test)]
#[path = "../../tests/fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn whatever_is_typed_is_read_as_what_it_says_and_opens_once() {
        super::replay::holds_for("attempt", super::attempt);
    }
}
