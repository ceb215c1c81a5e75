//! `enrollment.toml`: the text of a [`Record`].
//!
//! Errors name a line and quote nothing, since the text holds secrets; buffers that held it are wiped.

use crate::format::{NEXT, VERSION};
use crate::id::{hex, unhex};
use crate::{FoldedName, Holder, Id, Owner, Record, State, Suspension};
use config::table::{Table, Wrong, array, boolean, number, text};
use otp::{
    Algorithm, Announced, Announcement, BackupSet, Bypass, Digits, Enrollment, Invitation, Kind, Life,
    Period, Reason, ScratchSet, Secret, Time, Token, TokenName, Uses,
};
use std::fmt::{self, Write};
use toml::de::DeValue;
use zeroize::Zeroizing;

/// Why a text is no record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The line (from 1) where it went wrong.
    Line(usize),
    /// It is of a format that this version does not understand.
    Format(u32),
}

/// Parses the text.
pub(crate) fn parse(text: &str) -> Result<Record, Unread> {
    record(text).map_err(|wrong| match format(text) {
        Some(version) if version > VERSION => Unread::Format(version),
        _ => Unread::Line(wrong.place(text).0),
    })
}

/// The format that a text says it has.
fn format(source: &str) -> Option<u32> {
    Table::parse(source).ok()?.need("format", number::<u32>).ok()
}

fn record(source: &str) -> Result<Record, Wrong> {
    let mut root = Table::parse(source)?;
    let is_ours = |value: &DeValue<'_>| {
        (VERSION..=NEXT).contains(&number::<u32>(value)?).then_some(()).ok_or_else(unexpected)
    };
    root.need("format", is_ours)?;
    let id = Id(root.need("id", hexadecimal)?);
    let holder = holder(&mut root)?;
    let written = root.need("written", time)?;
    let sets = root.need("sets", number)?;
    let issued = root.need("bypasses", number)?;
    let revoked = root.take("revoked", time)?;
    let tokens = root.tables("token")?.into_iter().map(token).collect::<Result<Vec<_>, _>>()?;
    let backup = root.table("backup")?.map(backup).transpose()?;
    let bypasses = root.tables("bypass")?.into_iter().map(bypass).collect::<Result<Vec<_>, _>>()?;
    let scratch = root.table("scratch")?.map(scratch).transpose()?;
    let invitation = root.table("invitation")?.map(invitation).transpose()?;
    let suspended = root.table("suspended")?.map(suspension).transpose()?;
    let changes = root.tables("change")?.into_iter().map(change).collect::<Result<Vec<_>, _>>()?;
    root.finish()?;
    let impossible = || Wrong { at: 0, message: unexpected() };
    let is_bare = tokens.is_empty()
        && backup.is_none()
        && scratch.is_none()
        && bypasses.is_empty()
        && changes.is_empty();
    let state = match (revoked, invitation) {
        (Some(at), None) if is_bare => State::Revoked(at),
        (None, Some(invitation)) if is_bare => State::Invited(invitation),
        (Some(_), _) | (_, Some(_)) => return Err(impossible()),
        (None, None) => {
            let enrollment = Enrollment::new(tokens, backup)
                .and_then(|made| made.with_bypasses(bypasses))
                .and_then(|made| made.with_announcements(changes));
            State::Enrolled(enrollment.map_err(|_| impossible())?.with_scratch(scratch))
        }
    };
    Ok(Record { id, holder, written, sets, bypasses: issued, state, suspended })
}

/// An account has a uid and a name; who has none has a name, in its folded form.
fn holder(root: &mut Table<'_>) -> Result<Holder, Wrong> {
    let name =
        root.take("name", |value| FoldedName::parse(text(value)?).map(Owner::Name).ok_or_else(unexpected))?;
    if let Some(owner) = name {
        return Ok(Holder { account: owner.to_string(), owner });
    }
    Ok(Holder {
        owner: Owner::Uid(root.need("uid", number)?),
        account: root.need("account", |value| text(value).map(str::to_owned))?,
    })
}

fn token(mut table: Table<'_>) -> Result<Token, Wrong> {
    let name = table.need("name", |value| TokenName::new(text(value)?).ok_or_else(unexpected))?;
    let is_totp = table.need("kind", |value| match text(value)? {
        "totp" => Ok(true),
        "hotp" => Ok(false),
        _ => Err(unexpected()),
    })?;
    let secret = table.need("secret", |value| Secret::from_base32(text(value)?).map_err(|_| unexpected()))?;
    let algorithm = table.need("algorithm", |value| {
        let name = text(value)?;
        Algorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name).ok_or_else(unexpected)
    })?;
    let digits = table.need("digits", |value| Digits::new(number(value)?).ok_or_else(unexpected))?;
    let kind = if is_totp {
        let period = table.need("period", |value| Period::new(number(value)?).ok_or_else(unexpected))?;
        Kind::Totp { period }
    } else {
        Kind::Hotp
    };
    table.finish()?;
    Ok(Token { name, kind, algorithm, digits, secret })
}

fn backup(mut table: Table<'_>) -> Result<BackupSet, Wrong> {
    let set = BackupSet {
        number: table.need("set", number)?,
        created: table.need("created", time)?,
        salt: table.need("salt", hexadecimal)?,
        hashes: table.need("hashes", |value| {
            let hashes = array(value, hexadecimal)?;
            if hashes.len() > BackupSet::MAX_CODES { Err(unexpected()) } else { Ok(hashes) }
        })?,
    };
    table.finish()?;
    Ok(set)
}

fn scratch(mut table: Table<'_>) -> Result<ScratchSet, Wrong> {
    let set = ScratchSet {
        salt: table.need("salt", hexadecimal)?,
        hashes: table.need("hashes", |value| {
            let hashes = array(value, hexadecimal)?;
            if hashes.len() > ScratchSet::MAX_CODES { Err(unexpected()) } else { Ok(hashes) }
        })?,
    };
    table.finish()?;
    Ok(set)
}

fn bypass(mut table: Table<'_>) -> Result<Bypass, Wrong> {
    let bypass = Bypass {
        number: table.need("number", number)?,
        life: life(&mut table)?,
        uses: table.need("uses", |value| Uses::new(number(value)?).ok_or_else(unexpected))?,
        reason: table.need("reason", |value| Reason::new(text(value)?).ok_or_else(unexpected))?,
        salt: table.need("salt", hexadecimal)?,
        hash: table.need("hash", hexadecimal)?,
    };
    table.finish()?;
    Ok(bypass)
}

fn invitation(mut table: Table<'_>) -> Result<Invitation, Wrong> {
    let invitation = Invitation {
        life: life(&mut table)?,
        salt: table.need("salt", hexadecimal)?,
        hash: table.need("hash", hexadecimal)?,
    };
    table.finish()?;
    Ok(invitation)
}

fn suspension(mut table: Table<'_>) -> Result<Suspension, Wrong> {
    let suspension = Suspension {
        since: table.need("since", time)?,
        reason: table.need("reason", |value| Reason::new(text(value)?).ok_or_else(unexpected))?,
        by: table.take("by", number)?,
    };
    table.finish()?;
    Ok(suspension)
}

fn change(mut table: Table<'_>) -> Result<Announcement, Wrong> {
    let token = table.take("token", |value| TokenName::new(text(value)?).ok_or_else(unexpected))?;
    let announcement = Announcement {
        change: table.need("what", |value| Announced::of(text(value)?, token).ok_or_else(unexpected))?,
        by_root: table.need("by_root", boolean)?,
        life: life(&mut table)?,
    };
    table.finish()?;
    Ok(announcement)
}

fn life(table: &mut Table<'_>) -> Result<Life, Wrong> {
    Ok(Life {
        issued: table.need("issued", time)?,
        recorded: table.need("recorded", time)?,
        expires: table.need("expires", time)?,
    })
}

fn time(value: &DeValue<'_>) -> Result<Time, String> {
    number(value).map(Time)
}

fn hexadecimal<const N: usize>(value: &DeValue<'_>) -> Result<[u8; N], String> {
    unhex(text(value)?).ok_or_else(unexpected)
}

/// Only the line is ever shown, so the message says nothing.
fn unexpected() -> String {
    String::new()
}

/// More than the largest record has, in bytes.
const CAPACITY: usize = 32 * 1024;

/// The text of `record`, wiped on drop.
pub(crate) fn render(record: &Record) -> Zeroizing<String> {
    // Large enough for the largest record, so that it never moves and leaves a copy behind.
    let mut text = Zeroizing::new(String::with_capacity(CAPACITY));
    // Writing to a String cannot fail.
    let _ = write_record(&mut text, record);
    text
}

fn write_record(text: &mut String, record: &Record) -> fmt::Result {
    writeln!(text, "# Written by totpctl and read at every login: change it with totpctl only.")?;
    writeln!(text, "format = {VERSION}")?;
    writeln!(text, "id = \"{}\"", record.id)?;
    match &record.holder.owner {
        Owner::Uid(uid) => {
            writeln!(text, "uid = {uid}\naccount = {}", quoted(&record.holder.account))?;
        }
        Owner::Name(name) => writeln!(text, "name = {}", quoted(name.as_str()))?,
    }
    writeln!(text, "written = {}", record.written.0)?;
    writeln!(text, "sets = {}", record.sets)?;
    writeln!(text, "bypasses = {}", record.bypasses)?;
    if let State::Revoked(at) = &record.state {
        writeln!(text, "revoked = {}", at.0)?;
    }
    if let Some(suspension) = &record.suspended {
        write_suspension(text, suspension)?;
    }
    let enrollment = match &record.state {
        State::Revoked(_) => return Ok(()),
        State::Invited(Invitation { life, salt, hash }) => {
            writeln!(text, "\n[invitation]")?;
            write_life(text, life)?;
            return writeln!(text, "salt = \"{}\"\nhash = \"{}\"", hex(salt), hex(hash));
        }
        State::Enrolled(enrollment) => enrollment,
    };
    for token in enrollment.tokens() {
        writeln!(text, "\n[[token]]")?;
        writeln!(text, "name = \"{}\"", token.name)?;
        writeln!(text, "kind = \"{}\"", token.kind.name())?;
        writeln!(text, "secret = \"{}\"", *token.secret.to_base32())?;
        writeln!(text, "algorithm = \"{}\"", token.algorithm.name())?;
        writeln!(text, "digits = {}", token.digits.count())?;
        if let Kind::Totp { period } = token.kind {
            writeln!(text, "period = {}", period.seconds())?;
        }
    }
    if let Some(set) = enrollment.backup() {
        writeln!(text, "\n[backup]\nset = {}", set.number)?;
        writeln!(text, "created = {}", set.created.0)?;
        write_hashes(text, &set.salt, &set.hashes)?;
    }
    if let Some(set) = enrollment.scratch() {
        writeln!(text, "\n[scratch]")?;
        write_hashes(text, &set.salt, &set.hashes)?;
    }
    for bypass in enrollment.bypasses() {
        writeln!(text, "\n[[bypass]]\nnumber = {}", bypass.number)?;
        write_life(text, &bypass.life)?;
        writeln!(text, "uses = {}", bypass.uses.count())?;
        writeln!(text, "reason = {}", quoted(bypass.reason.as_str()))?;
        writeln!(text, "salt = \"{}\"", hex(&bypass.salt))?;
        writeln!(text, "hash = \"{}\"", hex(&bypass.hash))?;
    }
    for told in enrollment.announcements() {
        writeln!(text, "\n[[change]]\nwhat = \"{}\"", told.change.name())?;
        if let Some(token) = told.change.token() {
            writeln!(text, "token = \"{token}\"")?;
        }
        writeln!(text, "by_root = {}", told.by_root)?;
        write_life(text, &told.life)?;
    }
    Ok(())
}

fn write_suspension(text: &mut String, suspension: &Suspension) -> fmt::Result {
    writeln!(text, "\n[suspended]\nsince = {}", suspension.since.0)?;
    writeln!(text, "reason = {}", quoted(suspension.reason.as_str()))?;
    suspension.by.map_or(Ok(()), |by| writeln!(text, "by = {by}"))
}

fn write_hashes(text: &mut String, salt: &[u8; 16], hashes: &[[u8; 32]]) -> fmt::Result {
    writeln!(text, "salt = \"{}\"", hex(salt))?;
    writeln!(text, "hashes = [")?;
    for hash in hashes {
        writeln!(text, "    \"{}\",", hex(hash))?;
    }
    writeln!(text, "]")
}

fn write_life(text: &mut String, life: &Life) -> fmt::Result {
    writeln!(text, "issued = {}", life.issued.0)?;
    writeln!(text, "recorded = {}", life.recorded.0)?;
    writeln!(text, "expires = {}", life.expires.0)
}

/// A TOML basic string: account names come from the name service, which may hold anything.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bypass(number: u32, reason: &str) -> Bypass {
        Bypass {
            number,
            life: Life { issued: Time(7), recorded: Time(u64::MAX >> 1), expires: Time(u64::MAX >> 1) },
            uses: Uses::new(100).unwrap(),
            reason: Reason::new(reason).unwrap(),
            salt: [8; 16],
            hash: [9; 32],
        }
    }

    fn told(change: Announced) -> Announcement {
        let life = Life { issued: Time(7), recorded: Time(u64::MAX >> 1), expires: Time(u64::MAX >> 1) };
        Announcement { change, life, by_root: false }
    }

    fn record() -> Record {
        let token = |name: &str, kind| Token {
            name: TokenName::new(name).unwrap(),
            kind,
            algorithm: Algorithm::Sha256,
            digits: Digits::new(8).unwrap(),
            secret: Secret::from_base32("JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU").unwrap(),
        };
        let tokens = vec![
            token("phone", Kind::Totp { period: Period::new(60).unwrap() }),
            token("yubikey", Kind::Hotp),
        ];
        let backup = BackupSet { number: 2, created: Time(5), salt: [7; 16], hashes: vec![[1; 32], [2; 32]] };
        let bypasses = vec![bypass(3, "lost, ticket \"12\" \\ \u{202e}é"), bypass(4, "x")];
        let scratch = ScratchSet { salt: [5; 16], hashes: vec![[6; 32], [7; 32]] };
        let enrollment = Enrollment::new(tokens, Some(backup)).unwrap().with_bypasses(bypasses).unwrap();
        let enrollment = enrollment.with_scratch(Some(scratch));
        let token = || TokenName::new("yubikey").unwrap();
        let changes = [
            Announced::Enrolled { token: token() },
            Announced::Replaced { token: token() },
            Announced::Added { token: token() },
            Announced::Removed { token: token() },
            Announced::BackupCodes,
        ];
        let mut changes = changes.map(told).to_vec();
        changes[4].by_root = true;
        let enrollment = enrollment.with_announcements(changes).unwrap();
        Record {
            id: Id([0xab; 16]),
            holder: Holder { owner: Owner::Uid(1000), account: "al\"i\\ce\u{7}é".into() },
            written: Time(1_800_000_000),
            sets: 2,
            bypasses: 4,
            state: State::Enrolled(enrollment),
            suspended: None,
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let enrolled = record();
        assert_eq!(parse(&render(&enrolled)).unwrap(), enrolled);
        let life = bypass(1, "x").life;
        let invited = State::Invited(Invitation { life, salt: [3; 16], hash: [4; 32] });
        let invited = Record { state: invited, ..enrolled.clone() };
        assert_eq!(parse(&render(&invited)).unwrap(), invited);
        for broken in ["bypasses = 4\nrevoked = 1", "bypasses = 4\nmore = 1"] {
            assert!(parse(&render(&invited).replacen("bypasses = 4", broken, 1)).is_err(), "{broken}");
        }
        let with_token = format!(
            "{}{}",
            *render(&invited),
            &render(&enrolled)[render(&enrolled).find("\n[[token]]").unwrap()..]
        );
        assert!(parse(&with_token).is_err());
        let revoked = Record { state: State::Revoked(Time(9)), ..enrolled.clone() };
        assert_eq!(parse(&render(&revoked)).unwrap(), revoked);
        let name = crate::UserName::new("Corp\\é \"x\"").unwrap();
        let holder = Holder::from(&crate::Account::by_name(FoldedName::of(&name).unwrap()));
        let by_name = Record { holder, ..enrolled.clone() };
        assert_eq!(parse(&render(&by_name)).unwrap(), by_name);
        assert!(!render(&by_name).contains("uid"));
        for by in [None, Some(0), Some(u32::MAX)] {
            let reason = Reason::new("leave, \"ticket\" \\ 12").unwrap();
            let suspended = Some(Suspension { since: Time(8), reason, by });
            for former in [&enrolled, &invited, &revoked, &by_name] {
                let suspended = Record { suspended: suspended.clone(), ..former.clone() };
                assert_eq!(parse(&render(&suspended)).unwrap(), suspended);
            }
        }
    }

    #[test]
    fn the_largest_record_fits_the_buffer() {
        let token = |n: usize| Token {
            name: TokenName::new(&format!("{n}-a-name-of-thirty-two-letters-")).unwrap(),
            kind: Kind::Totp { period: Period::THIRTY },
            algorithm: Algorithm::Sha512,
            digits: Digits::SIX,
            secret: Secret::new(&[0xff; 64]).unwrap(),
        };
        let backup = BackupSet {
            number: u32::MAX,
            created: Time(u64::MAX >> 1),
            salt: [7; 16],
            hashes: vec![[1; 32]; 100],
        };
        let bypasses = (u32::MAX - 7..=u32::MAX).map(|number| bypass(number, &"\"".repeat(200)));
        let enrollment = Enrollment::new((0..8).map(token).collect(), Some(backup)).unwrap();
        let scratch = ScratchSet { salt: [7; 16], hashes: vec![[1; 32]; ScratchSet::MAX_CODES] };
        let enrollment = enrollment.with_bypasses(bypasses.collect()).unwrap().with_scratch(Some(scratch));
        let replaced = Announced::Replaced { token: token(0).name };
        let enrollment = enrollment.with_announcements(vec![told(replaced); 8]).unwrap();
        let account = "\u{7}".repeat(255);
        let reason = Reason::new(&"\"".repeat(200)).unwrap();
        let longest = Suspension { since: Time(u64::MAX >> 1), reason, by: Some(u32::MAX) };
        let record = Record {
            holder: Holder { owner: Owner::Uid(u32::MAX), account },
            state: State::Enrolled(enrollment),
            suspended: Some(longest),
            ..record()
        };
        let text = render(&record);
        assert!(text.len() < CAPACITY && text.capacity() == CAPACITY, "{}", text.len());
        assert_eq!(parse(&text).unwrap(), record);
    }

    #[test]
    fn whose_it_is_is_said_in_one_way() {
        let text = render(&record());
        let uid = "uid = 1000\n";
        let account = text.lines().find(|line| line.starts_with("account")).unwrap();
        for (from, to) in
            [(uid, ""), (account, ""), (uid, "uid = 1000\nname = \"alice\"\n"), (uid, "name = \"alice\"\n")]
        {
            assert!(parse(&text.replacen(from, to, 1)).is_err(), "{to}");
        }
        let name = |name: &str| text.replacen(uid, "", 1).replacen(account, &format!("name = {name:?}"), 1);
        assert!(parse(&name("alice")).is_ok());
        for none in ["Alice", "", "..", "a/b", "a\u{0}b"] {
            assert!(parse(&name(none)).is_err(), "{none}");
        }
    }

    #[test]
    fn a_mistake_is_named_by_its_line_alone() {
        let reason = Reason::new("leave").unwrap();
        let suspended = Some(Suspension { since: Time(8), reason, by: Some(7) });
        let text = render(&Record { suspended, ..record() });
        let broken = text.replacen("JVQWWZJA", "JVQWWZJ0", 1);
        assert_eq!(parse(&broken), Err(Unread::Line(18)));
        for (from, to) in [
            ("format = 1", "format = 0"),
            ("digits = 8", "digits = 9"),
            ("period = 60", "period = 0"),
            ("kind = \"totp\"", "kind = \"hotp\""),
            ("name = \"yubikey\"", "name = \"phone\""),
            ("sets = 2", "sets = 2\nrevoked = 1"),
            ("sets = 2", "sets = 2\nmore = 1"),
            ("sha256", "SHA256"),
            ("uses = 100", "uses = 0"),
            ("reason = \"x\"", "reason = \"\""),
            ("number = 4", "number = -1"),
            ("what = \"added\"", "what = \"Added\""),
            ("what = \"added\"", "what = \"backup-codes\""),
            ("what = \"backup-codes\"", "what = \"removed\""),
            ("by_root = true", "by_root = 1"),
            ("[[change]]", "[[changes]]"),
            ("[suspended]", "[[suspended]]"),
            ("since = 8", "since = -1"),
            ("since = 8", "since = 8\nuntil = 9"),
            ("reason = \"leave\"", ""),
            ("by = 7", "by = \"7\""),
        ] {
            let broken = text.replacen(from, to, 1);
            assert_ne!(broken, *text, "{from}");
            assert!(parse(&broken).is_err(), "{to}");
        }
    }

    #[test]
    fn the_next_format_is_read_where_it_is_understood_and_named_where_not() {
        let next = render(&record()).replacen("format = 1", "format = 2", 1);
        assert_eq!(parse(&next).unwrap(), record());
        assert_eq!(parse(&next.replacen("sets = 2", "sets = 2\nmore = 1", 1)), Err(Unread::Format(2)));
        assert_eq!(parse(&next.replacen("format = 2", "format = 3", 1)), Err(Unread::Format(3)));
    }
}
