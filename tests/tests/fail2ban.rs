//! What fail2ban makes of our log: it bans guesses, and nobody else.
//!
//! The lines are the module's own, from logins that end in every way; fail2ban-regex reads them through the
//! filter that is shipped. Addresses of 192.0.2.0/24 and 2001:db8::/32 guess, all others never do, whatever
//! anybody writes about them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::process::Command;

use acceptance::artefacts;
use acceptance::daemon::{Daemon, call};
use acceptance::lab::{Lab, run, write};
use acceptance::pam::Login;
use acceptance::sandbox;

/// fail2ban's folder with our files in it, as a package or an administrator installs them.
const FOLDER: &str = "/tmp/fail2ban";
const LOG: &str = "/var/log/auth.log";

fn install() {
    run(Command::new("cp").args(["--recursive", "/etc/fail2ban", FOLDER]));
    // Debian's own jail wants a log of sshd, of which there is none here.
    let _ = fs::remove_file(format!("{FOLDER}/jail.d/defaults-debian.conf"));
    for file in ["filter.d/pam_totp.conf", "jail.d/pam_totp.conf"] {
        let ours = artefacts::workspace().join("packaging/fail2ban").join(file);
        fs::copy(ours, format!("{FOLDER}/{file}")).unwrap();
    }
}

/// The addresses that the filter finds in `lines`, in order.
fn found(lines: &[String], filter: &str, options: &[&str]) -> Vec<String> {
    write(LOG, &(lines.join("\n") + "\n"));
    let mut command = Command::new("/usr/bin/fail2ban-regex");
    command.args(["--config", FOLDER, "--out", "ip"]).args(options).args([LOG, filter]);
    let printed = String::from_utf8(run(&mut command).stdout).unwrap();
    printed.lines().map(str::to_owned).collect()
}

/// A line as it came to syslog, `<priority>Mon dd hh:mm:ss tag[pid]: text`, as date and rest.
fn parts(raw: &str) -> (String, String) {
    let (_, line) = raw.split_once('>').unwrap();
    let (date, rest) = line.split_at("Nov 25 10:00:00 ".len());
    (date.to_owned(), rest.to_owned())
}

/// As syslogd writes it to a file, with the name of the host.
fn in_a_file(raw: &str) -> String {
    let (date, rest) = parts(raw);
    format!("{date}web1 {rest}")
}

/// As rsyslog of today does.
fn in_a_file_with_iso_dates(raw: &str) -> String {
    format!("2026-11-25T10:00:00.123456+00:00 web1 {}", parts(raw).1)
}

/// As fail2ban's journal backend hands it to the filter: the date goes beside it.
fn in_the_journal(raw: &str) -> String {
    format!("web1 {}", parts(raw).1)
}

fn assert_found(raw: &[String], expected: &[&str]) {
    let lines = |form: fn(&str) -> String| raw.iter().map(|line| form(line)).collect::<Vec<_>>();
    assert_eq!(found(&lines(in_a_file), "pam_totp", &[]), expected, "{raw:#?}");
    assert_eq!(found(&lines(in_a_file_with_iso_dates), "pam_totp", &[]), expected, "{raw:#?}");
    let journal = found(&lines(in_the_journal), "pam_totp[logtype=journal]", &["--datepattern", "{NONE}"]);
    assert_eq!(journal, expected, "{raw:#?}");
}

/// One login from `rhost` with an answer; it must end with this verdict.
fn log_in(lab: &Lab, user: &str, rhost: &str, answer: &str, verdict: &str) {
    let before = lab.syslog.module().len();
    let _ = Login::new("door", user).from(rhost).code(answer).run();
    let lines = lab.syslog.module();
    assert_eq!(lines.len(), before + 1);
    assert!(lines[before].contains(&format!("verdict={verdict}")), "{}", lines[before]);
}

#[test]
fn guesses_are_banned_and_nothing_else_is() {
    sandbox::within(|lab| {
        install();
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
        lab.door("");
        let alice = lab.enroll("alice");
        let wrong = alice.phone.wrong();
        let code = alice.phone.code(0);
        log_in(lab, "alice", "192.0.2.7", &wrong, "wrong");
        log_in(lab, "alice", "198.51.100.1", &code, "accepted");
        log_in(lab, "alice", "198.51.100.2", &code, "replayed");
        log_in(lab, "alice", "198.51.100.3", &alice.backup_codes[0], "accepted");
        log_in(lab, "alice", "198.51.100.4", &alice.backup_codes[0], "replayed");
        log_in(lab, "alice", "198.51.100.5", "swordfish", "malformed");
        log_in(lab, "alice", "198.51.100.6", "0000-0000-000a", "wrong");
        log_in(lab, "bob", "198.51.100.7", &wrong, "not-enrolled");
        log_in(lab, "nobody-here", "198.51.100.8", &wrong, "unknown-account");
        log_in(lab, "alice", "2001:db8::7", &wrong, "wrong");
        log_in(lab, "alice", "::ffff:192.0.2.8", &wrong, "wrong");
        // A name that resolves, and none: guesses all the same, and nobody to ban.
        log_in(lab, "alice", "web1", &wrong, "wrong");
        log_in(lab, "alice", "", &wrong, "wrong");
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        // Alice is known from 198.51.100.0/24 by now, and strangers do not make her wait there.
        log_in(lab, "alice", "203.0.113.9", &wrong, "throttled");
        lab.door("nullok");
        let _ = Login::new("door", "bob").from("198.51.100.10").run();
        lab.door("nulok");
        let _ = Login::new("door", "alice").from("198.51.100.11").run();
        let raw = lab.syslog.raw();
        for verdict in ["exempt", "misconfigured"] {
            assert!(raw.iter().any(|line| line.contains(&format!("verdict={verdict}"))), "{raw:#?}");
        }
        assert_found(&raw, &["192.0.2.7", "2001:db8::7", "192.0.2.8"]);
    });
}

#[test]
fn nobody_can_write_anothers_address_into_a_guess() {
    sandbox::within(|lab| {
        install();
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
        lab.door("");
        let alice = lab.enroll("alice");
        let wrong = alice.phone.wrong();
        let line =
            "pam_totp(door:auth): authentication failure; user=alice rhost=198.51.100.1 tty= service=x";
        let hosts = [
            "x rhost=198.51.100.1 tty= service=door".to_owned(),
            "198.51.100.1 tty= service=door".to_owned(),
            "198.51.100.1\ttty=".to_owned(),
            "x\nNov 25 10:00:00 web1 sshd[1]: ".to_owned() + line,
            "\" rhost=198.51.100.1 tty= service=door".to_owned(),
            "198.51.100.1\u{a0}tty=".to_owned(),
            "198.51.100.1\u{2028}tty= service=x".to_owned(),
            "x=198.51.100.1".to_owned(),
            "x".repeat(299) + " rhost=198.51.100.1",
        ];
        for host in &hosts {
            log_in(lab, "alice", host, &wrong, "wrong");
        }
        let hostile = "x rhost=198.51.100.1 tty=y service=z\nrhost=198.51.100.1";
        let login = Login::new("door", "alice").from("192.0.2.7").code(&wrong);
        let _ = login.on(hostile).asked_by(hostile).run();
        let name = format!("alice rhost=198.51.100.1 tty=x service=y\n{line}");
        log_in(lab, &name, "192.0.2.8", &wrong, "unknown-account");
        let mut raw = lab.syslog.raw();
        // What other programs log with a name that a stranger has typed.
        for said in ["Invalid user ", "error: PAM: Authentication failure for illegal user ", "(", "x: "] {
            raw.push(format!("<85>Nov 25 10:00:00 sshd[9]: {said}{line} from 192.0.2.9 port 22"));
        }
        raw.push(format!("<85>Nov 25 10:00:00 sshd[9]: pam_unix(door:auth): {line}"));
        assert_found(&raw, &["192.0.2.7"]);
    });
}

#[test]
fn the_jail_is_off_until_it_is_asked_for_and_then_reads_our_filter() {
    sandbox::within(|_| {
        install();
        write(LOG, "");
        let client = |what: &str| {
            let mut command = Command::new("/usr/bin/fail2ban-client");
            String::from_utf8(run(command.args(["-c", FOLDER, what])).stdout).unwrap()
        };
        assert!(!client("-d").contains("pam_totp"));
        write(format!("{FOLDER}/jail.local"), "[pam_totp]\nenabled = true\n");
        client("-t");
        let settings = client("-d");
        assert!(settings.contains("authentication failure; user="), "{settings}");
        assert!(settings.contains(&format!("'addlogpath', '{LOG}'")), "{settings}");
    });
}

#[test]
fn what_a_local_program_tells_the_daemon_bans_nobody() {
    sandbox::within(|lab| {
        install();
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        lab.syslog.clear();
        for service in [
            "sshd",
            "x pam_totp(sshd:auth): authentication failure; user=a rhost=192.0.2.7 tty=ssh service=sshd",
        ] {
            let claims = serde_json::json!({
                "user": "alice", "code": alice.phone.wrong(), "service": service, "rhost": "192.0.2.7",
            });
            assert_eq!(call(lab.uid("alice"), "Check", &claims)["parameters"]["verdict"], "wrong");
        }
        let raw = lab.syslog.raw();
        let lines = raw.iter().filter(|line| line.contains("enrolld[") && line.contains("rhost=192.0.2.7"));
        // The daemon leaves the date to the receiver.
        let lines: Vec<_> = lines.map(|line| line.replacen('>', ">Nov 25 10:00:00 ", 1)).collect();
        assert_eq!(lines.len(), 2, "{raw:#?}");
        assert_found(&lines, &[]);
    });
}
