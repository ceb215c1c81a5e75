//! `suspend` and `resume`: nothing that somebody holds is accepted for a while, and nothing of it is lost.

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use otp::Reason;
use std::ffi::OsStr;
use verifier::NewSuspension;

pub(crate) fn begin(house: &House, user: &OsStr, reason: &Reason) -> Result<(), Failure> {
    let account = people::person(house, user)?;
    let name = &account.name;
    let status = people::status(house, &account)?;
    if account.uid().is_none() && !status.as_ref().is_some_and(|status| status.enrolled) {
        // Nobody lets them in, and an account of this name would be another person.
        return Err(Failure::new(format!("{name} is not enrolled")));
    }
    let new = NewSuspension { reason, by: journal::login_uid() };
    let done = house.verifier.suspend(&account, status.map(|status| status.id), &new);
    done.map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("suspend", &account, &format!("reason={:?}", reason.as_str()));
    output::put(&format!("{name} is suspended: no code, backup code or bypass of theirs is accepted\n"))?;
    output::note("doors that ask for no code still open to them");
    if account.uid().is_some() {
        output::hint(&format!("to close the account: usermod --expiredate 1 {name}"));
    }
    Ok(())
}

pub(crate) fn end(house: &House, user: &OsStr) -> Result<(), Failure> {
    let account = people::account_or_gone(house, user)?;
    let name = &account.name;
    let status = people::status(house, &account)?;
    let status = status.ok_or_else(|| Failure::new(format!("{name} is not suspended")))?;
    house.verifier.resume(&account, status.id).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("resume", &account, "");
    output::put(&format!("{name} is no longer suspended\n"))
}
