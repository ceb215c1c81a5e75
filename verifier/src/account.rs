//! Accounts, as the system's name service knows them.

use crate::{FoldedName, Owner, StoreError};
use nix::unistd::{Uid, User};
use std::fmt;

/// A name that may be asked of the name service: 1 to 255 bytes, no `/`, no control character, not `.` or
/// `..`. It is data, and never part of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct UserName(String);

/// Why text is no user name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NameError {
    /// Nothing.
    Empty,
    /// More than 255 bytes.
    TooLong,
    /// A character that no user name has.
    Character(char),
    /// `.` or `..`.
    Dots,
}

impl UserName {
    /// Checks `name`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        match name {
            "" => return Err(NameError::Empty),
            "." | ".." => return Err(NameError::Dots),
            _ if name.len() > 255 => return Err(NameError::TooLong),
            _ => {}
        }
        match name.chars().find(|c| c.is_control() || *c == '/') {
            Some(character) => Err(NameError::Character(character)),
            None => Ok(Self(name.to_owned())),
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "a user name is needed"),
            Self::TooLong => write!(f, "the user name is longer than 255 bytes"),
            Self::Character(c) => write!(f, "the user name contains {c:?}"),
            Self::Dots => write!(f, "\".\" and \"..\" are no user names"),
        }
    }
}

impl std::error::Error for NameError {}

/// Somebody of whom something may be kept: an account, or a name that has none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Account {
    /// Its name as the name service spells it, whatever spelling was asked for; without an account, folded.
    pub name: String,
    /// Who it is.
    pub owner: Owner,
}

impl Account {
    /// The account of this uid.
    pub fn local(name: impl Into<String>, uid: u32) -> Self {
        Self { name: name.into(), owner: Owner::Uid(uid) }
    }

    /// Somebody without an account.
    #[must_use]
    pub fn by_name(name: FoldedName) -> Self {
        Self { name: name.as_str().to_owned(), owner: Owner::Name(name) }
    }

    /// The uid; `None` for somebody without an account.
    #[must_use]
    pub fn uid(&self) -> Option<u32> {
        self.owner.uid()
    }
}

/// The account of `name` (getpwnam_r(3)); `None` where the name service says that there is none.
pub fn lookup(name: &UserName) -> Result<Option<Account>, StoreError> {
    found(User::from_name(name.as_str()))
}

/// Whom `name` means: the account of this name or, where the name service says that there is none, nor any of
/// the name's folded form, whoever may be enrolled by it. `None` where that cannot be anybody.
pub fn whose(name: &UserName) -> Result<Option<Account>, StoreError> {
    if let Some(account) = lookup(name)? {
        return Ok(Some(account));
    }
    let Some(folded) = FoldedName::of(name) else { return Ok(None) };
    // Another spelling of an account's name, which the name service tells apart: what was enrolled before there
    // was an account is not reached by it either.
    match folded.as_str() == name.as_str() || lookup(folded.as_user_name())?.is_none() {
        true => Ok(Some(Account::by_name(folded))),
        false => Ok(None),
    }
}

/// The account of `uid` (getpwuid_r(3)).
pub fn lookup_uid(uid: u32) -> Result<Option<Account>, StoreError> {
    found(User::from_uid(Uid::from_raw(uid)))
}

/// A directory may hold anything: a name that could not be asked for is not shown on a terminal either, nor
/// written to a log.
fn found(answer: nix::Result<Option<User>>) -> Result<Option<Account>, StoreError> {
    let Some(user) = answer.map_err(name_service)? else { return Ok(None) };
    let uid = user.uid.as_raw();
    match UserName::new(&user.name) {
        Ok(name) => Ok(Some(Account::local(name.0, uid))),
        Err(error) => {
            let text = format!("of the account of uid {uid}, {error}");
            Err(StoreError::NameService(std::io::Error::new(std::io::ErrorKind::InvalidData, text)))
        }
    }
}

fn name_service(errno: nix::Error) -> StoreError {
    StoreError::NameService(errno.into())
}
