//! What sshd makes of its configuration, by its own word (`sshd -T`), for everybody whom it treats
//! differently.

use crate::doctor::finding::{self, Finding, Kind};
use crate::doctor::sshd_file::{Configuration, Connection, fits};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Two lines with which a code can be asked for.
const LINES: &str = "KbdInteractiveAuthentication yes\nAuthenticationMethods keyboard-interactive:pam";
const KEY_LINES: &str =
    "KbdInteractiveAuthentication yes\nAuthenticationMethods publickey,keyboard-interactive:pam";
/// Where people come from who are not at the machine (RFC 5737 keeps it for examples).
pub(crate) const AFAR: &str = "192.0.2.7";
/// So many connections are asked about at most.
const ENOUGH: usize = 64;

/// sshd's configuration.
pub(crate) struct Sshd {
    program: &'static Path,
    file: Configuration,
}

/// The values that hold for a connection.
struct Effective(BTreeMap<String, String>);

impl Effective {
    fn value(&self, keyword: &str) -> &str {
        self.0.get(keyword).map_or("", String::as_str)
    }

    fn is_on(&self, keyword: &str) -> bool {
        self.value(keyword) == "yes"
    }

    /// The lists of methods of which one must be gone through; none where any method does.
    fn methods(&self) -> Vec<Vec<&str>> {
        let lists = self.value("authenticationmethods").split_whitespace().filter(|list| *list != "any");
        lists
            .map(|list| list.split(',').map(|method| method.split(':').next().unwrap_or(method)).collect())
            .collect()
    }

    /// Whether sshd lets this person in at all.
    fn allows(&self, who: &Connection) -> bool {
        let lists = |keyword: &str, is_member: &dyn Fn(&str) -> bool| {
            let patterns: Vec<_> = self.value(keyword).split_whitespace().collect();
            (!patterns.is_empty()).then(|| patterns.iter().any(|pattern| is_member(pattern)))
        };
        let by_name = |pattern: &str| fits(pattern.split('@').next().unwrap_or(pattern), &who.user);
        let by_group = |pattern: &str| who.groups.iter().any(|group| fits(pattern, group));
        lists("denyusers", &by_name) != Some(true)
            && lists("denygroups", &by_group) != Some(true)
            && lists("allowusers", &by_name) != Some(false)
            && lists("allowgroups", &by_group) != Some(false)
    }

    /// Methods that open by themselves where any does, and ask PAM for nothing.
    fn alone(&self) -> Vec<&'static str> {
        let methods = [
            ("pubkeyauthentication", "publickey"),
            ("gssapiauthentication", "gssapi-with-mic"),
            ("hostbasedauthentication", "hostbased"),
        ];
        methods.into_iter().filter(|(keyword, _)| self.is_on(keyword)).map(|(_, method)| method).collect()
    }
}

impl Sshd {
    /// `None` where there is no sshd.
    pub(crate) fn installed() -> Option<Self> {
        let places = ["/usr/sbin/sshd", "/usr/bin/sshd", "/usr/local/sbin/sshd"];
        let program = places.into_iter().map(Path::new).find(|path| path.exists())?;
        Some(Self { program, file: Configuration::read(Path::new("/etc/ssh/sshd_config")) })
    }

    /// Addresses that Match blocks name, and one from afar.
    fn addresses(&self) -> Vec<String> {
        let named = self.file.named("address").into_iter().chain(self.file.named("localaddress"));
        let single = named.map(|address| address.split('/').next().unwrap_or_default().to_owned());
        let mut all: Vec<String> = single.filter(|text| text.parse::<std::net::IpAddr>().is_ok()).collect();
        all.insert(0, AFAR.to_owned());
        all.dedup();
        all
    }

    /// What is wrong for these people. `asks_password`: what the PAM stack asks beside the code.
    pub(crate) fn findings(&self, people: &[Connection], asks_password: bool) -> Vec<Finding> {
        let global = match self.effective(None) {
            Ok(effective) => effective,
            Err(error) => return vec![self.refused(error, None)],
        };
        let mut found = self.judge(&global, None, asks_password);
        let addresses = self.addresses();
        let all = people.iter().flat_map(|who| {
            addresses.iter().map(|address| Connection { address: address.clone(), ..who.clone() })
        });
        for who in all.take(ENOUGH) {
            // Whatever is so for everybody has been said.
            let own = match self.effective(Some(&who)) {
                Ok(effective) => self.judge(&effective, Some(&who), asks_password),
                Err(error) => vec![self.refused(error, Some(&who))],
            };
            let said = |one: &Finding| {
                found.iter().any(|other: &Finding| {
                    other.id == one.id && (other.user.is_none() || other.user == one.user)
                })
            };
            let new: Vec<_> = own.into_iter().filter(|one| !said(one)).collect();
            found.extend(new);
        }
        found
    }

    /// sshd says what is wrong with its configuration, and not always where.
    fn refused(&self, error: String, who: Option<&Connection>) -> Finding {
        let keyword = "kbdinteractiveauthentication";
        let finding = match self.file.place(keyword, who) {
            Some(place) if self.file.says(keyword, "no", who) => {
                let what = format!("{} no: {error}", shown(keyword));
                finding::SSHD_NO_PROMPT.finding(what, LINES).at(place)
            }
            _ => finding::SSHD_CONFIG.finding(error, "see it by: sshd -t"),
        };
        finding.of("sshd").about(who.map(|who| who.user.as_str()))
    }

    /// Whether a code is asked of somebody: not of those who get in without PAM, or not at all.
    pub(crate) fn asks(&self, who: &Connection) -> bool {
        let Ok(effective) = self.effective(Some(who)) else { return true };
        let root_by_key = effective.value("permitrootlogin") != "yes" && who.user == "root";
        let methods = effective.methods();
        let is_pam = |list: &Vec<&str>| list.contains(&"keyboard-interactive") || list.contains(&"password");
        effective.is_on("usepam") && effective.allows(who) && !root_by_key && methods.iter().all(is_pam)
    }

    fn effective(&self, who: Option<&Connection>) -> Result<Effective, String> {
        let mut command = Command::new(self.program);
        command.arg("-T").env("LC_ALL", "C");
        if let Some(who) = who {
            command.arg("-C").arg(format!("user={},host={},addr={}", who.user, who.address, who.address));
        }
        let output = command.output().map_err(|error| format!("{}: {error}", self.program.display()))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(said.lines().last().unwrap_or("sshd -T failed").trim().to_owned());
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let pairs = text.lines().filter_map(|line| line.split_once(' '));
        let mut values = BTreeMap::<String, String>::new();
        for (keyword, value) in pairs {
            // A list such as AllowUsers comes as a line for each of its entries.
            let all = values.entry(keyword.to_owned()).or_default();
            *all = format!("{all} {}", value.trim()).trim_start().to_owned();
        }
        Ok(Effective(values))
    }

    fn judge(&self, effective: &Effective, who: Option<&Connection>, asks_password: bool) -> Vec<Finding> {
        let find = |kind: &Kind, keyword: &str, fix: &str| {
            let from = who
                .filter(|who| who.address != AFAR)
                .map_or(String::new(), |who| format!(" from {}", who.address));
            let what = format!("{} {}{from}", shown(keyword), effective.value(keyword));
            let finding = kind.finding(what, fix).of("sshd").about(who.map(|who| who.user.as_str()));
            match self.file.place(keyword, who) {
                Some(place) => finding.at(place),
                None => finding.at("default"),
            }
        };
        if !effective.is_on("usepam") {
            return vec![find(&finding::SSHD_NO_PAM, "usepam", "UsePAM yes")];
        }
        let mut found = Vec::new();
        let methods = effective.methods();
        let lines = if asks_password { LINES } else { KEY_LINES };
        let lines = format!("before any other line on them, in the global part of sshd_config:\n{lines}");
        if !effective.is_on("kbdinteractiveauthentication") {
            found.push(find(&finding::SSHD_NO_PROMPT, "kbdinteractiveauthentication", &lines));
        }
        let needs_password = methods.iter().any(|list| list.contains(&"password"));
        if needs_password {
            found.push(find(&finding::SSHD_PASSWORD_METHOD, "authenticationmethods", &lines));
        } else if methods.is_empty() && effective.is_on("passwordauthentication") {
            let fix = "PasswordAuthentication no";
            found.push(find(&finding::SSHD_PASSWORD, "passwordauthentication", fix));
        }
        let skips = |list: &Vec<&str>| !list.contains(&"keyboard-interactive") && !list.contains(&"password");
        if methods.iter().any(skips) || methods.is_empty() && !effective.alone().is_empty() {
            found.push(find(&finding::SSHD_KEY_ALONE, "authenticationmethods", &lines));
        }
        let is_bare = |list: &Vec<&str>| list.iter().all(|method| *method == "keyboard-interactive");
        if !asks_password && (methods.is_empty() || methods.iter().any(is_bare)) {
            found.push(find(&finding::SSHD_CODE_ALONE, "authenticationmethods", KEY_LINES));
        }
        let root_by_key =
            ["prohibit-password", "without-password"].contains(&effective.value("permitrootlogin"));
        if root_by_key
            && who.is_some_and(|who| who.user == "root")
            && !methods.is_empty()
            && !methods.iter().any(skips)
        {
            let fix = "PermitRootLogin yes (the methods above still hold), or no";
            found.push(find(&finding::SSHD_ROOT, "permitrootlogin", fix));
        }
        let tries: u32 = effective.value("maxauthtries").parse().unwrap_or(6);
        if tries < 6 && methods.iter().any(|list| list.contains(&"publickey")) {
            let fix = "MaxAuthTries 6; and IdentitiesOnly yes on the client's side";
            found.push(find(&finding::SSHD_TRIES, "maxauthtries", fix));
        }
        found
    }
}

/// A keyword as sshd_config(5) spells it.
fn shown(keyword: &str) -> &str {
    match keyword {
        "usepam" => "UsePAM",
        "kbdinteractiveauthentication" => "KbdInteractiveAuthentication",
        "passwordauthentication" => "PasswordAuthentication",
        "authenticationmethods" => "AuthenticationMethods",
        "permitrootlogin" => "PermitRootLogin",
        "maxauthtries" => "MaxAuthTries",
        other => other,
    }
}
