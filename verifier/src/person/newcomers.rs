//! Many people enrolled for the first time at once: the protocol of [`super::change`], with one sync of the whole
//! file system where each person would take three of their own.
//!
//! Each is still enrolled whole or not at all, and what is answered as done is durable. Only who has no folder yet
//! comes this way: nobody has an older enrollment then which a power cut could bring back.

use super::{Change, Locked, unconfirmed};
use crate::{Disk, Owner, Record, StoreError};

/// So many people at most: each has a descriptor open, and their locks are held until all are durable.
pub const NEWCOMERS: usize = 128;

/// Somebody whose files are written and not in place yet.
struct Prepared<'a, D: Disk, T> {
    locked: Locked<'a, D>,
    record: Record,
    result: T,
}

/// Enrolls whoever of `owners` has no folder; `make` gives what is to be there, by the place in `owners`, and
/// must be quick. `None` is said of those who have a folder, and where anything hinders it here before a
/// commit: theirs is [`super::change`].
///
/// `owners` ascend, so that of two processes neither has what the other one waits for.
pub fn enroll_all<D: Disk, T, E: From<StoreError>>(
    disk: &D,
    owners: &[Owner],
    mut make: impl FnMut(usize) -> Result<(Change, T), E>,
) -> Vec<Option<Result<T, E>>> {
    let all = owners.iter().enumerate();
    let prepared: Vec<_> = all.map(|(place, owner)| newcomer(disk, owner, || make(place).ok())).collect();
    let durable = if prepared.iter().any(Option::is_some) { disk.sync_all() } else { Ok(()) };
    let placed: Vec<_> = prepared.into_iter().map(|one| one.map(|one| put(one, &durable))).collect();
    let is_placed = placed.iter().flatten().any(Result::is_ok);
    let durable = if is_placed { disk.sync_all() } else { Ok(()) };
    // The locks are given back here, one after the other.
    placed.into_iter().map(|one| Some(one?.and_then(|one| confirmed(one, &durable)))).collect()
}

/// Makes the folder and writes the files.
fn newcomer<'a, D: Disk, T>(
    disk: &'a D,
    owner: &Owner,
    make: impl FnOnce() -> Option<(Change, T)>,
) -> Option<Prepared<'a, D, T>> {
    if disk.folder(owner).ok()?.is_some() {
        return None;
    }
    disk.make_folder(owner).ok()?;
    let locked = Locked::take(disk, disk.folder(owner).ok()??).ok()?;
    // Somebody else may have been quicker.
    if !disk.is_linked(&locked.folder).ok()? || !disk.names(&locked.folder).ok()?.is_empty() {
        return None;
    }
    let (change, result) = make()?;
    locked.prepare(&change, |_| Ok(())).ok()?;
    Some(Prepared { locked, record: change.record, result })
}

fn put<'a, D: Disk, T, E: From<StoreError>>(
    one: Prepared<'a, D, T>,
    durable: &Result<(), StoreError>,
) -> Result<Prepared<'a, D, T>, E> {
    if let Err(error) = durable {
        one.locked.discard(&one.record);
        return Err(again(error).into());
    }
    one.locked.put_in_place(&one.record)?;
    Ok(one)
}

fn confirmed<D: Disk, T, E: From<StoreError>>(
    one: Prepared<'_, D, T>,
    durable: &Result<(), StoreError>,
) -> Result<T, E> {
    match durable {
        Ok(()) => Ok(one.result),
        Err(error) => Err(unconfirmed(again(error)).into()),
    }
}

/// The same error, for one more person.
fn again(error: &StoreError) -> StoreError {
    let StoreError::Io { path, doing, error } = error else { return StoreError::Changed };
    let error = error.raw_os_error().map_or_else(|| error.kind().into(), std::io::Error::from_raw_os_error);
    StoreError::Io { path: path.clone(), doing, error }
}
