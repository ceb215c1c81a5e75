//! The command on a whole machine: what the system's log keeps of an administrator's changes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::lab::Lab;
use acceptance::sandbox;

/// What `totpctl` has logged since the last look, without priority and process id.
fn logged(lab: &Lab) -> Vec<String> {
    let lines = lab.syslog.raw();
    lab.syslog.clear();
    let of_ours = lines.iter().filter_map(|line| line.strip_prefix("<85>totpctl["));
    of_ours.map(|line| line.split_once("]: ").unwrap().1.to_owned()).collect()
}

#[test]
fn every_change_is_one_line_in_the_log_and_holds_nothing_secret() {
    sandbox::within(|lab| {
        assert!(logged(lab)[0].starts_with("init: store=/var/lib/pam_totp id="));
        let uid = lab.uid("alice");
        let login = std::fs::read_to_string("/proc/self/loginuid").unwrap();
        let login = if login.trim() == "4294967295" { "unset" } else { login.trim() };
        let line =
            |verb: &str, more: &str| vec![format!("{verb}: user=alice uid={uid}{more} loginuid={login}")];
        let alice = lab.enroll("alice");
        let raw = lab.syslog.raw().join("\n");
        assert!(!alice.backup_codes.iter().any(|code| raw.contains(code)), "{raw}");
        assert_eq!(logged(lab), line("enroll", " token=phone how=first backup_codes=10"));
        lab.totpctl(["enroll", "alice", "--add", "--token", "fob", "--no-confirm", "--json"]);
        assert_eq!(logged(lab), line("enroll", " token=fob how=added backup_codes=0"));
        lab.totpctl(["rename-token", "alice", "--token", "fob", "--to", "key"]);
        assert_eq!(logged(lab), line("rename-token", " token=fob to=key"));
        lab.totpctl(["backup-codes", "alice", "--yes", "--count", "3"]);
        assert_eq!(logged(lab), line("backup-codes", " backup_codes=3"));
        let why = "lost \" loginuid=0";
        let (code, expires) = lab.bypass("alice", &["--uses", "2"]);
        let raw = lab.syslog.raw().join("\n");
        assert!(!raw.contains(&code), "{raw}");
        let number_and_end = format!(" number=1 expires={expires} reason=\"phone lost\"");
        assert_eq!(logged(lab), line("bypass", &format!("{number_and_end} uses=2")));
        lab.totpctl(["revoke-bypass", "alice"]);
        assert_eq!(logged(lab), line("revoke-bypass", &format!("{number_and_end} uses_left=2")));
        lab.totpctl(["bypass", "alice", "--reason", why]);
        assert!(logged(lab)[0].contains(" reason=\"lost \\\" loginuid=0\" uses=1 loginuid="));
        lab.totpctl(["unlock", "alice", "--clock"]);
        assert_eq!(logged(lab), line("unlock", " clock=yes"));
        lab.totpctl(["restored", "--all", "--yes"]);
        assert_eq!(logged(lab), line("restored", ""));
        let shown = lab.totpctl(["show", "alice", "--token", "key", "--yes"]);
        let raw = lab.syslog.raw().join("\n");
        let uri = shown.lines().find_map(|line| line.split_once("?secret=")).unwrap().1;
        assert!(!raw.contains(uri.split('&').next().unwrap()), "{raw}");
        assert_eq!(logged(lab), line("show", " token=key"), "who looked at a secret is written down");
        for look in [["status", "alice"].as_slice(), &["list"], &["code", "alice"], &["init"]] {
            lab.totpctl(look);
        }
        assert!(!lab.totpctl_command().args(["enroll", "alice", "--no-confirm"]).status().unwrap().success());
        assert_eq!(logged(lab), [""; 0], "who only looked, or was refused, changed nothing");
        lab.totpctl(["revoke", "alice", "--yes"]);
        assert_eq!(logged(lab), line("revoke", ""));
    });
}

#[test]
fn what_is_moved_taken_over_or_removed_is_one_line_each_with_who_did_it() {
    sandbox::within(|lab| {
        logged(lab);
        let end =
            |line: &str| line.split_once(" loginuid=").map(|(line, who)| (line.to_owned(), who.to_owned()));
        let did = |arguments: &[&str]| {
            lab.totpctl(arguments);
            let lines = logged(lab);
            let [line] = &lines[..] else { panic!("{arguments:?}: {lines:#?}") };
            let (line, who) = end(line).unwrap();
            assert!(who == "unset" || who.parse::<u32>().is_ok(), "{who}");
            line
        };
        let rows = "HOTP/T30 alice - 4d616b6520696e76656e74656420736563726574\n";
        acceptance::lab::write("/etc/users.oath", rows);
        let alice = format!("user=alice uid={}", lab.uid("alice"));
        let imported = did(&["import", "oath", "/etc/users.oath"]);
        assert_eq!(imported, format!("import: {alice} source=oath how=imported tokens=1 scratch_codes=0"));
        did(&["enroll", "alice", "--add", "--token", "fob", "--no-confirm", "--json"]);
        assert_eq!(
            did(&["remove-token", "alice", "--token", "fob", "--yes"]),
            format!("remove-token: {alice} token=fob")
        );
        assert_eq!(did(&["export", "alice", "--yes"]), format!("export: {alice} tokens=1"));
        assert!(did(&["invite", "bob"]).starts_with("invite: user=bob uid=2002 expires="));
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap();
        acceptance::lab::write("/etc/passwd", &passwd.replace("\nalice:", "\nalicia:"));
        assert_eq!(
            did(&["adopt", "alicia"]),
            format!("adopt: user=alicia uid={} former=alice", lab.uid("alicia"))
        );
        acceptance::lab::write("/etc/passwd", &passwd.replace("\nalice:", "\n#lice:"));
        assert!(did(&["prune", "--yes"]).starts_with("prune: user=alicia uid=2001"));
    });
}
