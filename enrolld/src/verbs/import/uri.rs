//! `import uri`: from what apps export, on standard input.

use super::tally::Tally;
use crate::cli::Uri;
use crate::failure::Failure;
use crate::former::Former;
use crate::house::House;
use crate::import::uri as format;
use crate::{people, source};
use std::fs::File;
use std::os::fd::AsFd;

/// Most that is read, in bytes.
const LONGEST: usize = 256 * 1024;

pub(super) fn run(house: &House, args: &Uri) -> Result<(), Failure> {
    let account = people::newcomer(house, &args.user, args.importing.no_account, &mut Former::default())?;
    // Not through std's buffer, which would keep a copy.
    let stdin = std::io::stdin().as_fd().try_clone_to_owned().map(File::from);
    let stdin = stdin.map_err(|error| Failure::new(format!("standard input: {error}")))?;
    let bytes = source::whole(&stdin, LONGEST);
    let bytes = bytes.map_err(|fault| Failure::new(format!("standard input: {fault}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| Failure::new("standard input: not text"))?;
    let mut tally = Tally::new(house, &args.importing, "uri", true);
    tally.add = args.add;
    let format::Read { luggage, mistakes } = format::parse(text, &tally.here());
    for mistake in &mistakes {
        tally.refuse(Some(&account.name), Failure::new(format!("standard input, {mistake}")))?;
    }
    // Whatever becomes of the others, and each time: without them somebody loses a way in.
    luggage.missing.iter().for_each(|says| tally.remark(says));
    match (luggage.tokens.is_empty(), mistakes.is_empty()) {
        (true, true) => {
            tally.refuse(Some(&account.name), Failure::new("standard input: there is no URI"))?;
        }
        (true, false) => {}
        (false, _) => tally.take(&account, luggage)?,
    }
    tally.finish()
}
