//! `adopt`: says that the present name of a uid is the person who was enrolled.

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use std::ffi::OsStr;
use verifier::log_line::word;
use verifier::{Account, Status, before_account};

pub(crate) fn run(house: &House, user: &OsStr) -> Result<(), Failure> {
    let account = people::account(user)?;
    let name = &account.name;
    if let Some(before) = before_account(&account)
        && let Some(former) = people::status(house, &before)?.filter(|status| status.enrolled)
    {
        return take_over(house, &account, &former);
    }
    let status = people::enrolled(house, &account)?;
    if status.account == *name {
        return output::put(&format!("{name}: enrolled under this name, nothing to adopt\n"));
    }
    house.verifier.adopt(&account, status.id).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("adopt", &account, &format!("former={}", word(&status.account)));
    output::put(&format!("{name}: took over what was enrolled as {}\n", status.account))
}

/// What was enrolled under this name before there was an account.
fn take_over(house: &House, account: &Account, former: &Status) -> Result<(), Failure> {
    let name = &account.name;
    let had = people::status(house, account)?.is_some_and(|status| status.enrolled);
    house.verifier.take_over(account, former.id).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("adopt", account, "former=no-account");
    output::put(&match had {
        true => format!("{name}: enrolled as an account; what was enrolled without one is revoked\n"),
        false => format!("{name}: took over what was enrolled without an account\n"),
    })
}
