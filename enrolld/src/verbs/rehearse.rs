//! `rehearse`: a service's PAM stack, run in this terminal.

use crate::doctor::finding::MODULE_BROKEN;
use crate::failure::Failure;
use crate::house::House;
use crate::libpam::{Converser, Style, Transaction};
use crate::terminal::{Reply, Terminal};
use crate::{output, paused, people};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use std::path::Path;
use zeroize::Zeroizing;

/// Whoever sits at the terminal.
struct Person<'t>(&'t Terminal);

impl Converser for Person<'_> {
    fn answer(&mut self, style: Style, text: &str) -> Option<Zeroizing<Vec<u8>>> {
        let text = printable(text);
        let reply = match style {
            Style::Hidden => self.0.ask_hidden(&text),
            Style::Shown => self.0.ask(&text),
            Style::Error | Style::Info => {
                return self.0.say(&format!("{text}\n")).ok().map(|()| Zeroizing::default());
            }
        };
        match reply {
            Ok(Reply::Line(line)) => Some(line),
            Ok(Reply::Aborted) | Err(_) => None,
        }
    }
}

/// Whether the service lets the user in.
pub(crate) fn run(config: Option<&Path>, service: &str, user: &OsStr) -> Result<bool, Failure> {
    if !geteuid().is_root() {
        return Err(Failure::new("only root may do this").hint("use sudo, in a shell that you keep open"));
    }
    let name = user.to_str().ok_or_else(|| Failure::new("the user name is not UTF-8 text"))?;
    // Without a store there are accounts all the same.
    match House::open(config) {
        Ok(house) => people::person(&house, user)?,
        Err(_) => people::account(user)?,
    };
    let terminal = Terminal::required("rehearse asks what the service asks", "run it at a terminal")?;
    output::put(&paused::warning())?;
    let findings = crate::doctor::rehearsal(Path::new("/"), service)?;
    for finding in &findings {
        output::put(&format!("{}\n", finding.page()))?;
    }
    if findings.iter().any(|finding| finding.id == MODULE_BROKEN.id) {
        // It was tried in a child; here it could end this process, and the message with it.
        output::put(&format!("{service} is not run with a module that does not load\n"))?;
        return Ok(false);
    }
    let failed = |error: String| Failure::new(format!("libpam: {error}"));
    let transaction = Transaction::start(service, name, Person(&terminal)).map_err(failed)?;
    if let Some(tty) = tty() {
        transaction.set_tty(&tty).map_err(failed)?;
    }
    for step in ["authenticate", "account"] {
        let code = if step == "account" { transaction.account() } else { transaction.authenticate() };
        let code = code.map_err(failed)?;
        output::put(&format!("{step}: {}\n", transaction.name(i32::from(code))))?;
        if code != 0 {
            output::put(&format!("{service} refuses {name}; the log says why\n"))?;
            return Ok(false);
        }
    }
    output::put(&format!("{service} lets {name} in\n"))?;
    Ok(true)
}

/// A module may say anything; a terminal obeys escape sequences.
fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}

fn tty() -> Option<String> {
    let path = std::fs::read_link("/proc/self/fd/0").ok().filter(|path| path.starts_with("/dev"))?;
    Some(path.display().to_string())
}
