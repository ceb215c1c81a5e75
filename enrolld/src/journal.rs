//! One line to the system's log (authpriv) for each change that an administrator made: what, to whom, and
//! under which login, which su and sudo do not change; and for each decision of the daemon. Never a secret,
//! never a code.

use std::io::Write;
use syslog::{Facility, LogFormat, Severity};
use verifier::Account;
use verifier::log_line::{Loudness, word};

/// Records that `verb` was done to `account`; `more` is what else belongs to it.
pub(crate) fn changed(verb: &str, account: &Account, more: &str) {
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    let (user, uid) = (word(&account.name), account.uid().map_or("none".to_owned(), |uid| uid.to_string()));
    write(&format!("{verb}: user={user} uid={uid}{more} loginuid={}", shown_login_uid()));
}

/// Records what was done to nobody in particular.
pub(crate) fn noted(verb: &str, more: &str) {
    let more = if more.is_empty() { String::new() } else { format!(" {more}") };
    write(&format!("{verb}:{more} loginuid={}", shown_login_uid()));
}

/// Records that a store was made.
pub(crate) fn created(path: &std::path::Path, id: verifier::Id) {
    write(&format!("init: store={} id={id} loginuid={}", path.display(), shown_login_uid()));
}

/// Records a decision of the daemon.
pub(crate) fn decided(loudness: Loudness, line: &str) {
    send("enrolld", loudness, line);
}

fn write(line: &str) {
    send("totpctl", Loudness::Notice, line);
}

fn send(program: &'static str, loudness: Loudness, line: &str) {
    // A machine without a log is no reason to undo what is done.
    let Ok(mut log) = syslog::unix(Line { program, pid: std::process::id() }) else { return };
    let _ = match loudness {
        Loudness::Info => log.info(line),
        Loudness::Notice => log.notice(line),
        Loudness::Error => log.err(line),
    };
}

/// proc(5): the audit system's login uid, 4294967295 where nobody logged in.
pub(crate) fn login_uid() -> Option<u32> {
    let uid = std::fs::read_to_string("/proc/self/loginuid").ok()?;
    uid.trim().parse().ok().filter(|uid| *uid != u32::MAX)
}

fn shown_login_uid() -> String {
    login_uid().map_or("unset".to_owned(), |uid| uid.to_string())
}

/// RFC 3164's form without time and host: the receiver knows both, and in its own time zone.
#[derive(Clone)]
struct Line {
    program: &'static str,
    pid: u32,
}

impl LogFormat<&str> for Line {
    fn format<W: Write>(&self, w: &mut W, severity: Severity, message: &str) -> syslog::Result<()> {
        let priority = Facility::LOG_AUTHPRIV as u32 | severity as u32;
        let line = format!("<{priority}>{}[{}]: {}", self.program, self.pid, escaped(message));
        // One write: a socket of datagrams makes a line of each.
        w.write_all(line.as_bytes()).map_err(syslog::Error::Write)
    }
}

/// A name with a newline must not become a line of its own.
fn escaped(message: &str) -> String {
    message
        .chars()
        .map(
            |letter| {
                if letter.is_control() { letter.escape_default().to_string() } else { letter.to_string() }
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stays_one_field_and_what_it_looks_like() {
        assert_eq!(word("alice uid=0 \\x"), "alice\\u{20}uid=0\\u{20}\\\\x");
        assert_eq!(word("bob\u{2028}\u{202e}ecila\u{a0}é"), "bob\\u{2028}\\u{202e}ecila\\u{a0}\\u{e9}");
    }

    #[test]
    fn a_line_stays_one_line_and_names_its_program() {
        let mut out = Vec::new();
        let line = Line { program: "totpctl", pid: 7 };
        line.format(&mut out, Severity::LOG_NOTICE, "enroll: user=a\nsshd[1]: Accepted\u{1b}").unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "<85>totpctl[7]: enroll: user=a\\nsshd[1]: Accepted\\u{1b}"
        );
    }
}
