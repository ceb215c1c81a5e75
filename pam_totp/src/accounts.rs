//! The name service, asked only where the host survives that.

use crate::sys;
use config::rules::{Facts, Place};
use nix::errno::Errno;
use verifier::{Account, Circumstances, StoreError, UserName};

/// [`verifier::lookup`].
pub(crate) fn lookup(name: &UserName) -> Result<Option<Account>, StoreError> {
    enough_memory()?;
    verifier::lookup(name)
}

/// [`verifier::whose`].
pub(crate) fn whose(name: &UserName) -> Result<Option<Account>, StoreError> {
    enough_memory()?;
    verifier::whose(name)
}

/// glibc's first look-up takes memory of its own and, where there is none, goes by way of a null pointer
/// (nss_database_get in nss/nss_database.c, seen in 2.36).
fn enough_memory() -> Result<(), StoreError> {
    match sys::has_heap() {
        true => Ok(()),
        false => Err(StoreError::NameService(Errno::ENOMEM.into())),
    }
}

/// [`Circumstances`] of which nothing is established where the library of a source of the name service might find
/// no room: glibc then goes on without that source, as if it knew nobody, and a rule that denies would be passed
/// over. Whoever calls su sets the limit.
pub(crate) struct Established<'a>(pub(crate) Circumstances<'a>);

/// What a source may take, with the libraries that it brings along.
const LIBRARIES: usize = 32 << 20;

fn enough_room() -> Result<(), String> {
    let refused = || "the name service cannot be asked with so little memory".to_owned();
    sys::has_room(LIBRARIES).then_some(()).ok_or_else(refused)
}

impl Facts for Established<'_> {
    fn is_user(&self, name: &str) -> Result<bool, String> {
        enough_room()?;
        self.0.is_user(name)
    }

    fn is_member(&self, group: &str) -> Result<bool, String> {
        enough_room()?;
        self.0.is_member(group)
    }

    fn may_skip(&self) -> bool {
        self.0.may_skip()
    }

    fn service(&self) -> Option<&str> {
        self.0.service()
    }

    fn place(&self) -> &Place {
        self.0.place()
    }
}
