//! `status`: what is known of one person.

use crate::failure::Failure;
use crate::house::House;
use crate::paused::{self, PauseReport};
use crate::report::{Report, page};
use crate::{output, people};
use std::ffi::OsStr;

pub(crate) fn run(house: &House, user: Option<&OsStr>, json: bool) -> Result<(), Failure> {
    let account = user.map_or_else(people::own, |user| people::account_or_gone(house, user))?;
    let status = people::status(house, &account)?;
    let shadowed = people::shadowed(house, &account, status.as_ref());
    if json {
        let mut report = Report::new(&account, status.as_ref()).with_pause(PauseReport::current());
        report.warnings.extend(shadowed);
        return output::put_json(&report);
    }
    let warning = shadowed.map_or(String::new(), |warning| format!("warning: {warning}\n"));
    output::put(&format!("{}{warning}{}", page(&account, status.as_ref()), paused::warning()))
}
