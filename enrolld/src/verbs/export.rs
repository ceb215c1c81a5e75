//! `export`: a user's tokens as URIs, to take them elsewhere.

use crate::failure::Failure;
use crate::house::House;
use crate::terminal::Terminal;
use crate::{journal, output, people};
use otp::Label;
use std::ffi::OsStr;
use zeroize::Zeroizing;

pub(crate) fn run(house: &House, user: &OsStr, yes: bool) -> Result<(), Failure> {
    let account = people::person(house, user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    people::vet(&status, &account).map_err(|error| Failure::store(&error, name))?;
    if !yes {
        let terminal = Terminal::required("export asks before it shows secrets", "--yes answers")?;
        if !terminal.confirm(&format!("Show the secrets of {name}'s {} tokens?", status.tokens.len()))? {
            return Err(Failure::new("not confirmed, nothing was shown"));
        }
    }
    let tokens = house.verifier.tokens(&account).map_err(|error| Failure::store(&error, name))?;
    // Before it is shown: a secret that left this machine must not do so unseen.
    journal::changed("export", &account, &format!("tokens={}", tokens.len()));
    let host = people::host_name();
    let issuer = house.settings.issuer.as_ref().unwrap_or(&host);
    for (place, (token, next)) in tokens.iter().enumerate() {
        // Apps silently overwrite an entry of the same issuer and account.
        let which = if place == 0 { String::new() } else { format!(" {}", token.name) };
        let label = Label::new(issuer, &format!("{name}@{host}{which}"));
        let uri = otp::provisioning_uri(token, &label, *next);
        let mut line = Zeroizing::new(String::with_capacity(uri.len() + 1));
        line.push_str(&uri);
        line.push('\n');
        output::put(&line)?;
    }
    Ok(())
}
