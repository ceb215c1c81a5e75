//! `invite`: people enroll by themselves, each with a code that is handed to them.

use crate::cli::Invite;
use crate::failure::Failure;
use crate::house::House;
use crate::report::columns;
use crate::words::{instant, rfc3339};
use crate::{accounts, journal, output, people, random};
use otp::Time;
use serde::Serialize;
use std::collections::BTreeSet;
use verifier::{Account, NewInvitation};
use zeroize::Zeroizing;

/// One person's, as scripts get it.
#[derive(Serialize)]
struct Invited {
    user: String,
    #[serde(serialize_with = "exposed")]
    invitation: Zeroizing<String>,
    expires: String,
    #[serde(skip)]
    until: Time,
}

fn exposed<S: serde::Serializer>(code: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(code)
}

/// Somebody to invite, and whether they were named: members of a group may be enrolled already.
struct Guest {
    account: Account,
    is_named: bool,
}

pub(crate) fn run(house: &House, args: &Invite) -> Result<(), Failure> {
    let mut failed = 0;
    let (guests, unknown) = guests(args)?;
    for failure in &unknown {
        complain(failure, &mut failed);
    }
    let mut invited = Vec::with_capacity(guests.len());
    for guest in &guests {
        match invite(house, guest, args.expires) {
            Ok(Some(invitation)) => invited.push(invitation),
            Ok(None) => output::note(&format!("{} is enrolled already", guest.account.name)),
            Err(failure) => complain(&failure, &mut failed),
        }
    }
    let shown = show(args, &invited);
    shown
        .map_err(|failure| failure.hint("the invitations that were not shown are of no use: invite again"))?;
    match failed {
        0 => Ok(()),
        1 => Err(Failure::new("one invitation was not issued")),
        _ => Err(Failure::new(format!("{failed} invitations were not issued"))),
    }
}

fn complain(failure: &Failure, failed: &mut usize) {
    *failed += 1;
    output::complain(failure);
}

/// Everybody once, in the order in which they were named, members of groups after them.
fn guests(args: &Invite) -> Result<(Vec<Guest>, Vec<Failure>), Failure> {
    let (mut guests, mut unknown, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for name in &args.users {
        match people::account(name) {
            Ok(account) if seen.insert(account.owner.clone()) => {
                guests.push(Guest { account, is_named: true })
            }
            Ok(_) => {}
            Err(failure) => unknown.push(failure),
        }
    }
    for group in &args.group {
        let members = accounts::members(group)?;
        let members = members.into_iter().filter(|account| seen.insert(account.owner.clone()));
        guests.extend(members.map(|account| Guest { account, is_named: false }));
    }
    Ok((guests, unknown))
}

/// Issues one; `None` for a member of a group who is enrolled.
fn invite(house: &House, guest: &Guest, lasts: u64) -> Result<Option<Invited>, Failure> {
    let account = &guest.account;
    let name = &account.name;
    let status = people::status(house, account)?;
    if let Some(status) = status.as_ref().filter(|status| status.enrolled) {
        if guest.is_named || people::vet(status, account).is_err() {
            return Err(Failure::new(format!("{name} is enrolled already"))
                .hint(format!("for a phone that is lost: totpctl bypass --uses 2 {name}")));
        }
        return Ok(None);
    }
    let code = random::backup_code()?;
    let new = NewInvitation { code: &code, lasts };
    let invitation = house.verifier.invite(account, status.map(|status| status.id), &new);
    let invitation = invitation.map_err(|refusal| Failure::refusal(&refusal, name))?;
    let expires = rfc3339(invitation.expires);
    journal::changed("invite", account, &format!("expires={expires}"));
    Ok(Some(Invited { user: name.clone(), invitation: code.expose(), expires, until: invitation.expires }))
}

fn show(args: &Invite, invited: &[Invited]) -> Result<(), Failure> {
    if args.json {
        return output::put_json(&invited);
    }
    if args.csv {
        return output::put(&csv(invited));
    }
    if invited.is_empty() {
        return Ok(());
    }
    let head = ["USER", "INVITATION", "UNTIL"].map(str::to_owned);
    let row = |one: &Invited| [one.user.clone(), one.invitation.to_string(), instant(one.until)];
    let table = Zeroizing::new(columns(std::iter::once(head).chain(invited.iter().map(row))));
    output::put(&table)?;
    output::note("each is shown this once and good once: as that user, totpctl enroll");
    Ok(())
}

/// RFC 4180, but for the line ends, which are those of this system.
fn csv(invited: &[Invited]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(64 + invited.len() * 384));
    text.push_str("user,invitation,expires\n");
    for Invited { user, invitation, expires, .. } in invited {
        text.push_str(&format!("\"{}\",", user.replace('"', "\"\"")));
        text.push_str(invitation);
        text.push_str(&format!(",{expires}\n"));
    }
    text
}
