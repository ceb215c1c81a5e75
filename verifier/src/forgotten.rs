//! When all logins of somebody were forgotten. One that is under way then may be written down only afterwards: the
//! caller of su can stop it as soon as its code is judged, for as long as they like.

use crate::disk::{open_file, read_all};
use crate::remembered::put;
use crate::session::Proc;
use crate::{Session, StoreError};
use nix::fcntl::OFlag;
use nix::time::{ClockId, clock_gettime};
use std::fs::File;
use std::path::Path;
use std::time::Duration;

/// In the folder of the person. No login has this name.
const FILE: &str = "forgotten";
const TITLE: &str = "pam_totp forgotten 1";

/// No code that was given until then counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Forgotten {
    /// In which boot.
    boot: String,
    /// By CLOCK_BOOTTIME.
    at: Duration,
}

impl Forgotten {
    /// `None` where boot or time cannot be established.
    pub(crate) fn now() -> Option<Self> {
        let boot = Proc::open()?.boot()?;
        Some(Self { boot, at: clock_gettime(ClockId::CLOCK_BOOTTIME).ok()?.into() })
    }

    pub(crate) fn write(&self, folder: &File, path: &Path) -> Result<(), StoreError> {
        put(folder, path, FILE, &self.render(), self.at)
    }

    pub(crate) fn read(folder: &File, path: &Path) -> Result<Option<Self>, StoreError> {
        let path = path.join(FILE);
        let Some((file, stat)) = open_file(folder, FILE, &path, OFlag::O_RDONLY)? else { return Ok(None) };
        let bytes = read_all(&file, &stat, &path, 1024)?;
        Self::parse(&bytes).map(Some).ok_or(StoreError::Damaged { path, line: 0 })
    }

    /// Whether a code that was given in `session` at `since` does not count.
    pub(crate) fn covers(&self, session: &Session, since: Duration) -> bool {
        self.boot == session.boot && since <= self.at
    }

    pub(crate) fn render(&self) -> String {
        format!("{TITLE}\nboot {}\nat {}\n", self.boot, self.at.as_nanos())
    }

    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut lines = text.lines().skip(1);
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let boot = value("boot")?.to_owned();
        let forgotten = Self { boot, at: Duration::from_nanos(value("at")?.parse().ok()?) };
        (forgotten.render() == text).then_some(forgotten)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bound::examples::session;

    #[test]
    fn a_code_counts_that_was_given_later_or_in_another_boot() {
        let at = Duration::from_nanos(1_234_567_890_123);
        let forgotten = Forgotten { boot: session().boot, at };
        let tick = Duration::from_nanos(1);
        for (since, covered) in [(Duration::ZERO, true), (at, true), (at + tick, false)] {
            assert_eq!(forgotten.covers(&session(), since), covered, "{since:?}");
            let boot = "00000000-0000-0000-0000-000000000000".to_owned();
            assert!(!forgotten.covers(&Session { boot, ..session() }, since));
        }
        let text = forgotten.render();
        assert!(include_str!("../FILEFORMAT.md").contains(&format!("```forgotten\n{text}```\n")));
        assert_eq!(Forgotten::parse(text.as_bytes()), Some(forgotten));
        for at in 0..text.len() {
            assert_eq!(Forgotten::parse(&text.as_bytes()[..at]), None, "{at}");
        }
        for (good, bad) in [("at ", "at 0"), ("forgotten 1", "forgotten 2"), ("\n", "\r\n"), ("at ", "at -")]
        {
            assert_eq!(Forgotten::parse(text.replacen(good, bad, 1).as_bytes()), None, "{good} {bad}");
        }
    }
}
