//! The name service, asked only where the host survives that.

use crate::sys;
use nix::errno::Errno;
use verifier::{Account, StoreError, UserName};

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
