//! What the doctor has found: what, why it matters, and what to do about it.

use serde::Serialize;

/// Whether something must be done.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    /// Somebody gets in who should not, or does not who should.
    Fault,
    /// Worth knowing; it may be meant.
    Note,
}

/// A kind of finding: its name, for scripts and the manual, and why it matters.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Kind {
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    pub(crate) why: &'static str,
}

/// Defines every kind once; a test of the manuals reads them here.
macro_rules! kinds {
    ($($name:ident: $level:ident, $id:literal, $why:literal;)*) => {
        $(pub(crate) const $name: Kind = Kind { id: $id, level: Level::$level, why: $why };)*
    };
}

kinds! {
    // The stacks of pam.d.
    NO_LINE: Fault, "no-line", "a password, or a key, is all that is needed here";
    DENIAL_IGNORED: Fault, "denial-ignored", "a wrong code opens";
    CONTROL: Fault, "control", "only required and requisite mean yes and no whatever stands around the line";
    SKIPPED: Fault, "skipped", "the stack ends before our line: no code is asked for";
    JUMPED_OVER: Fault, "jumped-over", "the line is jumped over: no code is asked for";
    EXEMPTS: Note, "exempts", "whoever that line lets past is asked for no code";
    TWICE: Fault, "twice", "the code is asked for twice, and the second time it is already used";
    CODE_FIRST: Fault, "code-first",
        "WinSCP, Cyberduck, Cockpit, password managers and some greeters answer the first prompt with \
         the password";
    CODE_ALONE: Fault, "code-alone", "a code opens without the password";
    WITHOUT_PASSWORD: Note, "without-password",
        "whoever does not know the password can guess at the code, and fill the lanes of the throttle";
    NOTHING_SAYS_YES: Fault, "nothing-says-yes",
        "PAM_IGNORE is no yes: where no code is asked for, nobody gets in";
    ASKS_NOTHING: Note, "asks-nothing",
        "unless the program has asked for something itself, such as a key or a certificate, anybody is in \
         under the name of who needs no code";
    NEVER_OPENS: Fault, "never-opens", "nobody gets in, with the right password and the right code";
    PERMIT_AFTER: Fault, "permit-after",
        "one word away from an open door: with any other control on our line, wrong codes pass";
    NO_ACCOUNT: Fault, "no-account", "the code is accepted, and then the login is refused";
    INCLUDE_MISSING: Fault, "include-missing", "libpam takes it for a refusal: nobody gets in";
    BAD_LINE: Fault, "bad-line", "libpam cannot read the line, and takes it for a refusal";
    MODULE_MISSING: Fault, "module-missing", "libpam takes it for a refusal: nobody gets in";
    MODULE_BROKEN: Fault, "module-broken",
        "the module does not load, and libpam takes that for a refusal: nobody gets in";
    ARGUMENT: Fault, "argument", "every login is denied with PAM_SERVICE_ERR";
    SIBLING: Fault, "sibling", "the other name of the same door asks for no code";
    COUSIN: Note, "cousin", "a program of the same kind asks for no code";
    // sshd.
    SSHD_CONFIG: Fault, "sshd-config", "sshd itself does not accept its configuration, or cannot be asked";
    SSHD_NO_PAM: Fault, "sshd-no-pam", "sshd never asks PAM: no code is asked for";
    SSHD_NO_PROMPT: Fault, "sshd-no-prompt", "sshd has no way to ask for a code";
    SSHD_PASSWORD: Fault, "sshd-password",
        "sshd answers every prompt with the password: no code can be typed this way";
    SSHD_PASSWORD_METHOD: Fault, "sshd-password-method",
        "sshd answers every prompt with the password, so this can never succeed";
    SSHD_KEY_ALONE: Fault, "sshd-key-alone", "sshd asks PAM for nothing then: no code is asked for";
    SSHD_CODE_ALONE: Fault, "sshd-code-alone", "a code opens without password and key";
    SSHD_ROOT: Fault, "sshd-root",
        "sshd then takes no keyboard-interactive from root: root never gets in";
    SSHD_TRIES: Note, "sshd-tries", "an agent with many keys uses the tries up before the code is asked for";
    // The store.
    SETTINGS: Fault, "settings", "every login is denied with PAM_SERVICE_ERR";
    STORE: Fault, "store", "no code can be judged: every login is denied, nullok or not";
    RECORD: Fault, "record", "this person's codes are denied";
    WARNING: Note, "warning", "totpctl status says more";
    FILE_SYSTEM: Fault, "file-system",
        "a ledger is overwritten in place; here that is not so, and a full disk denies every login";
    UNPINNED: Fault, "unpinned",
        "under nullok another store in this place would exempt everybody who is not in it";
    // All doors.
    PAUSED: Fault, "paused", "a password, or a key, is all that is needed anywhere";
    NO_PAUSE: Note, "no-pause", "it is passed over at every login, and logged: codes are asked for";
    // The system.
    CLOCK: Fault, "clock", "codes are judged by this clock: right ones are refused when it has drifted";
    DAEMON: Fault, "daemon", "programs that may not read the store ask it; without it they deny every code";
    SETUID_LOCKER: Fault, "setuid-locker", "it need not be root's: what it may not read, enrolld answers";
    CONFINEMENT: Fault, "confinement", "the module cannot do its work there: codes are denied";
    // People.
    LOCKED_OUT: Fault, "locked-out", "they are asked for a code that they do not have";
    ADMINISTRATORS: Fault, "administrators",
        "who could put things right is asked for a code that they do not have";
}

/// One finding.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) id: &'static str,
    pub(crate) level: Level,
    pub(crate) service: Option<String>,
    pub(crate) user: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) what: String,
    pub(crate) why: &'static str,
    pub(crate) fix: String,
}

impl Kind {
    pub(crate) fn finding(&self, what: impl Into<String>, fix: impl Into<String>) -> Finding {
        Finding {
            id: self.id,
            level: self.level,
            service: None,
            user: None,
            place: None,
            what: what.into(),
            why: self.why,
            fix: fix.into(),
        }
    }
}

/// Within 80 columns behind `  why: `. What is to be typed is never folded.
fn folded(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + word.chars().count() < 72 => *line += &format!(" {word}"),
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n       ")
}

impl Finding {
    pub(crate) fn of(mut self, service: &str) -> Self {
        self.service = Some(service.to_owned());
        self
    }

    pub(crate) fn about(mut self, user: Option<&str>) -> Self {
        self.user = user.map(str::to_owned);
        self
    }

    pub(crate) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// For a person: four lines.
    pub(crate) fn page(&self) -> String {
        let head: Vec<_> = [&self.service, &self.user, &self.place].into_iter().flatten().cloned().collect();
        let word = match self.level {
            Level::Fault => "fault",
            Level::Note => "note",
        };
        let head = if head.is_empty() { String::new() } else { format!("{}: ", head.join(", ")) };
        let (why, fix) = (folded(self.why), self.fix.replace('\n', "\n       "));
        format!("{word}: {head}{} [{}]\n  why: {why}\n  fix: {fix}\n", self.what, self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_stays_within_a_terminal_and_no_word_is_lost() {
        let page = CODE_FIRST.finding("the code is asked for first", "move the line").page();
        assert!(page.lines().count() > 3 && page.lines().all(|line| line.len() < 80), "{page}");
        let words = page.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(CODE_FIRST.why), "{words}");
    }
}
