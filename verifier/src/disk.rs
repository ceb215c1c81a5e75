//! The system calls that the store stands on, as a trait, so that the protocol in [`crate::person`] can be
//! run against a file system that loses and tears what was not synced.

use crate::{Fault, FoldedName, LEDGER_LEN, Owner, SLOT_LEN, Slots, StoreError};
use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, OFlag, OpenHow, ResolveFlag, openat, openat2, renameat};
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::stat::{FileStat, Mode, SFlag, fchmod, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, geteuid, syncfs, unlinkat};
use std::fs::{File, TryLockError};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Where enrollments stand in a person's folder.
pub(crate) const ENROLLMENT: &str = "enrollment.toml";

/// Where the folders of accounts are, and where those of people without one.
const USERS: &str = "users";
const NAMES: &str = "names";

/// Longest enrollment that is read, in bytes: four times what the largest one takes.
const LONGEST_ENROLLMENT: usize = 64 * 1024;
/// How long a lock is waited for.
const LOCK_DEADLINE: Duration = Duration::from_secs(2);

/// What the store needs of a file system. Every method is one step at which a process may be killed.
pub trait Disk {
    /// A person's folder, opened.
    type Folder;
    /// An enrollment, opened: while it is held, no other file can be mistaken for it.
    type Stamp;
    /// A ledger, opened for synchronous overwriting.
    type Ledger;
    /// A file that was just created.
    type New;

    /// Opens the folder of `owner`; `None` if there is none.
    fn folder(&self, owner: &Owner) -> Result<Option<Self::Folder>, StoreError>;
    /// Makes the folder of `owner`, if there is none.
    fn make_folder(&self, owner: &Owner) -> Result<(), StoreError>;
    /// Removes the folder of `owner`, which is empty and whose lock is held.
    fn remove_folder(&self, owner: &Owner) -> Result<(), StoreError>;
    /// Makes the existence of the folder of `owner` durable.
    fn sync_people(&self, owner: &Owner) -> Result<(), StoreError>;
    /// Takes the lock of a folder, or fails after a deadline.
    fn lock(&self, folder: &Self::Folder) -> Result<(), StoreError>;
    /// Gives it back.
    fn unlock(&self, folder: &Self::Folder);
    /// Whether the folder still has a name: a lock on a removed one excludes nobody.
    fn is_linked(&self, folder: &Self::Folder) -> Result<bool, StoreError>;
    /// Opens and reads the enrollment.
    #[allow(clippy::type_complexity)]
    fn enrollment(
        &self,
        folder: &Self::Folder,
    ) -> Result<Option<(Self::Stamp, Zeroizing<Vec<u8>>)>, StoreError>;
    /// Whether the enrollment is still the one that was opened. Enrollments are never written in place, so
    /// the same file is the same text.
    fn is_current(&self, folder: &Self::Folder, stamp: &Self::Stamp) -> Result<bool, StoreError>;
    /// Opens a ledger; `None` if there is none of this name.
    fn ledger(&self, folder: &Self::Folder, name: &str) -> Result<Option<Self::Ledger>, StoreError>;
    /// Reads both slots.
    fn slots(&self, ledger: &Self::Ledger) -> Result<Slots, StoreError>;
    /// Fails where [`Self::overwrite`] would fail whatever was to be written: a code that is judged and cannot
    /// be recorded is a guess that nobody counts.
    fn expect_overwrite(&self, ledger: &Self::Ledger) -> Result<(), StoreError>;
    /// Overwrites one slot. It is on stable storage when this returns without error.
    fn overwrite(&self, ledger: &Self::Ledger, slot: usize, bytes: &[u8]) -> Result<(), StoreError>;
    /// Creates a file of these bytes; it must not exist.
    fn create(&self, folder: &Self::Folder, name: &str, bytes: &[u8]) -> Result<Self::New, StoreError>;
    /// Makes the bytes of a new file durable.
    fn sync_file(&self, file: &Self::New) -> Result<(), StoreError>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, folder: &Self::Folder) -> Result<(), StoreError>;
    /// Makes everything durable that was written so far, by whomever.
    fn sync_all(&self) -> Result<(), StoreError>;
    /// Gives a file another name, replacing what had it.
    fn rename(&self, folder: &Self::Folder, from: &str, to: &str) -> Result<(), StoreError>;
    /// Removes a file.
    fn remove(&self, folder: &Self::Folder, name: &str) -> Result<(), StoreError>;
    /// The names in a folder.
    fn names(&self, folder: &Self::Folder) -> Result<Vec<String>, StoreError>;
    /// The path of a file, for messages.
    fn path(&self, folder: &Self::Folder, name: &str) -> PathBuf;
}

/// The real file system, from the store's folder on.
pub struct OsDisk {
    root: File,
    path: PathBuf,
}

/// An opened file or folder with its path for messages.
pub struct Opened {
    file: File,
    path: PathBuf,
}

/// An enrollment that is held open, with what fstat(2) said of it: no other file gets its number meanwhile.
pub struct Held {
    _file: File,
    stat: FileStat,
}

impl OsDisk {
    /// Opens the store's folder, following no symbolic link.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let root = open_folder(path).map_err(|errno| match errno {
            Errno::ENOENT => StoreError::NotAStore(path.into()),
            errno => failed(path, "open", errno),
        })?;
        let root = checked_folder(root, path)?;
        Ok(Self { root, path: path.into() })
    }

    /// The store's folder.
    #[must_use]
    pub fn root(&self) -> &File {
        &self.root
    }

    /// Its path.
    #[must_use]
    pub fn root_path(&self) -> &Path {
        &self.path
    }

    /// Reads a small file of the store's folder.
    pub(crate) fn read_root(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, StoreError> {
        let path = self.path.join(name);
        let opened = open_file(&self.root, name, &path, OFlag::O_RDONLY)?;
        opened.map(|(file, stat)| read_all(&file, &stat, &path, 4096)).transpose()
    }

    /// Whoever has a folder: accounts by ascending uid, then names.
    pub fn people(&self) -> Result<Vec<Owner>, StoreError> {
        let mut people = named_in(&self.users()?, &self.path.join(USERS), of_account)?;
        if let Some(names) = self.names_folder()? {
            people.extend(named_in(&names, &self.path.join(NAMES), of_name)?);
        }
        Ok(people)
    }

    /// The folder that `owner`'s is in; `None` where there is none.
    fn above(&self, owner: &Owner) -> Result<Option<File>, StoreError> {
        match owner {
            // Missing is damage, and not "nobody enrolled".
            Owner::Uid(_) => self.users().map(Some),
            Owner::Name(_) => self.names_folder(),
        }
    }

    fn users(&self) -> Result<File, StoreError> {
        let path = self.path.join(USERS);
        let opened =
            beneath(&self.root, USERS, folder_flags()).map_err(|errno| failed(&path, "open", errno))?;
        checked_folder(opened, &path)
    }

    /// Made with the first who is enrolled without an account.
    fn names_folder(&self) -> Result<Option<File>, StoreError> {
        let path = self.path.join(NAMES);
        match beneath(&self.root, NAMES, folder_flags()) {
            Err(Errno::ENOENT) => Ok(None),
            Err(errno) => Err(failed(&path, "open", errno)),
            Ok(opened) => checked_folder(opened, &path).map(Some),
        }
    }

    fn need_above(&self, owner: &Owner) -> Result<File, StoreError> {
        let missing = || failed(&self.path.join(NAMES), "open", Errno::ENOENT);
        self.above(owner)?.ok_or_else(missing)
    }

    fn person_path(&self, owner: &Owner) -> PathBuf {
        let (above, name) = place(owner);
        self.path.join(above).join(name)
    }
}

impl Disk for OsDisk {
    type Folder = Opened;
    type Stamp = Held;
    type Ledger = Opened;
    type New = Opened;

    fn folder(&self, owner: &Owner) -> Result<Option<Opened>, StoreError> {
        let Some(above) = self.above(owner)? else { return Ok(None) };
        let path = self.person_path(owner);
        match beneath(&above, &place(owner).1, folder_flags()) {
            Err(Errno::ENOENT) => Ok(None),
            Err(errno @ (Errno::ELOOP | Errno::ENOTDIR | Errno::EXDEV)) => Err(failed(&path, "open", errno)),
            // A name of which it is not known that it is anybody's must not come into a log.
            Err(errno) => Err(failed(&self.path.join(place(owner).0), "open a folder in", errno)),
            Ok(opened) => {
                let file = checked_folder(opened, &path)?;
                Ok(Some(Opened { file, path }))
            }
        }
    }

    fn make_folder(&self, owner: &Owner) -> Result<(), StoreError> {
        let make = |within: &File, name: &str, path: &Path| match mkdirat(within, name, Mode::S_IRWXU) {
            Ok(()) | Err(Errno::EEXIST) => Ok(()),
            Err(errno) => Err(failed(path, "create the folder", errno)),
        };
        if let Owner::Name(_) = owner {
            make(&self.root, NAMES, &self.path.join(NAMES))?;
        }
        make(&self.need_above(owner)?, &place(owner).1, &self.person_path(owner))
    }

    fn remove_folder(&self, owner: &Owner) -> Result<(), StoreError> {
        unlinkat(&self.need_above(owner)?, place(owner).1.as_str(), UnlinkatFlags::RemoveDir)
            .map_err(|errno| failed(&self.person_path(owner), "remove", errno))
    }

    fn sync_people(&self, owner: &Owner) -> Result<(), StoreError> {
        let sync = |folder: &File, path: &Path| folder.sync_all().map_err(|error| io(path, "sync", error));
        sync(&self.need_above(owner)?, &self.path.join(place(owner).0))?;
        match owner {
            Owner::Uid(_) => Ok(()),
            // The one above may be as new.
            Owner::Name(_) => sync(&self.root, &self.path),
        }
    }

    fn lock(&self, folder: &Opened) -> Result<(), StoreError> {
        let deadline = Instant::now() + LOCK_DEADLINE;
        let mut pause = Jitter::new();
        loop {
            match folder.file.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::Error(error)) => return Err(io(&folder.path, "lock", error)),
                Err(TryLockError::WouldBlock) if Instant::now() >= deadline => {
                    return Err(StoreError::Busy(folder.path.clone()));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(pause.next()),
            }
        }
    }

    fn unlock(&self, folder: &Opened) {
        // By LOCK_UN and not by closing: another thread of the host may have forked meanwhile, and the
        // child's copy of the descriptor would keep the lock.
        let _ = folder.file.unlock();
    }

    fn is_linked(&self, folder: &Opened) -> Result<bool, StoreError> {
        let stat = fstat(&folder.file).map_err(|errno| failed(&folder.path, "look at", errno))?;
        Ok(stat.st_nlink > 0)
    }

    fn enrollment(&self, folder: &Opened) -> Result<Option<(Held, Zeroizing<Vec<u8>>)>, StoreError> {
        let path = folder.path.join(ENROLLMENT);
        let Some((file, stat)) = open_file(&folder.file, ENROLLMENT, &path, OFlag::O_RDONLY)? else {
            return Ok(None);
        };
        let bytes = read_all(&file, &stat, &path, LONGEST_ENROLLMENT)?;
        Ok(Some((Held { _file: file, stat }, bytes)))
    }

    fn is_current(&self, folder: &Opened, stamp: &Held) -> Result<bool, StoreError> {
        let path = folder.path.join(ENROLLMENT);
        let held = &stamp.stat;
        match fstatat(&folder.file, ENROLLMENT, AtFlags::AT_SYMLINK_NOFOLLOW) {
            Ok(named) => Ok((named.st_dev, named.st_ino) == (held.st_dev, held.st_ino)),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(failed(&path, "look at", errno)),
        }
    }

    fn ledger(&self, folder: &Opened, name: &str) -> Result<Option<Opened>, StoreError> {
        let path = folder.path.join(name);
        let flags = OFlag::O_RDWR | OFlag::O_DSYNC;
        let opened = open_file(&folder.file, name, &path, flags)?;
        Ok(opened.map(|(file, _)| Opened { file, path }))
    }

    fn slots(&self, ledger: &Opened) -> Result<Slots, StoreError> {
        let mut bytes = Box::new([0; LEDGER_LEN]);
        match ledger.file.read_at(&mut bytes[..], 0) {
            Ok(LEDGER_LEN) => Ok(Slots(bytes)),
            Ok(_) => Err(StoreError::Refused { path: ledger.path.clone(), fault: Fault::Size }),
            Err(error) => Err(io(&ledger.path, "read", error)),
        }
    }

    fn expect_overwrite(&self, ledger: &Opened) -> Result<(), StoreError> {
        // Of a set-uid program it is the caller who sets the limit (`ulimit -f`).
        match getrlimit(Resource::RLIMIT_FSIZE) {
            Ok((soft, _)) if soft < LEDGER_LEN as u64 => Err(failed(&ledger.path, "write", Errno::EFBIG)),
            _ => Ok(()),
        }
    }

    fn overwrite(&self, ledger: &Opened, slot: usize, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = if slot == 0 { 0 } else { SLOT_LEN as u64 };
        // One pwrite on a handle opened with O_DSYNC: there is no instant between writing and syncing.
        match ledger.file.write_at(bytes, offset) {
            Ok(SLOT_LEN) => Ok(()),
            Ok(_) => Err(io(&ledger.path, "write", std::io::ErrorKind::WriteZero.into())),
            Err(error) => Err(io(&ledger.path, "write", error)),
        }
    }

    fn create(&self, folder: &Opened, name: &str, bytes: &[u8]) -> Result<Opened, StoreError> {
        let path = folder.path.join(name);
        let file = create_file(&folder.file, name, &path, bytes)?;
        Ok(Opened { file, path })
    }

    fn sync_file(&self, file: &Opened) -> Result<(), StoreError> {
        file.file.sync_all().map_err(|error| io(&file.path, "sync", error))
    }

    fn sync_folder(&self, folder: &Opened) -> Result<(), StoreError> {
        folder.file.sync_all().map_err(|error| io(&folder.path, "sync", error))
    }

    fn sync_all(&self) -> Result<(), StoreError> {
        // Reports what could not be written from Linux 5.8 on (syncfs(2)), since this handle was opened.
        syncfs(&self.root).map_err(|errno| failed(&self.path, "sync", errno))
    }

    fn rename(&self, folder: &Opened, from: &str, to: &str) -> Result<(), StoreError> {
        renameat(&folder.file, from, &folder.file, to)
            .map_err(|errno| failed(&folder.path.join(to), "put in place", errno))
    }

    fn remove(&self, folder: &Opened, name: &str) -> Result<(), StoreError> {
        unlinkat(&folder.file, name, UnlinkatFlags::NoRemoveDir)
            .map_err(|errno| failed(&folder.path.join(name), "remove", errno))
    }

    fn names(&self, folder: &Opened) -> Result<Vec<String>, StoreError> {
        names_in(&folder.file, &folder.path)
    }

    fn path(&self, folder: &Opened, name: &str) -> PathBuf {
        folder.path.join(name)
    }
}

/// Where the folder of `owner` is, and its name there.
fn place(owner: &Owner) -> (&'static str, String) {
    match owner {
        Owner::Uid(uid) => (USERS, uid.to_string()),
        Owner::Name(name) => (NAMES, name.file_name()),
    }
}

/// A uid as its folder is named: no sign, no leading zero.
fn of_account(name: &str) -> Option<Owner> {
    let uid: u32 = name.parse().ok()?;
    (uid.to_string() == name).then_some(Owner::Uid(uid))
}

fn of_name(name: &str) -> Option<Owner> {
    FoldedName::of_file_name(name).map(Owner::Name)
}

/// Those whose folders are in this one, in order; what else is in it is nobody's.
fn named_in(
    folder: &File,
    path: &Path,
    owner: impl Fn(&str) -> Option<Owner>,
) -> Result<Vec<Owner>, StoreError> {
    // Not by way of their names: there may be very many.
    let mut owners = Vec::new();
    each_name(folder, path, |name| owners.extend(owner(name)))?;
    owners.sort_unstable();
    Ok(owners)
}

pub(crate) fn io(path: &Path, doing: &'static str, error: std::io::Error) -> StoreError {
    StoreError::Io { path: path.into(), doing, error }
}

pub(crate) fn failed(path: &Path, doing: &'static str, errno: Errno) -> StoreError {
    let fault = |fault| StoreError::Refused { path: path.into(), fault };
    match errno {
        Errno::ELOOP => fault(Fault::Symlink),
        Errno::ENOTDIR => fault(Fault::NotAFolder),
        Errno::EXDEV => fault(Fault::Mount),
        errno => io(path, doing, errno.into()),
    }
}

pub(crate) fn folder_flags() -> OFlag {
    OFlag::O_RDONLY | OFlag::O_DIRECTORY
}

/// Opens `path`, which is absolute, following no symbolic link in any of its parts.
pub(crate) fn open_folder(path: &Path) -> Result<OwnedFd, Errno> {
    if !path.is_absolute() {
        return Err(Errno::EINVAL);
    }
    open_by(AT_FDCWD, path, folder_flags(), ResolveFlag::empty())
}

/// Opens what is in a folder of the store. It is one tree: a mount over a part of it hides who is enrolled there,
/// and one that is gone does too.
pub(crate) fn beneath(from: &File, path: &str, flags: OFlag) -> Result<OwnedFd, Errno> {
    open_beneath(from, Path::new(path), flags, ResolveFlag::RESOLVE_NO_XDEV)
}

pub(crate) fn open_beneath(
    from: impl AsFd,
    path: &Path,
    flags: OFlag,
    resolve: ResolveFlag,
) -> Result<OwnedFd, Errno> {
    open_by(from.as_fd(), path, flags, ResolveFlag::RESOLVE_BENEATH | resolve)
}

fn open_by(from: BorrowedFd<'_>, path: &Path, flags: OFlag, resolve: ResolveFlag) -> Result<OwnedFd, Errno> {
    // O_NONBLOCK: opening a FIFO must not hang a login.
    let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let how = OpenHow::new().flags(flags).resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | resolve);
    let opened = match openat2(from, path, how) {
        // Older kernels do not have the call, and sandboxes that do not know it answer like this.
        Err(Errno::ENOSYS | Errno::EPERM | Errno::E2BIG | Errno::EAGAIN) => {
            let opened = step_by_step(from, path, flags)?;
            // What can be told without the call: not a second mount of the same file system.
            let may_cross = !resolve.contains(ResolveFlag::RESOLVE_NO_XDEV);
            let stays = may_cross || fstat(&opened)?.st_dev == fstat(from)?.st_dev;
            if stays { Ok(opened) } else { Err(Errno::EXDEV) }
        }
        other => other.map_err(|errno| symlink_or(errno, from, path)),
    }?;
    above_stdio(opened)
}

fn step_by_step(from: BorrowedFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let mut parts = path.components().map(|part| Path::new(part.as_os_str())).peekable();
    let mut held: Option<OwnedFd> = None;
    while let Some(part) = parts.next() {
        let on_the_way = folder_flags() | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let flags = if parts.peek().is_some() { on_the_way } else { flags };
        let at = held.as_ref().map_or(from, AsFd::as_fd);
        let opened = openat(at, part, flags, Mode::empty()).map_err(|errno| symlink_or(errno, at, part))?;
        held = Some(opened);
    }
    held.ok_or(Errno::EINVAL)
}

/// O_DIRECTORY wins over O_NOFOLLOW in what a symbolic link is answered with; people should read which it is.
fn symlink_or(errno: Errno, at: BorrowedFd, path: &Path) -> Errno {
    let is_link = |stat: FileStat| kind(&stat) == SFlag::S_IFLNK;
    match errno {
        Errno::ENOTDIR if fstatat(at, path, AtFlags::AT_SYMLINK_NOFOLLOW).is_ok_and(is_link) => Errno::ELOOP,
        errno => errno,
    }
}

fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT
}

/// A host may have closed its standard streams; whatever it prints later must not land in our files.
/// `try_clone` takes the lowest free descriptor from 3 on.
pub(crate) fn above_stdio(opened: OwnedFd) -> Result<OwnedFd, Errno> {
    use std::os::fd::AsRawFd;
    if opened.as_raw_fd() > 2 {
        return Ok(opened);
    }
    opened.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)))
}

pub(crate) fn checked_folder(opened: OwnedFd, path: &Path) -> Result<File, StoreError> {
    let stat = fstat(&opened).map_err(|errno| failed(path, "look at", errno))?;
    let refused = |fault| Err(StoreError::Refused { path: path.into(), fault });
    if kind(&stat) != SFlag::S_IFDIR {
        return refused(Fault::NotAFolder);
    }
    match not_roots_alone(&stat) {
        Some(fault) => refused(fault),
        // Root looks into it all the same, and sees nobody enrolled: what systemd.exec(5) lays over a folder
        // that is to be inaccessible is an empty one of mode 000.
        None if stat.st_mode & 0o700 != 0o700 => refused(Fault::Masked),
        None => Ok(File::from(opened)),
    }
}

/// Why somebody else could have made, read or changed this.
fn not_roots_alone(stat: &FileStat) -> Option<Fault> {
    if stat.st_uid != geteuid().as_raw() {
        return Some(Fault::Owner);
    }
    (stat.st_mode & 0o077 != 0).then_some(Fault::Mode)
}

pub(crate) fn open_file(
    folder: &File,
    name: &str,
    path: &Path,
    flags: OFlag,
) -> Result<Option<(File, FileStat)>, StoreError> {
    let opened = match beneath(folder, name, flags) {
        Err(Errno::ENOENT) => return Ok(None),
        // A FIFO without a reader, a socket, a folder opened for writing.
        Err(Errno::ENXIO | Errno::EISDIR) => {
            return Err(StoreError::Refused { path: path.into(), fault: Fault::NotAFile });
        }
        other => other.map_err(|errno| failed(path, "open", errno))?,
    };
    let stat = fstat(&opened).map_err(|errno| failed(path, "look at", errno))?;
    let refused = |fault| Err(StoreError::Refused { path: path.into(), fault });
    if kind(&stat) != SFlag::S_IFREG {
        return refused(Fault::NotAFile);
    }
    if let Some(fault) = not_roots_alone(&stat) {
        return refused(fault);
    }
    if stat.st_nlink > 1 {
        return refused(Fault::Links);
    }
    if flags.contains(OFlag::O_RDWR) && stat.st_size != LEDGER_LEN as i64 {
        return refused(Fault::Size);
    }
    Ok(Some((File::from(opened), stat)))
}

pub(crate) fn read_all(
    file: &File,
    stat: &FileStat,
    path: &Path,
    limit: usize,
) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let length = usize::try_from(stat.st_size).unwrap_or(0);
    let too_large = || StoreError::Refused { path: path.into(), fault: Fault::TooLarge };
    if length > limit {
        return Err(too_large());
    }
    let mut bytes = Zeroizing::new(Vec::new());
    config::read_expected(file, length, &mut bytes).map_err(|error| io(path, "read", error))?;
    // These files are never written in place, so one that grew is not one of ours.
    if bytes.len() > length {
        return Err(too_large());
    }
    Ok(bytes)
}

pub(crate) fn create_file(folder: &File, name: &str, path: &Path, bytes: &[u8]) -> Result<File, StoreError> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    let opened = openat(folder, name, flags, mode).and_then(above_stdio);
    let mut file = File::from(opened.map_err(|errno| failed(path, "create", errno))?);
    // Whatever the umask took away.
    fchmod(&file, mode).map_err(|errno| failed(path, "create", errno))?;
    file.write_all(bytes).map_err(|error| io(path, "write", error))?;
    Ok(file)
}

pub(crate) fn names_in(folder: &File, path: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    each_name(folder, path, |name| names.push(name.to_owned()))?;
    Ok(names)
}

fn each_name(folder: &File, path: &Path, mut take: impl FnMut(&str)) -> Result<(), StoreError> {
    let read = |errno| failed(path, "list", errno);
    let mut folder = beneath(folder, ".", folder_flags()).and_then(Dir::from_fd).map_err(read)?;
    for entry in folder.iter() {
        let entry = entry.map_err(read)?;
        match entry.file_name().to_str() {
            Ok("." | "..") | Err(_) => {}
            Ok(name) => take(name),
        }
    }
    Ok(())
}

/// Pauses that grow and differ between processes, so that waiters do not march in step.
struct Jitter(u64);

impl Jitter {
    fn new() -> Self {
        Self(u64::from(std::process::id()) << 1 | 1)
    }

    fn next(&mut self) -> Duration {
        // xorshift64: chance enough to spread sleepers.
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Duration::from_micros(300 + self.0 % 3_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_openat2_paths_are_opened_and_refused_alike() {
        let temporary = tempfile::tempdir().unwrap();
        let root = temporary.path();
        std::fs::create_dir_all(root.join("a/b")).unwrap();
        std::fs::write(root.join("a/file"), "").unwrap();
        std::os::unix::fs::symlink("a", root.join("link")).unwrap();
        std::os::unix::fs::symlink("b", root.join("a/link")).unwrap();
        let from = File::open(root).unwrap();
        for (path, flags, answer) in [
            ("a", folder_flags(), Ok(())),
            ("a/b", folder_flags(), Ok(())),
            ("a/file", OFlag::O_RDWR, Ok(())),
            ("a/file", folder_flags(), Err(Errno::ENOTDIR)),
            ("a/file/b", folder_flags(), Err(Errno::ENOTDIR)),
            ("link", folder_flags(), Err(Errno::ELOOP)),
            ("link/b", folder_flags(), Err(Errno::ELOOP)),
            ("a/link", folder_flags(), Err(Errno::ELOOP)),
            ("a/link", OFlag::O_RDONLY, Err(Errno::ELOOP)),
            ("a/c", folder_flags(), Err(Errno::ENOENT)),
            ("c/b", folder_flags(), Err(Errno::ENOENT)),
        ] {
            let flags = flags | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
            assert_eq!(
                open_beneath(&from, Path::new(path), flags, ResolveFlag::empty()).map(drop),
                answer,
                "{path}"
            );
            assert_eq!(step_by_step(from.as_fd(), Path::new(path), flags).map(drop), answer, "{path}");
        }
    }
}
