//! `~/.google_authenticator`, read as pam_google_authenticator.c reads it: the secret on the first line, then
//! options (`" KEY value`, the first of a key wins) and scratch codes.

use super::{Here, Luggage, MOST_DRIFT, Mistake, Note, name_of};
use otp::{Algorithm, Code, Digits, Kind, MAX_SPENT, Period, ScratchSet, Secret, Time, Token, TokenState};
use std::str::FromStr;
use verifier::Brought;
use zeroize::Zeroizing;

/// Largest file that is read, in bytes: the module itself stops at as much.
pub(crate) const LONGEST: usize = 64 * 1024;

/// Options of which nothing is kept, and why.
const LEFT_OUT: [(&str, &str); 3] = [
    ("RATE_LIMIT", "the throttle of pam_totp takes its place"),
    ("RESETTING_TIME_SKEW", "half-learned clock offsets are left out"),
    ("LAST", "hosts that needed no code for a while are left out; a rule can say so"),
];

/// Reads the whole file.
pub(crate) fn parse(bytes: &[u8], here: &Here) -> Result<Luggage, Mistake> {
    if bytes.is_empty() {
        return Err(Mistake::new(0, "the file is empty"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| Mistake::new(0, "the file is not text"))?;
    let file = Lines(text);
    let secret = secret(file.0.lines().next().unwrap_or_default())?;
    let mut notes = file.left_out();
    let brought = match file.number::<u64>("HOTP_COUNTER")? {
        Some((_, counter @ 1..)) => file.event_token(secret, counter, here, &mut notes)?,
        _ if file.value("TOTP_AUTH").is_some() => file.time_token(secret, here, &mut notes)?,
        _ => {
            return Err(Mistake::new(
                0,
                "neither TOTP_AUTH nor HOTP_COUNTER: the module takes no code of it",
            ));
        }
    };
    let scratch = file.scratch(&mut notes);
    Ok(Luggage { tokens: vec![brought], scratch: Some(scratch), notes, missing: Vec::new() })
}

/// The module reads 0, 1 and 8 as the letters that they look like. Nothing else does.
fn secret(line: &str) -> Result<Secret, Mistake> {
    let mut mapped = Zeroizing::new(String::with_capacity(line.len()));
    mapped.extend(line.trim_end_matches('\r').chars().map(|letter| match letter {
        '0' => 'O',
        '1' => 'L',
        '8' => 'B',
        other => other,
    }));
    Secret::from_base32(&mapped).map_err(|error| Mistake::new(1, error.to_string()))
}

fn token(secret: Secret, kind: Kind) -> Result<Token, Mistake> {
    let name = name_of(kind).ok_or_else(|| Mistake::new(0, "the token has no name"))?;
    Ok(Token { name, kind, algorithm: Algorithm::Sha1, digits: Digits::SIX, secret })
}

struct Lines<'a>(&'a str);

impl<'a> Lines<'a> {
    /// The options, each as its line (from 1), key and value.
    fn options(&self) -> impl Iterator<Item = (usize, &'a str, &'a str)> + use<'a> {
        let lines = self.0.lines().zip(1..).skip(1);
        let options = lines.filter_map(|(line, number)| Some((number, line.strip_prefix("\" ")?)));
        options.map(|(number, option)| {
            let (key, value) = option.split_once([' ', '\t']).unwrap_or((option, ""));
            (number, key.trim_end_matches('\r'), value.trim())
        })
    }

    /// The value of the first line with this key.
    fn value(&self, key: &str) -> Option<(usize, &'a str)> {
        self.options().find(|(_, found, _)| *found == key).map(|(line, _, value)| (line, value))
    }

    fn number<T: FromStr>(&self, key: &str) -> Result<Option<(usize, T)>, Mistake> {
        let Some((line, value)) = self.value(key) else { return Ok(None) };
        let number = value.parse().map_err(|_| Mistake::new(line, format!("{key}: expected a number")))?;
        Ok(Some((line, number)))
    }

    fn bounded(&self, key: &str, default: u64, most: u64) -> Result<u64, Mistake> {
        match self.number(key)? {
            None => Ok(default),
            Some((_, number)) if (1..=most).contains(&number) => Ok(number),
            Some((line, _)) => Err(Mistake::new(line, format!("{key}: expected 1 to {most}"))),
        }
    }

    fn time_token(&self, secret: Secret, here: &Here, notes: &mut Vec<Note>) -> Result<Brought, Mistake> {
        let seconds = self.bounded("STEP_SIZE", 30, 60)?;
        let period = Period::new(seconds).ok_or_else(|| {
            let line = self.value("STEP_SIZE").map_or(0, |(line, _)| line);
            Mistake::new(line, format!("STEP_SIZE: {seconds} s, at least 15 s are kept"))
        })?;
        let token = token(secret, Kind::Totp { period })?;
        let reach = self.bounded("WINDOW_SIZE", 3, 100)? / 2;
        let ours = u64::from(here.policy.window);
        if reach > ours {
            let (there, here) = (reach * seconds, ours * seconds);
            let says = format!("took codes up to {there} s off; here [accept] window takes {here} s");
            notes.push(Note::new("WINDOW_SIZE", says));
        }
        let (skew, drift) = self.skew(seconds, notes)?;
        let step = token.step_at(here.now).unwrap_or(0);
        let last = step.saturating_add_signed(skew).saturating_add(reach);
        let mut state = TokenState { drift, ..TokenState::default() };
        let Some((line, used)) = self.value("DISALLOW_REUSE") else {
            let wait = (last + 1).saturating_mul(seconds).saturating_sub(here.now.0);
            let says = format!("absent: what was used is not known, so codes pass in {wait} s");
            notes.push(Note::new("DISALLOW_REUSE", says));
            return Ok(Brought { token, state, floor: last + 1 });
        };
        let mut ahead = 0;
        for used in used.split_whitespace() {
            let used = used.parse().ok().filter(|&step: &u64| step < u64::MAX);
            let used = used.ok_or_else(|| Mistake::new(line, "DISALLOW_REUSE: expected numbers"))?;
            ahead += usize::from(used > last);
            spend(&mut state, used, last, Time(used.saturating_mul(seconds)));
        }
        // The least would be forgotten and open again; and to shut out all before the greatest would let whoever
        // may write the file lock its owner out.
        if ahead > MAX_SPENT {
            let what = format!("DISALLOW_REUSE: {ahead} steps lie ahead of the clock, {MAX_SPENT} are kept");
            return Err(Mistake::new(line, what));
        }
        Ok(Brought { token, state, floor: 0 })
    }

    /// The offset of the token's clock in steps: as it is, and as much of it as is carried over.
    fn skew(&self, seconds: u64, notes: &mut Vec<Note>) -> Result<(i64, i32), Mistake> {
        let (line, skew) = self.number::<i64>("TIME_SKEW")?.unwrap_or_default();
        if skew.unsigned_abs() > 1 << 20 {
            return Err(Mistake::new(line, "TIME_SKEW: no clock is so far off"));
        }
        if skew.abs() <= MOST_DRIFT {
            return Ok((skew, i32::try_from(skew).unwrap_or_default()));
        }
        let off = skew.unsigned_abs() * seconds / 60;
        let says = format!("the phone's clock is {off} minutes off, which is not carried over: set it right");
        notes.push(Note::new("TIME_SKEW", says));
        Ok((skew, 0))
    }

    fn event_token(
        &self,
        secret: Secret,
        next: u64,
        here: &Here,
        notes: &mut Vec<Note>,
    ) -> Result<Brought, Mistake> {
        let window = self.bounded("WINDOW_SIZE", 3, 100)?;
        let ours = u64::from(here.policy.look_ahead) + 1;
        if window > ours {
            let says = format!("tried {window} counters; here [accept] look_ahead makes it {ours}");
            notes.push(Note::new("WINDOW_SIZE", says));
        }
        let state = TokenState { next, ..TokenState::default() };
        Ok(Brought { token: token(secret, Kind::Hotp)?, state, floor: 0 })
    }

    /// Eight digits, of which the first is not 0, a line each, up to the first line that is something else.
    fn scratch(&self, notes: &mut Vec<Note>) -> Vec<Code> {
        let mut codes = Vec::new();
        for (line, number) in self.0.lines().zip(1..).skip(1).filter(|(line, _)| !line.starts_with('"')) {
            let line = line.trim();
            match Code::new(line.as_bytes()).filter(|code| code.digits() == ScratchSet::DIGITS) {
                Some(code) if !line.starts_with('0') => codes.push(code),
                _ if line.is_empty() => break,
                _ => {
                    let says = format!("line {number} is none, and no code below it counts, as there");
                    notes.push(Note::new("scratch codes", says));
                    break;
                }
            }
        }
        if codes.len() > ScratchSet::MAX_CODES {
            let most = ScratchSet::MAX_CODES;
            notes.push(Note::new("scratch codes", format!("{}, of which {most} are kept", codes.len())));
            codes.truncate(most);
        }
        codes
    }

    fn left_out(&self) -> Vec<Note> {
        let kept = ["TOTP_AUTH", "HOTP_COUNTER", "STEP_SIZE", "WINDOW_SIZE", "DISALLOW_REUSE", "TIME_SKEW"];
        let mut notes: Vec<Note> = Vec::new();
        for (line, key, _) in self.options().filter(|(_, key, _)| !kept.contains(key)) {
            // LAST0 to LAST9.
            let stem =
                if key.len() == 5 { key.trim_end_matches(|last: char| last.is_ascii_digit()) } else { key };
            let known = LEFT_OUT.into_iter().find(|(name, _)| *name == stem);
            let note = match known {
                Some((name, why)) => Note::new(name, why),
                None => Note::new("unknown options", format!("line {line} is left out, as there")),
            };
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
        notes
    }
}

/// What lies beyond the window was used by a clock that ran ahead. It stays used, without shutting out all
/// that comes before it.
fn spend(state: &mut TokenState, used: u64, last: u64, at: Time) {
    let next = state.next;
    state.spend(used, at);
    if used > last {
        state.next = next;
    }
}

#[cfg(test)]
#[path = "google_authenticator_tests.rs"]
mod tests;
