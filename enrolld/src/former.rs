//! Names under which accounts were enrolled. Who has no account must not be taken for somebody else than whoever
//! had one of their name: what that one has spent stands in the account's folder alone.

use crate::failure::Failure;
use crate::house::House;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use verifier::{Account, FoldedName, Owner, StoreError, UserName};

/// Looked up once for many: a hash of each name with its uid, and not the name.
#[derive(Default)]
pub(crate) struct Former {
    hasher: RandomState,
    uids: Option<HashMap<u64, u32>>,
}

impl Former {
    /// Fails where an account was enrolled under the name of `newcomer`, who has none.
    pub(crate) fn vet(&mut self, house: &House, newcomer: &Account) -> Result<(), Failure> {
        let (Owner::Name(owner), name) = (&newcomer.owner, &newcomer.name) else { return Ok(()) };
        let failed = |error: StoreError| Failure::store(&error, name);
        let hash = self.hasher.hash_one(owner);
        let uids = match self.uids.take() {
            Some(uids) => uids,
            None => self.everybody(house).map_err(failed)?,
        };
        let uid = uids.get(&hash).copied();
        self.uids = Some(uids);
        let Some(uid) = uid else { return Ok(()) };
        // Two names may have one hash.
        match name_of(house, uid).map_err(failed)? {
            Some(former) if former == *owner => Err(Failure::new(format!(
                "{name}: uid {uid} was enrolled under this name, so it was an account's"
            ))
            .hint(format!("what is kept of it: totpctl status {uid}"))
            .hint(format!("with new tokens: totpctl enroll --no-account {name}"))),
            _ => Ok(()),
        }
    }

    fn everybody(&self, house: &House) -> Result<HashMap<u64, u32>, StoreError> {
        let mut uids = HashMap::new();
        for uid in house.verifier.people()?.iter().filter_map(Owner::uid) {
            uids.extend(name_of(house, uid)?.map(|name| (self.hasher.hash_one(name), uid)));
        }
        Ok(uids)
    }
}

fn name_of(house: &House, uid: u32) -> Result<Option<FoldedName>, StoreError> {
    let holder = house.verifier.holder(&Owner::Uid(uid))?;
    Ok(holder.and_then(|holder| FoldedName::of(&UserName::new(&holder.account).ok()?)))
}
