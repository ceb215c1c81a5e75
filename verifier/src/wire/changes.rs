//! The messages with which people change what is their own.

use super::{
    Claims, Fields, Mistake, Reply, about, call, claimed, parameter, read_backup, read_reply, result,
};
use crate::json::{Object, Value};
use crate::{
    Authority, BackupSheet, By, Enrolled, Id, Made, NewToken, Objection, Owner, Refusal, StoreError,
    wire::INTERFACE,
};
use otp::{
    Algorithm, BackupCode, BackupSet, Digits, EnrollmentError, Kind, MAX_TOKENS, Period, Secret, Token,
    TokenName, Verdict,
};
use std::path::Path;
use zeroize::Zeroizing;

/// What somebody wants changed about an account.
pub struct Wanted {
    /// Whose.
    pub user: String,
    /// What.
    pub change: Change,
    /// The code that is to authorise it.
    pub authority: Option<BackupCode>,
    /// For the log.
    pub claims: Claims,
}

impl Wanted {
    /// Whether it only asks if the code that is to authorise it would do: without a code of the new token
    /// nothing is enrolled.
    #[must_use]
    pub fn is_rehearsal(&self) -> bool {
        matches!(self.change, Change::Enroll { confirm: None, .. })
    }
}

/// A change.
pub enum Change {
    /// A token is enrolled.
    Enroll {
        /// What was there when it was asked for.
        from: Option<Id>,
        /// How it joins what there is.
        how: Enrolled,
        /// The token.
        token: Box<Token>,
        /// A code of it.
        confirm: Option<Zeroizing<String>>,
        /// A new set of backup codes.
        backup: Vec<BackupCode>,
    },
    /// A token is taken away.
    RemoveToken {
        /// What was there.
        from: Id,
        /// Which token.
        name: TokenName,
    },
    /// The backup codes are replaced.
    BackupCodes {
        /// What was there.
        from: Id,
        /// The new ones.
        codes: Vec<BackupCode>,
    },
}

const HOW: [(Enrolled, &str); 3] =
    [(Enrolled::First, "first"), (Enrolled::Replace, "replace"), (Enrolled::Add, "add")];

impl Change {
    /// How a token joins, in the words of the protocol; empty for other changes.
    #[must_use]
    pub fn how(&self) -> &'static str {
        match self {
            Self::Enroll { how, .. } => name_of(*how),
            Self::RemoveToken { .. } | Self::BackupCodes { .. } => "",
        }
    }

    /// Takes `Enroll`, `RemoveToken` or `BackupCodes` out of what was given; `None` for another method.
    pub(super) fn read(method: &str, given: &mut Fields<'_>) -> Option<Result<Wanted, Mistake>> {
        let change = match method {
            "Enroll" => enrolling(given),
            "RemoveToken" => removing(given),
            "BackupCodes" => backup_codes(given),
            _ => return None,
        };
        Some(change.and_then(|change| {
            let code =
                |text: Zeroizing<String>| BackupCode::parse(&text).ok_or_else(|| parameter("authority"));
            let authority = given.text("authority")?.map(code).transpose()?;
            let user = given.needed("user")?.to_string();
            Ok(Wanted { user, change, authority, claims: Claims::read(given)? })
        }))
    }
}

fn enrolling(given: &mut Fields<'_>) -> Result<Change, Mistake> {
    let from = given.text("from")?.map(|id| Id::parse(&id).ok_or_else(|| parameter("from"))).transpose()?;
    let how = given.needed("how")?;
    let how = HOW.into_iter().find(|(_, name)| *name == how.as_str());
    let (how, _) = how.ok_or_else(|| parameter("how"))?;
    let token = Fields::of(given.take("token")).ok_or_else(|| parameter("token"))?;
    let token = Box::new(token_of(token)?);
    Ok(Change::Enroll { from, how, token, confirm: given.text("confirm")?, backup: codes(given)? })
}

fn removing(given: &mut Fields<'_>) -> Result<Change, Mistake> {
    let name = TokenName::new(&given.needed("token")?).ok_or_else(|| parameter("token"))?;
    Ok(Change::RemoveToken { from: id(given)?, name })
}

fn backup_codes(given: &mut Fields<'_>) -> Result<Change, Mistake> {
    Ok(Change::BackupCodes { from: id(given)?, codes: codes(given)? })
}

fn id(given: &mut Fields<'_>) -> Result<Id, Mistake> {
    Id::parse(&given.needed("from")?).ok_or_else(|| parameter("from"))
}

fn codes(given: &mut Fields<'_>) -> Result<Vec<BackupCode>, Mistake> {
    let wrong = || parameter("backup_codes");
    let items = given.take("backup_codes").and_then(Value::items).ok_or_else(wrong)?;
    if items.len() > BackupSet::MAX_CODES {
        return Err(wrong());
    }
    items
        .into_iter()
        .map(|item| item.text().and_then(|code| BackupCode::parse(&code)).ok_or_else(wrong))
        .collect()
}

/// A time-based token. Its key was drawn by the peer, so one that is shorter than a new one is refused.
fn token_of(mut given: Fields<'_>) -> Result<Token, Mistake> {
    let name = TokenName::new(&given.needed("name")?).ok_or_else(|| parameter("name"))?;
    let secret = Secret::from_base32(&given.needed("secret")?).ok();
    let secret = secret.filter(|secret| secret.bits() >= 8 * Secret::NEW_BYTES);
    let algorithm = given.needed("algorithm")?;
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.name() == algorithm.as_str());
    let digits = given.number("digits").and_then(|digits| Digits::new(digits.try_into().ok()?));
    let period = given.number("period").and_then(Period::new);
    given.finish()?;
    Ok(Token {
        name,
        kind: Kind::Totp { period: period.ok_or_else(|| parameter("period"))? },
        algorithm: algorithm.ok_or_else(|| parameter("algorithm"))?,
        digits: digits.ok_or_else(|| parameter("digits"))?,
        secret: secret.ok_or_else(|| parameter("secret"))?,
    })
}

fn name_of(how: Enrolled) -> &'static str {
    HOW.into_iter().find(|(known, _)| *known == how).map_or("", |(_, name)| name)
}

/// A call of `Enroll`. `None` for a token that is not time-based, which only root enrolls.
pub(crate) fn enroll(user: &str, new: &NewToken<'_>, claims: &Claims) -> Option<Zeroizing<String>> {
    let Kind::Totp { period } = new.token.kind else { return None };
    let token = Object::new()
        .text("name", new.token.name.as_str())
        .text("secret", &new.token.secret.to_base32())
        .text("algorithm", new.token.algorithm.name())
        .number("digits", u64::from(new.token.digits.count()))
        .number("period", period.seconds());
    let mut parameters = asked(user, new.from, new.authority, claims).text("how", name_of(new.how));
    parameters = parameters.object("token", token);
    if let Some(confirm) = new.confirm.and_then(super::typed) {
        parameters = parameters.text("confirm", &confirm);
    }
    Some(call("Enroll", with_codes(parameters, new.backup)))
}

/// A call of `RemoveToken`.
pub(crate) fn remove_token(
    user: &str,
    from: Id,
    name: &TokenName,
    authority: Authority<'_>,
    claims: &Claims,
) -> Zeroizing<String> {
    call("RemoveToken", asked(user, Some(from), authority, claims).text("token", name.as_str()))
}

/// A call of `BackupCodes`.
pub(crate) fn new_codes(
    user: &str,
    from: Id,
    codes: &[BackupCode],
    authority: Authority<'_>,
    claims: &Claims,
) -> Zeroizing<String> {
    call("BackupCodes", with_codes(asked(user, Some(from), authority, claims), codes))
}

fn asked(user: &str, from: Option<Id>, authority: Authority<'_>, claims: &Claims) -> Object {
    let mut parameters = claimed(Object::new().text("user", user), claims);
    if let Some(from) = from {
        parameters = parameters.text("from", &from.to_string());
    }
    match authority {
        Authority::Code(code) => parameters.text("authority", &code.expose()),
        Authority::Open | Authority::Root => parameters,
    }
}

fn with_codes(parameters: Object, codes: &[BackupCode]) -> Object {
    let exposed: Vec<_> = codes.iter().map(BackupCode::expose).collect();
    parameters.texts("backup_codes", exposed.iter().map(|code| code.as_str()))
}

/// The reply to `Enroll` and `BackupCodes`.
#[must_use]
pub fn made(owner: &Owner, made: &Made) -> Zeroizing<String> {
    let mut reply = by(owner, made.by);
    if let Some(BackupSheet { number, created }) = made.sheet {
        let set = Object::new().number("number", u64::from(number)).number("created", created.0);
        reply = reply.object("backup", set);
    }
    result(reply)
}

/// The reply to `RemoveToken`.
#[must_use]
pub fn removed(owner: &Owner, by_what: By) -> Zeroizing<String> {
    result(by(owner, by_what))
}

fn by(owner: &Owner, by: By) -> Object {
    let reply = about(owner).text("by", by.name());
    match by {
        By::Bypass(number) => reply.number("number", u64::from(number)),
        By::Root | By::Open | By::Invitation | By::Backup => reply,
    }
}

/// The word for a refusal that its peer may hear; `None` where there was no answer.
#[must_use]
pub fn why(refusal: &Refusal) -> Option<&'static str> {
    Some(match refusal {
        Refusal::AlreadyEnrolled => "already-enrolled",
        Refusal::NotEnrolled => "not-enrolled",
        Refusal::NotConfirmed(_) => "not-confirmed",
        Refusal::Tokens(EnrollmentError::TooMany(_)) => "too-many-tokens",
        Refusal::Tokens(EnrollmentError::Twice(_)) => "token-exists",
        Refusal::NoToken => "no-such-token",
        Refusal::LastToken => "last-token",
        Refusal::RootEnrolls => "root-enrolls",
        Refusal::Suspended => "suspended",
        Refusal::Unauthorised(Objection::Missing) => "code-missing",
        Refusal::Unauthorised(Objection::Wrong) => "code-wrong",
        Refusal::Unauthorised(Objection::Spent) => "code-spent",
        Refusal::Unauthorised(Objection::Expired) => "code-expired",
        Refusal::Store(StoreError::Changed) => "changed",
        Refusal::Store(StoreError::Unconfirmed { .. }) => "unconfirmed",
        Refusal::Store(_)
        | Refusal::Tokens(_)
        | Refusal::NoBypass
        | Refusal::Revoked
        | Refusal::CounterLost
        | Refusal::NotSuspended => return None,
    })
}

/// The reply to a change that was not made; `None` where there was no answer.
#[must_use]
pub fn refused(refusal: &Refusal) -> Option<Zeroizing<String>> {
    let mut parameters = Object::new().text("why", why(refusal)?);
    if let Refusal::NotConfirmed(Verdict::ClockBehind { seconds }) = refusal {
        parameters = parameters.number("seconds", *seconds);
    }
    let error = Object::new().text("error", &format!("{INTERFACE}.Refused"));
    Some(error.object("parameters", parameters).finish())
}

/// What the client knows of a change that it reads the reply to.
pub(crate) struct Sent<'a> {
    /// The token that was to be enrolled or taken away.
    pub(crate) name: Option<&'a TokenName>,
    /// What the confirming code is, where it is not confirmed.
    pub(crate) unconfirmed: Verdict,
    pub(crate) socket: &'a Path,
}

/// Reads the reply to `Enroll` and `BackupCodes`.
pub(crate) fn read_made(
    message: &[u8],
    owner: &Owner,
    sent: Sent<'_>,
) -> Option<Reply<Result<Made, Refusal>>> {
    read_change(message, owner, sent, |mut given| {
        let sheet = match given.take("backup") {
            Some(set) => Some(read_backup(&mut Fields::of(Some(set))?)?),
            None => None,
        };
        Some(Made { sheet, by: read_by(given)? })
    })
}

/// Reads the reply to `RemoveToken`.
pub(crate) fn read_removed(
    message: &[u8],
    owner: &Owner,
    sent: Sent<'_>,
) -> Option<Reply<Result<By, Refusal>>> {
    read_change(message, owner, sent, read_by)
}

fn read_by(mut given: Fields<'_>) -> Option<By> {
    Some(match given.text("by").ok()??.as_str() {
        "nothing" => By::Open,
        "invitation" => By::Invitation,
        "backup-code" => By::Backup,
        "bypass" => By::Bypass(given.number("number")?.try_into().ok()?),
        _ => return None,
    })
}

fn read_change<T>(
    message: &[u8],
    owner: &Owner,
    sent: Sent<'_>,
    read: impl FnOnce(Fields<'_>) -> Option<T>,
) -> Option<Reply<Result<T, Refusal>>> {
    if let Some(refusal) = read_refusal(message, sent) {
        return Some(Reply::Result(Err(refusal)));
    }
    read_reply(message, owner, |given| read(given).map(Ok))
}

fn read_refusal(message: &[u8], sent: Sent<'_>) -> Option<Refusal> {
    let mut reply = Fields::of(Value::parse(message))?;
    let error = reply.text("error").ok()??;
    if error.strip_prefix(INTERFACE)? != ".Refused" {
        return None;
    }
    let mut given = Fields::of(reply.take("parameters"))?;
    let name = || sent.name.cloned();
    Some(match given.text("why").ok()??.as_str() {
        "already-enrolled" => Refusal::AlreadyEnrolled,
        "not-enrolled" => Refusal::NotEnrolled,
        "not-confirmed" => Refusal::NotConfirmed(match given.number("seconds") {
            Some(seconds) => Verdict::ClockBehind { seconds },
            None => sent.unconfirmed,
        }),
        "too-many-tokens" => Refusal::Tokens(EnrollmentError::TooMany(MAX_TOKENS + 1)),
        "token-exists" => Refusal::Tokens(EnrollmentError::Twice(name()?)),
        "no-such-token" => Refusal::NoToken,
        "last-token" => Refusal::LastToken,
        "root-enrolls" => Refusal::RootEnrolls,
        "suspended" => Refusal::Suspended,
        "code-missing" => Objection::Missing.into(),
        "code-wrong" => Objection::Wrong.into(),
        "code-spent" => Objection::Spent.into(),
        "code-expired" => Objection::Expired.into(),
        "changed" => StoreError::Changed.into(),
        "unconfirmed" => {
            let error = std::io::Error::other("the daemon's disk said so");
            StoreError::Unconfirmed { path: sent.socket.into(), error }.into()
        }
        _ => return None,
    })
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
