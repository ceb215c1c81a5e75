//! Whether logins are paused, as every verb says it that looks at people or doors.

use crate::clock;
use crate::words::rfc3339;
use nix::unistd::geteuid;
use serde::Serialize;
use verifier::{Pause, StoreError};

/// The pause that holds. Root alone can say: for everybody else there is none.
pub(crate) fn current() -> Result<Option<Pause>, StoreError> {
    if geteuid().is_root() { Pause::current(clock::now()) } else { Ok(None) }
}

/// A line on it, or on what lies there and is none; empty where there is nothing to say.
pub(crate) fn warning() -> String {
    match current() {
        Ok(Some(pause)) => format!("warning: {}\n", words(&pause)),
        Ok(None) => String::new(),
        Err(error) => format!("warning: {}\n", refused(&error)),
    }
}

/// What a pause means.
pub(crate) fn words(pause: &Pause) -> String {
    format!("nobody is asked for a code: {pause}")
}

/// That something is none.
pub(crate) fn refused(error: &StoreError) -> String {
    format!("this is no pause, and codes are asked for: {error}")
}

/// A pause, for scripts.
#[derive(Clone, Serialize)]
pub(crate) struct PauseReport {
    since: String,
    until: String,
    reason: String,
    by: Option<u32>,
}

impl PauseReport {
    pub(crate) fn current() -> Option<Self> {
        current().ok().flatten().as_ref().map(Self::from)
    }
}

impl From<&Pause> for PauseReport {
    fn from(pause: &Pause) -> Self {
        Self {
            since: rfc3339(pause.since),
            until: rfc3339(pause.until),
            reason: pause.reason.to_string(),
            by: pause.by,
        }
    }
}
