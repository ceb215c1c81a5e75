//! A row of pam_oath's `users.oath`, read as liboath's usersfile.c reads it: type, user, password, key in
//! hexadecimal and, once it was used, counter, last code and time.

use super::encoding::hex_digit;
use super::{Here, Mistake, Note, name_of};
use otp::{Algorithm, Code, Digits, Kind, Period, Secret, Time, Token, TokenState};
use verifier::Brought;
use zeroize::Zeroizing;

/// Most bytes of a key that the module reads.
const MAX_KEY: usize = 32;
/// The module's own window in steps, where its argument says nothing else.
const WINDOW: u64 = 5;
/// How far from its time a code is looked for, in steps: a window that anybody has set.
const FARTHEST: u64 = 100;

/// What a line says.
#[derive(Debug)]
pub(crate) enum Row {
    /// A token, and what becomes of the rest.
    Token { brought: Box<Brought>, notes: Vec<Note> },
    /// Nothing that the module reads: another first word.
    Ignored,
    /// Nothing at all.
    Blank,
}

/// A date and a time of day as a wall clock shows it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Civil {
    pub(crate) year: i32,
    pub(crate) month: i32,
    pub(crate) day: i32,
    pub(crate) hour: i32,
    pub(crate) minute: i32,
    pub(crate) second: i32,
}

/// The user of a line that the module reads, without looking at the rest.
pub(crate) fn user_of(line: &str) -> Option<&str> {
    let mut words = line.split_ascii_whitespace();
    kind_and_digits(words.next()?)?;
    words.next()
}

/// Reads a line. `local` gives the instants that a wall clock here may have meant: two where it was set back.
pub(crate) fn row(
    line: &str,
    number: usize,
    here: &Here,
    local: impl Fn(Civil) -> Vec<Time>,
) -> Result<Row, Mistake> {
    let mistake = |what: &str| Mistake::new(number, what);
    let mut words = line.split_ascii_whitespace();
    let Some(first) = words.next() else { return Ok(Row::Blank) };
    let Some((kind, digits)) = kind_and_digits(first) else { return Ok(Row::Ignored) };
    words.next().ok_or_else(|| mistake("the user is missing"))?;
    let password = words.next().ok_or_else(|| mistake("the password column is missing"))?;
    let key = words.next().ok_or_else(|| mistake("the key is missing"))?;
    let secret = secret(key).map_err(|what| Mistake::new(number, what))?;
    let counter =
        words.next().unwrap_or("0").parse::<u64>().map_err(|_| mistake("the counter is no number"))?;
    let last = words.next();
    let time =
        words.next().map(|text| civil(text).ok_or_else(|| mistake("the time of the last use is none")));
    let name = name_of(kind).ok_or_else(|| mistake("the token has no name"))?;
    let token = Token { name, kind, algorithm: Algorithm::Sha1, digits, secret };
    let times = time.transpose()?.map_or(Vec::new(), local);
    let mut notes = notes_on(password);
    let state = match kind {
        Kind::Hotp => event_state(counter, last, &times),
        Kind::Totp { period } => time_state(&token, period, last, &times),
    };
    let floor = match token.step_at(here.now) {
        Some(step) if last.is_some() && state.spent.is_empty() => step.saturating_add(WINDOW + 1),
        _ => 0,
    };
    if floor > 0 {
        notes.push(Note::new("LAST", "no step near its time shows the last code, so codes pass in a while"));
    }
    Ok(Row::Token { brought: Box::new(Brought { token, state, floor }), notes })
}

fn kind_and_digits(word: &str) -> Option<(Kind, Digits)> {
    let mut parts = word.split('/');
    let (hotp, form, length) = (parts.next()?, parts.next(), parts.next());
    if hotp != "HOTP" || parts.next().is_some() {
        return None;
    }
    let kind = match form {
        None | Some("E") => Kind::Hotp,
        Some("T30") => Kind::Totp { period: Period::THIRTY },
        Some("T60") => Kind::Totp { period: Period::new(60)? },
        Some(_) => return None,
    };
    let digits = match length {
        None | Some("6") => Digits::SIX,
        Some("7") => Digits::new(7)?,
        Some("8") => Digits::EIGHT,
        Some(_) => return None,
    };
    Some((kind, digits))
}

fn secret(text: &str) -> Result<Secret, String> {
    let mut key = Zeroizing::new(Vec::with_capacity(MAX_KEY));
    if text.len() > 2 * MAX_KEY {
        return Err(format!("the key has more than {MAX_KEY} bytes, which the module does not read"));
    }
    if let Some((place, found)) = text.chars().enumerate().find(|(_, found)| !found.is_ascii_hexdigit()) {
        return Err(format!("character {} of the key is {found:?}, expected hexadecimal digits", place + 1));
    }
    if text.len() % 2 == 1 {
        return Err(format!("the key has {} hexadecimal digits, expected an even number", text.len()));
    }
    for pair in text.as_bytes().chunks_exact(2) {
        let byte = pair.iter().filter_map(|&digit| hex_digit(digit)).fold(0, |byte, digit| byte << 4 | digit);
        key.push(byte);
    }
    Secret::new(&key).map_err(|error| error.to_string())
}

fn notes_on(password: &str) -> Vec<Note> {
    match password {
        "-" => Vec::new(),
        "+" => vec![Note::new("PASS", "a password before the code is no longer taken")],
        _ => vec![Note::new("PASS", "its clear-text password is left out: let pam_unix ask for one")],
    }
}

/// The counter is the one that was used last, as soon as a code stands beside it; before, it is the first.
fn event_state(counter: u64, last: Option<&str>, times: &[Time]) -> TokenState {
    let mut state = TokenState { next: counter, ..TokenState::default() };
    if last.is_some() {
        state.spend(counter, times.iter().copied().max().unwrap_or_default());
        state.last_used = times.iter().copied().max();
    }
    state
}

/// The last code was shown by a step near its time. Where none shows it, all that the module's window can have
/// reached is used; and the time may be another zone's, for a setuid program like su takes TZ from its caller.
fn time_state(token: &Token, period: Period, last: Option<&str>, times: &[Time]) -> TokenState {
    let typed = last.and_then(|text| Code::new(text.as_bytes()));
    let step_of = |time: Time| time.0 / period.seconds();
    let shown = |time: Time| {
        let (typed, step) = (typed.as_ref()?, step_of(time));
        let near = step.saturating_sub(FARTHEST)..=step.saturating_add(FARTHEST);
        near.rev().find(|&step| token.code(step).expose() == typed.expose())
    };
    let mut state = TokenState::default();
    let latest = times.iter().copied().max();
    match times.iter().filter_map(|&time| Some((shown(time)?, time))).max() {
        Some((step, time)) => state.spend(step, time),
        None => {
            let reached = latest.map_or(0, |time| step_of(time).saturating_add(WINDOW + 1));
            state = TokenState { next: reached, last_used: latest, ..state };
        }
    }
    state
}

/// `2026-11-25T10:03:22L`.
fn civil(text: &str) -> Option<Civil> {
    let (date, time) = text.strip_suffix('L')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let fits = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..=23).contains(&hour)
        && (0..=59).contains(&minute)
        && (0..=60).contains(&second);
    fits.then_some(Civil { year, month, day, hour, minute, second })
}

fn numbers(text: &str, separator: char) -> Option<[i32; 3]> {
    let mut parts = text.split(separator).map(|part| part.parse().ok());
    let numbers = [parts.next()??, parts.next()??, parts.next()??];
    parts.next().is_none().then_some(numbers)
}

#[cfg(test)]
#[path = "oath_tests.rs"]
mod tests;
