//! `revoke`: takes an enrollment away.

use crate::failure::Failure;
use crate::house::House;
use crate::terminal::Terminal;
use crate::{journal, output, people};
use std::ffi::OsStr;
use verifier::Status;

pub(crate) fn run(house: &House, user: &OsStr, no_account: bool, yes: bool) -> Result<(), Failure> {
    let account = match no_account {
        true => people::without_account(user)?,
        false => people::account_or_gone(house, user)?,
    };
    let name = &account.name;
    let status = people::status(house, &account)?;
    let status = status.filter(|status| status.enrolled || status.invitation.is_some());
    let status = status.ok_or_else(|| Failure::new(format!("{name} is not enrolled")))?;
    if !yes {
        let terminal = Terminal::required("revoke asks before it destroys", "--yes answers")?;
        if !terminal.confirm(&format!(
            "Take away {name}'s {}{}?",
            belongings(&status),
            and_suspension(&status)
        ))? {
            return Err(Failure::new("not confirmed, nothing was changed"));
        }
    }
    house.verifier.revoke(&account, status.id).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("revoke", &account, "");
    let was = if status.enrolled { "enrolled" } else { "invited" };
    let nor = if status.suspended.is_some() { ", nor suspended" } else { "" };
    output::put(&format!("{name} is no longer {was}{nor}\n"))
}

/// Under `nullok` that was what kept them out.
fn and_suspension(status: &Status) -> &'static str {
    if status.suspended.is_some() { ", and the suspension" } else { "" }
}

/// `tokens phone, yubikey and 7 backup codes`: what would be gone.
pub(crate) fn belongings(status: &Status) -> String {
    if !status.enrolled {
        return "invitation".to_owned();
    }
    let names: Vec<_> = status.tokens.iter().map(|token| token.name.as_str()).collect();
    let plural = if names.len() == 1 { "" } else { "s" };
    let tokens = format!("token{plural} {}", names.join(", "));
    match status.backup {
        Some((_, left)) if left > 0 => format!("{tokens} and {left} backup codes"),
        _ => tokens,
    }
}
