//! `rename-token`: a token gets another name. Root's alone: nothing that opens changes by it, so no code of the
//! person's is worth it.

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use otp::{EnrollmentError, TokenName};
use std::ffi::OsStr;
use verifier::Refusal;

pub(crate) fn run(house: &House, user: &OsStr, old: &TokenName, new: &TokenName) -> Result<(), Failure> {
    let account = people::person(house, user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    house.verifier.rename_token(&account, status.id, old, new).map_err(|refusal| match refusal {
        Refusal::NoToken => Failure::refusal(&refusal, name).hint(format!("totpctl status {name}")),
        Refusal::Tokens(EnrollmentError::Twice(taken)) => {
            Failure::new(format!("{name} has a token {taken} already")).hint("choose another --to")
        }
        refusal => Failure::refusal(&refusal, name),
    })?;
    journal::changed("rename-token", &account, &format!("token={old} to={new}"));
    output::put(&format!("{name}'s token {old} is named {new} now\n"))
}
