//! What can go wrong with a code, and what to do about it.

use super::Size;
use std::path::PathBuf;
use std::{fmt, io};

/// Why there is no code, or not there. Never holds the URI.
#[derive(Debug)]
pub enum Error {
    /// The text is not a URI: those are ASCII, with everything else percent-encoded.
    NotAscii,
    /// No QR code holds this much.
    TooLong {
        /// Length of the URI.
        bytes: usize,
    },
    /// The terminal is smaller than the code and the line below it.
    TooBig {
        /// What the code takes.
        needs: Size,
        /// What the terminal has.
        has: Size,
    },
    /// A file of that name is there already, and is left alone.
    Exists(PathBuf),
    /// This user may not create that file.
    NotPermitted(PathBuf),
    /// The folder that the file should go to does not exist.
    NoFolder(PathBuf),
    /// Anything else that creating or writing the file met.
    Write(PathBuf, io::Error),
}

impl Error {
    pub(super) fn creating(path: PathBuf, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::Exists(path),
            io::ErrorKind::PermissionDenied => Self::NotPermitted(path),
            io::ErrorKind::NotFound => Self::NoFolder(path),
            _ => Self::Write(path, error),
        }
    }

    /// What helps, as a `hint:` line has it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NotAscii | Self::Write(..) => None,
            Self::TooLong { .. } => Some("use a shorter issuer or label"),
            Self::TooBig { .. } => Some("enlarge the window, or write a picture with --png FILE"),
            Self::Exists(_) => Some("give another name, or remove that file first"),
            Self::NotPermitted(_) => Some("give a name in a folder of your own"),
            Self::NoFolder(_) => Some("make the folder first, or give a name in another one"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAscii => write!(f, "the URI holds characters that are not percent-encoded"),
            Self::TooLong { bytes } => write!(f, "the URI is {bytes} bytes long: no QR code holds it"),
            Self::TooBig { needs, has } => write!(
                f,
                "the QR code needs {} columns and {} rows, this terminal has {} and {}",
                needs.columns, needs.rows, has.columns, has.rows
            ),
            Self::Exists(path) => write!(f, "{} exists already", path.display()),
            Self::NotPermitted(path) => write!(f, "no permission to create {}", path.display()),
            Self::NoFolder(path) => write!(f, "the folder of {} does not exist", path.display()),
            Self::Write(path, error) => write!(f, "cannot write {}: {error}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Write(_, error) => Some(error),
            _ => None,
        }
    }
}
