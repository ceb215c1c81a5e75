//! `upgrade-store`: the only verb that will raise a store's format. There is one so far.

use crate::failure::Failure;
use crate::output;
use config::Settings;
use verifier::{FORMAT_VERSION, FileStore, StoreError};

pub(crate) fn run(settings: &Settings) -> Result<(), Failure> {
    let store = FileStore::open(&settings.store)?;
    let (path, found) = (&settings.store.directory, store.format().version);
    if found > FORMAT_VERSION {
        return Err(StoreError::NextFormat { path: path.clone(), found }.into());
    }
    output::put(&format!(
        "the store {} has format {found}, the newest: there is nothing to raise\n",
        path.display()
    ))
}
