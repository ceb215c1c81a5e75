//! Announcements: a change of tokens is told at every login for a while, so that nobody's malware enrolls a
//! token unseen. They end after a week, or with a login by the very token that they are about.

use crate::{Enrollment, Ledger, Life, Origin, Time, TokenName, calendar};
use std::fmt;

/// Most announcements that one person may hold at a time: the ledger has a bit for each.
pub const MAX_ANNOUNCEMENTS: usize = 8;

/// One change of what a person holds, and how long it is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Announcement {
    /// What was changed.
    pub change: Announced,
    /// When, and until when it is told.
    pub life: Life,
    /// Whether root did it, and not the person.
    pub by_root: bool,
}

/// What was changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Announced {
    /// The first token was enrolled.
    Enrolled {
        /// Its name.
        token: TokenName,
    },
    /// A token took the place of all that there was.
    Replaced {
        /// Its name.
        token: TokenName,
    },
    /// A token joined what there was.
    Added {
        /// Its name.
        token: TokenName,
    },
    /// A token was taken away.
    Removed {
        /// Its name.
        token: TokenName,
    },
    /// The backup codes were replaced or taken away.
    BackupCodes,
}

/// What somebody is told of an announcement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Notice {
    /// What was changed.
    pub change: Announced,
    /// When, by the clock of that moment.
    pub at: Time,
    /// Whether root did it.
    pub by_root: bool,
}

impl Announcement {
    /// How long a change is told, in seconds.
    pub const LASTS: u64 = 7 * 86_400;

    /// An announcement of `change`, made at `now` where `latest` is on record.
    #[must_use]
    pub fn new(change: Announced, by_root: bool, now: Time, latest: Time) -> Self {
        Self { change, life: Life::new(now, latest, Self::LASTS), by_root }
    }

    /// What is told.
    #[must_use]
    pub fn notice(&self) -> Notice {
        Notice { change: self.change.clone(), at: self.life.issued, by_root: self.by_root }
    }
}

impl Announced {
    /// `enrolled`, `replaced`, `added`, `removed` or `backup-codes`: as files and messages spell it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Enrolled { .. } => "enrolled",
            Self::Replaced { .. } => "replaced",
            Self::Added { .. } => "added",
            Self::Removed { .. } => "removed",
            Self::BackupCodes => "backup-codes",
        }
    }

    /// The change of this name; `None` for another name, a token too many or one too few.
    #[must_use]
    pub fn of(name: &str, token: Option<TokenName>) -> Option<Self> {
        Some(match (name, token) {
            ("enrolled", Some(token)) => Self::Enrolled { token },
            ("replaced", Some(token)) => Self::Replaced { token },
            ("added", Some(token)) => Self::Added { token },
            ("removed", Some(token)) => Self::Removed { token },
            ("backup-codes", None) => Self::BackupCodes,
            _ => return None,
        })
    }

    /// The token that was changed.
    #[must_use]
    pub fn token(&self) -> Option<&TokenName> {
        match self {
            Self::Enrolled { token }
            | Self::Replaced { token }
            | Self::Added { token }
            | Self::Removed { token } => Some(token),
            Self::BackupCodes => None,
        }
    }

    /// The same of a token that is named `new` and no longer `old`.
    pub(crate) fn renamed(self, old: &TokenName, new: &TokenName) -> Self {
        let token = self.token().filter(|token| *token == old).map(|_| new.clone());
        token.and_then(|token| Self::of(self.name(), Some(token))).unwrap_or(self)
    }

    /// The token whose code acknowledges this; `None` where one of any token does, since the change left no
    /// token behind.
    fn asks_for(&self, enrollment: &Enrollment) -> Option<&TokenName> {
        match self {
            Self::Enrolled { token } | Self::Replaced { token } | Self::Added { token } => {
                enrollment.token(token).map(|_| token)
            }
            Self::Removed { .. } | Self::BackupCodes => None,
        }
    }
}

impl Enrollment {
    /// This enrollment with what is `new` announced, beside what `previous` announces and nobody has acknowledged
    /// yet. Only a first enrollment by root is not told: it changes nothing for anybody.
    ///
    /// What is told of something that opens has precedence where there is no more room: whoever added a token or
    /// drew backup codes cannot push that out by further changes.
    #[must_use]
    pub fn announcing(
        mut self,
        new: impl IntoIterator<Item = Announcement>,
        previous: Option<(&Enrollment, &Ledger)>,
        now: Time,
    ) -> Self {
        let mut kept: Vec<_> = previous
            .map_or(Vec::new(), |(enrollment, ledger)| ledger.announced(enrollment, now).cloned().collect());
        for mut new in new {
            if new.by_root && matches!(new.change, Announced::Enrolled { .. }) {
                continue;
            }
            // Two changes within a second are two: an acknowledgement of the one is none of the other.
            while previous.is_some_and(|(enrollment, _)| enrollment.announcements().contains(&new)) {
                new.life.expires = new.life.expires.after(1);
            }
            kept.push(new);
            if kept.len() > MAX_ANNOUNCEMENTS {
                let opens_nothing = |place: &usize| !self.opens_by(&kept, *place);
                kept.remove((0..kept.len()).find(opens_nothing).unwrap_or(0));
            }
        }
        self.announcements = kept;
        self
    }

    /// Whether what is told at `place` is the last that is told of a token or of backup codes that still open.
    fn opens_by(&self, told: &[Announcement], place: usize) -> bool {
        let Some((this, later)) = told.get(place..).and_then(<[_]>::split_first) else { return false };
        match &this.change {
            Announced::Removed { .. } => false,
            Announced::BackupCodes => !later.iter().any(|told| told.change == Announced::BackupCodes),
            Announced::Enrolled { token } | Announced::Replaced { token } | Announced::Added { token } => {
                self.token(token).is_some() && !later.iter().any(|told| told.change.token() == Some(token))
            }
        }
    }
}

impl Ledger {
    /// Whether the announcement at `place` was acknowledged.
    #[must_use]
    pub fn is_acknowledged(&self, place: usize) -> bool {
        place < MAX_ANNOUNCEMENTS && self.acknowledged >> place & 1 == 1
    }

    /// What is to be told at `now`: neither over, by this clock or the latest time on record, nor acknowledged.
    pub fn announced<'a>(
        &self,
        enrollment: &'a Enrollment,
        now: Time,
    ) -> impl Iterator<Item = &'a Announcement> + use<'a> {
        let (latest, acknowledged) = (self.latest, self.acknowledged);
        let placed = enrollment.announcements().iter().enumerate();
        placed
            .filter(move |(place, told)| acknowledged >> place & 1 == 0 && !told.life.is_over(latest, now))
            .map(|(_, told)| told)
    }

    /// Takes a login with a code of `token` for an acknowledgement of what is told of it. Not so where the
    /// account itself calls, for that may be the very program that made the change; nor where it may be the
    /// account behind somebody else: polkit's helper as root, a service that asks for whoever connects.
    pub(crate) fn acknowledge(&mut self, enrollment: &Enrollment, token: &TokenName, origin: Origin) {
        match origin {
            Origin::Owner | Origin::Others | Origin::Service => return,
            Origin::Console | Origin::Network(_) | Origin::Stranger => {}
        }
        for (place, told) in enrollment.announcements().iter().enumerate() {
            if told.change.asks_for(enrollment).is_none_or(|asked| asked == token) {
                self.acknowledged |= 1 << place;
            }
        }
    }

    /// What is acknowledged of the announcements of `next`, as far as `previous` has them too.
    pub(crate) fn carried_acknowledged(&self, previous: &Enrollment, next: &Enrollment) -> u8 {
        let is_acknowledged = |told: &Announcement| {
            let place = previous.announcements().iter().position(|old| old == told);
            place.is_some_and(|place| self.is_acknowledged(place))
        };
        let placed = next.announcements().iter().enumerate().filter(|(_, told)| is_acknowledged(told));
        placed.map(|(place, _)| 1 << place).sum()
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.change {
            Announced::Enrolled { token } => write!(f, "Token {token} was enrolled")?,
            Announced::Replaced { token } => write!(f, "Token {token} replaced all that was enrolled")?,
            Announced::Added { token } => write!(f, "Token {token} was added")?,
            Announced::Removed { token } => write!(f, "Token {token} was removed")?,
            Announced::BackupCodes => write!(f, "The backup codes were changed")?,
        }
        write!(f, " on {}", calendar::minute(self.at))?;
        if self.by_root { write!(f, " by an administrator.") } else { write!(f, ".") }
    }
}
