//! How much is measured.

/// What the command was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    /// Whether it works at all: seconds.
    Quick,
    /// Minutes.
    Usual,
    /// As far as a million people.
    Full,
}

impl Size {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "quick" => Self::Quick,
            "usual" => Self::Usual,
            "full" => Self::Full,
            other => panic!("{other:?} is none of quick, usual, full"),
        }
    }

    /// How many people are enrolled.
    pub(crate) fn users(self) -> &'static [usize] {
        match self {
            Self::Quick => &[1, 100],
            Self::Usual => &[1, 1_000, 100_000],
            Self::Full => &[1, 1_000, 100_000, 1_000_000],
        }
    }

    /// How often each login is timed, in either way. pam_oath reads and writes everybody at each login: of many,
    /// fewer will do.
    pub(crate) fn rounds(self, users: usize) -> usize {
        match self {
            Self::Quick => 10,
            _ if users > 100_000 => 100,
            _ => 300,
        }
    }

    /// How many logins each of several people makes who come at once.
    pub(crate) fn each(self) -> usize {
        if self == Self::Quick { 2 } else { 20 }
    }

    /// How many people are imported.
    pub(crate) fn moved(self) -> usize {
        if self == Self::Quick { 100 } else { 100_000 }
    }

    /// How many are enrolled one by one.
    pub(crate) fn enrolled(self) -> usize {
        if self == Self::Quick { 3 } else { 100 }
    }
}
