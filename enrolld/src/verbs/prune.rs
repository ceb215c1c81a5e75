//! `prune`: removes what is kept of people whose account is gone.

use crate::failure::Failure;
use crate::house::House;
use crate::terminal::Terminal;
use crate::{journal, output, people};
use verifier::{Account, Id, Owner, Refusal, StoreError, lookup_uid};

/// Somebody whose account is gone.
struct Gone {
    uid: u32,
    /// Who had the uid, where an enrollment says so.
    was: Option<String>,
    id: Option<Id>,
}

pub(crate) fn run(house: &House, dry_run: bool, yes: bool) -> Result<(), Failure> {
    let (gone, mut failed) = everybody(house)?;
    let list: String = gone.iter().map(|one| format!("{}\n", one.words())).collect();
    if gone.is_empty() || dry_run {
        output::put(if gone.is_empty() { "no account is gone\n" } else { &list })?;
        return settle(failed);
    }
    confirm(&list, yes)?;
    for one in &gone {
        match one.remove(house) {
            Ok(()) => output::put(&format!("{}: removed\n", one.words()))?,
            Err(failure) => complain(one.uid, failure, &mut failed),
        }
    }
    settle(failed)
}

fn everybody(house: &House) -> Result<(Vec<Gone>, usize), Failure> {
    let (mut gone, mut failed) = (Vec::new(), 0);
    // Who has no account by design does not lose one.
    for uid in house.verifier.people()?.iter().filter_map(Owner::uid) {
        match gone_of(house, uid) {
            Ok(found) => gone.extend(found),
            Err(failure) => complain(uid, failure, &mut failed),
        }
    }
    Ok((gone, failed))
}

/// `None` where there is an account. A name service that does not answer has not said that there is none.
fn gone_of(house: &House, uid: u32) -> Result<Option<Gone>, Failure> {
    let nameless = Account::local(uid.to_string(), uid);
    if lookup_uid(uid)?.is_some() {
        return Ok(None);
    }
    let Some(status) = people::status(house, &nameless)? else {
        return Ok(Some(Gone { uid, was: None, id: None }));
    };
    // A tombstone stays: imports respect it, and nothing in it is secret.
    let has_any = status.enrolled || status.invitation.is_some();
    Ok(has_any.then_some(Gone { uid, was: Some(status.account), id: Some(status.id) }))
}

impl Gone {
    fn words(&self) -> String {
        match &self.was {
            Some(name) => format!("uid {} (was {name})", self.uid),
            None => format!("uid {} (nothing enrolled)", self.uid),
        }
    }

    fn remove(&self, house: &House) -> Result<(), Failure> {
        let uid = self.uid;
        let removed = house.verifier.prune(uid, self.id);
        removed.map_err(|refusal| match refusal {
            Refusal::Store(StoreError::Changed) => {
                Failure::new("an account or an enrollment was made meanwhile, nothing was removed")
            }
            other => Failure::refusal(&other, &uid.to_string()),
        })?;
        let name = self.was.clone().unwrap_or_else(|| uid.to_string());
        journal::changed("prune", &Account::local(name, uid), "");
        Ok(())
    }
}

fn confirm(list: &str, yes: bool) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    let terminal = Terminal::required("prune asks before it destroys", "--yes answers")?;
    terminal.say(list)?;
    match terminal.confirm("Remove what is enrolled for these?")? {
        true => Ok(()),
        false => Err(Failure::new("not confirmed, nothing was changed")),
    }
}

fn complain(uid: u32, failure: Failure, failed: &mut usize) {
    *failed += 1;
    output::complain(&failure.about(&format!("uid {uid}")));
}

fn settle(failed: usize) -> Result<(), Failure> {
    match failed {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{failed} could not be looked at or removed"))),
    }
}
