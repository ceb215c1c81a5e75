//! `list`: everybody who is enrolled; who was invited and is not; who is not at all; who uses no token.

use crate::cli::List;
use crate::failure::Failure;
use crate::house::House;
use crate::report::{Report, columns, everybody, unenrolled};
use crate::{accounts, clock, output};
use otp::Time;

pub(crate) fn run(house: &House, args: &List) -> Result<(), Failure> {
    let reports = chosen(house, args)?;
    if args.json {
        return output::put_json(&reports);
    }
    if reports.is_empty() {
        return output::put(nobody(args));
    }
    let mut text = table(&reports, args);
    for report in &reports {
        for warning in &report.warnings {
            text += &format!("warning: {}: {warning}\n", report.user);
        }
    }
    output::put(&text)
}

fn chosen(house: &House, args: &List) -> Result<Vec<Report>, Failure> {
    let members = args.group.as_deref().map(accounts::members).transpose()?;
    if args.unenrolled {
        return Ok(unenrolled(house, &members.unwrap_or_else(accounts::users)));
    }
    let mut reports = everybody(house)?;
    // Of whom nothing can be established is never left out.
    reports.retain(|report| match args.stale {
        _ if report.enrolled.is_none() => true,
        Some(idle) => report.is_stale(Time(clock::now().0.saturating_sub(idle))),
        None => report.is_invited() == args.pending,
    });
    reports.retain(|report| members.as_ref().is_none_or(|members| report.is_of(members)));
    Ok(reports)
}

fn nobody(args: &List) -> &'static str {
    match args {
        List { pending: true, .. } => "no invitation is pending\n",
        List { unenrolled: true, .. } => "everybody is enrolled\n",
        List { stale: Some(_), .. } => "everybody has used a token since\n",
        _ => "nobody is enrolled\n",
    }
}

fn table(reports: &[Report], args: &List) -> String {
    let until = || ["USER", "INVITED UNTIL"].map(str::to_owned);
    if args.pending {
        return columns(std::iter::once(until()).chain(reports.iter().map(Report::pending_row)));
    }
    if args.unenrolled {
        return columns(std::iter::once(until()).chain(reports.iter().map(Report::unenrolled_row)));
    }
    let head = ["USER", "TOKENS", "LAST USED", "BACKUP CODES"].map(str::to_owned);
    columns(std::iter::once(head).chain(reports.iter().map(Report::row)))
}
