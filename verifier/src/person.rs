//! The protocol of one person's folder: how a login records, how a change commits.
//!
//! Generic over [`Disk`], so that the very code which runs under sshd is also run, step by step and in every
//! order, on a file system that loses what was not synced (`tests/model.rs`).

mod newcomers;

pub use newcomers::{NEWCOMERS, enroll_all};

use crate::disk::ENROLLMENT;
use crate::record_toml::{self, Unread};
use crate::{Disk, Fault, Id, Owner, Read, Record, Slot, Slots, StoreError};
use otp::{Enrollment, Ledger};

/// The new enrollment, until it is put in place.
const NEW: &str = "enrollment.new";
/// How often a login or change begins anew because an enrollment was replaced under it.
const ROUNDS: usize = 16;

/// How a login is decided.
pub trait Judge {
    /// What is answered.
    type Answer;

    /// Looks at whose enrollment this is, before the lock: this may ask a slow name service.
    fn vet(&self, record: &Record) -> Result<(), StoreError>;
    /// The answer while nothing that this person holds is accepted: it spends and counts nothing.
    fn barred(&self, record: &Record) -> Option<Self::Answer>;
    /// An answer that neither needs the lock nor changes anything, if there is one.
    fn early(&self, enrollment: &Enrollment, ledger: &Ledger) -> Option<Self::Answer>;
    /// The answer, and the ledger that must be recorded before it is given.
    fn decide(&self, enrollment: &Enrollment, ledger: &Ledger) -> (Self::Answer, Option<Ledger>);
    /// Whether `after` holds what [`Judge::raise`] would not bring back from `before`, should it be lost.
    fn is_beyond_raising(&self, enrollment: &Enrollment, before: &Ledger, after: &Ledger) -> bool;
    /// The ledger to go on with after the newer record was lost.
    fn raise(&self, enrollment: &Enrollment, ledger: &Ledger) -> Ledger;
}

/// A person's record with what could be read of the ledger.
#[derive(Clone, Debug)]
pub struct Person {
    /// What is enrolled.
    pub record: Record,
    /// What was spent.
    pub ledger: Current,
}

/// What could be read of a ledger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Current {
    /// The newest record.
    Whole(Ledger),
    /// A record that may be older than the newest, which is damaged.
    Half(Ledger),
    /// Nothing: missing or damaged.
    Lost,
}

/// What a change puts in place.
pub struct Change {
    /// The new enrollment, under a new id.
    pub record: Record,
    /// Its ledger.
    pub ledger: Ledger,
}

/// One login: reads, judges under the lock, records, answers. `None` if nobody is enrolled here.
pub fn login<D: Disk, J: Judge>(disk: &D, owner: &Owner, judge: &J) -> Result<Option<J::Answer>, StoreError> {
    for _ in 0..ROUNDS {
        let Some(folder) = disk.folder(owner)? else { return Ok(None) };
        let Some((stamp, record)) = read_record(disk, &folder, owner)? else { return Ok(None) };
        if let Some(answer) = judge.barred(&record) {
            return Ok(Some(answer));
        }
        let Some(enrollment) = record.enrollment() else { return Ok(None) };
        judge.vet(&record)?;
        let name = record.ledger_name();
        let Some(ledger) = disk.ledger(&folder, &name)? else {
            if disk.is_current(&folder, &stamp)? {
                return Err(StoreError::LedgerMissing(disk.path(&folder, &name)));
            }
            // Replaced while it was read: a change removes the old ledger last.
            continue;
        };
        let early = look(disk, &ledger, &record, enrollment, None)?;
        if let Read::Whole(slot) = &early.read
            && let Some(answer) = judge.early(enrollment, &slot.ledger)
        {
            return Ok(Some(answer));
        }
        let locked = Locked::take(disk, folder)?;
        // No enrollment is current in a folder that was removed.
        if !disk.is_current(&locked.folder, &stamp)? {
            continue;
        }
        return locked.judge(&record, enrollment, &ledger, early, judge).map(Some);
    }
    Err(StoreError::Changed)
}

/// A ledger's bytes, and what they say.
struct Seen {
    slots: Slots,
    read: Read,
}

/// Reads a ledger. Where the bytes are those that were `seen` before, so is what they say: to check them once
/// more was a tenth of what a login computed.
fn look<D: Disk>(
    disk: &D,
    ledger: &D::Ledger,
    record: &Record,
    enrollment: &Enrollment,
    seen: Option<Seen>,
) -> Result<Seen, StoreError> {
    let slots = disk.slots(ledger)?;
    match seen {
        Some(seen) if seen.slots == slots => Ok(seen),
        _ => Ok(Seen { read: slots.read(record.id, enrollment.tokens().len()), slots }),
    }
}

/// A folder whose lock is held, until this is dropped.
struct Locked<'a, D: Disk> {
    disk: &'a D,
    folder: D::Folder,
}

impl<D: Disk> Drop for Locked<'_, D> {
    fn drop(&mut self) {
        self.disk.unlock(&self.folder);
    }
}

impl<'a, D: Disk> Locked<'a, D> {
    fn take(disk: &'a D, folder: D::Folder) -> Result<Self, StoreError> {
        disk.lock(&folder)?;
        Ok(Self { disk, folder })
    }
}

impl<D: Disk> Locked<'_, D> {
    fn judge<J: Judge>(
        &self,
        record: &Record,
        enrollment: &Enrollment,
        ledger: &D::Ledger,
        early: Seen,
        judge: &J,
    ) -> Result<J::Answer, StoreError> {
        let path = || self.disk.path(&self.folder, &record.ledger_name());
        self.disk.expect_overwrite(ledger)?;
        let Seen { slots, read } = look(self.disk, ledger, record, enrollment, Some(early))?;
        match read {
            Read::Lost => Err(StoreError::LedgerDamaged(path())),
            Read::Newer(found) => Err(StoreError::OtherFormat { path: path(), found }),
            Read::Half(slot) => {
                let raised = judge.raise(enrollment, &slot.ledger);
                self.put(ledger, &slots, &slot, raised, false)?;
                Err(StoreError::LedgerRepaired(path()))
            }
            Read::Whole(slot) => {
                let (answer, next) = judge.decide(enrollment, &slot.ledger);
                if let Some(next) = next {
                    let both = judge.is_beyond_raising(enrollment, &slot.ledger, &next);
                    self.put(ledger, &slots, &slot, next, both)?;
                }
                Ok(answer)
            }
        }
    }

    /// Records `next` after `slot`, over the other, older slot; or else over both.
    fn put(
        &self,
        ledger: &D::Ledger,
        slots: &Slots,
        slot: &Slot,
        next: Ledger,
        both: bool,
    ) -> Result<(), StoreError> {
        if !slot.confirmed {
            // Whoever put this enrollment in place may have been killed before it was durable. What is
            // recorded here must not outlive a power cut that brings the old enrollment back.
            self.disk.sync_folder(&self.folder)?;
        }
        let next = slot.following(next);
        self.overwrite(ledger, slots, &next)?;
        if both {
            // One is on disk already, so an error here takes nothing back.
            let twin = next.following(next.ledger.clone());
            let _ = self.overwrite(ledger, slots, &twin);
        }
        Ok(())
    }

    fn overwrite(&self, ledger: &D::Ledger, slots: &Slots, next: &Slot) -> Result<(), StoreError> {
        let index = next.index();
        self.disk.overwrite(ledger, index, &next.encode()).inspect_err(|_| {
            // What was not recorded was not answered either, so it must not be read by the next login.
            let _ = self.disk.overwrite(ledger, index, slots.slot(index));
        })
    }
}

/// The enrollment and ledger as they stand; `None` if there is no enrollment, not even a revoked one. Reads
/// without lock, unless the ledger is not whole.
pub fn read<D: Disk>(disk: &D, owner: &Owner) -> Result<Option<Person>, StoreError> {
    for _ in 0..ROUNDS {
        let Some(folder) = disk.folder(owner)? else { return Ok(None) };
        let Some((_, record)) = read_record(disk, &folder, owner)? else { return Ok(None) };
        let ledger = read_ledger(disk, &folder, &record)?;
        if matches!(ledger, Current::Whole(_)) {
            return Ok(Some(Person { record, ledger }));
        }
        // Perhaps somebody was writing or replacing it just then: look again while nobody can.
        let locked = Locked::take(disk, folder)?;
        if disk.is_linked(&locked.folder)? {
            return locked.current(owner);
        }
    }
    Err(StoreError::Changed)
}

/// The enrollment as it stands, without its ledger: this neither waits for a lock nor needs a ledger that is whole.
pub fn record<D: Disk>(disk: &D, owner: &Owner) -> Result<Option<Record>, StoreError> {
    let Some(folder) = disk.folder(owner)? else { return Ok(None) };
    Ok(read_record(disk, &folder, owner)?.map(|(_, record)| record))
}

/// The one way in which an enrollment is made, replaced or revoked.
///
/// `from` is the id of the enrollment that the change started from (`None`: there was none). `make` gets
/// what is there now, under the lock, and gives what is to be there; it must be quick. The rename is the
/// commit: before it nothing has changed, after it everything has.
pub fn change<D: Disk, T, E: From<StoreError>>(
    disk: &D,
    owner: &Owner,
    from: Option<Id>,
    make: impl FnOnce(Option<&Person>) -> Result<(Change, T), E>,
) -> Result<T, E> {
    for _ in 0..ROUNDS {
        let folder = match disk.folder(owner)? {
            Some(folder) => folder,
            None if from.is_some() => return Err(StoreError::Changed.into()),
            None => {
                disk.make_folder(owner)?;
                continue;
            }
        };
        let locked = Locked::take(disk, folder)?;
        if !disk.is_linked(&locked.folder)? {
            continue;
        }
        let current = locked.current(owner)?;
        if current.as_ref().map(|person| person.record.id) != from {
            return Err(StoreError::Changed.into());
        }
        locked.sweep(current.as_ref().map(|person| &person.record))?;
        let (change, result) = make(current.as_ref())?;
        if current.is_none() {
            disk.sync_people(owner)?;
        }
        locked.commit(&change, current.as_ref().map(|person| &person.record))?;
        return Ok(result);
    }
    Err(StoreError::Changed.into())
}

/// Removes all that is kept of `owner`, and the folder, where the enrollment is still `from`. Unlinked in place
/// and not renamed: whoever waits for the lock then finds a folder without a name, and starts over.
pub fn remove<D: Disk>(disk: &D, owner: &Owner, from: Option<Id>) -> Result<(), StoreError> {
    let Some(folder) = disk.folder(owner)? else { return Err(StoreError::Changed) };
    let locked = Locked::take(disk, folder)?;
    let is_there = disk.is_linked(&locked.folder)?;
    if !is_there || locked.current(owner)?.map(|person| person.record.id) != from {
        return Err(StoreError::Changed);
    }
    locked.clear()?;
    disk.remove_folder(owner)?;
    disk.sync_people(owner)
}

impl<D: Disk> Locked<'_, D> {
    /// Removes every file: the enrollment first, so that no power cut leaves one without its ledger.
    fn clear(&self) -> Result<(), StoreError> {
        let mut names = self.disk.names(&self.folder)?;
        if let Some(foreign) = names.iter().find(|name| *name != ENROLLMENT && !is_ours(name)) {
            let path = self.disk.path(&self.folder, foreign);
            let error = std::io::ErrorKind::DirectoryNotEmpty.into();
            return Err(StoreError::Io { path, doing: "remove the folder of", error });
        }
        if names.iter().any(|name| name == ENROLLMENT) {
            self.disk.remove(&self.folder, ENROLLMENT)?;
            self.disk.sync_folder(&self.folder)?;
        }
        names.retain(|name| name != ENROLLMENT);
        names.iter().try_for_each(|name| self.disk.remove(&self.folder, name))
    }

    fn current(&self, owner: &Owner) -> Result<Option<Person>, StoreError> {
        let Some((_, record)) = read_record(self.disk, &self.folder, owner)? else { return Ok(None) };
        let ledger = read_ledger(self.disk, &self.folder, &record)?;
        Ok(Some(Person { record, ledger }))
    }

    /// Removes what a change that was cut short left behind.
    fn sweep(&self, record: Option<&Record>) -> Result<(), StoreError> {
        let kept = record.map(Record::ledger_name);
        let names = self.disk.names(&self.folder)?;
        let left: Vec<_> =
            names.into_iter().filter(|name| is_ours(name) && Some(name) != kept.as_ref()).collect();
        if left.is_empty() {
            return Ok(());
        }
        // The enrollment that is in place may not be durable yet; while a power cut can bring the former one
        // back, that one's ledger is no leftover.
        self.disk.sync_folder(&self.folder)?;
        left.iter().try_for_each(|name| self.disk.remove(&self.folder, name))
    }

    fn commit(&self, change: &Change, former: Option<&Record>) -> Result<(), StoreError> {
        self.prepare(change, |new| self.disk.sync_file(new))?;
        if let Err(error) = self.disk.sync_folder(&self.folder) {
            self.discard(&change.record);
            return Err(error);
        }
        self.put_in_place(&change.record)?;
        self.disk.sync_folder(&self.folder).map_err(unconfirmed)?;
        if let Some(former) = former {
            let _ = self.disk.remove(&self.folder, &former.ledger_name());
        }
        Ok(())
    }

    /// The commit.
    fn put_in_place(&self, new: &Record) -> Result<(), StoreError> {
        let Err(error) = self.disk.rename(&self.folder, NEW, ENROLLMENT) else { return Ok(()) };
        // A rename that fails may have happened all the same, and then its ledger is no leftover.
        match read_record(self.disk, &self.folder, &new.holder.owner) {
            Ok(Some((_, record))) if record.id == new.id => Ok(()),
            Ok(_) => {
                self.discard(new);
                Err(error)
            }
            Err(_) => Err(unconfirmed(error)),
        }
    }

    /// Takes back a change before its commit. What cannot be removed now is swept later.
    fn discard(&self, new: &Record) {
        let _ = self.disk.remove(&self.folder, NEW);
        let _ = self.disk.remove(&self.folder, &new.ledger_name());
    }

    /// Writes what is to be there beside what is: all of it, or nothing. `sync` makes each file durable.
    fn prepare(
        &self,
        change: &Change,
        sync: impl Fn(&D::New) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        self.write(change, sync).inspect_err(|_| self.discard(&change.record))
    }

    fn write(
        &self,
        change: &Change,
        sync: impl Fn(&D::New) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let slot = Slot {
            generation: 0,
            enrollment: change.record.id,
            confirmed: false,
            ledger: change.ledger.clone(),
        };
        let name = change.record.ledger_name();
        sync(&self.disk.create(&self.folder, &name, &Slots::new(&slot).0[..])?)?;
        sync(&self.disk.create(&self.folder, NEW, record_toml::render(&change.record).as_bytes())?)
    }
}

/// Whether a change makes files of this name. An administrator's `ledger.bak` is none of them.
fn is_ours(name: &str) -> bool {
    name == NEW || name.strip_prefix("ledger.").and_then(Id::parse).is_some()
}

/// An error after which the change may stand.
fn unconfirmed(error: StoreError) -> StoreError {
    match error {
        StoreError::Io { path, error, .. } => StoreError::Unconfirmed { path, error },
        other => other,
    }
}

fn read_record<D: Disk>(
    disk: &D,
    folder: &D::Folder,
    owner: &Owner,
) -> Result<Option<(D::Stamp, Record)>, StoreError> {
    let Some((stamp, bytes)) = disk.enrollment(folder)? else { return Ok(None) };
    let damaged = |line| StoreError::Damaged { path: disk.path(folder, ENROLLMENT), line };
    let text = std::str::from_utf8(&bytes).map_err(|_| damaged(0))?;
    let record = record_toml::parse(text).map_err(|unread| match unread {
        Unread::Line(line) => damaged(line),
        Unread::Format(found) => StoreError::OtherFormat { path: disk.path(folder, ENROLLMENT), found },
    })?;
    if record.holder.owner != *owner {
        // Copied here from another person's folder.
        return Err(damaged(0));
    }
    Ok(Some((stamp, record)))
}

fn read_ledger<D: Disk>(disk: &D, folder: &D::Folder, record: &Record) -> Result<Current, StoreError> {
    let ledger = match disk.ledger(folder, &record.ledger_name()) {
        Ok(Some(ledger)) => ledger,
        // Cut short or grown: ours by all else, and as good as none.
        Ok(None) | Err(StoreError::Refused { fault: Fault::Size, .. }) => return Ok(Current::Lost),
        Err(error) => return Err(error),
    };
    let tokens = record.enrollment().map_or(0, |enrollment| enrollment.tokens().len());
    Ok(match disk.slots(&ledger)?.read(record.id, tokens) {
        Read::Whole(slot) => Current::Whole(slot.ledger),
        Read::Half(slot) => Current::Half(slot.ledger),
        Read::Lost => Current::Lost,
        // No damage, and so nothing to repair.
        Read::Newer(found) => {
            return Err(StoreError::OtherFormat { path: disk.path(folder, &record.ledger_name()), found });
        }
    })
}
