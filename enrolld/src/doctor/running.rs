//! The running system, all of it: stacks, sshd, settings, store, accounts, and the machine around.

use crate::doctor::before::{Class, Reached};
use crate::doctor::finding::Finding;
use crate::doctor::people::{self, Strict};
use crate::doctor::sshd::Sshd;
use crate::doctor::stacks::Examined;
use crate::doctor::{Doors, Report, Scope, finding, in_order, store, system};
use crate::house::House;
use crate::{clock, failure::Failure, paused};
use config::rules::{Rule, Then};
use config::{Settings, Unenrolled};
use std::collections::BTreeSet;
use std::path::Path;
use verifier::Account;

/// Looks at everything; `only` at one person, where people matter.
pub(crate) fn examine(
    config: Option<&Path>,
    scope: &Scope<'_>,
    only: Option<&Account>,
) -> Result<Report, Failure> {
    let doors = Doors::of(Path::new("/"));
    let settings = match config::load(config) {
        Ok(settings) => settings,
        Err(error) => {
            let mut report = doors.examine(scope, |_| false);
            let fix = "correct the place: pam_totp.toml(5)";
            report.findings.insert(0, finding::SETTINGS.finding(error.to_string(), fix));
            report.findings.extend(paused());
            return Ok(report);
        }
    };
    let is_paused = matches!(paused::current(), Ok(Some(_)));
    let skips_at = |service: &str| is_paused || skips(&settings) || rule_skips(&settings, service);
    let mut report = doors.examine(scope, skips_at);
    let asking: Vec<_> = doors.asking().filter(|door| scope.concerns(door.service)).collect();
    let nullok = nullok(&asking, &settings);
    report.findings.extend(store::findings(&settings, nullok.as_deref()));
    let sshd =
        asking.iter().find(|door| door.service == "sshd").and_then(|door| Some((door, Sshd::installed()?)));
    if let Ok(house) = House::open(config) {
        report.findings.extend(store::records(&house));
        let strict: Vec<_> = asking.iter().filter(|door| !exempts(door, &settings)).map(strict).collect();
        let server = sshd.as_ref().map(|(_, sshd)| sshd);
        report.findings.extend(people::findings(&house, &strict, only, server));
        if let Some((door, sshd)) = &sshd {
            // Not all are asked about, where there are many.
            let mut whom = people::skipped(&settings, only);
            whom.extend(people::enrolled(&house, only));
            report.findings.extend(sshd.findings(&whom, door.asks_password()));
        }
    } else if let Some((door, sshd)) = &sshd {
        report.findings.extend(sshd.findings(&[], door.asks_password()));
    }
    report.findings.extend(paused());
    report.findings.extend(system::clock());
    report.findings.extend(system::daemon(&settings.daemon.socket, &report.asking));
    report.findings.extend(system::setuid_lockers(&report.asking));
    report.findings.extend(system::confinement());
    report.findings = in_order(report.findings);
    Ok(report)
}

/// That nobody is asked for a code for a while, or that what is to say so does not.
fn paused() -> Option<Finding> {
    let fix = "totpctl pause --end";
    match paused::current() {
        Ok(pause) => pause.map(|pause| finding::PAUSED.finding(paused::words(&pause), fix)),
        Err(error) => Some(finding::NO_PAUSE.finding(paused::refused(&error), fix)),
    }
}

/// Whether the settings exempt whoever is not enrolled, today.
fn skips(settings: &Settings) -> bool {
    settings.login.unenrolled == Unenrolled::Skip && !is_over(settings)
}

/// Whether a rule lets anybody past who is asked at this service, if only for a while; sshd is remembered nowhere,
/// for each connection is a session of its own.
fn rule_skips(settings: &Settings, service: &str) -> bool {
    let is_here = |names: &Vec<String>| names.iter().any(|name| name.eq_ignore_ascii_case(service));
    let is_free = |rule: &&Rule| rule.then == Then::Skip || rule.remember.is_some() && service != "sshd";
    let mut skipping = settings.rules.iter().filter(is_free);
    skipping.any(|rule| rule.services.as_ref().is_none_or(is_here))
}

fn is_over(settings: &Settings) -> bool {
    settings.login.skip_until.is_some_and(|end| clock::now() >= end)
}

fn exempts(door: &Examined<'_>, settings: &Settings) -> bool {
    skips(settings) || door.has_nullok() && !is_over(settings)
}

/// Where it stands that whoever is not enrolled is exempt.
fn nullok(asking: &[Examined<'_>], settings: &Settings) -> Option<String> {
    let by_settings = skips(settings).then(|| "[login] unenrolled".to_owned());
    let by_line = asking.iter().filter(|door| exempts(door, settings)).find_map(Examined::nullok_at);
    by_line.or(by_settings)
}

fn strict(door: &Examined<'_>) -> Strict {
    Strict {
        service: door.service.to_owned(),
        mentioned: door.mentioned().collect(),
        asks_password: door.asks_password(),
    }
}

/// Who would be asked for a code that they do not have, if the services that are `reached` asked for one.
pub(crate) fn without_token(config: Option<&Path>, reached: &[Reached]) -> Result<Vec<Finding>, Failure> {
    let Ok(house) = House::open(config) else { return Ok(Vec::new()) };
    let asks = |one: &&Reached| ![Class::NoConversation, Class::NotReached].contains(&one.class);
    let strict = reached.iter().filter(asks);
    let strict: Vec<_> = strict
        .map(|one| Strict { service: one.service.clone(), mentioned: BTreeSet::new(), asks_password: true })
        .collect();
    Ok(people::findings(&house, &strict, None, Sshd::installed().as_ref()))
}
