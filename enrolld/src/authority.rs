//! On whose word a verb changes something: root's, or that of a code which somebody types who asks the daemon
//! about themselves.

use crate::failure::Failure;
use crate::house::House;
use crate::people;
use crate::terminal::{Reply, Terminal, missing};
use crate::words::instant;
use config::SelfEnroll;
use otp::{BackupCode, Typed};
use std::ffi::OsStr;
use verifier::{Account, Authority, Refusal, Status};

/// How often a code is asked for.
const TRIES: usize = 3;

/// What a change is made with.
pub(crate) enum Given {
    Root,
    Nothing,
    Code(BackupCode),
}

impl Given {
    pub(crate) fn authority(&self) -> Authority<'_> {
        match self {
            Self::Root => Authority::Root,
            Self::Nothing => Authority::Open,
            Self::Code(code) => Authority::Code(code),
        }
    }
}

/// Whose enrollment a verb is about that people use for themselves too.
pub(crate) fn account(house: &House, user: Option<&OsStr>) -> Result<Account, Failure> {
    let account = user.map_or_else(people::own, |user| people::person(house, user))?;
    let own = nix::unistd::geteuid().as_raw();
    if house.is_own && account.uid() != Some(own) {
        return Err(Failure::new(format!("only root changes what is enrolled for {}", account.name))
            .hint("ask an administrator, or use sudo"));
    }
    Ok(account)
}

/// Does what `attempt` does, with a code that is asked for until it is the right one; root needs none.
pub(crate) fn with<T>(
    house: &House,
    terminal: Option<&Terminal>,
    user: &str,
    status: Option<&Status>,
    mut attempt: impl FnMut(Authority<'_>) -> Result<T, Refusal>,
) -> Result<(T, Given), Failure> {
    let refused = |refusal: &Refusal| Failure::refusal(refusal, user);
    if !house.is_own {
        return attempt(Authority::Root).map(|done| (done, Given::Root)).map_err(|refusal| refused(&refusal));
    }
    let Some(prompt) = prompt(house, user, status)? else {
        return attempt(Authority::Open)
            .map(|done| (done, Given::Nothing))
            .map_err(|refusal| refused(&refusal));
    };
    let terminal = terminal.ok_or_else(|| missing("a code is asked for", "root needs none"))?;
    for _ in 0..TRIES {
        let Typed::Backup(code) = typed(terminal, prompt)? else {
            terminal.say("that is no such code: it has twelve letters and digits\n")?;
            continue;
        };
        match attempt(Authority::Code(&code)) {
            Ok(done) => return Ok((done, Given::Code(code))),
            Err(Refusal::Unauthorised(objection)) => terminal.say(&format!("{objection}\n"))?,
            Err(refusal) => return Err(refused(&refusal)),
        }
    }
    Err(Failure::new(format!("no right code in {TRIES} tries, nothing was changed")))
}

fn typed(terminal: &Terminal, prompt: &str) -> Result<Typed, Failure> {
    let aborted = || Failure::new("aborted, nothing was changed");
    match terminal.ask(prompt)? {
        Reply::Line(line) if line.trim_ascii().is_empty() => Err(aborted()),
        Reply::Line(line) => Ok(Typed::parse(&line)),
        Reply::Aborted => Err(aborted()),
    }
}

/// What is asked for; `None` where nothing is needed, and a failure where nothing would do.
fn prompt(house: &House, user: &str, status: Option<&Status>) -> Result<Option<&'static str>, Failure> {
    let asks = |what: &str| format!("ask an administrator for {what} {user}");
    if house.settings.daemon.self_enroll == SelfEnroll::Never {
        return Err(Failure::refusal(&Refusal::RootEnrolls, user));
    }
    let Some(status) = status else {
        return match house.settings.daemon.self_enroll {
            SelfEnroll::Open => Ok(None),
            _ => {
                Err(Failure::new(format!("{user} is not invited"))
                    .hint(asks("an invitation: totpctl invite")))
            }
        };
    };
    if status.enrolled {
        let has_backup = status.backup.as_ref().is_some_and(|(_, left)| *left > 0);
        if has_backup || status.bypasses.iter().any(|bypass| bypass.left > 0) {
            return Ok(Some("Backup code or bypass (empty to abort): "));
        }
        return Err(Failure::new(format!(
            "{user} has no backup code left to change this with, and no bypass"
        ))
        .hint(asks("a bypass: totpctl bypass")));
    }
    match status.invitation {
        Some(invitation) if !invitation.expired => Ok(Some("Invitation (empty to abort): ")),
        Some(invitation) => {
            let since = instant(invitation.expires);
            Err(Failure::new(format!("the invitation of {user} expired at {since}"))
                .hint(asks("another: totpctl invite")))
        }
        None => {
            Err(Failure::new(format!("{user} is not invited")).hint(asks("an invitation: totpctl invite")))
        }
    }
}
