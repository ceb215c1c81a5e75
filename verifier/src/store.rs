//! Where people's records and ledgers are kept: files now, a cluster later.

use crate::disk::OsDisk;
use crate::format::{FORMAT, VERSION};
use crate::person::{self, Change, Judge, Person};
use crate::{Format, Id, Owner, Record, StoreError};
use config::StoreSettings;
use std::path::PathBuf;

/// A place that keeps people's records and ledgers, and its promises about them: a login is recorded before
/// it is answered, a change happens whole or not at all and only to what it started from.
pub trait Store {
    /// The key under which networks are hashed in the ledgers.
    fn network_key(&self) -> &[u8; 32];
    /// What there is of one person.
    fn read(&self, owner: &Owner) -> Result<Option<Person>, StoreError>;
    /// What is enrolled for one person.
    fn record(&self, owner: &Owner) -> Result<Option<Record>, StoreError>;
    /// One login. `None` if nobody is enrolled.
    fn login<J: Judge>(&self, owner: &Owner, judge: &J) -> Result<Option<J::Answer>, StoreError>;
    /// One change.
    fn change<T, E: From<StoreError>>(
        &self,
        owner: &Owner,
        from: Option<Id>,
        make: impl FnOnce(Option<&Person>) -> Result<(Change, T), E>,
    ) -> Result<T, E>;
    /// The first change of each of many, whose `owners` ascend; `None` of those for whom it must be [`Store::change`].
    fn enroll_all<T, E: From<StoreError>>(
        &self,
        owners: &[Owner],
        make: impl FnMut(usize) -> Result<(Change, T), E>,
    ) -> Vec<Option<Result<T, E>>>;
    /// Removes all that is kept of `owner`, if that is still `from` (`None`: no enrollment, not even a tombstone).
    fn remove(&self, owner: &Owner, from: Option<Id>) -> Result<(), StoreError>;
    /// Everybody of whom something is kept: accounts by ascending uid, then names.
    fn people(&self) -> Result<Vec<Owner>, StoreError>;
}

/// The store in files.
pub struct FileStore {
    path: PathBuf,
    disk: OsDisk,
    format: Format,
}

impl FileStore {
    /// Opens the store that `settings` name; fails where there is none, or another one.
    pub fn open(settings: &StoreSettings) -> Result<Self, StoreError> {
        let path = &settings.directory;
        let disk = OsDisk::open(path)?;
        let text = disk.read_root(FORMAT)?.ok_or_else(|| StoreError::NotAStore(path.clone()))?;
        let format = Format::parse(&text, &path.join(FORMAT))?;
        match &settings.id {
            Some(pinned) if *pinned != format.id.to_string() => {
                Err(StoreError::OtherStore { path: path.clone(), found: format.id })
            }
            _ => Ok(Self { path: path.clone(), disk, format }),
        }
    }

    /// The store's format, id and key.
    #[must_use]
    pub fn format(&self) -> &Format {
        &self.format
    }

    /// What is written anew would lose what the next format says beside.
    fn expect_own_format(&self) -> Result<(), StoreError> {
        let found = self.format.version;
        if found == VERSION {
            return Ok(());
        }
        Err(StoreError::NextFormat { path: self.path.clone(), found })
    }
}

impl Store for FileStore {
    fn network_key(&self) -> &[u8; 32] {
        &self.format.network_key
    }

    fn read(&self, owner: &Owner) -> Result<Option<Person>, StoreError> {
        person::read(&self.disk, owner)
    }

    fn record(&self, owner: &Owner) -> Result<Option<Record>, StoreError> {
        person::record(&self.disk, owner)
    }

    fn login<J: Judge>(&self, owner: &Owner, judge: &J) -> Result<Option<J::Answer>, StoreError> {
        person::login(&self.disk, owner, judge)
    }

    fn change<T, E: From<StoreError>>(
        &self,
        owner: &Owner,
        from: Option<Id>,
        make: impl FnOnce(Option<&Person>) -> Result<(Change, T), E>,
    ) -> Result<T, E> {
        self.expect_own_format()?;
        person::change(&self.disk, owner, from, make)
    }

    fn enroll_all<T, E: From<StoreError>>(
        &self,
        owners: &[Owner],
        make: impl FnMut(usize) -> Result<(Change, T), E>,
    ) -> Vec<Option<Result<T, E>>> {
        // What a change would refuse is for it to say.
        if self.expect_own_format().is_err() || !tells_failed_writes(&release().unwrap_or_default()) {
            return owners.iter().map(|_| None).collect();
        }
        person::enroll_all(&self.disk, owners, make)
    }

    fn remove(&self, owner: &Owner, from: Option<Id>) -> Result<(), StoreError> {
        self.expect_own_format()?;
        person::remove(&self.disk, owner, from)
    }

    fn people(&self) -> Result<Vec<Owner>, StoreError> {
        self.disk.people()
    }
}

fn release() -> std::io::Result<String> {
    std::fs::read_to_string("/proc/sys/kernel/osrelease")
}

/// Whether syncfs(2) fails where something could not be written: before Linux 5.8 it does not.
fn tells_failed_writes(release: &str) -> bool {
    let mut numbers = release.split(|letter: char| !letter.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 8),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::tells_failed_writes;

    #[test]
    fn a_kernel_that_does_not_tell_of_failed_writes_is_not_believed() {
        for (release, tells) in [
            ("6.1.0-18-amd64\n", true),
            ("5.8.0", true),
            ("5.10-rc1", true),
            ("5.7.19", false),
            ("4.18.0-553.el8", false),
            ("", false),
            ("linux", false),
        ] {
            assert_eq!(tells_failed_writes(release), tells, "{release}");
        }
    }
}
