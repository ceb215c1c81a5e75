//! `import oath`: from pam_oath's one file for everybody.
//!
//! It is read twice: first to see whose rows are several, which need not stand together, and then row by row.
//! So nothing is held that grows with the file but eight bytes a user.

use super::lines::Lines;
use super::tally::Tally;
use crate::cli::Oath;
use crate::failure::Failure;
use crate::former::Former;
use crate::house::House;
use crate::import::oath::{Row, row, user_of};
use crate::import::{Luggage, Mistake};
use crate::local_time::instants;
use crate::{people, source};
use nix::unistd::Uid;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::io::Seek;
use verifier::Account;

pub(super) fn run(house: &House, args: &Oath) -> Result<(), Failure> {
    if args.importing.revive && args.user.is_none() {
        return Err(Failure::new("--revive is for one user").hint("name them with --user"));
    }
    let no_account = args.importing.no_account;
    let mut former = Former::default();
    let only = args.user.as_ref().map(|user| people::newcomer(house, user, no_account, &mut former));
    let only = only.transpose()?;
    let owner = Uid::from_raw(only.as_ref().and_then(Account::uid).unwrap_or(0));
    let shown = args.file.display().to_string();
    let file = source::open_plainly(&args.file, owner);
    let mut file = file.map_err(|fault| Failure::new(format!("{shown}: {fault}")))?;
    let mut tally = Tally::new(house, &args.importing, "oath", only.is_some());
    let mut rows = Rows {
        shown: &shown,
        house,
        no_account,
        former,
        only: only.as_ref().map(|account| account.name.as_str()),
        hasher: RandomState::new(),
        left: HashMap::new(),
        held: HashMap::new(),
    };
    rows.count(&file, &mut tally)?;
    file.rewind().map_err(|error| rows.failed(&error))?;
    rows.import(&file, &mut tally)?;
    if let (Some(only), true) = (rows.only, rows.left.is_empty()) {
        tally.refuse(Some(only), Failure::new(format!("{shown}: no row of {only}")))?;
    }
    tally.finish()
}

struct Rows<'a> {
    shown: &'a str,
    house: &'a House,
    /// Whether whoever has no account is meant too.
    no_account: bool,
    former: Former,
    only: Option<&'a str>,
    hasher: RandomState,
    /// How many rows of a user are still to come, by a hash of the name: two users of one hash wait for each
    /// other, and no more.
    left: HashMap<u64, u32>,
    /// What was read of users with several rows.
    held: HashMap<u64, Vec<(String, Luggage)>>,
}

impl Rows<'_> {
    fn failed(&self, error: &std::io::Error) -> Failure {
        Failure::new(format!("{}: {error}", self.shown))
    }

    fn is_wanted(&self, user: &str) -> bool {
        self.only.is_none_or(|only| only == user)
    }

    fn count(&mut self, file: &File, tally: &mut Tally<'_>) -> Result<(), Failure> {
        let mut lines = Lines::of(file);
        while let Some(line) = lines.next().map_err(|error| self.failed(&error))? {
            if let Some(user) = line.text.and_then(user_of).filter(|user| self.is_wanted(user)) {
                *self.left.entry(self.hasher.hash_one(user)).or_default() += 1;
            }
        }
        tally.expect(self.left.len() as u64);
        Ok(())
    }

    fn import(&mut self, file: &File, tally: &mut Tally<'_>) -> Result<(), Failure> {
        let mut lines = Lines::of(file);
        while let Some(line) = lines.next().map_err(|error| self.failed(&error))? {
            let number = line.number;
            let Some(text) = line.text else {
                if self.only.is_none() {
                    self.mistake(tally, None, &Mistake::new(number, "too long, or not text"))?;
                }
                continue;
            };
            let Some(user) = user_of(text) else {
                match row(text, number, &tally.here(), instants) {
                    Ok(Row::Ignored) => tally.ignore(),
                    Err(mistake) if self.only.is_none() => self.mistake(tally, None, &mistake)?,
                    _ => {}
                }
                continue;
            };
            if self.is_wanted(user) {
                self.take(tally, user, row(text, number, &tally.here(), instants))?;
            }
        }
        Ok(())
    }

    fn mistake(&self, tally: &mut Tally<'_>, user: Option<&str>, mistake: &Mistake) -> Result<(), Failure> {
        let of = user.map_or(String::new(), |user| format!(" ({user:?})"));
        tally.refuse(user, Failure::new(format!("{}: {mistake}{of}", self.shown)))
    }

    /// One row: kept until the last of its user has been read.
    fn take(&mut self, tally: &mut Tally<'_>, user: &str, row: Result<Row, Mistake>) -> Result<(), Failure> {
        let hash = self.hasher.hash_one(user);
        let held = self.held.entry(hash).or_default();
        match row {
            Ok(Row::Token { brought, mut notes }) => {
                let place = held.iter().position(|(name, _)| name == user).unwrap_or_else(|| {
                    held.push((user.to_owned(), Luggage::default()));
                    held.len() - 1
                });
                if let Some((_, luggage)) = held.get_mut(place) {
                    luggage.tokens.push(*brought);
                    luggage.notes.append(&mut notes);
                }
            }
            Ok(Row::Ignored | Row::Blank) => {}
            Err(mistake) => self.mistake(tally, Some(user), &mistake)?,
        }
        let left = self.left.entry(hash).or_default();
        *left = left.saturating_sub(1);
        if *left > 0 {
            return Ok(());
        }
        for (user, luggage) in self.held.remove(&hash).unwrap_or_default() {
            match people::newcomer(self.house, OsStr::new(&user), self.no_account, &mut self.former) {
                Ok(account) => tally.take(&account, luggage)?,
                Err(failure) => tally.refuse(Some(&user), failure)?,
            }
        }
        Ok(())
    }
}
