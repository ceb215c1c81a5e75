//! The one interface through which module, command line and daemon enroll, judge and inspect: answered in
//! this process from the files ([`crate::Local`]), or by asking the daemon ([`crate::Remote`]).

use crate::{
    Account, Authority, By, Holder, Id, NewSuspension, Objection, Owner, StoreError, SuspensionStatus,
};
use otp::{
    BackupCode, Code, Lane, Network, Notice, Reason, Tail, Time, Token, TokenName, TokenState, Typed, Uses,
    Verdict,
};
use std::fmt;

/// Where an attempt comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Proven local, and the caller is root: login(1), a greeter, su from root.
    Console,
    /// Proven local, and the caller is the account itself: su to oneself, sudo, a screen locker.
    Owner,
    /// Another account of this machine.
    Others,
    /// A network that can be learned.
    Network(Network),
    /// A service without privilege that may ask about everybody.
    Service,
    /// All else.
    Stranger,
}

/// The answer to an attempt.
#[derive(Debug)]
pub enum Outcome {
    /// It was judged.
    Judged(Verdict),
    /// Nobody is enrolled under this account.
    NotEnrolled,
    /// Nothing of this account's is accepted since this instant, so it was not judged.
    Suspended(Time),
    /// It could not be judged: denied.
    Unavailable(StoreError),
}

/// Whether a login needs a code at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Standing {
    /// There is an enrollment.
    Enrolled,
    /// There is none, or it was revoked.
    NotEnrolled,
    /// Enrolled or not: nothing is accepted, and nothing exempts.
    Suspended,
}

/// How a new token joins what there is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enrolled {
    /// The first: fails where something is enrolled.
    First,
    /// In place of all that is enrolled.
    Replace,
    /// Beside what is enrolled.
    Add,
}

/// A token to be enrolled.
pub struct NewToken<'a> {
    /// The id of the enrollment that this started from; `None` if there was none.
    pub from: Option<Id>,
    /// How it joins what there is.
    pub how: Enrolled,
    /// The token.
    pub token: &'a Token,
    /// A code of this token: it is spent by confirming. `None` enrolls without confirmation.
    pub confirm: Option<&'a Typed>,
    /// On whose word.
    pub authority: Authority<'a>,
    /// The codes of a new set of backup codes; none keeps the present set ([`Enrolled::Add`]) or makes none.
    pub backup: &'a [BackupCode],
}

/// What goes on the sheet of backup codes beside the codes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct BackupSheet {
    /// Which set it is.
    pub number: u32,
    /// When it was made.
    pub created: Time,
}

/// A change that was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Made {
    /// What goes on the sheet of a new set of backup codes, if one was made.
    pub sheet: Option<BackupSheet>,
    /// What it was made with.
    pub by: By,
}

/// What somebody brings along from an earlier module.
pub struct Import<'a> {
    /// The tokens; of those with one key the first.
    pub tokens: &'a [Brought],
    /// The scratch codes that are left there; `None` where that module has none.
    pub scratch: Option<&'a [Code]>,
    /// Beside what is enrolled.
    pub add: bool,
    /// Also for somebody whose enrollment was revoked.
    pub revive: bool,
    /// Say what would be done, and do nothing.
    pub rehearse: bool,
}

/// A token as an earlier module knew it.
#[derive(Clone, Debug)]
pub struct Brought {
    /// The token.
    pub token: Token,
    /// What is known to be used of it.
    pub state: TokenState,
    /// Where the earlier module does not tell what was used: the least step that it cannot have been. It
    /// counts for a key that is new here.
    pub floor: u64,
}

/// What came of an import.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Imported {
    /// The person is enrolled.
    Enrolled {
        /// With how many scratch codes.
        scratch: usize,
    },
    /// Tokens were added to what was enrolled.
    Added {
        /// How many.
        tokens: usize,
    },
    /// All of it was here; codes that were used elsewhere since are used here now.
    Advanced,
    /// All of it was here, and nothing was changed.
    Already,
}

/// An invitation to be issued.
pub struct NewInvitation<'a> {
    /// Its code.
    pub code: &'a BackupCode,
    /// How long it is good, in seconds, at most [`otp::Invitation::LONGEST`].
    pub lasts: u64,
}

/// What is known of an invitation. Nothing secret.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvitationStatus {
    /// From when on it is good for nothing.
    pub expires: Time,
    /// Whether that is past.
    pub expired: bool,
}

/// A bypass to be issued.
pub struct NewBypass<'a> {
    /// Its code.
    pub code: &'a BackupCode,
    /// How long it opens, in seconds, at most [`otp::Bypass::LONGEST`].
    pub lasts: u64,
    /// How many logins it opens.
    pub uses: Uses,
    /// Why.
    pub reason: &'a Reason,
}

/// A bypass that was issued.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Issued {
    /// What is known of it.
    pub bypass: BypassStatus,
    /// Those that had expired unused, and made room.
    pub expired: Vec<BypassStatus>,
}

/// Why a change was not made.
#[derive(Debug)]
pub enum Refusal {
    /// The store gave no answer, or refused.
    Store(StoreError),
    /// Something is enrolled already.
    AlreadyEnrolled,
    /// Nothing is enrolled.
    NotEnrolled,
    /// The confirming code was not a code of the new token.
    NotConfirmed(Verdict),
    /// The tokens make no enrollment: too many, or two of one name.
    Tokens(otp::EnrollmentError),
    /// Nobody has a bypass to take away.
    NoBypass,
    /// No token has this name.
    NoToken,
    /// It is the only token.
    LastToken,
    /// The code that is to authorise the change does not.
    Unauthorised(Objection),
    /// The settings let nobody enroll by themselves.
    RootEnrolls,
    /// What was enrolled was taken away, and an import does not bring it back by itself.
    Revoked,
    /// An event token of somebody who was enrolled before: nobody knows any more which of its counters were
    /// used here.
    CounterLost,
    /// Nothing that this person holds is accepted for a while.
    Suspended,
    /// It is.
    NotSuspended,
}

/// What is known of one person.
#[derive(Clone, Debug)]
pub struct Status {
    /// The enrollment's id: what a change starts from.
    pub id: Id,
    /// The account it was enrolled for.
    pub account: String,
    /// Whose it is.
    pub owner: Owner,
    /// Whether it stands (it may have been revoked).
    pub enrolled: bool,
    /// When it was last changed.
    pub changed: Time,
    /// Its tokens.
    pub tokens: Vec<TokenStatus>,
    /// The set of backup codes, and how many of it are left.
    pub backup: Option<(BackupSheet, usize)>,
    /// How many scratch codes of an earlier module are left; `None` where it left none.
    pub scratch_left: Option<usize>,
    /// Whether nothing of it is accepted for a while.
    pub suspended: Option<SuspensionStatus>,
    /// The invitation, if nobody is enrolled and one is waiting.
    pub invitation: Option<InvitationStatus>,
    /// The bypasses that were issued and not yet cleared away.
    pub bypasses: Vec<BypassStatus>,
    /// The changes that are told at logins, or were until somebody acknowledged them, oldest first.
    pub announcements: Vec<AnnouncementStatus>,
    /// Lanes that have to wait.
    pub throttled: Vec<Waiting>,
    /// What somebody should look into.
    pub warnings: Vec<String>,
}

/// What is known of one token. Nothing secret.
#[derive(Clone, Debug)]
pub struct TokenStatus {
    /// Its name.
    pub name: TokenName,
    /// Its kind.
    pub kind: otp::Kind,
    /// Its hash.
    pub algorithm: otp::Algorithm,
    /// The length of its codes.
    pub digits: otp::Digits,
    /// The size of its key in bits.
    pub bits: usize,
    /// When it was last accepted.
    pub last_used: Option<Time>,
    /// Whether nothing but two successive codes in one answer opens, since a restore.
    pub pairs_only: bool,
}

/// What is known of one bypass. Nothing secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BypassStatus {
    /// Its number.
    pub number: u32,
    /// From when on it opens nothing.
    pub expires: Time,
    /// Whether that is past.
    pub expired: bool,
    /// How many more logins it opens: 0 if it has expired.
    pub left: u8,
    /// Why it was issued.
    pub reason: Reason,
}

/// What is known of one announcement.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AnnouncementStatus {
    /// What is told.
    pub notice: Notice,
    /// Until when.
    pub until: Time,
    /// Whether somebody has acknowledged it, and so it is told no more.
    pub acknowledged: bool,
}

/// A lane that has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Which.
    pub lane: Lane,
    /// Until when.
    pub until: Time,
}

/// Enroll, judge, inspect.
pub trait Verifier {
    /// Judges what was typed for `account`, and records it before answering.
    fn check(&self, account: &Account, typed: &Typed, origin: Origin) -> Outcome;
    /// The same of the end of a password, as one attempt. Beside the answer, how many bytes at the end are the
    /// code; `None` where nothing shows that they are one.
    fn check_tail(&self, account: &Account, tail: &Tail, origin: Origin) -> (Outcome, Option<usize>);
    /// Whether `account` is enrolled.
    fn standing(&self, account: &Account) -> Result<Standing, StoreError>;
    /// Whether nothing of `account`'s is accepted for a while, enrolled or not: this needs no ledger.
    fn is_suspended(&self, account: &Account) -> Result<bool, StoreError>;
    /// What is known of `account`; `None` if nothing ever was enrolled.
    fn status(&self, account: &Account) -> Result<Option<Status>, StoreError>;
    /// The tokens of `account`, with their secrets and next counters: for whoever may show them.
    fn tokens(&self, account: &Account) -> Result<Vec<(Token, u64)>, StoreError>;
    /// Everybody of whom something is kept.
    fn people(&self) -> Result<Vec<Owner>, StoreError>;
    /// Who was enrolled in the folder of `owner`, by the name of that time; `None` if nothing is kept there.
    fn holder(&self, owner: &Owner) -> Result<Option<Holder>, StoreError>;
    /// Enrolls a token.
    fn enroll(&self, account: &Account, new: &NewToken) -> Result<Made, Refusal>;
    /// Enrolls what somebody brings along from an earlier module.
    fn import(&self, account: &Account, new: &Import) -> Result<Imported, Refusal>;
    /// The same of many people at once, which takes less of the disk; what becomes of one touches no other.
    fn import_all(&self, people: &[(&Account, Import<'_>)]) -> Vec<Result<Imported, Refusal>> {
        people.iter().map(|(account, new)| self.import(account, new)).collect()
    }
    /// Takes a token away, never the last one.
    fn remove_token(
        &self,
        account: &Account,
        from: Id,
        name: &TokenName,
        authority: Authority<'_>,
    ) -> Result<By, Refusal>;
    /// Gives the token `old` the name `new`; all else stays, what it has spent too.
    fn rename_token(
        &self,
        account: &Account,
        from: Id,
        old: &TokenName,
        new: &TokenName,
    ) -> Result<(), Refusal>;
    /// Replaces the backup codes, and voids the scratch codes. An empty set takes them away.
    fn backup_codes(
        &self,
        account: &Account,
        from: Id,
        codes: &[BackupCode],
        authority: Authority<'_>,
    ) -> Result<Made, Refusal>;
    /// Lets somebody enroll by themselves who is not enrolled. An earlier invitation is void.
    fn invite(
        &self,
        account: &Account,
        from: Option<Id>,
        new: &NewInvitation,
    ) -> Result<InvitationStatus, Refusal>;
    /// Issues a bypass. Those that are over are cleared away.
    fn bypass(&self, account: &Account, from: Id, new: &NewBypass) -> Result<Issued, Refusal>;
    /// Takes every bypass away; gives what they were.
    fn revoke_bypasses(&self, account: &Account, from: Id) -> Result<Vec<BypassStatus>, Refusal>;
    /// Takes the enrollment, or the invitation, away, leaving a tombstone.
    fn revoke(&self, account: &Account, from: Id) -> Result<(), Refusal>;
    /// Removes all that is kept of `uid`, whose account must be gone: no tombstone is left.
    fn prune(&self, uid: u32, from: Option<Id>) -> Result<(), Refusal>;
    /// Opens every lane, refills every budget, and repairs a ledger that is damaged or missing. Gives whether
    /// a repair was needed. With `clock`, steps that a wrong clock drove ahead are brought back to now.
    fn unlock(&self, account: &Account, clock: bool) -> Result<bool, Refusal>;
    /// Makes good for nothing what may have been used since this was written: after a restore of a backup, or
    /// on a clone. Tokens whose codes follow the time go on beyond now, those that count by two successive codes
    /// beyond the next `skip`; all else is void, an invitation too.
    fn restored(&self, account: &Account, skip: u64) -> Result<(), Refusal>;
    /// Accepts nothing any more that `account` holds, and keeps it.
    fn suspend(&self, account: &Account, from: Option<Id>, new: &NewSuspension) -> Result<(), Refusal>;
    /// Accepts again what `account` holds.
    fn resume(&self, account: &Account, from: Id) -> Result<(), Refusal>;
    /// Takes the enrollment of `account`'s uid over to its present name.
    fn adopt(&self, account: &Account, from: Id) -> Result<(), Refusal>;
    /// Takes over for `account` what was enrolled under its name before there was an account.
    fn take_over(&self, account: &Account, from: Id) -> Result<(), Refusal>;
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Objection> for Refusal {
    fn from(objection: Objection) -> Self {
        Self::Unauthorised(objection)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::AlreadyEnrolled => write!(f, "already enrolled"),
            Self::NotEnrolled => write!(f, "not enrolled"),
            Self::NotConfirmed(_) => write!(f, "that is not a code of the new token"),
            Self::Tokens(error) => error.fmt(f),
            Self::NoBypass => write!(f, "no bypass is issued"),
            Self::NoToken => write!(f, "there is no token of this name"),
            Self::LastToken => write!(f, "this is the only token"),
            Self::Unauthorised(objection) => objection.fmt(f),
            Self::Revoked => write!(f, "the enrollment was revoked"),
            Self::CounterLost => {
                write!(f, "which counters of the event token were used here is not known any more")
            }
            Self::Suspended => write!(f, "suspended"),
            Self::NotSuspended => write!(f, "not suspended"),
            Self::RootEnrolls => write!(f, "by [daemon] self_enroll, only root enrolls here"),
        }
    }
}

impl std::error::Error for Refusal {}
