//! A store in real files, in a folder that vanishes with the test.

use config::StoreSettings;
use otp::{Policy, Time};
use std::path::PathBuf;
use verifier::{FileStore, Local, init};

pub(crate) struct Place {
    _folder: tempfile::TempDir,
    pub(crate) settings: StoreSettings,
}

impl Place {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().canonicalize().unwrap().join("store");
        let settings = StoreSettings { directory, id: None };
        init(&settings, [7; 48]).unwrap();
        Self { _folder: folder, settings }
    }

    pub(crate) fn verifier(&self) -> Local<FileStore> {
        let store = FileStore::open(&self.settings).unwrap();
        Local::new(store, Policy::default(), || Time(1_800_000_000), random)
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.settings.directory.join(below)
    }
}

fn random(bytes: &mut [u8]) -> std::io::Result<()> {
    use std::sync::atomic::{AtomicU8, Ordering};
    static NEXT: AtomicU8 = AtomicU8::new(1);
    bytes.fill(NEXT.fetch_add(1, Ordering::Relaxed));
    Ok(())
}
