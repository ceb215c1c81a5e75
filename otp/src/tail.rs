//! The end of a password: where one field takes password and code, nobody says where the code begins.
//!
//! A password may end in digits, and the tokens of one person may have codes of different lengths. So every
//! way to read the end as a code is kept, and all of them are judged as one attempt.

use crate::attempt::is_sshd_placeholder;
use crate::{BackupCode, Malformed, Typed};
use std::fmt;
use zeroize::Zeroizing;

/// The most digits that a code has: two of eight.
const MOST_DIGITS: usize = 16;
/// How many digits a code may have, one or two of them, in the order in which they are tried.
const LENGTHS: [usize; 6] = [16, 14, 12, 6, 7, 8];
/// Blanks behind a code, such as the CR of a terminal.
const MOST_BLANKS: usize = 8;

/// What may be a code at the end of an answer.
#[derive(Clone)]
pub struct Tail {
    text: Zeroizing<Vec<u8>>,
    readings: Vec<Reading>,
    missing: Malformed,
    optional: bool,
}

/// One way to read the end.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The code, two codes, or a backup code.
    pub typed: Typed,
    /// How many bytes at the end it takes, with what stands between its digits and the blanks behind it.
    pub length: usize,
}

impl Tail {
    /// Every way to read the end of `answer`: six to eight digits, or twice as many, with at most one space or
    /// hyphen between two of them, or a backup code with both of its hyphens or with none.
    #[must_use]
    pub fn of(answer: &[u8]) -> Self {
        let text = answer.trim_ascii_end();
        let blanks = answer.len() - text.len();
        let mut readings = Vec::with_capacity(LENGTHS.len() + 1);
        if blanks <= MOST_BLANKS {
            readings.extend(of_digits(text));
            // Behind two codes, before one: as sure as a backup code is.
            let place = readings.iter().take_while(|r| matches!(r.typed, Typed::Pair(..))).count();
            of_backup(text).into_iter().for_each(|reading| readings.insert(place, reading));
        }
        readings.iter_mut().for_each(|reading| reading.length += blanks);
        let longest = readings.iter().map(|reading| reading.length).max().unwrap_or(0);
        let end = answer.get(answer.len() - longest..).unwrap_or_default();
        let missing = match answer {
            [] => Malformed::Empty,
            _ if is_sshd_placeholder(answer) => Malformed::SshdPlaceholder,
            _ => Malformed::NoCodeAtEnd,
        };
        Self { text: Zeroizing::new(end.to_vec()), readings, missing, optional: false }
    }

    /// The same where the login needs no code: what is good is spent, and what is not costs nothing.
    #[must_use]
    pub fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// Whether the login needs no code.
    #[must_use]
    pub fn is_optional(&self) -> bool {
        self.optional
    }

    /// The readings, in the order in which they are tried.
    #[must_use]
    pub fn readings(&self) -> &[Reading] {
        &self.readings
    }

    /// Why there is no reading, if there is none.
    #[must_use]
    pub fn missing(&self) -> Option<Malformed> {
        self.readings.is_empty().then_some(self.missing)
    }

    /// As much of the end as the longest reading takes.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// What the log calls it: one code, if it can be read as one.
    #[must_use]
    pub fn likeliest(&self) -> Typed {
        let one = |reading: &&Reading| matches!(reading.typed, Typed::Code(_));
        let found = self.readings.iter().find(one).or(self.readings.first());
        found.map_or(Typed::Malformed(self.missing), |reading| reading.typed.clone())
    }

    /// `answer` without anything at its end that may be a code.
    #[must_use]
    pub fn cut_off(mut answer: &[u8]) -> &[u8] {
        while let Some(longest) = Self::of(answer).readings.iter().map(|reading| reading.length).max() {
            answer = answer.get(..answer.len() - longest).unwrap_or_default();
        }
        answer
    }
}

/// The text is a part of a password.
impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("readings", &self.readings).finish_non_exhaustive()
    }
}

fn of_digits(text: &[u8]) -> impl Iterator<Item = Reading> {
    let mut digits = Zeroizing::new(Vec::with_capacity(MOST_DIGITS));
    let mut starts = Vec::with_capacity(MOST_DIGITS);
    let mut rest = text;
    while digits.len() < MOST_DIGITS {
        rest = match rest {
            [before @ .., digit @ b'0'..=b'9'] => {
                digits.insert(0, *digit);
                starts.push(before.len());
                before
            }
            [before @ .., b' ' | b'-']
                if before.last().is_some_and(u8::is_ascii_digit) && !digits.is_empty() =>
            {
                before
            }
            _ => break,
        };
    }
    let length = text.len();
    LENGTHS.into_iter().filter_map(move |count| {
        let code = digits.get(digits.len().checked_sub(count)?..)?;
        let typed = match Typed::parse(code) {
            typed @ (Typed::Code(_) | Typed::Pair(..)) => typed,
            Typed::Backup(_) | Typed::Malformed(_) => return None,
        };
        Some(Reading { typed, length: length - starts.get(count - 1)? })
    })
}

fn of_backup(text: &[u8]) -> Option<Reading> {
    [14, 12].into_iter().find_map(|length| {
        let end = text.get(text.len().checked_sub(length)?..)?;
        let is_hyphen = |place: usize| length == 14 && (place == 4 || place == 9);
        let shaped = end.iter().enumerate().all(|(place, byte)| match is_hyphen(place) {
            true => *byte == b'-',
            false => byte.is_ascii_alphanumeric(),
        });
        let code = BackupCode::parse(std::str::from_utf8(end).ok().filter(|_| shaped)?)?;
        Some(Reading { typed: Typed::Backup(code), length })
    })
}
