//! Who would be asked for a code that they do not have.

use crate::accounts;
use crate::doctor::finding::{self, Finding};
use crate::doctor::sshd::{AFAR, Sshd};
use crate::doctor::sshd_file::Connection;
use crate::house::House;
use config::Settings;
use config::rules::{self, Place, Then};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use verifier::{Account, Circumstances, Standing, UserName, lookup};

/// A service that asks everybody, with the names that its stack mentions: those it may exempt.
pub(crate) struct Strict {
    pub(crate) service: String,
    pub(crate) mentioned: BTreeSet<String>,
    /// Whether it asks for a password: who has none does not come to the code.
    pub(crate) asks_password: bool,
}

/// Services that ask for the code of whoever calls them, of whom they make root.
const OF_ADMINISTRATORS: [&str; 4] = ["sudo", "sudo-i", "doas", "polkit-1"];
/// Services that ask for the code of whom one becomes.
const OF_ROOT: [&str; 2] = ["su", "su-l"];
/// Services that no person logs in by.
const OF_NOBODY: [&str; 6] = ["cron", "crond", "atd", "systemd-user", "runuser", "runuser-l"];
/// So many people are looked at one by one.
const FEW: usize = 256;
/// So many names are shown.
const SHOWN: usize = 10;

/// Everybody with a token, as sshd would meet them.
pub(crate) fn enrolled(house: &House, only: Option<&Account>) -> Vec<Connection> {
    let accounts = match only {
        Some(account) => vec![account.clone()],
        None => {
            let people = house.verifier.people().unwrap_or_default().into_iter();
            let uids = people.filter_map(|owner| owner.uid());
            let accounts = uids.filter_map(|uid| crate::people::of_uid(uid).ok());
            accounts
                .filter(|account| matches!(house.verifier.standing(account), Ok(Standing::Enrolled)))
                .collect()
        }
    };
    accounts.iter().map(connection).collect()
}

fn connection(account: &Account) -> Connection {
    Connection {
        user: account.name.clone(),
        groups: accounts::groups(&account.name),
        address: AFAR.to_owned(),
    }
}

/// Who has no token and is asked for one.
pub(crate) fn findings(
    house: &House,
    strict: &[Strict],
    only: Option<&Account>,
    sshd: Option<&Sshd>,
) -> Vec<Finding> {
    let concerns = |account: &Account| only.is_none_or(|wanted| wanted.owner == account.owner);
    let lacks = |account: &Account| matches!(house.verifier.standing(account), Ok(Standing::NotEnrolled));
    let among = |accounts: Vec<Account>| -> Vec<Account> {
        accounts.into_iter().filter(|account| concerns(account) && lacks(account)).collect()
    };
    let (administrators, users) = (among(administrators()), among(accounts::users()));
    // sshd is asked about each, which takes a while: of a large directory all are taken to be asked for a code.
    let sshd = sshd.filter(|_| users.len() <= FEW);
    let mut barred: BTreeMap<(bool, String), BTreeSet<&str>> = BTreeMap::new();
    let locked = locked();
    for Strict { service, mentioned, asks_password } in strict {
        let (people, is_administrators) = match service.as_str() {
            name if OF_NOBODY.contains(&name) => continue,
            name if OF_ADMINISTRATORS.contains(&name) => (&administrators, true),
            _ => (&users, false),
        };
        let meant = people.iter().filter(|account| !mentioned.contains(&account.name));
        let meant = meant.filter(|account| !OF_ROOT.contains(&service.as_str()) || account.uid() == Some(0));
        let meant = meant.filter(|account| !asks_password || !locked.contains(&account.name));
        let meant = meant.filter(|account| is_asked(house, account, service));
        // sshd lets root in by key alone, or not at all, unless somebody has said otherwise.
        let meant = meant
            .filter(|account| service != "sshd" || sshd.is_none_or(|sshd| sshd.asks(&connection(account))));
        for account in meant {
            barred.entry((is_administrators, account.name.clone())).or_default().insert(service);
        }
    }
    told(barred)
}

/// Whether the rules ask this person for a code, as far as that can be said beforehand.
fn is_asked(house: &House, account: &Account, service: &str) -> bool {
    let settings = &house.settings;
    let is_local = settings.login.is_local(service);
    let place = match AFAR.parse() {
        Ok(address) if !is_local => Place::Address(address),
        _ => Place::Local,
    };
    let login = Circumstances::new(account, Some(service), place);
    rules::decide(&settings.rules, &login).then != Then::Skip
}

/// Whom a rule that skips names at sshd, as sshd would meet them: it is sshd that has to ask them for a key.
pub(crate) fn skipped(settings: &Settings, only: Option<&Account>) -> Vec<Connection> {
    let skips = settings.rules.iter().filter(|rule| rule.then == Then::Skip);
    let named = skips.clone().flat_map(|rule| rule.users.iter().flatten());
    let named = named.filter_map(|name| lookup(&UserName::new(name).ok()?).ok().flatten());
    let groups = skips.flat_map(|rule| rule.groups.iter().flatten());
    let members = groups.flat_map(|group| accounts::members(group).unwrap_or_default());
    let wanted = |account: &Account| only.is_none_or(|only| only.owner == account.owner);
    named.chain(members).filter(wanted).map(|account| connection(&account)).collect()
}

/// One finding for all who are barred from the same.
fn told(barred: BTreeMap<(bool, String), BTreeSet<&str>>) -> Vec<Finding> {
    let mut groups: BTreeMap<(bool, BTreeSet<&str>), Vec<String>> = BTreeMap::new();
    for ((is_administrators, name), services) in barred {
        groups.entry((is_administrators, services)).or_default().push(name);
    }
    let found = groups.into_iter().map(|((is_administrators, services), names)| {
        let services = services.into_iter().collect::<Vec<_>>().join(", ");
        let kind = if is_administrators { &finding::ADMINISTRATORS } else { &finding::LOCKED_OUT };
        let what = format!("not enrolled: {}", shown(&names));
        let first = names.first().map_or("USER", String::as_str);
        let fix =
            format!("totpctl enroll {first}, or totpctl invite {first}; until then: nullok on our line");
        let one = if let [name] = names.as_slice() { Some(name.as_str()) } else { None };
        kind.finding(what, fix).of(&services).about(one)
    });
    found.collect()
}

fn shown(names: &[String]) -> String {
    let first: Vec<_> = names.iter().take(SHOWN).map(String::as_str).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// Accounts without a password that anybody could type (shadow(5)).
fn locked() -> BTreeSet<String> {
    let text = fs::read_to_string("/etc/shadow").unwrap_or_default();
    let entries = text.lines().filter_map(|line| line.split_once(':'));
    entries.filter(|(_, rest)| rest.starts_with(['!', '*'])).map(|(name, _)| name.to_owned()).collect()
}

/// Whom sudoers(5) names, by themselves or by a group, where a password is asked for.
fn administrators() -> Vec<Account> {
    let mut names = BTreeSet::new();
    let mut files = vec![Path::new("/etc/sudoers").to_owned()];
    let more = fs::read_dir("/etc/sudoers.d").into_iter().flatten().flatten().map(|entry| entry.path());
    files.extend(
        more.filter(|path| path.file_name().is_some_and(|name| !name.to_string_lossy().contains(['.', '~']))),
    );
    for text in files.iter().filter_map(|path| fs::read_to_string(path).ok()) {
        for subject in subjects(&text) {
            match subject.strip_prefix('%') {
                Some(group) => names.extend(
                    accounts::members(group).unwrap_or_default().into_iter().map(|member| member.name),
                ),
                None => drop(names.insert(subject)),
            }
        }
    }
    // root needs no sudo.
    let found = names.iter().filter_map(|name| lookup(&UserName::new(name).ok()?).ok().flatten());
    found.filter(|account| account.uid() != Some(0)).collect()
}

/// The first word of each rule.
fn subjects(text: &str) -> impl Iterator<Item = String> {
    let words = ["Defaults", "User_Alias", "Runas_Alias", "Host_Alias", "Cmnd_Alias", "Cmd_Alias"];
    let rules = text.lines().map(str::trim).filter(move |line| {
        !line.is_empty() && !line.starts_with(['#', '@']) && !words.iter().any(|word| line.starts_with(word))
    });
    let asked = rules.filter(|line| line.contains('=') && !line.contains("NOPASSWD"));
    asked
        .filter_map(|line| line.split_whitespace().next())
        .flat_map(|names| names.split(','))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_of_sudoers_begins_with_whom_it_is_about() {
        let text = "Defaults env_reset\n# alice ALL=(ALL) ALL\nroot ALL=(ALL:ALL) ALL\n\
                    %sudo\tALL=(ALL:ALL) ALL\ncarol,dave ALL=(ALL) ALL\nrobot ALL=(ALL) NOPASSWD: ALL\n@includedir /etc/sudoers.d\n";
        assert_eq!(subjects(text).collect::<Vec<_>>(), ["root", "%sudo", "carol", "dave"]);
    }
}
