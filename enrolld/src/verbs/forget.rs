//! `forget`: nobody is taken for who was let in by a code a while ago (`remember` of a rule).

use crate::failure::Failure;
use crate::house::House;
use crate::{journal, output, people};
use nix::unistd::geteuid;
use std::ffi::OsStr;
use verifier::Remembered;

pub(crate) fn run(house: impl FnOnce() -> Result<House, Failure>, user: &OsStr) -> Result<(), Failure> {
    if !geteuid().is_root() {
        return Err(Failure::new("only root may do this").hint("ask an administrator, or use sudo"));
    }
    // Where there is an account this needs no store, which may be gone.
    let account = people::account(user).or_else(|_| people::person(&house()?, user))?;
    let name = &account.name;
    // No login without an account is remembered.
    let forget = |uid| Remembered::default().forget(uid).map_err(|error| Failure::store(&error, name));
    let count = account.uid().map_or(Ok(0), forget)?;
    if count == 0 {
        return output::put(&format!("{name}: no login was remembered\n"));
    }
    journal::changed("forget", &account, &format!("logins={count}"));
    let logins = if count == 1 { "1 login is".to_owned() } else { format!("{count} logins are") };
    output::put(&format!("{name}: {logins} forgotten, and a code is asked for\n"))
}
