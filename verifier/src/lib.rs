//! The side that checks (RFC 6238 calls it the verifier): the store with its locks and ledgers, and the one
//! interface through which module, command line and daemon enroll, judge and inspect.
//!
//! `FILEFORMAT.md` beside this crate describes what lies on disk, byte by byte.
#![forbid(unsafe_code)]

mod account;
mod adopting;
mod announcement;
mod authority;
mod bound;
mod bypass;
mod circumstances;
mod disk;
mod enrolling;
mod error;
mod forgotten;
mod format;
mod frame;
mod id;
mod importing;
mod init;
mod invitation;
mod json;
mod local;
pub mod log_line;
mod owner;
mod pause;
mod person;
#[cfg(any(test, fuzzing))]
pub mod properties;
mod record;
mod record_toml;
mod remembered;
mod remote;
mod restoring;
mod session;
mod slots;
mod stack;
mod store;
mod suspension;
mod verifier;
pub mod wire;

pub use account::{Account, NameError, UserName, lookup, lookup_uid, whose};
pub use adopting::before_account;
pub use authority::{Authority, By, Objection};
pub use bound::Bound;
pub use circumstances::Circumstances;
pub use disk::{Disk, OsDisk};
pub use error::{Fault, StoreError, Trouble};
pub use format::{Format, VERSION as FORMAT_VERSION};
pub use frame::{FrameError, Receiver, transmit};
pub use id::Id;
pub use init::{Initialized, init};
pub use local::{Clock, Local, Random, short_key, vet};
pub use owner::{FoldedName, Owner};
pub use pause::Pause;
pub use person::{
    Change, Current, Judge, NEWCOMERS, Person, change, enroll_all, login, read, record, remove,
};
pub use record::{Holder, Record, State};
pub use remembered::Remembered;
pub use remote::Remote;
pub use session::Session;
pub use slots::{LEDGER_LEN, Read, SLOT_LEN, Slot, Slots};
pub use stack::{below, wipe_stack};
pub use store::{FileStore, Store};
pub use suspension::{NewSuspension, Suspension, SuspensionStatus};
pub use verifier::{
    AnnouncementStatus, BackupSheet, Brought, BypassStatus, Enrolled, Import, Imported, InvitationStatus,
    Issued, Made, NewBypass, NewInvitation, NewToken, Origin, Outcome, Refusal, Standing, Status,
    TokenStatus, Verifier, Waiting,
};
