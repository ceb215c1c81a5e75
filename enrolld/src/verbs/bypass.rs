//! `bypass` and `revoke-bypass`: a code that passes for a while, for somebody whose phone and sheet are lost.

use crate::cli::Bypass;
use crate::failure::Failure;
use crate::house::House;
use crate::words::{instant, logins, rfc3339};
use crate::{journal, output, people, random};
use serde::Serialize;
use std::ffi::OsStr;
use verifier::{BypassStatus, NewBypass};
use zeroize::Zeroizing;

#[derive(Serialize)]
struct Json<'a> {
    user: &'a str,
    bypass: &'a str,
    number: u32,
    expires: String,
    uses: u8,
}

pub(crate) fn issue(house: &House, args: &Bypass) -> Result<(), Failure> {
    let account = people::person(house, &args.user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    let code = random::backup_code()?;
    let new = NewBypass { code: &code, lasts: args.expires, uses: args.uses, reason: &args.reason };
    let issued = house.verifier.bypass(&account, status.id, &new);
    let issued = issued.map_err(|refusal| Failure::refusal(&refusal, name))?;
    for expired in &issued.expired {
        journal::changed("bypass-expired", &account, &logged(expired));
    }
    let bypass = &issued.bypass;
    journal::changed("bypass", &account, &format!("{} uses={}", logged(bypass), bypass.left));
    let exposed = code.expose();
    if args.json {
        return output::put_json(&Json {
            user: name,
            bypass: &exposed,
            number: bypass.number,
            expires: rfc3339(bypass.expires),
            uses: bypass.left,
        });
    }
    let mut text = Zeroizing::new(String::with_capacity(1024));
    let (number, until) = (bypass.number, instant(bypass.expires));
    text.push_str(&format!("Bypass {number} of {name}, for {} until {until}\n\n    ", logins(bypass.left)));
    text.push_str(&exposed);
    text.push_str("\n\nIt is typed in place of the code, or where `totpctl enroll --replace` asks for one\n");
    text.push_str("(which takes a further use). It is shown this once: pass it on now.\n");
    output::put(&text)
}

pub(crate) fn revoke(house: &House, user: &OsStr) -> Result<(), Failure> {
    let account = people::account_or_gone(house, user)?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    let gone = house.verifier.revoke_bypasses(&account, status.id);
    let gone = gone.map_err(|refusal| Failure::refusal(&refusal, name))?;
    for bypass in &gone {
        let verb = if bypass.expired { "bypass-expired" } else { "revoke-bypass" };
        journal::changed(verb, &account, &format!("{} uses_left={}", logged(bypass), bypass.left));
    }
    output::put(&format!("{name} has no bypass any more\n"))
}

/// Whatever the reason holds, it stays one field of one line.
fn logged(bypass: &BypassStatus) -> String {
    let BypassStatus { number, expires, reason, .. } = bypass;
    format!("number={number} expires={} reason={:?}", rfc3339(*expires), reason.as_str())
}
