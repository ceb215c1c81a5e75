//! What a process asks of the file system, and what it is answered: the steps of the model.

use crate::fs::Ino;
use crate::table::{Name, Table, Text};
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use verifier::{Disk, Fault, LEDGER_LEN, Owner, SLOT_LEN, Slots, StoreError};
use zeroize::Zeroizing;

/// One call of [`Disk`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Call {
    Folder,
    MakeFolder,
    SyncPeople,
    Lock,
    Unlock,
    IsLinked,
    Enrollment(Name),
    IsCurrent(Name, Ino),
    Ledger(Name),
    Slots(Ino),
    Overwrite(Ino, usize, Text),
    /// Two texts are the slots of a ledger; the same one twice is any other file.
    Create(Name, [Text; 2]),
    SyncFile(Ino),
    SyncFolder,
    SyncAll,
    Rename(Name, Name),
    Remove(Name),
    Names,
}

/// Its result.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Res {
    Unit,
    Flag(bool),
    Enrollment(Option<(Ino, Text)>),
    Ledger(Option<Ino>),
    Slots(Text, Text),
    New(Ino),
    Names(Vec<Name>),
    Failed(&'static str),
}

/// A mistake that the model must be able to find.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    /// Folders are never synced.
    NoFolderSync,
    /// New files are never synced.
    NoFileSync,
    /// The existence of a person's folder is never synced.
    NoPeopleSync,
    /// The file system as a whole is never synced.
    NoSyncAll,
    /// Slots are overwritten without O_DSYNC.
    NoDsync,
    /// After an overwrite that failed the former bytes are not put back.
    NotPutBack,
    /// Everybody gets the lock.
    LockForAll,
    /// Nobody looks whether the enrollment was replaced while the lock was waited for.
    AlwaysCurrent,
    /// New ledgers claim that their enrollment is durable.
    BornConfirmed,
}

/// A process, run from its start with the results it has had so far. At the first call beyond them it is
/// suspended: that call is noted, and nothing that it does after it has any effect.
pub(crate) struct Replay<'a> {
    log: &'a [Res],
    at: Cell<usize>,
    next: RefCell<Option<Call>>,
    table: &'a RefCell<Table>,
}

impl<'a> Replay<'a> {
    pub(crate) fn new(log: &'a [Res], table: &'a RefCell<Table>) -> Self {
        Self { log, at: Cell::new(0), next: RefCell::new(None), table }
    }

    /// The call at which the process was suspended; `None` if it ran to its end.
    pub(crate) fn into_next(self) -> Option<Call> {
        self.next.into_inner()
    }

    fn call(&self, call: Call) -> Result<Res, StoreError> {
        let suspended = || Err(StoreError::Changed);
        if self.next.borrow().is_some() {
            return suspended();
        }
        let at = self.at.replace(self.at.get() + 1);
        match self.log.get(at) {
            None => {
                *self.next.borrow_mut() = Some(call);
                suspended()
            }
            Some(Res::Failed(why)) => Err(error(why)),
            Some(result) => Ok(result.clone()),
        }
    }

    fn name(&self, name: &str) -> Name {
        self.table.borrow_mut().name(name)
    }
}

fn error(why: &str) -> StoreError {
    let io = |errno| {
        let error = std::io::Error::from_raw_os_error(errno);
        StoreError::Io { path: PathBuf::new(), doing: "call", error }
    };
    match why {
        "busy" => StoreError::Busy(PathBuf::new()),
        "size" => StoreError::Refused { path: PathBuf::new(), fault: Fault::Size },
        "missing" => io(2),
        "exists" => io(17),
        _ => io(5),
    }
}

/// The result is of another kind than the call: the process is not as deterministic as the model assumes.
fn astray<T>(result: Res) -> T {
    panic!("{result:?} answers another call")
}

impl Disk for Replay<'_> {
    type Folder = ();
    type Stamp = Ino;
    type Ledger = Ino;
    type New = Ino;

    fn folder(&self, _: &Owner) -> Result<Option<()>, StoreError> {
        match self.call(Call::Folder)? {
            Res::Flag(there) => Ok(there.then_some(())),
            other => astray(other),
        }
    }

    fn make_folder(&self, _: &Owner) -> Result<(), StoreError> {
        self.call(Call::MakeFolder).map(|_| ())
    }

    fn remove_folder(&self, _: &Owner) -> Result<(), StoreError> {
        panic!("no process in the model removes a folder")
    }

    fn sync_people(&self, _: &Owner) -> Result<(), StoreError> {
        self.call(Call::SyncPeople).map(|_| ())
    }

    fn lock(&self, (): &()) -> Result<(), StoreError> {
        self.call(Call::Lock).map(|_| ())
    }

    fn unlock(&self, (): &()) {
        let _ = self.call(Call::Unlock);
    }

    fn is_linked(&self, (): &()) -> Result<bool, StoreError> {
        match self.call(Call::IsLinked)? {
            Res::Flag(linked) => Ok(linked),
            other => astray(other),
        }
    }

    fn enrollment(&self, (): &()) -> Result<Option<(Ino, Zeroizing<Vec<u8>>)>, StoreError> {
        match self.call(Call::Enrollment(self.name("enrollment.toml")))? {
            Res::Enrollment(found) => {
                let bytes = |text| Zeroizing::new(self.table.borrow().bytes(text).to_vec());
                Ok(found.map(|(ino, text)| (ino, bytes(text))))
            }
            other => astray(other),
        }
    }

    fn is_current(&self, (): &(), stamp: &Ino) -> Result<bool, StoreError> {
        match self.call(Call::IsCurrent(self.name("enrollment.toml"), *stamp))? {
            Res::Flag(current) => Ok(current),
            other => astray(other),
        }
    }

    fn ledger(&self, (): &(), name: &str) -> Result<Option<Ino>, StoreError> {
        match self.call(Call::Ledger(self.name(name)))? {
            Res::Ledger(found) => Ok(found),
            other => astray(other),
        }
    }

    fn slots(&self, ledger: &Ino) -> Result<Slots, StoreError> {
        match self.call(Call::Slots(*ledger))? {
            Res::Slots(first, second) => {
                let table = self.table.borrow();
                let mut bytes = Box::new([0; LEDGER_LEN]);
                bytes[..SLOT_LEN].copy_from_slice(table.bytes(first));
                bytes[SLOT_LEN..].copy_from_slice(table.bytes(second));
                Ok(Slots(bytes))
            }
            other => astray(other),
        }
    }

    fn expect_overwrite(&self, _: &Ino) -> Result<(), StoreError> {
        Ok(())
    }

    fn overwrite(&self, ledger: &Ino, slot: usize, bytes: &[u8]) -> Result<(), StoreError> {
        assert_eq!(bytes.len(), SLOT_LEN);
        let text = self.table.borrow_mut().text(bytes);
        self.call(Call::Overwrite(*ledger, slot, text)).map(|_| ())
    }

    fn create(&self, (): &(), name: &str, bytes: &[u8]) -> Result<Ino, StoreError> {
        let mut table = self.table.borrow_mut();
        let texts = if bytes.len() == LEDGER_LEN {
            [table.text(&bytes[..SLOT_LEN]), table.text(&bytes[SLOT_LEN..])]
        } else {
            [table.text(bytes); 2]
        };
        drop(table);
        match self.call(Call::Create(self.name(name), texts))? {
            Res::New(ino) => Ok(ino),
            other => astray(other),
        }
    }

    fn sync_file(&self, file: &Ino) -> Result<(), StoreError> {
        self.call(Call::SyncFile(*file)).map(|_| ())
    }

    fn sync_folder(&self, (): &()) -> Result<(), StoreError> {
        self.call(Call::SyncFolder).map(|_| ())
    }

    fn sync_all(&self) -> Result<(), StoreError> {
        self.call(Call::SyncAll).map(|_| ())
    }

    fn rename(&self, (): &(), from: &str, to: &str) -> Result<(), StoreError> {
        self.call(Call::Rename(self.name(from), self.name(to))).map(|_| ())
    }

    fn remove(&self, (): &(), name: &str) -> Result<(), StoreError> {
        self.call(Call::Remove(self.name(name))).map(|_| ())
    }

    fn names(&self, (): &()) -> Result<Vec<String>, StoreError> {
        match self.call(Call::Names)? {
            Res::Names(names) => {
                let table = self.table.borrow();
                Ok(names.into_iter().map(|name| table.spelled(name).to_owned()).collect())
            }
            other => astray(other),
        }
    }

    fn path(&self, (): &(), name: &str) -> PathBuf {
        name.into()
    }
}
