//! What can be wrong with the settings.

use std::fmt;
use std::path::PathBuf;

/// Settings that could not be read.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file is not there, although it was named.
    Missing(PathBuf),
    /// It could not be read.
    Io(PathBuf, std::io::Error),
    /// It is not a file that only root can have written.
    Unsafe(PathBuf, &'static str),
    /// Its text is wrong at a place.
    Text {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// The column in characters, from 1.
        column: usize,
        /// What is wrong, and what was expected.
        message: String,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{}: no such file", path.display()),
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Unsafe(path, fault) => write!(f, "{}: {fault}", path.display()),
            Self::Text { path, line, column, message } => {
                write!(f, "{}:{line}:{column}: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for ConfigError {}
