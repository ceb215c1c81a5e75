//! `remove-token`: one of several tokens is taken away.

use crate::failure::Failure;
use crate::house::House;
use crate::terminal::{Terminal, missing};
use crate::{authority, journal, output, people};
use otp::TokenName;
use std::ffi::OsStr;
use verifier::Refusal;

pub(crate) fn run(house: &House, user: Option<&OsStr>, token: &TokenName, yes: bool) -> Result<(), Failure> {
    let account = authority::account(house, user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    match status.tokens.iter().find(|known| known.name == *token) {
        None => return Err(Failure::refusal(&Refusal::NoToken, name).hint(format!("totpctl status {name}"))),
        Some(_) if status.tokens.len() == 1 => return Err(Failure::refusal(&Refusal::LastToken, name)),
        Some(_) => {}
    }
    let terminal = Terminal::open()?;
    if !yes {
        let terminal = terminal
            .as_ref()
            .ok_or_else(|| missing("remove-token asks before it destroys", "--yes answers"))?;
        if !terminal.confirm(&format!("Take away {name}'s token {token}?"))? {
            return Err(Failure::new("not confirmed, nothing was changed"));
        }
    }
    let removed = authority::with(house, terminal.as_ref(), name, Some(&status), |authority| {
        house.verifier.remove_token(&account, status.id, token, authority)
    });
    removed?;
    if !house.is_own {
        journal::changed("remove-token", &account, &format!("token={token}"));
    }
    output::put(&format!("{name} has no token {token} any more\n"))
}
