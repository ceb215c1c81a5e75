//! What every verb stands in: the settings, and the verifier over the store that they name.

use crate::failure::Failure;
use crate::{clock, random};
use config::{Settings, StoreSettings};
use nix::unistd::geteuid;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use verifier::wire::Claims;
use verifier::{FileStore, Local, Remote, Verifier};

/// Settings and verifier.
pub(crate) struct House {
    pub(crate) settings: Settings,
    pub(crate) verifier: Box<dyn Verifier>,
    /// Whether the daemon is asked, about whoever runs this: a change then takes a code.
    pub(crate) is_own: bool,
}

/// Reads the settings.
pub(crate) fn settings(config: Option<&Path>) -> Result<Settings, Failure> {
    config::load(config).map_err(|error| Failure::new(error.to_string()))
}

impl House {
    /// Opens the store that the settings name.
    pub(crate) fn open(config: Option<&Path>) -> Result<Self, Failure> {
        let settings = settings(config)?;
        if is_ours(&settings.store) {
            return Self::of_files(settings);
        }
        Err(Failure::new("only root may do this").hint("ask an administrator, or use sudo"))
    }

    /// Opens the store or, for whoever may not read it, asks the daemon: for verbs that people use about
    /// themselves.
    pub(crate) fn open_or_ask(config: Option<&Path>) -> Result<Self, Failure> {
        let settings = settings(config)?;
        if is_ours(&settings.store) {
            return Self::of_files(settings);
        }
        let terminal = std::fs::read_link("/proc/self/fd/0").ok();
        let tty = terminal.filter(|path| path.starts_with("/dev")).map(|path| path.display().to_string());
        let claims = Claims { service: "totpctl".to_owned(), rhost: None, tty };
        let verifier = Box::new(Remote::new(&settings.daemon.socket, claims));
        Ok(Self { settings, verifier, is_own: true })
    }

    fn of_files(settings: Settings) -> Result<Self, Failure> {
        let store = FileStore::open(&settings.store).map_err(|error| Failure::store(&error, "USER"))?;
        let verifier = Box::new(Local::new(store, settings.policy(), clock::now, random::fill));
        Ok(Self { settings, verifier, is_own: false })
    }
}

/// Whether the store is there for this process to read: root's, or that of whoever keeps one of their own.
fn is_ours(store: &StoreSettings) -> bool {
    let me = geteuid();
    me.is_root() || std::fs::metadata(&store.directory).is_ok_and(|folder| folder.uid() == me.as_raw())
}
