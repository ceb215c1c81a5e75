//! `pause`: for a while nobody is asked for a code. It needs neither store nor settings: those may be what is
//! broken.

use crate::cli;
use crate::doctor::Doors;
use crate::failure::Failure;
use crate::paused::{self, refused};
use crate::terminal::Terminal;
use crate::until::Until;
use crate::words::{instant, rfc3339};
use crate::{clock, journal, output};
use nix::unistd::geteuid;
use otp::Reason;
use std::path::Path;
use verifier::{Pause, StoreError};

pub(crate) fn run(args: &cli::Pause) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(Failure::new("only root may do this").hint("ask an administrator, or use sudo"));
    }
    match (args.end, &args.until, &args.reason) {
        (true, ..) => end(),
        (false, Some(until), Some(reason)) => begin(*until, reason, args.yes),
        _ => show(),
    }
}

fn show() -> Result<(), Failure> {
    match paused::current() {
        Ok(Some(pause)) => output::put(&format!("{}\n", paused::words(&pause))),
        Ok(None) => output::put("not paused\n"),
        Err(error) => Err(Failure::new(refused(&error)).hint("take it away: totpctl pause --end")),
    }
}

fn begin(until: Until, reason: &Reason, yes: bool) -> Result<(), Failure> {
    let since = clock::now();
    let until = until.after(since).ok_or_else(|| Failure::new("that time is past"))?;
    if until.since(since) > Pause::LONGEST {
        return Err(Failure::new("a pause lasts 7 days at most").hint("for longer, say why anew then"));
    }
    let pause = Pause { since, until, reason: reason.clone(), by: journal::login_uid() };
    closed_doors().iter().for_each(|service| {
        output::note(&format!("{service} says no yes by itself, and lets nobody in without a code"));
        output::hint("add after our line: auth required pam_permit.so");
    });
    if !yes {
        confirm(&pause)?;
    }
    pause.begin().map_err(|error| failed(&error))?;
    journal::noted("pause", &format!("until={} reason={:?}", rfc3339(until), reason.as_str()));
    output::put(&format!("{}\n", paused::words(&pause)))?;
    output::hint("sooner: totpctl pause --end");
    Ok(())
}

/// Services whose only yes is ours: PAM_IGNORE is none.
fn closed_doors() -> Vec<String> {
    let doors = Doors::of(Path::new("/"));
    let closed = doors.asking().filter(|door| !door.opens_without_code());
    closed.map(|door| door.service.to_owned()).collect()
}

fn confirm(pause: &Pause) -> Result<(), Failure> {
    let terminal = Terminal::required("pause asks before it opens every door", "--yes answers")?;
    if let Ok(Some(present)) = paused::current() {
        terminal.say(&format!("It is {present}\n"))?;
    }
    let minutes = pause.until.since(pause.since).div_ceil(60);
    let span = format!("{} h {} min", minutes / 60, minutes % 60);
    let question = format!("Ask nobody for a code until {}, for {span}?", instant(pause.until));
    match terminal.confirm(&question)? {
        true => Ok(()),
        false => Err(Failure::new("not confirmed, nothing was changed")),
    }
}

fn end() -> Result<(), Failure> {
    let held = matches!(paused::current(), Ok(Some(_)));
    if !Pause::end().map_err(|error| failed(&error))? {
        return output::put("not paused\n");
    }
    journal::noted("pause-end", if held { "" } else { "was_over=yes" });
    output::put("codes are asked for again\n")
}

fn failed(error: &StoreError) -> Failure {
    Failure::new(error.to_string()).hint("it stands in /run/pam_totp, a folder of root's of mode 0700")
}
