//! Accounts, as the system's name service knows them.

use crate::StoreError;
use nix::unistd::{Uid, User};
use std::fmt;

/// A name that may be asked of the name service: 1 to 255 bytes, no `/`, no control character, not `.` or
/// `..`. It is data, and never part of a path.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
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

/// A local account.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Account {
    /// Its name as the name service spells it, whatever spelling was asked for.
    pub name: String,
    /// Its uid: who it is.
    pub uid: u32,
}

/// The account of `name` (getpwnam_r(3)); `None` where the name service says that there is none.
pub fn lookup(name: &UserName) -> Result<Option<Account>, StoreError> {
    found(User::from_name(name.as_str()))
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
        Ok(name) => Ok(Some(Account { name: name.0, uid })),
        Err(error) => {
            let text = format!("of the account of uid {uid}, {error}");
            Err(StoreError::NameService(std::io::Error::new(std::io::ErrorKind::InvalidData, text)))
        }
    }
}

fn name_service(errno: nix::Error) -> StoreError {
    StoreError::NameService(errno.into())
}
