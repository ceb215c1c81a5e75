//! `list`: everybody who is enrolled.

use crate::failure::Failure;
use crate::house::House;
use crate::output;
use crate::report::{columns, everybody};

pub(crate) fn run(house: &House, json: bool) -> Result<(), Failure> {
    let reports = everybody(house).map_err(|error| Failure::store(&error, "USER"))?;
    if json {
        return output::put_json(&reports);
    }
    if reports.is_empty() {
        return output::put("nobody is enrolled\n");
    }
    let head = ["USER", "TOKENS", "LAST USED", "BACKUP CODES"].map(str::to_owned);
    let mut text = columns(std::iter::once(head).chain(reports.iter().map(|report| report.row())));
    for report in &reports {
        for warning in &report.warnings {
            text += &format!("warning: {}: {warning}\n", report.user);
        }
    }
    output::put(&text)
}
