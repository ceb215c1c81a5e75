//! The settings of pam_totp as types: past this crate nobody checks a value again.
//!
//! They live in `/etc/security/pam_totp.toml`, where PAM modules keep theirs. Every key is optional; an
//! unknown key or a bad value is refused with file, line and column, and then nobody is let in: a setting
//! that was misspelt is not a setting that was left out.
#![forbid(unsafe_code)]

mod checker;
mod comments;
mod error;
mod load;
#[cfg(any(test, fuzzing))]
pub mod properties;
pub mod rules;
mod settings;
pub mod table;
mod values;

pub use checker::Checker;
pub use error::ConfigError;
pub use load::{DEFAULT_PATH, load, load_where, parse, read_expected};
pub use settings::{
    Accept, BackupCodes, DaemonSettings, Login, NewTokens, RELEASED, SelfEnroll, Settings, StoreSettings,
    ThrottleSettings, Unenrolled,
};
pub use values::{PROMPT, is_prompt, parse_seconds};
