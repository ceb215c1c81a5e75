//! `init`: the only verb that makes a store.

use crate::failure::Failure;
use crate::{journal, output, random};
use config::Settings;
use verifier::{FileStore, Initialized, StoreError};

pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let path = settings.store.directory.display();
    if let (Some(id), Err(StoreError::NotAStore(_))) = (&settings.store.id, FileStore::open(&settings.store))
    {
        // A new store would have another id, and every login would refuse it.
        return Err(Failure::new(format!("{path}: store {id}, which the settings name, is not there"))
            .hint("mount it; or, for a new store, take id out of [store] first"));
    }
    let seed = random::store_seed()?;
    match verifier::init(&settings.store, *seed).map_err(|error| Failure::store(&error, "USER"))? {
        Initialized::Created(id) => {
            journal::created(&settings.store.directory, id);
            output::put(&format!("created the store {path}, id {id}\n"))
        }
        Initialized::Existing(id) => output::put(&format!("the store {path} is there, id {id}\n")),
    }
}
