//! What can go wrong with the store. Every one of these denies; none is ever "not enrolled".

use crate::Id;
use crate::format::{NEXT, VERSION};
use nix::errno::Errno;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the store gave no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// There is no `FORMAT`: not our store, or not mounted.
    NotAStore(PathBuf),
    /// The store's id is not the one that the settings pin.
    OtherStore {
        /// The store's folder.
        path: PathBuf,
        /// The id in its `FORMAT`.
        found: Id,
    },
    /// There is no store, and the settings pin the id of one: it is somewhere else.
    PinnedMissing {
        /// The store's folder.
        path: PathBuf,
        /// The id that `[store] id` names.
        id: String,
    },
    /// A format beyond the next, or the next one in what this version does not understand of it.
    OtherFormat {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A change to a store of the next format, which this version only reads and records logins in.
    NextFormat {
        /// The store's folder.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A file or folder that somebody else could have made or changed.
    Refused {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong with it.
        fault: Fault,
    },
    /// The system refused.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        doing: &'static str,
        /// Its answer.
        error: io::Error,
    },
    /// An enrollment whose text cannot be read. Nothing of the text is quoted: it holds secrets.
    Damaged {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 where none can be named.
        line: usize,
    },
    /// An enrollment without its ledger.
    LedgerMissing(PathBuf),
    /// A ledger of which neither slot can be read.
    LedgerDamaged(PathBuf),
    /// One slot of the ledger could not be read: every step was raised, so that nothing which the lost
    /// record spent works again. The next code is judged as always.
    LedgerRepaired(PathBuf),
    /// Somebody else held the person's lock until the deadline.
    Busy(PathBuf),
    /// The enrollment is no longer the one that the change started from.
    Changed,
    /// The account of the enrollment is no longer the account of this uid.
    Renamed {
        /// The account as enrolled.
        account: String,
        /// The uid.
        uid: u32,
    },
    /// Nothing is enrolled for this account, but somebody without an account was enrolled under its name.
    BeforeAccount {
        /// The name.
        name: String,
        /// The account's uid.
        uid: u32,
    },
    /// The change is done, but the disk did not confirm it: a power cut now may undo it.
    Unconfirmed {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The name service gave no answer.
    NameService(io::Error),
    /// A folder that is to be a mount point, with nothing mounted there.
    NotMounted {
        /// The mount point.
        path: PathBuf,
        /// Where it is named.
        named_by: PathBuf,
    },
    /// A file system on which the store's promises do not hold.
    FileSystem {
        /// The folder.
        path: PathBuf,
        /// The file system.
        name: &'static str,
    },
    /// The source of randomness gave nothing.
    Random(io::Error),
    /// enrolld gave no answer, or would not.
    Daemon {
        /// The socket.
        socket: PathBuf,
        /// What is wrong.
        trouble: Trouble,
    },
    /// The files are as a sandbox may show them to root, and enrolld gave no answer either.
    Sandbox {
        /// The store's folder.
        store: PathBuf,
        /// What is wrong with the files.
        files: Box<StoreError>,
        /// Why enrolld gave no answer.
        daemon: Box<StoreError>,
    },
}

/// Why enrolld gave no answer.
#[derive(Debug)]
pub enum Trouble {
    /// It cannot be reached.
    Absent(io::Error),
    /// Whoever listens there is not root.
    NotRoot(u32),
    /// It took too long.
    Slow,
    /// It hung up before it had answered.
    Closed,
    /// What it said is no answer.
    Nonsense,
    /// It will not tell this caller.
    NotAllowed,
    /// It could not tell.
    Unavailable,
    /// It does not do this for anybody: only root does, with the files.
    RootOnly,
}

/// What is wrong with a file or a folder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A symbolic link in its path.
    Symlink,
    /// Not a regular file.
    NotAFile,
    /// Not a folder.
    NotAFolder,
    /// Another owner than root (in a test: than the caller).
    Owner,
    /// Readable or writable by group or others.
    Mode,
    /// A folder that not even its owner may use.
    Masked,
    /// A mount within the store.
    Mount,
    /// More than one name.
    Links,
    /// Larger than any such file can be.
    TooLarge,
    /// Not of the size that a ledger has.
    Size,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Symlink => "a symbolic link is not followed",
            Self::NotAFile => "not a regular file",
            Self::NotAFolder => "not a folder",
            Self::Owner => "not owned by root",
            Self::Mode => "open to group or others (expected mode 0600, folders 0700)",
            Self::Mount => "a mount of its own within the store: is it masked by a sandbox?",
            Self::Masked => "closed to root too (expected mode 0700): is it masked by a sandbox?",
            Self::Links => "has more than one hard link",
            Self::TooLarge => "too large",
            Self::Size => "not 8192 bytes long",
        })
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent(error) => write!(f, "enrolld cannot be reached: {error}"),
            Self::NotRoot(uid) => write!(f, "not root but uid {uid} listens here"),
            Self::Slow => write!(f, "enrolld did not answer in time"),
            Self::Closed => write!(f, "enrolld hung up before it had answered"),
            Self::Nonsense => write!(f, "what enrolld said is no answer"),
            Self::NotAllowed => write!(f, "enrolld does not answer this caller about this account"),
            Self::Unavailable => write!(f, "enrolld has no answer; its line in the system's log says why"),
            Self::RootOnly => write!(f, "only root may do this"),
        }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAStore(path) => {
                write!(f, "{}: no FORMAT file: not our store, or not mounted", path.display())
            }
            Self::OtherStore { path, found } => {
                write!(f, "{}: this is store {found}, not the one that [store] id names", path.display())
            }
            Self::PinnedMissing { path, id } => {
                write!(f, "{}: [store] id names store {id}, and no store is here", path.display())
            }
            Self::OtherFormat { path, found: NEXT } => {
                write!(f, "{}: format {NEXT} says what this version does not understand", path.display())
            }
            Self::OtherFormat { path, found } => write!(
                f,
                "{}: format {found} is too new: this version reads {VERSION} and {NEXT}",
                path.display()
            ),
            Self::NextFormat { path, found } => write!(
                f,
                "{}: format {found}: this version judges codes there, and changes only format {VERSION}",
                path.display()
            ),
            Self::Refused { path, fault } => write!(f, "{}: {fault}", path.display()),
            Self::Io { path, doing, error } => write!(f, "{}: {doing}: {error}", path.display()),
            Self::Damaged { path, line: 0 } => write!(f, "{}: cannot be read", path.display()),
            Self::Damaged { path, line } => write!(f, "{}:{line}: cannot be read", path.display()),
            Self::LedgerMissing(path) => write!(f, "{}: the ledger is missing", path.display()),
            Self::LedgerDamaged(path) => write!(f, "{}: the ledger is damaged", path.display()),
            Self::LedgerRepaired(path) => write!(
                f,
                "{}: half of the ledger was damaged; all steps were raised, the next code is judged",
                path.display()
            ),
            Self::Busy(path) => write!(f, "{}: locked by another process for too long", path.display()),
            Self::Changed => write!(f, "the enrollment was changed by somebody else meanwhile"),
            Self::Renamed { account, uid } => {
                write!(f, "uid {uid} was enrolled as {account:?}, which is no longer its account")
            }
            Self::BeforeAccount { name, uid } => {
                write!(f, "{name:?} was enrolled without an account, and is one by now (uid {uid})")
            }
            Self::Unconfirmed { path, error } => {
                write!(f, "{}: done, but not confirmed by the disk: {error}", path.display())
            }
            Self::NameService(error) => write!(f, "the name service does not answer: {error}"),
            Self::NotMounted { path, named_by } => write!(
                f,
                "{}: {} names it as a mount point, and nothing is mounted there",
                path.display(),
                named_by.display()
            ),
            Self::FileSystem { path, name } => {
                write!(f, "{}: the store's promises do not hold on {name}", path.display())
            }
            Self::Random(error) => write!(f, "no randomness from the system: {error}"),
            Self::Daemon { trouble: Trouble::RootOnly, .. } => Trouble::RootOnly.fmt(f),
            Self::Daemon { socket, trouble } => write!(f, "{}: {trouble}", socket.display()),
            Self::Sandbox { files, daemon, .. } => write!(f, "{files}; {daemon}"),
        }
    }
}

impl StoreError {
    /// Whether this is what a sandbox may make of a store that is as it should be, for a process of root's.
    ///
    /// systemd.exec(5) shows it read-only (`ProtectSystem=strict`: EROFS), as an empty folder of mode 000
    /// (`InaccessiblePaths=`; EACCES without CAP_DAC_OVERRIDE), of mode 0755
    /// (`TemporaryFileSystem=`), or as none; a security module answers EACCES or EPERM. In none of these was
    /// anything recorded. Whoever is outside may be asked then, whatever the reason is: where the store is
    /// really gone it denies too.
    #[must_use]
    pub fn may_be_a_sandbox(&self) -> bool {
        match self {
            Self::NotAStore(_) | Self::Refused { fault: Fault::Mode | Fault::Masked | Fault::Mount, .. } => {
                true
            }
            Self::Io { error, .. } => matches!(
                error.raw_os_error().map(Errno::from_raw),
                Some(Errno::EROFS | Errno::EACCES | Errno::EPERM)
            ),
            _ => false,
        }
    }

    /// Whether a limit may have led to this which whoever called a set-uid program has set (`ulimit -n`, `-v`; above
    /// the first fcntl(2) duplicates no descriptor and says EINVAL), whatever the store is like.
    #[must_use]
    pub fn may_be_the_callers_doing(&self) -> bool {
        match self {
            Self::Io { error, .. }
            | Self::NameService(error)
            | Self::Daemon { trouble: Trouble::Absent(error), .. } => matches!(
                error.raw_os_error().map(Errno::from_raw),
                Some(Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM | Errno::EINVAL)
            ),
            _ => false,
        }
    }

    /// Whether a change that ended so may be made all the same: the disk, or the daemon, has not said.
    #[must_use]
    pub fn may_be_done(&self) -> bool {
        use io::ErrorKind::{ConnectionRefused, NotFound, PermissionDenied};
        match self {
            Self::Unconfirmed { .. } => true,
            Self::Daemon { trouble: Trouble::Absent(error), .. } => {
                !matches!(error.kind(), ConnectionRefused | NotFound | PermissionDenied)
            }
            Self::Daemon { trouble: Trouble::Closed | Trouble::Nonsense | Trouble::Slow, .. } => true,
            _ => false,
        }
    }

    /// What an administrator can do about it, where one step helps.
    #[must_use]
    pub fn hint(&self, user: &str) -> Option<String> {
        match self {
            Self::NotAStore(_) => Some("mount the store, or create it once with: totpctl init".into()),
            Self::PinnedMissing { .. } => {
                Some("mount that store; to make a new one, take the id out of the settings first".into())
            }
            Self::LedgerMissing(_) | Self::LedgerDamaged(_) | Self::Refused { fault: Fault::Size, .. } => {
                Some(format!("repair it with: totpctl unlock {user}"))
            }
            Self::Refused { fault: Fault::Symlink, .. } => Some(
                "see who made it; mount --bind the folder in its place, or name it in [store] directory"
                    .into(),
            ),
            Self::Renamed { .. } => Some(format!(
                "if this is the same person: totpctl adopt {user}; if not: totpctl revoke {user}"
            )),
            Self::BeforeAccount { name, .. } => Some(format!(
                "if this is the same person: totpctl adopt {name}; if not: totpctl revoke --no-account {name}"
            )),
            Self::Changed => Some("look at the present state and try again".into()),
            Self::Io { error, .. } if error.kind() == io::ErrorKind::PermissionDenied => {
                Some("only root reads and writes the store".into())
            }
            Self::NotMounted { .. } => Some("mount it first".into()),
            Self::OtherFormat { .. } | Self::NextFormat { .. } => Some(
                "a newer version wrote it: install that, and restart what still runs the former module"
                    .into(),
            ),
            Self::Daemon { trouble: Trouble::Absent(_), .. } => {
                Some("is it running? systemctl enable --now enrolld.socket".into())
            }
            Self::Daemon { trouble: Trouble::RootOnly, .. } => {
                Some("ask an administrator, or use sudo".into())
            }
            Self::Sandbox { store, files, .. } => {
                let unit = format!("ReadWritePaths={} in a drop-in of its unit", store.display());
                Some(match **files {
                    Self::NotAStore(_) => format!("mount the store, or totpctl init; in a sandbox: {unit}"),
                    _ => format!("in a sandbox: {unit}"),
                })
            }
            _ => None,
        }
    }
}

impl std::error::Error for StoreError {}
