//! What the socket's messages say: Varlink calls and replies, written and read in one place for both sides.
//!
//! `org.pamtotp.enrolld1.varlink` beside this crate is the reference.

mod changes;

pub use changes::{Change, Wanted, made, refused, removed, why};
pub(crate) use changes::{Sent, enroll, new_codes, read_made, read_removed, remove_token};

use crate::json::{Object, Value};
use crate::{
    AnnouncementStatus, BackupSheet, BypassStatus, Id, InvitationStatus, Origin, Outcome, Owner, Standing,
    Status, SuspensionStatus, TokenStatus, Waiting,
};
use otp::{
    Algorithm, Announced, Digits, Kind, Lane, Malformed, Method, Notice, Period, Reason, Tail, Time,
    TokenName, Typed, Verdict,
};
use zeroize::Zeroizing;

/// The interface; its version is part of the name.
pub const INTERFACE: &str = "org.pamtotp.enrolld1";
/// The interface's description, as `GetInterfaceDescription` gives it.
pub const DESCRIPTION: &str = include_str!("../org.pamtotp.enrolld1.varlink");
/// Longest request in bytes, its NUL included.
pub const LONGEST_REQUEST: usize = 16 * 1024;
/// Longest reply that is read, likewise.
pub(crate) const LONGEST_REPLY: usize = 64 * 1024;

const SERVICE: &str = "org.varlink.service";
const SERVICE_DESCRIPTION: &str = "\
# What every Varlink service answers.
interface org.varlink.service

method GetInfo() -> (vendor: string, product: string, version: string, url: string, interfaces: []string)

method GetInterfaceDescription(interface: string) -> (description: string)

error InterfaceNotFound (interface: string)

error MethodNotFound (method: string)

error MethodNotImplemented (method: string)

error InvalidParameter (parameter: string)
";

/// What a program says of itself. It is written to the log and decides nothing.
#[derive(Clone, Default, Debug)]
pub struct Claims {
    /// The PAM service.
    pub service: String,
    /// The remote host.
    pub rhost: Option<String>,
    /// The terminal.
    pub tty: Option<String>,
}

/// Whether a login needs a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// It does.
    Required,
    /// It does not: a code that is good is spent, and all else costs nothing.
    Optional,
}

/// What a peer asks.
pub enum Request {
    /// What was typed for this user is to be judged.
    Check {
        /// Whom it is about.
        user: String,
        /// What was typed.
        typed: Zeroizing<String>,
        /// For the log.
        claims: Claims,
        /// Where the attempt comes from, if the peer says so.
        origin: Option<Origin>,
        /// Whether what was typed is the end of a password, and the login needs a code there.
        tail: Option<Need>,
    },
    /// What is enrolled for this user?
    Status {
        /// Whom it is about.
        user: String,
    },
    /// Something of this user's is to be changed.
    Change(Wanted),
    /// Who answers here?
    GetInfo,
    /// What can be asked?
    GetInterfaceDescription {
        /// The name of an interface.
        interface: String,
    },
}

/// A message that asks nothing which is answered here.
#[derive(PartialEq, Eq, Debug)]
pub enum Mistake {
    /// No call, or one that wants no answer: there is nobody to tell.
    NoCall,
    /// No such interface.
    Interface(String),
    /// No such method.
    Method(String),
    /// A parameter that is unknown, missing, or not of its type.
    Parameter(String),
}

/// The answers of the daemon that are no results.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Denial {
    /// This peer may not ask this.
    NotAllowed,
    /// There is no answer.
    Unavailable,
}

impl Claims {
    fn read(given: &mut Fields<'_>) -> Result<Self, Mistake> {
        Ok(Self {
            service: given.text("service")?.map_or(String::new(), |text| text.to_string()),
            rhost: given.text("rhost")?.map(|text| text.to_string()),
            tty: given.text("tty")?.map(|text| text.to_string()),
        })
    }
}

impl Request {
    /// Reads a call.
    ///
    /// # Errors
    /// [`Mistake`].
    pub fn parse(message: &[u8]) -> Result<Self, Mistake> {
        let mut call = Fields::of(Value::parse(message)).ok_or(Mistake::NoCall)?;
        let method = call.text("method").ok().flatten().ok_or(Mistake::NoCall)?;
        let oneway = call.take("oneway").is_some_and(|value| value.flag() != Some(false));
        // "more" allows several replies and asks for none; "upgrade" asks for another protocol.
        let _ = call.take("more");
        if oneway {
            return Err(Mistake::NoCall);
        }
        let parameters = call.take("parameters").filter(|value| !value.is_null());
        call.finish()?;
        let parameters = match parameters {
            Some(value) => Fields::of(Some(value)).ok_or_else(|| parameter("parameters"))?,
            None => Fields(Vec::new()),
        };
        Self::of(&method, parameters)
    }

    fn of(method: &str, mut given: Fields<'_>) -> Result<Self, Mistake> {
        let (interface, name) = method.rsplit_once('.').ok_or_else(|| Mistake::Method(method.into()))?;
        let request = match (interface, name) {
            (SERVICE, "GetInfo") => Self::GetInfo,
            (SERVICE, "GetInterfaceDescription") => {
                Self::GetInterfaceDescription { interface: given.needed("interface")?.to_string() }
            }
            (INTERFACE, "Check") => Self::Check {
                user: given.needed("user")?.to_string(),
                typed: given.needed("code")?,
                claims: Claims::read(&mut given)?,
                origin: match given.text("origin")? {
                    Some(name) => Some(origin(&name).ok_or_else(|| parameter("origin"))?),
                    None => None,
                },
                tail: match given.text("tail")? {
                    Some(name) => Some(need(&name).ok_or_else(|| parameter("tail"))?),
                    None => None,
                },
            },
            (INTERFACE, "Status") => Self::Status { user: given.needed("user")?.to_string() },
            (INTERFACE, name) if let Some(wanted) = Change::read(name, &mut given) => Self::Change(wanted?),
            (SERVICE | INTERFACE, _) => return Err(Mistake::Method(method.into())),
            _ => return Err(Mistake::Interface(interface.into())),
        };
        given.finish()?;
        Ok(request)
    }
}

fn parameter(name: &str) -> Mistake {
    Mistake::Parameter(name.into())
}

/// A call of `Check`. `None` for what cannot be a code, which needs nobody's judgement.
pub(crate) fn check(
    user: &str,
    attempt: &Typed,
    claims: &Claims,
    origin: Origin,
) -> Option<Zeroizing<String>> {
    let parameters = Object::new().text("user", user).text("code", &typed(attempt)?);
    Some(call("Check", claimed(parameters.text("origin", origin_name(origin)), claims)))
}

/// A call of `Check` about the end of a password; `None` where there is no code.
pub(crate) fn check_tail(
    user: &str,
    tail: &Tail,
    claims: &Claims,
    origin: Origin,
) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(tail.text()).ok().filter(|text| !text.is_empty())?;
    let need = need_name(if tail.is_optional() { Need::Optional } else { Need::Required });
    let parameters = Object::new().text("user", user).text("code", text).text("tail", need);
    Some(call("Check", claimed(parameters.text("origin", origin_name(origin)), claims)))
}

fn need_name(need: Need) -> &'static str {
    match need {
        Need::Required => "required",
        Need::Optional => "optional",
    }
}

fn need(name: &str) -> Option<Need> {
    [Need::Required, Need::Optional].into_iter().find(|need| need_name(*need) == name)
}

/// What was typed, as one text; `None` for what cannot be a code.
fn typed(typed: &Typed) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(32));
    match typed {
        Typed::Code(one) => code.push_str(one.expose()),
        Typed::Pair(one, two) => {
            code.push_str(one.expose());
            code.push(' ');
            code.push_str(two.expose());
        }
        Typed::Backup(backup) => code.push_str(&backup.expose()),
        Typed::Malformed(_) => return None,
    }
    Some(code)
}

fn claimed(parameters: Object, claims: &Claims) -> Object {
    let mut parameters = parameters.text("service", bounded(&claims.service));
    if let Some(rhost) = &claims.rhost {
        parameters = parameters.text("rhost", bounded(rhost));
    }
    if let Some(tty) = &claims.tty {
        parameters = parameters.text("tty", bounded(tty));
    }
    parameters
}

/// A network is a stranger's: what its name is hashed with is the store's secret, and a hash that a peer
/// names would be learned. Which peer is a service, the daemon's settings say.
fn origin_name(origin: Origin) -> &'static str {
    match origin {
        Origin::Console => "console",
        Origin::Owner => "owner",
        Origin::Others => "others",
        Origin::Network(_) | Origin::Service | Origin::Stranger => "stranger",
    }
}

fn origin(name: &str) -> Option<Origin> {
    let all = [Origin::Console, Origin::Owner, Origin::Others, Origin::Stranger];
    all.into_iter().find(|origin| origin_name(*origin) == name)
}

/// A call of `Status`.
pub(crate) fn status(user: &str) -> Zeroizing<String> {
    call("Status", Object::new().text("user", user))
}

fn call(method: &str, parameters: Object) -> Zeroizing<String> {
    Object::new().text("method", &format!("{INTERFACE}.{method}")).object("parameters", parameters).finish()
}

/// As much of a text for the log as fits into a request beside the others, however it is escaped.
fn bounded(text: &str) -> &str {
    const LONGEST: usize = 512;
    let end = (0..=LONGEST.min(text.len())).rev().find(|&end| text.is_char_boundary(end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

/// The reply to `Check` about this person; `None` where there was no answer.
#[must_use]
pub fn checked(owner: &Owner, outcome: &Outcome) -> Option<Zeroizing<String>> {
    split(owner, outcome, None)
}

/// The same about the end of a password, of which so many bytes are the code.
#[must_use]
pub fn split(owner: &Owner, outcome: &Outcome, code: Option<usize>) -> Option<Zeroizing<String>> {
    let mut reply = about(owner);
    if let Some(length) = code {
        reply = reply.number("length", length as u64);
    }
    let verdict = match outcome {
        Outcome::Unavailable(_) => return None,
        Outcome::NotEnrolled => return Some(result(reply.text("verdict", "not-enrolled"))),
        Outcome::Suspended(since) => {
            return Some(result(reply.text("verdict", "suspended").number("since", since.0)));
        }
        Outcome::Judged(verdict) => verdict,
    };
    Some(result(match verdict {
        Verdict::Accepted { method, backup_left, announced } => {
            let reply = reply.text("verdict", "accepted").number("backup_left", *backup_left as u64);
            let reply = reply.objects("announced", announced.iter().map(notice));
            match method {
                Method::Code(token) => reply.text("method", "code").text("token", token.as_str()),
                Method::Pair(token) => reply.text("method", "two-codes").text("token", token.as_str()),
                Method::Backup => reply.text("method", "backup-code"),
                Method::Scratch { left } => reply.text("method", "scratch-code").number("left", *left as u64),
                Method::Bypass { number, left } => reply
                    .text("method", "bypass")
                    .number("number", u64::from(*number))
                    .number("left", u64::from(*left)),
            }
        }
        Verdict::Wrong { counted } => reply.text("verdict", "wrong").flag("counted", *counted),
        Verdict::Malformed(why) => reply.text("verdict", "malformed").text("why", malformed_name(*why)),
        Verdict::Replayed { token, ahead } => {
            let mut reply = reply.text("verdict", "replayed");
            if let Some(token) = token {
                reply = reply.text("token", token.as_str());
            }
            if let Some(ahead) = ahead {
                reply = reply.number("ahead", *ahead);
            }
            reply
        }
        Verdict::PairNeeded { token } => reply.text("verdict", "pair-needed").text("token", token.as_str()),
        Verdict::Expired { number, since } => {
            reply.text("verdict", "expired").number("number", u64::from(*number)).number("since", since.0)
        }
        Verdict::Throttled { lane, until } => {
            reply.text("verdict", "throttled").text("lane", lane.name()).number("until", until.0)
        }
        Verdict::ClockBehind { seconds } => reply.text("verdict", "clock-behind").number("seconds", *seconds),
    }))
}

/// A reply says whom it is about: a verdict about one person is not a verdict about another.
fn about(owner: &Owner) -> Object {
    match owner {
        Owner::Uid(uid) => Object::new().number("uid", u64::from(*uid)),
        Owner::Name(name) => Object::new().text("name", name.as_str()),
    }
}

fn is_about(given: &mut Fields<'_>, owner: &Owner) -> Option<bool> {
    let (uid, name) = (given.number("uid"), given.text("name").ok()?);
    Some(match owner {
        Owner::Uid(wanted) => uid == Some(u64::from(*wanted)) && name.is_none(),
        Owner::Name(wanted) => uid.is_none() && name.is_some_and(|name| name.as_str() == wanted.as_str()),
    })
}

/// The reply to `Status`.
#[must_use]
pub fn known(owner: &Owner, status: Option<&Status>) -> Zeroizing<String> {
    let enrolled = status.is_some_and(|status| status.enrolled);
    let reply = about(owner).flag("enrolled", enrolled);
    let Some(status) = status else { return result(reply) };
    let mut record = Object::new()
        .text("id", &status.id.to_string())
        .text("account", &status.account)
        .number("changed", status.changed.0)
        .objects("tokens", status.tokens.iter().map(token))
        .objects("bypasses", status.bypasses.iter().map(bypass))
        .objects("announcements", status.announcements.iter().map(announcement))
        .objects("throttled", status.throttled.iter().map(waiting))
        .texts("warnings", status.warnings.iter().map(String::as_str));
    if let Some((sheet, left)) = &status.backup {
        let set = Object::new().number("number", u64::from(sheet.number)).number("created", sheet.created.0);
        record = record.object("backup", set.number("left", *left as u64));
    }
    if let Some(left) = status.scratch_left {
        record = record.number("scratch_left", left as u64);
    }
    // Why is not for them to read.
    if let Some(SuspensionStatus { since, .. }) = &status.suspended {
        record = record.number("suspended", since.0);
    }
    if let Some(InvitationStatus { expires, expired }) = status.invitation {
        let invitation = Object::new().number("expires", expires.0).flag("expired", expired);
        record = record.object("invitation", invitation);
    }
    result(reply.object("record", record))
}

fn token(token: &TokenStatus) -> Object {
    let mut object = Object::new()
        .text("name", token.name.as_str())
        .text("kind", token.kind.name())
        .text("algorithm", token.algorithm.name())
        .number("digits", u64::from(token.digits.count()))
        .number("bits", token.bits as u64);
    if let Kind::Totp { period } = token.kind {
        object = object.number("period", period.seconds());
    }
    if let Some(last) = token.last_used {
        object = object.number("last_used", last.0);
    }
    if token.pairs_only {
        object = object.flag("pairs_only", true);
    }
    object
}

fn bypass(bypass: &BypassStatus) -> Object {
    Object::new()
        .number("number", u64::from(bypass.number))
        .number("expires", bypass.expires.0)
        .flag("expired", bypass.expired)
        .number("left", u64::from(bypass.left))
        .text("reason", bypass.reason.as_str())
}

fn notice(notice: &Notice) -> Object {
    let object = Object::new().text("what", notice.change.name());
    let object = match notice.change.token() {
        Some(token) => object.text("token", token.as_str()),
        None => object,
    };
    object.number("at", notice.at.0).flag("by_root", notice.by_root)
}

fn announcement(status: &AnnouncementStatus) -> Object {
    notice(&status.notice).number("until", status.until.0).flag("acknowledged", status.acknowledged)
}

fn waiting(waiting: &Waiting) -> Object {
    Object::new().text("lane", waiting.lane.name()).number("until", waiting.until.0)
}

/// The reply to `GetInfo`.
#[must_use]
pub fn info() -> Zeroizing<String> {
    result(
        Object::new()
            .text("vendor", "pam_totp")
            .text("product", "enrolld")
            .text("version", env!("CARGO_PKG_VERSION"))
            .text("url", "")
            .texts("interfaces", [SERVICE, INTERFACE].into_iter()),
    )
}

/// The reply to `GetInterfaceDescription`.
///
/// # Errors
/// [`Mistake::Interface`].
pub fn description(interface: &str) -> Result<Zeroizing<String>, Mistake> {
    let text = match interface {
        INTERFACE => DESCRIPTION,
        SERVICE => SERVICE_DESCRIPTION,
        other => return Err(Mistake::Interface(other.into())),
    };
    Ok(result(Object::new().text("description", text)))
}

/// The reply to a call that cannot be answered; `None` where there is nobody to tell.
#[must_use]
pub fn mistaken(mistake: &Mistake) -> Option<Zeroizing<String>> {
    let (name, key, value) = match mistake {
        Mistake::NoCall => return None,
        Mistake::Interface(name) => ("InterfaceNotFound", "interface", name),
        Mistake::Method(name) => ("MethodNotFound", "method", name),
        Mistake::Parameter(name) => ("InvalidParameter", "parameter", name),
    };
    let parameters = Object::new().text(key, value);
    Some(Object::new().text("error", &format!("{SERVICE}.{name}")).object("parameters", parameters).finish())
}

/// The reply to a call that is not answered with a result.
#[must_use]
pub fn denied(denial: Denial) -> Zeroizing<String> {
    let name = match denial {
        Denial::NotAllowed => "NotAllowed",
        Denial::Unavailable => "Unavailable",
    };
    Object::new().text("error", &format!("{INTERFACE}.{name}")).object("parameters", Object::new()).finish()
}

fn result(parameters: Object) -> Zeroizing<String> {
    Object::new().object("parameters", parameters).finish()
}

/// What came back; `None` for nonsense, and for an answer about another account.
pub(crate) enum Reply<T> {
    Result(T),
    Denied(Denial),
}

/// Reads the reply to `Check`.
pub(crate) fn read_checked(message: &[u8], owner: &Owner) -> Option<Reply<Outcome>> {
    read_reply(message, owner, |mut given| {
        let verdict = given.text("verdict").ok()??;
        let token = |given: &mut Fields<'_>| TokenName::new(&given.text("token").ok()??);
        Some(Outcome::Judged(match verdict.as_str() {
            "not-enrolled" => return Some(Outcome::NotEnrolled),
            "suspended" => return Some(Outcome::Suspended(Time(given.number("since")?))),
            "accepted" => Verdict::Accepted {
                method: match given.text("method").ok()??.as_str() {
                    "code" => Method::Code(token(&mut given)?),
                    "two-codes" => Method::Pair(token(&mut given)?),
                    "backup-code" => Method::Backup,
                    "scratch-code" => Method::Scratch { left: given.number("left")?.try_into().ok()? },
                    "bypass" => Method::Bypass {
                        number: given.number("number")?.try_into().ok()?,
                        left: given.number("left")?.try_into().ok()?,
                    },
                    _ => return None,
                },
                backup_left: given.number("backup_left")?.try_into().ok()?,
                announced: given.all("announced", |mut given| read_notice(&mut given))?,
            },
            "wrong" => Verdict::Wrong { counted: given.take("counted")?.flag()? },
            "malformed" => Verdict::Malformed(malformed(&given.text("why").ok()??)?),
            "replayed" => Verdict::Replayed { token: token(&mut given), ahead: given.number("ahead") },
            "pair-needed" => Verdict::PairNeeded { token: token(&mut given)? },
            "expired" => Verdict::Expired {
                number: given.number("number")?.try_into().ok()?,
                since: Time(given.number("since")?),
            },
            "throttled" => {
                let lane = lane(&given.text("lane").ok()??)?;
                Verdict::Throttled { lane, until: Time(given.number("until")?) }
            }
            "clock-behind" => Verdict::ClockBehind { seconds: given.number("seconds")? },
            _ => return None,
        }))
    })
}

/// Reads the reply to `Check` about the end of a password: the outcome, and how many bytes are the code.
pub(crate) fn read_split(message: &[u8], owner: &Owner) -> Option<Reply<(Outcome, Option<usize>)>> {
    let length = match read_reply(message, owner, |mut given| Some(given.number("length")))? {
        Reply::Result(length) => length.map(usize::try_from).transpose().ok()?,
        Reply::Denied(denial) => return Some(Reply::Denied(denial)),
    };
    Some(match read_checked(message, owner)? {
        Reply::Result(outcome) => Reply::Result((outcome, length)),
        Reply::Denied(denial) => Reply::Denied(denial),
    })
}

/// Reads of the reply to `Status` whether anything is enrolled.
pub(crate) fn read_standing(message: &[u8], owner: &Owner) -> Option<Reply<Standing>> {
    read_reply(message, owner, |mut given| {
        let enrolled = given.take("enrolled")?.flag()?;
        let suspended = match given.take("record") {
            Some(record) => Fields::of(Some(record))?.take("suspended").is_some_and(|since| !since.is_null()),
            None => false,
        };
        Some(match (suspended, enrolled) {
            (true, _) => Standing::Suspended,
            (false, true) => Standing::Enrolled,
            (false, false) => Standing::NotEnrolled,
        })
    })
}

/// Reads the reply to `Status`.
pub(crate) fn read_status(message: &[u8], owner: &Owner) -> Option<Reply<Option<Status>>> {
    read_reply(message, owner, |mut given| {
        let enrolled = given.take("enrolled")?.flag()?;
        let Some(record) = given.take("record") else { return (!enrolled).then_some(None) };
        let mut record = Fields::of(Some(record))?;
        let backup = match record.take("backup") {
            Some(set) => Some(read_left(Fields::of(Some(set))?)?),
            None => None,
        };
        let suspended = match record.take("suspended").filter(|since| !since.is_null()) {
            Some(since) => Some(SuspensionStatus { since: Time(since.number()?), told: None }),
            None => None,
        };
        let invitation = match record.take("invitation") {
            Some(invitation) => Some(read_invitation(Fields::of(Some(invitation))?)?),
            None => None,
        };
        Some(Some(Status {
            id: Id::parse(&record.text("id").ok()??)?,
            account: record.text("account").ok()??.to_string(),
            owner: owner.clone(),
            enrolled,
            changed: Time(record.number("changed")?),
            tokens: record.all("tokens", read_token)?,
            backup,
            scratch_left: record.number("scratch_left").and_then(|left| left.try_into().ok()),
            suspended,
            invitation,
            bypasses: record.all("bypasses", read_bypass)?,
            announcements: record.all("announcements", read_announcement)?,
            throttled: record.all("throttled", read_waiting)?,
            warnings: record.take("warnings")?.items()?.into_iter().map(owned).collect::<Option<_>>()?,
        }))
    })
}

fn read_reply<T>(
    message: &[u8],
    owner: &Owner,
    read: impl FnOnce(Fields<'_>) -> Option<T>,
) -> Option<Reply<T>> {
    let mut reply = Fields::of(Value::parse(message))?;
    if let Some(error) = reply.text("error").ok()? {
        return match error.strip_prefix(INTERFACE)? {
            ".NotAllowed" => Some(Reply::Denied(Denial::NotAllowed)),
            ".Unavailable" => Some(Reply::Denied(Denial::Unavailable)),
            _ => None,
        };
    }
    let mut given = Fields::of(reply.take("parameters"))?;
    is_about(&mut given, owner)?.then(|| read(given)).flatten().map(Reply::Result)
}

fn read_token(mut given: Fields<'_>) -> Option<TokenStatus> {
    let kind = match given.text("kind").ok()??.as_str() {
        "totp" => Kind::Totp { period: Period::new(given.number("period")?)? },
        "hotp" => Kind::Hotp,
        _ => return None,
    };
    Some(TokenStatus {
        name: TokenName::new(&given.text("name").ok()??)?,
        kind,
        algorithm: Algorithm::parse(&given.text("algorithm").ok()??)?,
        digits: Digits::new(given.number("digits")?.try_into().ok()?)?,
        bits: given.number("bits")?.try_into().ok()?,
        last_used: given.number("last_used").map(Time),
        pairs_only: given.take("pairs_only").and_then(|value| value.flag()).unwrap_or(false),
    })
}

fn read_backup(given: &mut Fields<'_>) -> Option<BackupSheet> {
    let number = given.number("number")?.try_into().ok()?;
    Some(BackupSheet { number, created: Time(given.number("created")?) })
}

fn read_left(mut given: Fields<'_>) -> Option<(BackupSheet, usize)> {
    let sheet = read_backup(&mut given)?;
    Some((sheet, given.number("left")?.try_into().ok()?))
}

fn read_invitation(mut given: Fields<'_>) -> Option<InvitationStatus> {
    Some(InvitationStatus {
        expires: Time(given.number("expires")?),
        expired: given.take("expired")?.flag()?,
    })
}

fn read_bypass(mut given: Fields<'_>) -> Option<BypassStatus> {
    Some(BypassStatus {
        number: given.number("number")?.try_into().ok()?,
        expires: Time(given.number("expires")?),
        expired: given.take("expired")?.flag()?,
        left: given.number("left")?.try_into().ok()?,
        reason: Reason::new(&given.text("reason").ok()??)?,
    })
}

fn read_notice(given: &mut Fields<'_>) -> Option<Notice> {
    let token = match given.text("token").ok()? {
        Some(token) => Some(TokenName::new(&token)?),
        None => None,
    };
    Some(Notice {
        change: Announced::of(&given.text("what").ok()??, token)?,
        at: Time(given.number("at")?),
        by_root: given.take("by_root")?.flag()?,
    })
}

fn read_announcement(mut given: Fields<'_>) -> Option<AnnouncementStatus> {
    Some(AnnouncementStatus {
        notice: read_notice(&mut given)?,
        until: Time(given.number("until")?),
        acknowledged: given.take("acknowledged")?.flag()?,
    })
}

fn read_waiting(mut given: Fields<'_>) -> Option<Waiting> {
    Some(Waiting { lane: lane(&given.text("lane").ok()??)?, until: Time(given.number("until")?) })
}

fn owned(value: Value<'_>) -> Option<String> {
    value.text().map(|text| text.to_string())
}

fn lane(name: &str) -> Option<Lane> {
    [Lane::Console, Lane::Others, Lane::Known(0), Lane::Services, Lane::Strangers]
        .into_iter()
        .find(|lane| lane.name() == name)
}

const MALFORMED: [Malformed; 7] = [
    Malformed::Empty,
    Malformed::TooLong,
    Malformed::NotText,
    Malformed::SshdPlaceholder,
    Malformed::WrongLength,
    Malformed::NotACode,
    Malformed::NoCodeAtEnd,
];

fn malformed_name(why: Malformed) -> &'static str {
    match why {
        Malformed::Empty => "empty",
        Malformed::TooLong => "too-long",
        Malformed::NotText => "not-text",
        Malformed::SshdPlaceholder => "sshd-placeholder",
        Malformed::WrongLength => "wrong-length",
        Malformed::NotACode => "not-a-code",
        Malformed::NoCodeAtEnd => "no-code-at-end",
    }
}

fn malformed(name: &str) -> Option<Malformed> {
    MALFORMED.into_iter().find(|why| malformed_name(*why) == name)
}

/// The members of an object, each of which is taken once.
struct Fields<'a>(Vec<(Zeroizing<String>, Value<'a>)>);

impl<'a> Fields<'a> {
    fn of(value: Option<Value<'a>>) -> Option<Self> {
        value?.members().map(Self)
    }

    fn take(&mut self, key: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(known, _)| known.as_str() == key)?;
        Some(self.0.swap_remove(place).1)
    }

    /// A text that may be left out, or be null.
    fn text(&mut self, key: &str) -> Result<Option<Zeroizing<String>>, Mistake> {
        let Some(value) = self.take(key).filter(|value| !value.is_null()) else { return Ok(None) };
        value.text().map(Some).ok_or_else(|| parameter(key))
    }

    fn needed(&mut self, key: &str) -> Result<Zeroizing<String>, Mistake> {
        self.text(key)?.ok_or_else(|| parameter(key))
    }

    fn number(&mut self, key: &str) -> Option<u64> {
        self.take(key)?.number()
    }

    fn all<T>(&mut self, key: &str, read: impl Fn(Fields<'a>) -> Option<T>) -> Option<Vec<T>> {
        self.take(key)?.items()?.into_iter().map(|item| read(Fields::of(Some(item))?)).collect()
    }

    /// What nobody asked for is refused, and not passed over: a peer that says more than is understood may
    /// mean something else.
    fn finish(self) -> Result<(), Mistake> {
        self.0.first().map_or(Ok(()), |(key, _)| Err(parameter(key)))
    }
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
