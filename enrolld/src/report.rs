//! What is known of people, as a table for a person and as JSON for a script.

use crate::house::House;
use crate::paused::PauseReport;
use crate::people;
use crate::words::{date, instant, logins, rfc3339};
use otp::Kind;
use serde::Serialize;
use verifier::{
    Account, AnnouncementStatus, BackupSheet, BypassStatus, InvitationStatus, Owner, Status,
    SuspensionStatus, TokenStatus,
};

/// One person: the JSON of `status` and `list`, which scripts rely on. Keys are added and never changed.
#[derive(Serialize)]
pub(crate) struct Report {
    pub(crate) user: String,
    /// `null` where it cannot be established: that is never "not enrolled".
    pub(crate) enrolled: Option<bool>,
    tokens: Vec<TokenReport>,
    backup_codes_left: usize,
    scratch_codes_left: Option<usize>,
    throttled: Vec<LaneReport>,
    pub(crate) warnings: Vec<String>,
    /// `null` without an account.
    uid: Option<u32>,
    changed: Option<String>,
    backup_set: Option<SetReport>,
    bypasses: Vec<BypassReport>,
    invitation: Option<InvitationReport>,
    announcements: Vec<AnnouncementReport>,
    /// Whether the person was enrolled without an account.
    no_account: bool,
    suspended: Option<SuspensionReport>,
    /// Of everybody: nobody is asked for a code.
    paused: Option<PauseReport>,
}

/// That nothing of theirs is accepted. Who it is about is not told why.
#[derive(Serialize)]
struct SuspensionReport {
    since: String,
    reason: Option<String>,
    by: Option<u32>,
}

/// An invitation that was not used.
#[derive(Serialize)]
struct InvitationReport {
    expires: String,
    expired: bool,
}

#[derive(Serialize)]
struct TokenReport {
    name: String,
    kind: &'static str,
    algorithm: &'static str,
    digits: u8,
    period: Option<u64>,
    last_used: Option<String>,
    pairs_only: bool,
}

#[derive(Serialize)]
struct LaneReport {
    lane: &'static str,
    until: String,
}

/// What stands on the sheet of backup codes.
#[derive(Serialize)]
pub(crate) struct SetReport {
    number: u32,
    date: String,
}

/// One bypass.
#[derive(Serialize)]
struct BypassReport {
    number: u32,
    expires: String,
    uses_left: u8,
    reason: String,
}

/// One change that is told at logins.
#[derive(Serialize)]
struct AnnouncementReport {
    what: &'static str,
    token: Option<String>,
    at: String,
    by_root: bool,
    until: String,
    acknowledged: bool,
}

impl Report {
    /// The report on `account`, of which `status` is known.
    pub(crate) fn new(account: &Account, status: Option<&Status>) -> Self {
        let nothing = Self::of_nothing(account, Some(false));
        let Some(status) = status else { return nothing };
        let lanes = status.throttled.iter();
        let lanes = lanes.map(|wait| LaneReport { lane: wait.lane.name(), until: rfc3339(wait.until) });
        Self {
            enrolled: Some(status.enrolled),
            tokens: status.tokens.iter().map(TokenReport::from).collect(),
            backup_codes_left: status.backup.map_or(0, |(_, left)| left),
            scratch_codes_left: status.scratch_left,
            throttled: lanes.collect(),
            warnings: status.warnings.clone(),
            changed: Some(rfc3339(status.changed)),
            backup_set: status.backup.map(|(sheet, _)| SetReport::from(sheet)),
            bypasses: status.bypasses.iter().map(BypassReport::from).collect(),
            invitation: status.invitation.map(InvitationReport::from),
            announcements: status.announcements.iter().map(AnnouncementReport::from).collect(),
            suspended: status.suspended.as_ref().map(SuspensionReport::from),
            ..nothing
        }
    }

    /// The report on somebody of whom nothing can be read, for the reason given.
    pub(crate) fn unreadable(account: &Account, why: String) -> Self {
        Self { warnings: vec![why], ..Self::of_nothing(account, None) }
    }

    fn of_nothing(account: &Account, enrolled: Option<bool>) -> Self {
        Self {
            user: account.name.clone(),
            enrolled,
            tokens: Vec::new(),
            backup_codes_left: 0,
            scratch_codes_left: None,
            throttled: Vec::new(),
            warnings: Vec::new(),
            uid: account.uid(),
            changed: None,
            backup_set: None,
            bypasses: Vec::new(),
            invitation: None,
            announcements: Vec::new(),
            no_account: account.uid().is_none(),
            suspended: None,
            paused: None,
        }
    }

    /// With what holds for everybody.
    pub(crate) fn with_pause(self, paused: Option<PauseReport>) -> Self {
        Self { paused, ..self }
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.is_some()
    }

    /// One row of `list --suspended`, as its columns.
    pub(crate) fn suspended_row(&self) -> [String; 4] {
        let Some(suspended) = &self.suspended else {
            return [self.named(), "unreadable".to_owned(), String::new(), String::new()];
        };
        let by = suspended.by.map_or("-".to_owned(), |uid| uid.to_string());
        let reason = suspended.reason.clone().unwrap_or_default();
        [self.named(), spoken(&suspended.since), by, reason]
    }

    /// The user, and whether it is no account.
    fn named(&self) -> String {
        if self.no_account { format!("{} (no account)", self.user) } else { self.user.clone() }
    }

    /// Whether somebody may enroll by themselves who is not enrolled.
    pub(crate) fn is_invited(&self) -> bool {
        self.invitation.is_some()
    }

    /// One row of `list --pending`, as its columns.
    pub(crate) fn pending_row(&self) -> [String; 2] {
        let until = match &self.invitation {
            None => "unreadable".to_owned(),
            Some(InvitationReport { expires, expired }) => {
                let over = if *expired { " (expired)" } else { "" };
                format!("{}{over}{}", spoken(expires), self.suspended_word())
            }
        };
        [self.user.clone(), until]
    }

    /// One row of `list --unenrolled`, as its columns.
    pub(crate) fn unenrolled_row(&self) -> [String; 2] {
        match (&self.invitation, self.enrolled) {
            (None, Some(_)) => [self.user.clone(), "-".to_owned()],
            _ => self.pending_row(),
        }
    }

    /// Whether it is somebody who is enrolled and used no token since `then`. Who used none ever is given as
    /// long from the last change on.
    pub(crate) fn is_stale(&self, then: otp::Time) -> bool {
        let last = self.tokens.iter().filter_map(|token| token.last_used.as_deref()).max();
        let then = rfc3339(then);
        self.enrolled == Some(true) && last.or(self.changed.as_deref()).is_some_and(|last| *last < *then)
    }

    fn suspended_word(&self) -> &'static str {
        if self.is_suspended() { " (suspended)" } else { "" }
    }

    /// Whether it is one of these accounts.
    pub(crate) fn is_of(&self, accounts: &[Account]) -> bool {
        !self.no_account && accounts.iter().any(|account| account.uid() == self.uid)
    }

    /// One row of `list`, as its columns.
    pub(crate) fn row(&self) -> [String; 4] {
        let tokens: Vec<_> = self.tokens.iter().map(|token| token.name.as_str()).collect();
        let last = self.tokens.iter().filter_map(|token| token.last_used.as_deref()).max();
        let warned = if self.warnings.is_empty() { "" } else { " (see below)" };
        [
            self.named(),
            match self.enrolled {
                None => "unreadable".to_owned(),
                Some(_) => tokens.join(",") + self.suspended_word(),
            },
            last.map_or("never".to_owned(), spoken),
            format!("{}{warned}", self.backup_codes_left),
        ]
    }
}

impl From<&TokenStatus> for TokenReport {
    fn from(token: &TokenStatus) -> Self {
        Self {
            name: token.name.to_string(),
            kind: token.kind.name(),
            algorithm: token.algorithm.name(),
            digits: token.digits.count(),
            period: match token.kind {
                Kind::Totp { period } => Some(period.seconds()),
                Kind::Hotp => None,
            },
            last_used: token.last_used.map(rfc3339),
            pairs_only: token.pairs_only,
        }
    }
}

/// RFC 3339's form as people read it.
fn spoken(instant: &str) -> String {
    instant.replace('T', " ").replace('Z', " UTC")
}

impl From<&SuspensionStatus> for SuspensionReport {
    fn from(status: &SuspensionStatus) -> Self {
        let told = status.told.as_ref();
        Self {
            since: rfc3339(status.since),
            reason: told.map(|(reason, _)| reason.to_string()),
            by: told.and_then(|(_, by)| *by),
        }
    }
}

impl From<&BypassStatus> for BypassReport {
    fn from(bypass: &BypassStatus) -> Self {
        Self {
            number: bypass.number,
            expires: rfc3339(bypass.expires),
            uses_left: bypass.left,
            reason: bypass.reason.to_string(),
        }
    }
}

impl From<InvitationStatus> for InvitationReport {
    fn from(invitation: InvitationStatus) -> Self {
        Self { expires: rfc3339(invitation.expires), expired: invitation.expired }
    }
}

impl From<&AnnouncementStatus> for AnnouncementReport {
    fn from(told: &AnnouncementStatus) -> Self {
        let notice = &told.notice;
        Self {
            what: notice.change.name(),
            token: notice.change.token().map(ToString::to_string),
            at: rfc3339(notice.at),
            by_root: notice.by_root,
            until: rfc3339(told.until),
            acknowledged: told.acknowledged,
        }
    }
}

impl From<BackupSheet> for SetReport {
    fn from(sheet: BackupSheet) -> Self {
        Self { number: sheet.number, date: date(sheet.created) }
    }
}

/// Everybody who is enrolled or invited. One that cannot be read never hides the others.
pub(crate) fn everybody(house: &House) -> Result<impl Iterator<Item = Report>, verifier::StoreError> {
    let people = house.verifier.people()?.into_iter();
    Ok(people.filter_map(|owner| report_on(house, &owner)))
}

fn report_on(house: &House, owner: &Owner) -> Option<Report> {
    let nameless = Account { name: owner.to_string(), owner: owner.clone() };
    let account = match people::of_owner(owner) {
        Ok(account) => account,
        Err(error) => return Some(Report::unreadable(&nameless, error.to_string())),
    };
    match house.verifier.status(&account) {
        Ok(status) => {
            let is_any = |s: &Status| s.enrolled || s.invitation.is_some() || s.suspended.is_some();
            let status = status.filter(is_any)?;
            let mut report = Report::new(&account, Some(&status));
            report.warnings.extend(estranged(owner, account == nameless));
            Some(report)
        }
        Err(error) => Some(Report::unreadable(&account, error.to_string())),
    }
}

/// What is said of somebody whose account is gone, or who has one by now.
fn estranged(owner: &Owner, is_nameless: bool) -> Option<String> {
    match owner {
        Owner::Uid(uid) => {
            is_nameless.then(|| format!("no account has uid {uid} any more: totpctl revoke {uid}"))
        }
        Owner::Name(name) => people::shadow(name),
    }
}

/// Reports on those of `accounts` who are not enrolled, with whoever it cannot be said of. What was enrolled for
/// a former owner of the uid enrolls nobody.
pub(crate) fn unenrolled(house: &House, accounts: &[Account]) -> impl Iterator<Item = Report> {
    accounts.iter().filter_map(|account| match house.verifier.status(account) {
        Err(error) => Some(Report::unreadable(account, error.to_string())),
        Ok(status) => {
            let is_theirs = |status: &Status| status.enrolled && people::vet(status, account).is_ok();
            let is_enrolled = status.as_ref().is_some_and(is_theirs);
            (!is_enrolled).then(|| Report::new(account, status.as_ref()))
        }
    })
}

/// The page on one person.
pub(crate) fn page(account: &Account, status: Option<&Status>) -> String {
    let Some(status) = status else { return format!("{}: not enrolled\n", account.name) };
    let changed = instant(status.changed);
    let who = match account.uid() {
        Some(uid) => format!("{} (uid {uid})", account.name),
        None => format!("{} (no account)", account.name),
    };
    let mut text = match (status.enrolled, &status.invitation) {
        (true, _) => format!("{who}: enrolled, last changed {changed}\n"),
        (false, Some(invitation)) => format!("{who}: not enrolled, {}\n", invitation_words(invitation)),
        (false, None) if status.suspended.is_some() => format!("{who}: not enrolled\n"),
        (false, None) => format!("{who}: not enrolled, revoked {changed}\n"),
    };
    if let Some(suspended) = &status.suspended {
        text += &format!("suspended: {}\n", suspension_words(suspended));
    }
    if status.enrolled {
        text.push('\n');
        let head = ["TOKEN", "KIND", "ALGORITHM", "DIGITS", "PERIOD", "LAST USED"].map(str::to_owned);
        text += &columns(std::iter::once(head).chain(status.tokens.iter().map(token_row)));
        text += &format!("\nbackup codes: {}\n", backup_words(status));
        if let Some(left) = status.scratch_left {
            text += &format!("scratch codes: {left} left\n");
        }
    }
    for bypass in &status.bypasses {
        text += &format!("bypass {}: {}: {}\n", bypass.number, bypass_words(bypass), bypass.reason);
    }
    for told in &status.announcements {
        text += &format!("{} {}\n", told.notice, told_words(told));
    }
    for wait in &status.throttled {
        text += &format!("throttled: {} until {}\n", wait.lane, instant(wait.until));
    }
    for warning in &status.warnings {
        text += &format!("warning: {warning}\n");
    }
    text
}

fn token_row(token: &TokenStatus) -> [String; 6] {
    [
        token.name.to_string(),
        token.kind.name().to_owned(),
        token.algorithm.name().to_owned(),
        token.digits.count().to_string(),
        match token.kind {
            Kind::Totp { period } => format!("{} s", period.seconds()),
            Kind::Hotp => "-".to_owned(),
        },
        token.last_used.map_or("never".to_owned(), instant),
    ]
}

fn backup_words(status: &Status) -> String {
    match &status.backup {
        Some((sheet, left)) => format!("{left} left of {}", set_words(sheet)),
        None => "none".to_owned(),
    }
}

fn suspension_words(suspended: &SuspensionStatus) -> String {
    let since = format!("nothing is accepted since {}", instant(suspended.since));
    match &suspended.told {
        Some((reason, Some(uid))) => format!("{since}, by login uid {uid}: {reason}"),
        Some((reason, None)) => format!("{since}: {reason}"),
        None => since,
    }
}

fn invitation_words(invitation: &InvitationStatus) -> String {
    let word = if invitation.expired { "invitation expired" } else { "invited until" };
    format!("{word} {}", instant(invitation.expires))
}

fn bypass_words(bypass: &BypassStatus) -> String {
    let until = instant(bypass.expires);
    match bypass.left {
        _ if bypass.expired => format!("expired {until}"),
        0 => "used up".to_owned(),
        left => format!("{} left until {until}", logins(left)),
    }
}

fn told_words(told: &AnnouncementStatus) -> String {
    match told.acknowledged {
        true => "Acknowledged.".to_owned(),
        false => format!("Told at each login until {}.", instant(told.until)),
    }
}

/// `set 2 of 2026-11-25`: the words on the sheet and in `status`.
pub(crate) fn set_words(sheet: &BackupSheet) -> String {
    format!("set {} of {}", sheet.number, date(sheet.created))
}

/// Rows with their columns aligned, two spaces between them.
pub(crate) fn columns<const N: usize>(rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<_> = rows.collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        text += cells.collect::<Vec<_>>().join("  ").trim_end();
        text.push('\n');
    }
    text
}
