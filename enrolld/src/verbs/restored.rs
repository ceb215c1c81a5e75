//! `restored`: after a restore of a backup or a clone of the machine, nothing that was used before works again.

use crate::failure::Failure;
use crate::house::House;
use crate::terminal::Terminal;
use crate::verbs::unlock::longest_wait;
use crate::{journal, output, people};
use otp::Kind;
use std::ffi::OsStr;
use verifier::{Account, Owner, Status, TokenStatus};

pub(crate) fn run(house: &House, user: Option<&OsStr>, skip: u64, yes: bool) -> Result<(), Failure> {
    let Some(user) = user else { return everybody(house, skip, yes) };
    let account = people::account_or_gone(house, user)?;
    let name = &account.name;
    let before = people::status(house, &account)?.filter(has_any);
    let before = before.ok_or_else(|| Failure::new(format!("{name} is not enrolled")))?;
    let question = format!("Void {name}'s backup codes, and refuse all codes up to now?");
    confirm(yes, &question)?;
    output::put(&one(house, &account, &before, skip)?)
}

/// Whether something is there that may have been used. Of a tombstone nothing is.
fn has_any(status: &Status) -> bool {
    status.enrolled || status.invitation.is_some()
}

fn confirm(yes: bool, question: &str) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let terminal = Terminal::required("restored asks before it destroys", "--yes answers")?;
    match terminal.confirm(question)? {
        true => Ok(()),
        false => Err(Failure::new("not confirmed, nothing was changed")),
    }
}

/// One person's trouble is told and keeps nobody else waiting.
fn everybody(house: &House, skip: u64, yes: bool) -> Result<(), Failure> {
    let people = house.verifier.people()?;
    confirm(yes, "Void everybody's backup codes, and refuse all codes up to now?")?;
    let (mut done, mut failed) = (0, 0);
    for owner in &people {
        match of_owner(house, owner, skip) {
            Ok(Some(text)) => {
                done += 1;
                output::put(&text)?;
            }
            Ok(None) => {}
            Err(failure) => {
                failed += 1;
                output::complain(&failure.about(&owner.to_string()));
            }
        }
    }
    output::put(&format!("done {done}, failed {failed}\n"))?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("what was used before may work again for {failed} of them"))
            .hint("the reason stands above; when it is gone, run this for each of them")),
    }
}

fn of_owner(house: &House, owner: &Owner, skip: u64) -> Result<Option<String>, Failure> {
    // A name service that does not answer is no reason to leave somebody's codes open.
    let nameless = || Account { name: owner.to_string(), owner: owner.clone() };
    let account = people::of_owner(owner).unwrap_or_else(|_| nameless());
    match people::status(house, &account)?.filter(has_any) {
        Some(before) => one(house, &account, &before, skip).map(Some),
        None => Ok(None),
    }
}

fn one(house: &House, account: &Account, before: &Status, skip: u64) -> Result<String, Failure> {
    let name = &account.name;
    house.verifier.restored(account, skip).map_err(|refusal| Failure::refusal(&refusal, name))?;
    journal::changed("restored", account, "");
    if !before.enrolled {
        return Ok(format!("{name}: the invitation is void: totpctl invite {name}\n"));
    }
    let mut text = format!("{name}: what was used before is refused\n");
    text += &longest_wait(house, before);
    let after = people::status(house, account)?.map_or(Vec::new(), |status| status.tokens);
    for token in after.iter().filter(|token| token.kind == Kind::Hotp) {
        text += &counting(token, skip);
    }
    if before.backup.is_some() || before.scratch_left.is_some() {
        text += &format!("backup codes are void: totpctl backup-codes {name}\n");
    }
    if !before.bypasses.is_empty() {
        text += "bypasses are void\n";
    }
    Ok(text)
}

/// What becomes of a token that counts.
fn counting(token: &TokenStatus, skip: u64) -> String {
    let name = &token.name;
    match token.pairs_only {
        true => format!(
            "token {name} counts: it opens by two successive codes in one answer, beyond {skip} that are passed over\n"
        ),
        false => format!("token {name} counts, how far is lost: enroll it anew\n"),
    }
}
