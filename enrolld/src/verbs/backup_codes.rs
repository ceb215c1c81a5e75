//! `backup-codes`: a new set, after which the old ones are void.

use crate::cli::BackupCodes;
use crate::failure::Failure;
use crate::house::House;
use crate::report::{SetReport, set_words};
use crate::sheet::{exposed, sheet};
use crate::terminal::Terminal;
use crate::{authority, journal, output, people, random};
use serde::Serialize;
use verifier::Status;
use zeroize::Zeroizing;

#[derive(Serialize)]
struct Json<'a> {
    user: &'a str,
    backup_codes: Vec<&'a str>,
    backup_set: Option<SetReport>,
}

pub(crate) fn run(house: &House, args: &BackupCodes) -> Result<(), Failure> {
    let account = authority::account(house, args.user.as_deref())?;
    let name = &account.name;
    let status = people::enrolled(house, &account)?;
    if !args.yes {
        confirm(&status)?;
    }
    let count = args.count.unwrap_or(usize::from(house.settings.backup_codes.count));
    let codes = random::backup_codes(count)?;
    let terminal = if house.is_own { Terminal::open()? } else { None };
    let made = authority::with(house, terminal.as_ref(), name, Some(&status), |authority| {
        house.verifier.backup_codes(&account, status.id, &codes, authority)
    });
    let set = made?.0.sheet;
    if !house.is_own {
        journal::changed("backup-codes", &account, &format!("backup_codes={}", codes.len()));
    }
    if args.json {
        let exposed = exposed(&codes);
        let backup_codes = exposed.iter().map(|code| code.as_str()).collect();
        return output::put_json(&Json { user: name, backup_codes, backup_set: set.map(SetReport::from) });
    }
    output::put(&match set {
        Some(set) => sheet(name, &set, &codes),
        None => Zeroizing::new(format!("{name} has no backup codes\n")),
    })
}

/// Asks, where codes would be lost.
fn confirm(status: &Status) -> Result<(), Failure> {
    let backup = status.backup.filter(|(_, left)| *left > 0);
    let backup = backup.map(|(set, left)| format!("{left} codes left of {}", set_words(&set)));
    let scratch = status.scratch_left.filter(|left| *left > 0).map(|left| format!("{left} scratch codes"));
    let lost: Vec<_> = backup.into_iter().chain(scratch).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let terminal = Terminal::required("backup-codes asks before old codes become void", "--yes answers")?;
    match terminal.confirm(&format!("The {} become void. Go on?", lost.join(" and the ")))? {
        true => Ok(()),
        false => Err(Failure::new("not confirmed, nothing was changed")),
    }
}
