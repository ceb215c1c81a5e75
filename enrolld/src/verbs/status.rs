//! `status`: what is known of one person.

use crate::failure::Failure;
use crate::house::House;
use crate::report::{Report, page};
use crate::{output, people};
use std::ffi::OsStr;

pub(crate) fn run(house: &House, user: Option<&OsStr>, json: bool) -> Result<(), Failure> {
    let account = user.map_or_else(people::own, |user| people::account_or_gone(house, user))?;
    let status = people::status(house, &account)?;
    if json {
        return output::put_json(&Report::new(&account, status.as_ref()));
    }
    output::put(&page(&account, status.as_ref()))
}
