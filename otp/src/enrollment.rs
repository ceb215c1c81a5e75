//! What a person has been given: tokens, a set of backup codes, bypasses, scratch codes of an earlier module,
//! and what is told of changes.

use crate::{
    Announcement, BackupCode, BackupSet, Bypass, MAX_ANNOUNCEMENTS, MAX_BYPASSES, ScratchSet, Token,
    TokenName,
};
use std::fmt;

/// Most tokens that one person may hold.
pub const MAX_TOKENS: usize = 8;

/// One to eight tokens with distinct names, at most one set of backup codes, at most [`MAX_BYPASSES`] and
/// [`MAX_ANNOUNCEMENTS`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Enrollment {
    tokens: Vec<Token>,
    backup: Option<BackupSet>,
    bypasses: Vec<Bypass>,
    scratch: Option<ScratchSet>,
    pub(crate) announcements: Vec<Announcement>,
}

/// Why tokens make no [`Enrollment`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnrollmentError {
    /// No token at all.
    Empty,
    /// More than [`MAX_TOKENS`].
    TooMany(usize),
    /// Two tokens of one name.
    Twice(TokenName),
    /// More than [`MAX_BYPASSES`].
    Bypasses(usize),
    /// More than [`MAX_ANNOUNCEMENTS`].
    Announcements(usize),
}

impl Enrollment {
    /// An enrollment of these tokens; fails for none, more than eight, or two of one name.
    pub fn new(tokens: Vec<Token>, backup: Option<BackupSet>) -> Result<Self, EnrollmentError> {
        let (bypasses, announcements) = (Vec::new(), Vec::new());
        Self { tokens: Vec::new(), backup, bypasses, scratch: None, announcements }.with_tokens(tokens)
    }

    /// The same with these tokens; fails as [`Self::new`] does.
    pub fn with_tokens(self, tokens: Vec<Token>) -> Result<Self, EnrollmentError> {
        if tokens.is_empty() {
            return Err(EnrollmentError::Empty);
        }
        if tokens.len() > MAX_TOKENS {
            return Err(EnrollmentError::TooMany(tokens.len()));
        }
        for (index, token) in tokens.iter().enumerate() {
            if tokens.iter().skip(index + 1).any(|other| other.name == token.name) {
                return Err(EnrollmentError::Twice(token.name.clone()));
            }
        }
        Ok(Self { tokens, ..self })
    }

    /// The tokens, in the order in which they were enrolled.
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The token of this name.
    #[must_use]
    pub fn token(&self, name: &TokenName) -> Option<&Token> {
        self.tokens.iter().find(|token| token.name == *name)
    }

    /// The same with the token `old` named `new`, also where a change of it is still told: else anybody's
    /// code would acknowledge that. Fails where `new` is taken.
    pub fn with_name(mut self, old: &TokenName, new: &TokenName) -> Result<Self, EnrollmentError> {
        if self.token(new).is_some() {
            return Err(EnrollmentError::Twice(new.clone()));
        }
        if let Some(token) = self.tokens.iter_mut().find(|token| token.name == *old) {
            token.name = new.clone();
            for announcement in &mut self.announcements {
                announcement.change = announcement.change.clone().renamed(old, new);
            }
        }
        Ok(self)
    }

    /// The backup codes, if a set was made.
    #[must_use]
    pub fn backup(&self) -> Option<&BackupSet> {
        self.backup.as_ref()
    }

    /// The same tokens with another set of backup codes.
    #[must_use]
    pub fn with_backup(mut self, backup: Option<BackupSet>) -> Self {
        self.backup = backup;
        self
    }

    /// The bypasses, in the order in which they were issued.
    #[must_use]
    pub fn bypasses(&self) -> &[Bypass] {
        &self.bypasses
    }

    /// Whether `code` is one of the backup codes or a bypass, used or not.
    #[must_use]
    pub fn knows(&self, code: &BackupCode) -> bool {
        let is_backup = self.backup.as_ref().is_some_and(|set| set.position(code).is_some());
        self.bypasses.iter().fold(is_backup, |known, bypass| known | bypass.is(code))
    }

    /// The same tokens with these bypasses; fails for more than [`MAX_BYPASSES`].
    pub fn with_bypasses(mut self, bypasses: Vec<Bypass>) -> Result<Self, EnrollmentError> {
        if bypasses.len() > MAX_BYPASSES {
            return Err(EnrollmentError::Bypasses(bypasses.len()));
        }
        self.bypasses = bypasses;
        Ok(self)
    }

    /// The scratch codes of an earlier module, if there are any.
    #[must_use]
    pub fn scratch(&self) -> Option<&ScratchSet> {
        self.scratch.as_ref()
    }

    /// The same tokens with these scratch codes.
    #[must_use]
    pub fn with_scratch(mut self, scratch: Option<ScratchSet>) -> Self {
        self.scratch = scratch;
        self
    }

    /// What is told of changes, in the order in which they were made.
    #[must_use]
    pub fn announcements(&self) -> &[Announcement] {
        &self.announcements
    }

    /// The same tokens with these announcements; fails for more than [`MAX_ANNOUNCEMENTS`].
    pub fn with_announcements(mut self, announcements: Vec<Announcement>) -> Result<Self, EnrollmentError> {
        if announcements.len() > MAX_ANNOUNCEMENTS {
            return Err(EnrollmentError::Announcements(announcements.len()));
        }
        self.announcements = announcements;
        Ok(self)
    }
}

impl fmt::Display for EnrollmentError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => write!(f, "an enrollment needs at least one token"),
            Self::TooMany(count) => write!(f, "{count} tokens, at most {MAX_TOKENS} fit"),
            Self::Twice(name) => write!(f, "two tokens are named {name:?}", name = name.as_str()),
            Self::Bypasses(count) => write!(f, "{count} bypasses at a time, at most {MAX_BYPASSES} fit"),
            Self::Announcements(count) => {
                write!(f, "{count} announcements at a time, at most {MAX_ANNOUNCEMENTS} fit")
            }
        }
    }
}

impl std::error::Error for EnrollmentError {}
