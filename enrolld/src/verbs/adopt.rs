//! `adopt`: says that the present name of a uid is the person who was enrolled.

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use std::ffi::OsStr;
use verifier::log_line::word;

pub(crate) fn run(house: &House, user: &OsStr) -> Result<(), Failure> {
    let account = people::account(user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    if status.account == *name {
        return output::put(&format!("{name}: enrolled under this name, nothing to adopt\n"));
    }
    house.verifier.adopt(&account, status.id).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("adopt", &account, &format!("former={}", word(&status.account)));
    output::put(&format!("{name}: took over what was enrolled as {}\n", status.account))
}
