//! `list`: everybody who is enrolled; who was invited and is not; who is not at all; who uses no token; who is
//! suspended.

use crate::cli::List;
use crate::failure::Failure;
use crate::house::House;
use crate::paused::{self, PauseReport};
use crate::report::{Report, columns, everybody, unenrolled};
use crate::{accounts, clock, output};
use otp::Time;

/// So many rows are held and aligned with each other, so that memory does not grow with the number of people.
const BLOCK: usize = 4096;

pub(crate) fn run(house: &House, args: &List) -> Result<(), Failure> {
    let members = args.group.as_deref().map(accounts::members).transpose()?;
    if args.unenrolled {
        let accounts = members.unwrap_or_else(accounts::users);
        return put(unenrolled(house, &accounts), args);
    }
    // Of whom nothing can be established is never left out.
    let is_asked_for = |report: &Report| match args.stale {
        _ if report.enrolled.is_none() => true,
        _ if args.suspended => report.is_suspended(),
        Some(idle) => report.is_stale(Time(clock::now().0.saturating_sub(idle))),
        None if args.pending => report.is_invited(),
        None => report.enrolled == Some(true),
    };
    let is_of = |report: &Report| members.as_ref().is_none_or(|members| report.is_of(members));
    put(everybody(house)?.filter(is_asked_for).filter(is_of), args)
}

fn put(reports: impl Iterator<Item = Report>, args: &List) -> Result<(), Failure> {
    if args.json {
        let paused = PauseReport::current();
        return output::put_json_array(reports.map(|report| report.with_pause(paused.clone())));
    }
    let mut reports = reports.peekable();
    if reports.peek().is_none() {
        return output::put(&(nobody(args).to_owned() + &paused::warning()));
    }
    let mut is_first = true;
    while reports.peek().is_some() {
        let block: Vec<_> = reports.by_ref().take(BLOCK).collect();
        let mut text = table(&block, args, std::mem::take(&mut is_first));
        for report in &block {
            for warning in &report.warnings {
                text += &format!("warning: {}: {warning}\n", report.user);
            }
        }
        output::put(&text)?;
    }
    output::put(&paused::warning())
}

fn nobody(args: &List) -> &'static str {
    match args {
        List { pending: true, .. } => "no invitation is pending\n",
        List { unenrolled: true, .. } => "everybody is enrolled\n",
        List { suspended: true, .. } => "nobody is suspended\n",
        List { stale: Some(_), .. } => "everybody has used a token since\n",
        _ => "nobody is enrolled\n",
    }
}

fn table(reports: &[Report], args: &List, has_head: bool) -> String {
    let until = has_head.then(|| ["USER", "INVITED UNTIL"].map(str::to_owned)).into_iter();
    if args.pending {
        return columns(until.chain(reports.iter().map(Report::pending_row)));
    }
    if args.unenrolled {
        return columns(until.chain(reports.iter().map(Report::unenrolled_row)));
    }
    if args.suspended {
        let head = has_head.then(|| ["USER", "SINCE", "BY", "REASON"].map(str::to_owned));
        return columns(head.into_iter().chain(reports.iter().map(Report::suspended_row)));
    }
    let head = has_head.then(|| ["USER", "TOKENS", "LAST USED", "BACKUP CODES"].map(str::to_owned));
    columns(head.into_iter().chain(reports.iter().map(Report::row)))
}
