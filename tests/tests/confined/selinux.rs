//! The SELinux policy module, compiled with Debian's headers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use acceptance::artefacts;
use acceptance::lab::run;
use acceptance::sandbox;

use crate::traced::{self, Access, Deed};

const FOLDER: &str = "/var/tmp/policy";
/// What one login program is allowed, all are: the same interface grants it.
const LOGIN: &str = "sshd_t";

/// A compiled module: what it allows, by source, target and class.
struct Policy {
    allowed: BTreeMap<(String, String, String), BTreeSet<String>>,
    text: String,
}

impl Policy {
    fn compile() -> Self {
        let source = artefacts::workspace().join("packaging/selinux");
        fs::create_dir(FOLDER).unwrap();
        for kind in ["te", "if", "fc"] {
            let name = format!("pam_totp.{kind}");
            fs::copy(source.join(&name), Path::new(FOLDER).join(&name)).unwrap();
        }
        let make = ["make", "-f", "/usr/share/selinux/devel/Makefile", "pam_totp.pp"];
        let output = within(&make);
        assert!(!output.to_lowercase().contains("warning"), "{output}");
        within(&["semodule_unpackage", "pam_totp.pp", "module", "contexts"]);
        within(&["/usr/libexec/selinux/hll/pp", "pam_totp.pp", "module.cil"]);
        let text = fs::read_to_string(Path::new(FOLDER).join("module.cil")).unwrap();
        Self { allowed: allowed(&text), text }
    }

    fn allows(&self, source: &str, target: &str, class: &str, needed: &[&str]) -> bool {
        let key = (source.to_owned(), target.to_owned(), class.to_owned());
        self.allowed.get(&key).is_some_and(|may| needed.iter().all(|one| may.contains(*one)))
    }

    /// Who may do this to a file of this type.
    fn sources(&self, target: &str, permission: &str) -> BTreeSet<&str> {
        let rules = self.allowed.iter();
        let found =
            rules.filter(|((_, to, class), may)| to == target && class == "file" && may.contains(permission));
        found.map(|((source, ..), _)| source.as_str()).collect()
    }
}

fn within(words: &[&str]) -> String {
    let output = run(Command::new(words[0]).args(&words[1..]).current_dir(FOLDER));
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// `(allow sshd_t pam_totp_conf_t (file (ioctl read)))`, line by line.
fn allowed(text: &str) -> BTreeMap<(String, String, String), BTreeSet<String>> {
    let mut allowed = BTreeMap::<_, BTreeSet<String>>::new();
    for line in text.lines().filter_map(|line| line.trim().strip_prefix("(allow ")) {
        let words: Vec<_> = line.split([' ', '(', ')']).filter(|word| !word.is_empty()).collect();
        let [source, target, class, permissions @ ..] = &words[..] else { panic!("{line}") };
        let target = if *target == "self" { source } else { target };
        let key = ((*source).to_owned(), (*target).to_owned(), (*class).to_owned());
        allowed.entry(key).or_default().extend(permissions.iter().map(|&word| word.to_owned()));
    }
    allowed
}

/// The type that the module's file contexts give to a path.
fn label(path: &str, kind: &str) -> Option<String> {
    let mut lookup = Command::new("selabel_lookup");
    lookup.args(["-b", "file", "-f", "contexts", "-k", path, "-t", kind]).current_dir(FOLDER);
    let output = lookup.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(':').nth(3).map(str::to_owned)
}

/// What a deed needs, on a path that is ours: the type, its class, the permissions.
fn needs((deed, path): &Access) -> Option<(String, &'static str, &'static [&'static str])> {
    let (kind, class, permissions): (_, _, &[&str]) = match deed {
        Deed::Read => ("file", "file", &["open", "read", "getattr"]),
        Deed::Write => ("file", "file", &["open", "read", "write", "getattr"]),
        Deed::Make if path.ends_with("/socket") => ("socket", "sock_file", &["create", "setattr"]),
        Deed::Make => ("file", "file", &["create", "open", "write", "rename", "setattr"]),
        Deed::Remove => ("file", "file", &["unlink"]),
        Deed::OpenFolder => ("dir", "dir", &["open", "read", "search", "getattr"]),
        Deed::MakeFolder => ("dir", "dir", &["create", "setattr"]),
        Deed::LockFolder => ("dir", "dir", &["lock"]),
        Deed::Connect => ("socket", "sock_file", &["write"]),
    };
    Some((label(path, kind)?, class, permissions))
}

fn refused(policy: &Policy, domain: &str, deeds: &BTreeSet<Access>) -> (usize, Vec<String>) {
    let ours: Vec<_> = deeds.iter().filter_map(|deed| Some((deed, needs(deed)?))).collect();
    let refused = ours.iter().filter(|(_, (to, class, needed))| !policy.allows(domain, to, class, needed));
    (ours.len(), refused.map(|found| format!("{domain}: {found:?}")).collect())
}

#[test]
fn selinux_lets_a_login_and_the_daemon_do_what_they_do() {
    sandbox::within(|lab| {
        let policy = Policy::compile();
        let (count, missing) = refused(&policy, LOGIN, &traced::logins(lab));
        assert_eq!(missing, [""; 0]);
        assert!(count >= 12, "{count}");
        let mut deeds = traced::daemon(lab);
        // systemd's work, or that of the administrator who starts it by hand.
        assert!(deeds.remove(&(Deed::MakeFolder, "/run/enrolld".to_owned())));
        let (count, missing) = refused(&policy, "enrolld_t", &deeds);
        assert_eq!(missing, [""; 0]);
        assert!(count >= 17, "{count}");
        // A login is no change: the same comparison finds what it may not.
        assert!(!refused(&policy, LOGIN, &deeds).1.is_empty());
    });
}

#[test]
fn selinux_keeps_secrets_from_everybody_else_and_no_login_writes_one() {
    sandbox::bare(|_| {
        let policy = Policy::compile();
        let secret = label("/var/lib/pam_totp/users/1000/enrollment.toml", "file").unwrap();
        assert_eq!(label("/var/lib/pam_totp/names/vera/enrollment.toml", "file").unwrap(), secret);
        assert_eq!(label("/var/lib/pam_totp/FORMAT", "file").unwrap(), secret);
        let keepers = BTreeSet::from(["enrolld_t", "sysadm_t"]);
        for permission in ["write", "append", "create", "unlink", "rename", "setattr"] {
            assert_eq!(policy.sources(&secret, permission), keepers, "{permission}");
        }
        let logins = policy.sources(&secret, "read");
        assert!(logins.is_superset(&keepers) && logins.contains(LOGIN) && logins.contains("sudodomain"));
        for domain in ["userdomain", "pam_domain", "xscreensaver_t"] {
            assert!(!logins.contains(domain), "{domain}");
            assert!(policy.allows(domain, "enrolld_t", "unix_stream_socket", &["connectto"]), "{domain}");
        }
        let ledger = label("/var/lib/pam_totp/users/1000/ledger.00", "file").unwrap();
        assert!(ledger != secret && policy.allows(LOGIN, &ledger, "file", &["write"]));
        for permission in ["create", "unlink", "rename"] {
            assert_eq!(policy.sources(&ledger, permission), keepers, "{permission}");
        }
    });
}

/// A file gets its type when it is made, and keeps it when it is renamed.
#[test]
fn selinux_types_are_the_same_whether_a_file_was_made_or_relabelled() {
    sandbox::bare(|_| {
        let policy = Policy::compile();
        let folder = label("/var/lib/pam_totp/users/1000", "dir").unwrap();
        assert_eq!(label("/var/lib/pam_totp", "dir").unwrap(), folder);
        assert_eq!(
            label("/var/lib/pam_totp/users/1000/ledger.00", "file").unwrap(),
            folder,
            "it is inherited"
        );
        for made in ["users/1000/enrollment.new", "names/vera/enrollment.new", "FORMAT.new"] {
            let name = made.rsplit('/').next().unwrap();
            let to = label(&format!("/var/lib/pam_totp/{made}"), "file").unwrap();
            for domain in ["enrolld_t", "sysadm_t", "files_unconfined_type"] {
                let rule = format!("(typetransition {domain} {folder} file \"{name}\" {to})");
                assert!(policy.text.contains(&rule), "{rule}");
            }
        }
    });
}
