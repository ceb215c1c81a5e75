//! `import google-authenticator`: from the files in people's homes.

use super::tally::Tally;
use crate::cli::GoogleAuthenticator;
use crate::failure::Failure;
use crate::former::Former;
use crate::house::House;
use crate::import::{Note, google_authenticator as format};
use crate::source::{self, Fault};
use crate::{accounts, people};
use nix::unistd::{Uid, User};
use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use verifier::{Account, StoreError};

/// Where the module keeps it, unless its argument `secret=` says otherwise.
const NAME: &str = ".google_authenticator";

pub(super) fn run(house: &House, args: &GoogleAuthenticator) -> Result<(), Failure> {
    let mut tally = Tally::new(house, &args.importing, "google-authenticator", !args.all);
    match &args.user {
        Some(user) => {
            let account = people::newcomer(house, user, args.importing.no_account, &mut Former::default())?;
            one(&mut tally, &account, args.path.as_deref(), true)?;
        }
        None => everybody(&mut tally)?,
    }
    tally.finish()
}

/// Whoever has the file. Who has none has nothing to bring along.
fn everybody(tally: &mut Tally<'_>) -> Result<(), Failure> {
    let accounts = accounts::everybody()?;
    tally.expect(accounts.len() as u64);
    for account in &accounts {
        one(tally, account, None, false)?;
    }
    Ok(())
}

fn one(tally: &mut Tally<'_>, account: &Account, path: Option<&Path>, is_named: bool) -> Result<(), Failure> {
    let found = match path {
        Some(path) => elsewhere(path, account),
        None => at_home(account),
    };
    let Found { file, shown, mut notes } = match found {
        Ok(found) => found,
        Err(Missing::Absent(_)) if !is_named => {
            tally.advance(1);
            return Ok(());
        }
        Err(Missing::Absent(failure) | Missing::Refused(failure)) => {
            return tally.refuse(Some(&account.name), failure);
        }
    };
    let refused = |what: String| Failure::new(format!("{shown}: {what}"));
    let bytes = match source::whole(&file, format::LONGEST) {
        Ok(bytes) => bytes,
        Err(fault) => return tally.refuse(Some(&account.name), refused(fault.to_string())),
    };
    match format::parse(&bytes, &tally.here()) {
        Ok(mut luggage) => {
            notes.append(&mut luggage.notes);
            luggage.notes = notes;
            tally.take(account, luggage)
        }
        Err(mistake) => tally.refuse(Some(&account.name), refused(mistake.to_string())),
    }
}

struct Found {
    file: File,
    /// Its path, for messages.
    shown: String,
    notes: Vec<Note>,
}

enum Missing {
    Absent(Failure),
    Refused(Failure),
}

impl Missing {
    fn new(shown: &str, fault: &Fault, hints: impl IntoIterator<Item = String>) -> Self {
        let failure = Failure::new(format!("{shown}: {fault}")).hints(hints);
        if fault.is_absence() { Self::Absent(failure) } else { Self::Refused(failure) }
    }
}

/// The file in somebody's home, read with their rights.
fn at_home(account: &Account) -> Result<Found, Missing> {
    let Some(uid) = account.uid() else {
        let failure = Failure::new(format!("{} has no account, and so no home", account.name));
        return Err(Missing::Refused(failure.hint("name the file after the user")));
    };
    let found = User::from_uid(Uid::from_raw(uid));
    let unknown = |error: StoreError| Missing::Refused(Failure::store(&error, &account.name));
    let user = found.map_err(|errno| unknown(StoreError::NameService(errno.into())))?;
    let user = user.ok_or_else(|| Missing::Refused(Failure::new(format!("{} is gone", account.name))))?;
    let shown = user.dir.join(NAME).display().to_string();
    let left = || source::leftovers(&user.dir, NAME, user.uid, user.gid);
    match source::open_at_home(&user.dir, OsStr::new(NAME), user.uid, user.gid) {
        Ok(file) => {
            let notes = left().into_iter().map(|name| Note {
                field: "leftovers",
                says: format!("{name} is what an interrupted change left behind, and was not read"),
            });
            Ok(Found { file, shown, notes: notes.collect() })
        }
        Err(fault) => {
            let hints =
                left().into_iter().map(|name| format!("there is {name}, left by an interrupted change"));
            Err(Missing::new(&shown, &fault, hints))
        }
    }
}

/// A file that root names. No link on its way is followed.
fn elsewhere(path: &Path, account: &Account) -> Result<Found, Missing> {
    let shown = path.display().to_string();
    match source::open_plainly(path, Uid::from_raw(account.uid().unwrap_or(0))) {
        Ok(file) => Ok(Found { file, shown, notes: Vec::new() }),
        Err(fault) => Err(Missing::new(&shown, &fault, None)),
    }
}
