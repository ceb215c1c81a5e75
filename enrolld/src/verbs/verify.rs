//! `verify`: a code is judged as a login at the console would have it judged, and spent.

use crate::failure::Failure;
use crate::house::House;
use crate::report::set_words;
use crate::terminal::{Reply, Terminal, line_of_stdin};
use crate::words::{self, instant};
use crate::{clock, kernel_clock, output, people};
use otp::{Method, ScratchSet, Typed, Verdict};
use std::ffi::OsStr;
use std::io::IsTerminal;
use verifier::{Account, Origin, Outcome, Status};

pub(crate) fn run(house: &House, user: Option<&OsStr>) -> Result<(), Failure> {
    let account = user.map_or_else(people::own, |user| people::person(house, user))?;
    let status = people::enrolled(house, &account)?;
    let typed = Typed::parse(&read()?);
    match house.verifier.check(&account, &typed, Origin::Owner) {
        Outcome::Judged(Verdict::Accepted { method, backup_left, .. }) => {
            output::put(&accepted(&method, backup_left))
        }
        Outcome::Judged(verdict) => Err(refused(house, &account, &status, &typed, &verdict)),
        Outcome::Suspended(since) => Err(Failure::new(format!(
            "refused: {} is suspended since {}; nothing was spent",
            account.name,
            instant(since)
        ))
        .hint(format!("root ends that: totpctl resume {}", account.name))),
        Outcome::NotEnrolled => Err(Failure::new(format!("{} is not enrolled", account.name))),
        Outcome::Unavailable(error) => Err(Failure::store(&error, &account.name)),
    }
}

fn read() -> Result<zeroize::Zeroizing<Vec<u8>>, Failure> {
    let terminal = if std::io::stdin().is_terminal() { Terminal::open()? } else { None };
    let Some(terminal) = terminal else { return line_of_stdin() };
    match terminal.ask_hidden("code: ")? {
        Reply::Line(line) => Ok(line),
        Reply::Aborted => Err(Failure::new("aborted, nothing was checked")),
    }
}

fn accepted(method: &Method, backup_left: usize) -> String {
    match method {
        Method::Code(token) => format!("accepted: a code of token {token}\n"),
        Method::Pair(token) => format!("accepted: two successive codes of token {token}\n"),
        Method::Backup => format!("accepted: a backup code, {backup_left} left\n"),
        Method::Scratch { left } => format!("accepted: a scratch code, {left} left\n"),
        Method::Bypass { number, left } => format!("accepted: bypass {number}, {left} uses left\n"),
    }
}

fn refused(house: &House, account: &Account, status: &Status, typed: &Typed, verdict: &Verdict) -> Failure {
    let user = &account.name;
    match verdict {
        Verdict::Accepted { .. } => Failure::new("accepted"),
        Verdict::Malformed(why) => {
            let mut digits: Vec<_> = status.tokens.iter().map(|token| token.digits.count()).collect();
            digits.extend(status.scratch_left.map(|_| ScratchSet::DIGITS.count()));
            digits.dedup();
            let words = words::malformed(*why, &digits);
            // A code that is shorter than the token's is what an app shows that ignored the digits.
            diagnosed(house, account, typed)
                .unwrap_or_else(|| Failure::new(format!("refused: {}", words.what)).hints(words.hints))
        }
        Verdict::Wrong { counted: false } => backup_refused(status),
        Verdict::Wrong { counted: true } => diagnosed(house, account, typed).unwrap_or_else(|| {
            Failure::new("refused: wrong code").hint("is it the right entry in the app, and its newest code?")
        }),
        Verdict::Replayed { token: None, .. } => Failure::new(
            "refused: this backup code was used before, or this scratch code, or this bypass is used up",
        )
        .hint("such a code opens once; take the next"),
        Verdict::Expired { number, since } => {
            Failure::new(format!("refused: bypass {number} expired at {}", instant(*since)))
                .hint(format!("issue another: totpctl bypass {user} --reason TEXT"))
        }
        Verdict::Replayed { ahead: Some(seconds), .. } => {
            let minutes = seconds.div_ceil(60);
            Failure::new(format!("refused: last used {minutes} minutes ahead of this clock"))
                .hint(format!("if this clock is right now: totpctl unlock --clock {user}"))
        }
        Verdict::Replayed { .. } => {
            Failure::new("refused: this code, or a later one, was used before").hint("wait for the next code")
        }
        Verdict::PairNeeded { token } => {
            Failure::new(format!("refused: token {token} needs two successive codes, since a restore"))
                .hint("type this code and the next in one line: 123456 654321")
        }
        Verdict::Throttled { lane, until } => {
            Failure::new(format!("refused: too many wrong codes, {lane} waits until {}", instant(*until)))
                .hint("two successive codes in one line (123456 654321) or a backup code still open")
                .hint(format!("totpctl unlock {user}"))
        }
        Verdict::ClockBehind { seconds } => {
            Failure::new(format!("this machine's clock is at least {seconds} s behind"))
                .hint("set it first; backup codes open until then")
        }
    }
}

fn backup_refused(status: &Status) -> Failure {
    let failure = Failure::new("refused: not one of the present backup codes, and no bypass");
    match &status.backup {
        Some((sheet, _)) => failure.hint(format!("the sheet must say {}", set_words(sheet))),
        None => failure.hint("there is no set of backup codes"),
    }
}

/// What a wrong code is, for whoever may read the secrets.
fn diagnosed(house: &House, account: &Account, typed: &Typed) -> Option<Failure> {
    let (Typed::Code(code) | Typed::Pair(code, _)) = typed else { return None };
    let tokens = house.verifier.tokens(account).ok()?;
    tokens.iter().find_map(|(token, _)| {
        let found = otp::diagnose(token, &[], code, clock::now())?;
        let synchronized = kernel_clock::is_synchronized();
        let words = words::diagnosis(&found, token, synchronized);
        let learning = words::learning(&found, token, house.settings.policy().drift, synchronized);
        Some(Failure::new(words.what).hints(words.hints).hints(learning))
    })
}
