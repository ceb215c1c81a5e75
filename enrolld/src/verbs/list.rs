//! `list`: everybody who is enrolled, or who was invited and is not.

use crate::failure::Failure;
use crate::house::House;
use crate::output;
use crate::report::{Report, columns, everybody};

pub(crate) fn run(house: &House, pending: bool, json: bool) -> Result<(), Failure> {
    let mut reports = everybody(house)?;
    reports.retain(|report| report.enrolled.is_none() || report.is_invited() == pending);
    if json {
        return output::put_json(&reports);
    }
    if reports.is_empty() {
        return output::put(if pending { "no invitation is pending\n" } else { "nobody is enrolled\n" });
    }
    let mut text = if pending {
        let head = ["USER", "INVITED UNTIL"].map(str::to_owned);
        columns(std::iter::once(head).chain(reports.iter().map(Report::pending_row)))
    } else {
        let head = ["USER", "TOKENS", "LAST USED", "BACKUP CODES"].map(str::to_owned);
        columns(std::iter::once(head).chain(reports.iter().map(Report::row)))
    };
    for report in &reports {
        for warning in &report.warnings {
            text += &format!("warning: {}: {warning}\n", report.user);
        }
    }
    output::put(&text)
}
