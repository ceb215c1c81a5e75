//! Why a code was wrong: found by trying the neighbours, for the person who is just enrolling.

use crate::{Algorithm, Code, Digits, Kind, Period, Time, Token};

/// Most that a phone's clock is looked for, in seconds either way: a day.
const FARTHEST: u64 = 86_400;

/// What a wrong code turned out to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Diagnosis {
    /// The right code of another time: the two clocks are `seconds` apart.
    Clock {
        /// How far the phone lies behind (negative: ahead of) this machine, in seconds, to the step.
        behind: i64,
    },
    /// The app ignored a parameter and computed with its default, or with what is named here.
    Ignored {
        /// The algorithm it used.
        algorithm: Algorithm,
        /// The period it used.
        period: Period,
        /// The number of digits it shows.
        digits: Digits,
    },
    /// A code of a token that this one is to replace.
    Replaced,
}

/// Finds out what `code` is, if it is not a code of `token` at `now`. `replaced` are the tokens of the
/// enrollment that is being replaced. Only the person who holds the new secret on the screen may be told.
#[must_use]
pub fn diagnose(token: &Token, replaced: &[Token], code: &Code, now: Time) -> Option<Diagnosis> {
    let old = replaced.iter().any(|old| near(old, 2, now).any(|factor| old.shows(factor, code)));
    if old {
        return Some(Diagnosis::Replaced);
    }
    ignored(token, code, now).or_else(|| clock(token, code, now))
}

/// Apps that ignore parameters use the defaults for some or all of them.
fn ignored(token: &Token, code: &Code, now: Time) -> Option<Diagnosis> {
    let Kind::Totp { period: own } = token.kind else { return None };
    for digits in [token.digits, Digits::SIX] {
        for period in [own, Period::THIRTY] {
            for algorithm in [token.algorithm, Algorithm::Sha1] {
                let guess = Token { kind: Kind::Totp { period }, algorithm, digits, ..token.clone() };
                let same = guess.kind == token.kind && algorithm == token.algorithm && digits == token.digits;
                if !same && near(&guess, 1, now).any(|factor| guess.shows(factor, code)) {
                    return Some(Diagnosis::Ignored { algorithm, period, digits });
                }
            }
        }
    }
    None
}

/// The nearest step, up to a day away, that shows the code. At 30 seconds this looks at 5,760 codes, of
/// which one in 175 cases shows a wrong code by chance: the words on the screen say "looks like".
fn clock(token: &Token, code: &Code, now: Time) -> Option<Diagnosis> {
    let Kind::Totp { period } = token.kind else { return None };
    let step = token.step_at(now)?;
    let length = period.seconds();
    let farther = (length..=FARTHEST).step_by(usize::try_from(length).ok()?);
    for (distance, seconds) in (1..).zip(farther) {
        let seconds = i64::try_from(seconds).ok()?;
        if step >= distance && token.shows(step - distance, code) {
            return Some(Diagnosis::Clock { behind: seconds });
        }
        if token.shows(step + distance, code) {
            return Some(Diagnosis::Clock { behind: -seconds });
        }
    }
    None
}

fn near(token: &Token, reach: u64, now: Time) -> std::ops::RangeInclusive<u64> {
    let step = token.step_at(now).unwrap_or(0);
    step.saturating_sub(reach)..=step.saturating_add(reach)
}
