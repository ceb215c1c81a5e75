//! What every verb stands in: the settings, and the verifier over the store that they name.

use crate::failure::Failure;
use crate::{clock, random};
use config::Settings;
use std::path::Path;
use verifier::{FileStore, Local, Verifier};

/// Settings and verifier.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) verifier: Box<dyn Verifier>,
}

/// Reads the settings.
pub(crate) fn settings(config: Option<&Path>) -> Result<Settings, Failure> {
    config::load(config).map_err(|error| Failure::new(error.to_string()))
}

impl House {
    /// Opens the store that the settings name.
    pub(crate) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        let settings = settings(config)?;
        let store = FileStore::open(&settings.store).map_err(|error| Failure::store(&error, "USER"))?;
        let verifier = Box::new(Local::new(store, settings.policy(), clock::now, random::fill));
        Ok(Self { settings, verifier })
    }
}
