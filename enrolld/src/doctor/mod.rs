//! `doctor`: what would keep people out who should get in, or let people in who should not. It reads, and
//! changes nothing.

mod arguments;
pub(crate) mod before;
mod control;
mod family;
pub(crate) mod finding;
mod lines;
mod modules;
mod nature;
mod people;
#[cfg(test)]
mod real;
mod running;
mod sshd;
mod sshd_file;
mod stack;
mod stacks;
mod store;
mod system;
mod walk;
mod worlds;

pub(crate) use running::{examine, without_token};

use crate::doctor::finding::{Finding, Level};
use crate::doctor::modules::Modules;
use crate::doctor::stack::{Facility, Line, Services, Stack};
use crate::doctor::stacks::Examined;
use crate::failure::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is looked at.
pub(crate) struct Scope<'a> {
    /// One service alone.
    pub(crate) service: Option<&'a str>,
    /// That no service has a line of ours is how it is meant, so far.
    pub(crate) may_be_off: bool,
}

impl Scope<'_> {
    fn concerns(&self, service: &str) -> bool {
        self.service.is_none_or(|wanted| wanted == service)
    }
}

/// What was looked at, and what was found.
#[derive(Default)]
pub(crate) struct Report {
    /// Services that ask for a code.
    pub(crate) asking: BTreeSet<String>,
    pub(crate) findings: Vec<Finding>,
}

impl Report {
    pub(crate) fn is_clean(&self) -> bool {
        self.findings.iter().all(|finding| finding.level != Level::Fault)
    }

    /// For a person.
    pub(crate) fn page(&self) -> String {
        let mut text: String = self.findings.iter().map(|finding| finding.page() + "\n").collect();
        let faults = self.findings.iter().filter(|finding| finding.level == Level::Fault).count();
        let asking: Vec<_> = self.asking.iter().map(String::as_str).collect();
        let asking = if asking.is_empty() { "none".to_owned() } else { asking.join(", ") };
        text += &format!("services that ask for a code: {asking}\n");
        text += &match faults {
            0 => "nothing is wrong\n".to_owned(),
            1 => "1 fault\n".to_owned(),
            count => format!("{count} faults\n"),
        };
        text
    }
}

/// The services of a system and what they ask.
pub(crate) struct Doors {
    services: Services,
    modules: Modules,
    names: BTreeSet<String>,
    stacks: BTreeMap<String, Stack>,
}

impl Doors {
    pub(crate) fn of(root: &Path) -> Self {
        let services = Services::below(root);
        let names: BTreeSet<String> = services.names();
        let stacks = names.iter().filter(|name| is_service(name) && !services.is_a_part(name, &names));
        let stacks = stacks.map(|name| (name.clone(), services.stack(name, Facility::Auth))).collect();
        Self { services, modules: Modules::below(root), names, stacks }
    }

    /// Services whose stack has our line.
    pub(crate) fn asking(&self) -> impl Iterator<Item = Examined<'_>> {
        let all = self.stacks.iter().filter(|(_, stack)| !stack.is_other);
        all.filter_map(|(name, stack)| Examined::new(name, stack, |path| self.modules.has(path)))
    }

    /// The services that a line in this file of pam.d would reach.
    pub(crate) fn reached_by(&self, file: &str) -> Result<Vec<before::Reached>, Failure> {
        before::reached(&self.services, file).ok_or_else(|| {
            Failure::new(format!("no such file in pam.d: {file:?}")).hint("such as sshd, or common-auth")
        })
    }

    /// What is wrong with the stacks. `skips` says whether the settings exempt anybody at a service.
    pub(crate) fn examine(&self, scope: &Scope<'_>, skips: impl Fn(&str) -> bool) -> Report {
        let all: Vec<_> = self.asking().collect();
        let asking: BTreeSet<String> = all.iter().map(|door| door.service.to_owned()).collect();
        let mut findings = Vec::new();
        for door in all.iter().filter(|door| scope.concerns(door.service)) {
            findings.extend(door.findings(skips(door.service)));
            findings.extend(self.arguments(door));
            findings.extend(stacks::account(&self.services, door.service));
        }
        findings.extend(self.without_line(scope, &asking));
        let lines = all.iter().filter(|door| scope.concerns(door.service)).flat_map(|door| &door.stack.lines);
        let lines: Vec<&Line> = lines.collect();
        findings.extend(self.modules.findings(lines.iter().copied()));
        findings.extend(family::findings(&asking, &self.names, scope.service));
        Report { asking, findings: in_order(findings) }
    }

    fn arguments(&self, door: &Examined<'_>) -> impl Iterator<Item = Finding> {
        let (service, is_here) = (door.service.to_owned(), self.modules.is_here());
        let lines = door.stack.lines.iter().filter(|line| line.is_ours());
        lines
            .flat_map(move |line| arguments::findings(line, is_here))
            .map(move |finding| finding.of(&service))
    }

    /// Somebody has asked about a service which has no line of ours, or about all and none has.
    fn without_line(&self, scope: &Scope<'_>, asking: &BTreeSet<String>) -> Option<Finding> {
        let fix = "pam_totp(8), TURNING IT ON; what the line would reach: totpctl doctor --before SERVICE";
        match scope.service {
            Some(service) if asking.contains(service) => None,
            Some(service) => {
                let there =
                    if self.names.contains(service) { "" } else { ", and /etc/pam.d has no such file" };
                let what = format!("no line with pam_totp.so{there}");
                Some(finding::NO_LINE.finding(what, fix).of(service))
            }
            None if asking.is_empty() && !scope.may_be_off => {
                Some(finding::NO_LINE.finding("no service has a line with pam_totp.so", fix))
            }
            None => None,
        }
    }
}

/// Files that others include, and that no program asks for by itself.
fn is_service(name: &str) -> bool {
    const SHARED: [&str; 12] = [
        "other",
        "system-auth",
        "system-auth-ac",
        "password-auth",
        "password-auth-ac",
        "postlogin",
        "fingerprint-auth",
        "smartcard-auth",
        "system-login",
        "system-local-login",
        "system-remote-login",
        "system-services",
    ];
    !name.starts_with("common-") && !SHARED.contains(&name)
}

/// One line that several services include is one finding, which names them all.
fn in_order(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = kept.iter_mut().find(|other| {
            (other.id, &other.what, &other.fix, &other.place, &other.user)
                == (finding.id, &finding.what, &finding.fix, &finding.place, &finding.user)
        });
        match (same, &finding.service) {
            (Some(other), Some(service)) if other.place.is_some() => {
                let named = other.service.get_or_insert_default();
                if !named.split(", ").any(|name| name == service) {
                    named.push_str(", ");
                    named.push_str(service);
                }
            }
            (Some(_), None) => {}
            _ => kept.push(finding),
        }
    }
    kept.sort_by_key(|finding| finding.level);
    kept
}

/// What a rehearsal of `service` begins with: lines that libpam will not run as they are meant.
pub(crate) fn rehearsal(root: &Path, service: &str) -> Result<Vec<Finding>, Failure> {
    let services = Services::below(root);
    if services.file(service).is_none() || service.contains('/') {
        return Err(Failure::new(format!("no such service: {service:?}")).hint(
            "libpam would take the service \"other\" instead; the services are the files in /etc/pam.d",
        ));
    }
    let modules = Modules::below(root);
    let stacks = [Facility::Auth, Facility::Account].map(|facility| services.stack(service, facility));
    let lines = stacks.iter().flat_map(|stack| &stack.lines);
    Ok(modules.findings(lines))
}
