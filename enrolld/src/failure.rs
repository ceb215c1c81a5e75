//! What a verb says when it did not do what it was asked to: what failed, and what helps.

use std::fmt;
use verifier::{Refusal, StoreError};

/// Something that failed, for the person at the terminal. Never holds a secret or a code.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    what: String,
    hints: Vec<String>,
}

impl Failure {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), hints: Vec::new() }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    pub(crate) fn hints(self, hints: impl IntoIterator<Item = String>) -> Self {
        hints.into_iter().fold(self, Self::hint)
    }

    /// The same, beginning with whom it is about.
    pub(crate) fn about(self, user: &str) -> Self {
        Self { what: format!("{user}: {}", self.what), ..self }
    }

    /// What failed, without what helps.
    pub(crate) fn what(&self) -> &str {
        &self.what
    }

    /// The store's answer about `user`.
    pub(crate) fn store(error: &StoreError, user: &str) -> Self {
        let own = match error {
            StoreError::Damaged { .. } => Some(
                "put it back from a backup; or, as root, move the file away, after which the person is \
                 not enrolled"
                    .to_owned(),
            ),
            _ => None,
        };
        Self::new(error.to_string()).hints(error.hint(user)).hints(own)
    }

    /// Why a change to `user` was not made.
    pub(crate) fn refusal(refusal: &Refusal, user: &str) -> Self {
        match refusal {
            Refusal::Store(error) => {
                let done = || format!("it may be done all the same: totpctl status {user}");
                Self::store(error, user).hints(error.may_be_done().then(done))
            }
            Refusal::NoBypass => Self::new(format!("{user} has no bypass")),
            Refusal::AlreadyEnrolled | Refusal::NotEnrolled => Self::new(format!("{user} is {refusal}")),
            Refusal::NoToken => Self::new(format!("{user} has no such token")),
            Refusal::LastToken => Self::new(format!("this is the only token of {user}"))
                .hint(format!("one in its place: totpctl enroll --replace {user}"))
                .hint(format!("none at all, as root: totpctl revoke {user}")),
            Refusal::Revoked => Self::new(format!("the enrollment of {user} was revoked"))
                .hint("an import brings it back with --revive"),
            Refusal::CounterLost => Self::new(refusal.to_string()).hint(format!("totpctl enroll {user}")),
            Refusal::Suspended => Self::new(format!("{user} is suspended"))
                .hint(format!("root ends that: totpctl resume {user}")),
            Refusal::NotSuspended => Self::new(format!("{user} is {refusal}")),
            Refusal::RootEnrolls => Self::new(refusal.to_string()).hint("ask an administrator"),
            Refusal::NotConfirmed(_) | Refusal::Tokens(_) | Refusal::Unauthorised(_) => {
                Self::new(refusal.to_string())
            }
        }
    }
}

/// About nobody in particular.
impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::store(&error, "USER")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "totpctl: {}", self.what)?;
        self.hints.iter().try_for_each(|hint| write!(f, "\nhint: {hint}"))
    }
}
