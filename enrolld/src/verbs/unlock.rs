//! `unlock`: opens every lane after wrong codes, and repairs a ledger.

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use otp::Kind;
use std::ffi::OsStr;
use verifier::Status;

pub(crate) fn run(house: &House, user: &OsStr, clock: bool) -> Result<(), Failure> {
    let account = people::person(house, user)?;
    let name = &account.name;
    let before = people::enrolled(house, &account)?;
    let repaired =
        house.verifier.unlock(&account, clock).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("unlock", &account, if clock { "clock=yes" } else { "" });
    let mut text = format!("{name}: every lane is open\n");
    if repaired {
        text += "the ledger was damaged and is repaired: what may have been used is refused\n";
        text += &longest_wait(house, &before);
        let after = people::status(house, &account)?;
        if !before.bypasses.is_empty() && after.as_ref().is_some_and(|after| after.bypasses.is_empty()) {
            text += "which bypasses were used is lost, so all are void\n";
        }
        if before.backup.is_some() && after.is_some_and(|after| after.backup.is_none()) {
            text += &format!(
                "which backup codes were used is lost, so all are void: totpctl backup-codes {name}\n"
            );
        }
    }
    output::put(&text)
}

/// A phone may have been ahead by as much as may be learned, and its codes used.
pub(crate) fn longest_wait(house: &House, status: &Status) -> String {
    let periods = status.tokens.iter().filter_map(|token| match token.kind {
        Kind::Totp { period } => Some(period.seconds()),
        Kind::Hotp => None,
    });
    let steps = u64::from(house.settings.policy().drift) + 1;
    let minutes = periods.max().map(|seconds| (steps * seconds).div_ceil(60));
    minutes.map_or(String::new(), |minutes| {
        format!("that takes at most {minutes} minutes; codes pass after it\n")
    })
}
