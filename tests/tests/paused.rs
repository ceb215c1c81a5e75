//! `totpctl pause`: for a while nobody is asked for a code, and everybody hears of it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::process::Command;

use acceptance::codes::now;
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, PASSWORD, SETTINGS, STORE, write};
use acceptance::mounts::LAB;
use acceptance::pam::{Code, Login, Reply, Report, Style};
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;
use serde_json::Value;

const FILE: &str = "/run/pam_totp/paused";
const HOUR: u64 = 3600;
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// A door that says yes to whoever is not asked.
fn door(lab: &Lab) {
    lab.service("door", "auth required pam_totp.so\nauth required pam_permit.so\n");
}

fn pause(lab: &Lab) {
    lab.totpctl(["pause", "--until", "2h", "--reason", "directory down, ticket 12", "--yes"]);
    lab.syslog.clear();
}

/// Whether a login is let in without a word, and its line. Who is asked types nothing that opens.
fn passes(lab: &Lab, command: &mut Command) -> (bool, String) {
    lab.syslog.clear();
    let report = Report::of(command.output().unwrap());
    let asked = report.conversations > 0;
    assert_eq!(report.verdict(), if asked { Code::AuthErr } else { Code::Success });
    (!asked, lab.decision())
}

fn plain(user: &str) -> Command {
    Login::new("door", user).code("x").command()
}

fn is_paused(lab: &Lab, user: &str) -> bool {
    let (passed, line) = passes(lab, &mut plain(user));
    assert_eq!(passed, line.contains("verdict=exempt reason=\"paused until 2"), "{line}");
    passed
}

fn failure(lab: &Lab, words: &[&str]) -> String {
    let output = lab.totpctl_command().args(words).output().unwrap();
    assert!(!output.status.success(), "{words:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn nobody_is_asked_and_every_login_and_every_page_says_so() {
    sandbox::within(|lab| {
        door(lab);
        let alice = lab.enroll("alice");
        assert_eq!(lab.totpctl(["pause"]), "not paused\n");
        lab.syslog.clear();
        let said = lab.totpctl(["pause", "--until", "2h", "--reason", "directory \"down\"", "--yes"]);
        assert!(said.starts_with("nobody is asked for a code: paused until 2"), "{said}");
        assert_eq!(lab.totpctl(["pause"]), said);
        let raw = lab.syslog.raw();
        let act = raw.iter().find(|line| line.contains("]: pause: until=2")).unwrap();
        assert!(act.contains("reason=\"directory \\\"down\\\"\" loginuid="), "{act}");
        for user in ["alice", "bob"] {
            let (passed, line) = passes(lab, &mut plain(user));
            assert!(passed && line.starts_with("pam_totp(door:auth): no code asked; "), "{line}");
            assert!(
                line.contains(&format!("user={user} "))
                    && line.contains("verdict=exempt reason=\"paused until")
            );
            assert!(line.ends_with(": directory \\\"down\\\"\""), "{line}");
        }
        lab.syslog.clear();
        assert!(is_paused(lab, "alice"));
        for words in
            [&["status", "alice"][..], &["list"], &["doctor"], &["explain", "alice", "--service", "door"]]
        {
            let output = lab.totpctl_command().args(words).output().unwrap();
            let out = String::from_utf8(output.stdout).unwrap();
            assert!(out.contains("nobody is asked for a code: paused until 2"), "{words:?}: {out}");
        }
        for words in [&["status", "alice"][..], &["explain", "alice", "--service", "door"]] {
            let printed: Value = serde_json::from_str(&lab.totpctl(words.iter().chain(&["--json"]))).unwrap();
            assert_eq!(printed["paused"]["reason"], "directory \"down\"", "{printed}");
        }
        let mut rehearsal = Command::new(lab.program("totpctl"));
        let mut terminal = Terminal::start({
            rehearsal.args(["rehearse", "door", "alice"]);
            rehearsal
        });
        terminal.expect("nobody is asked for a code: paused until 2");
        terminal.expect("door lets alice in");
        terminal.finish();
        assert_eq!(lab.totpctl(["pause", "--end"]), "codes are asked for again\n");
        assert_eq!(lab.totpctl(["pause", "--end"]), "not paused\n");
        assert!(!is_paused(lab, "alice") && !is_paused(lab, "bob"));
        assert!(!lab.totpctl(["status", "alice"]).contains("paused"));
        assert_eq!(Login::new("door", "alice").code(alice.phone.code(0)).run().verdict(), Code::Success);
    });
}

#[test]
fn it_says_what_it_takes_and_asks_first() {
    sandbox::within(|lab| {
        door(lab);
        for (words, what) in [
            (&["--until", "8d", "--reason", "x", "--yes"][..], "a pause lasts 7 days at most"),
            (&["--until", "2020-01-01T00:00", "--reason", "x", "--yes"], "that time is past"),
            (&["--until", "2h", "--yes"], "--reason"),
            (&["--until", "soon", "--reason", "x"], "expected 2h, 18:00 or 2026-11-27T08:00"),
            (&["--reason", "x"], "--until"),
            (&["--end", "--until", "2h", "--reason", "x"], "cannot be used with"),
            (&["--until", "2h", "--reason", "x"], "--yes answers"),
        ] {
            let words: Vec<_> = ["pause"].iter().chain(words).copied().collect();
            let mut command = lab.totpctl_command();
            // Without a terminal there is nobody to ask.
            let output = command.args(&words).stdin(std::process::Stdio::null()).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert!(!output.status.success() && said.contains(what), "{words:?}: {said}");
        }
        assert!(!is_paused(lab, "alice"));
        for (answer, expected) in [("n", false), ("y", true)] {
            let mut command = lab.totpctl_command();
            command.args(["pause", "--until", "2h", "--reason", "down"]);
            let mut terminal = Terminal::start(command);
            terminal.expect("Ask nobody for a code until 2");
            terminal.expect(", for 2 h 0 min? [y/N] ");
            terminal.say(answer);
            assert_eq!(terminal.finish().0.success(), expected);
            assert_eq!(is_paused(lab, "alice"), expected);
        }
        let output = lab.as_user("alice", &["/run/lab/totpctl", "pause", "--end"]).output().unwrap();
        assert!(String::from_utf8_lossy(&output.stderr).contains("only root may do this"));
        assert!(is_paused(lab, "alice"));
        assert_eq!(fs::metadata("/run/pam_totp").unwrap().permissions().mode() & 0o7777, 0o700);
        assert_eq!(fs::metadata(FILE).unwrap().permissions().mode() & 0o7777, 0o600);
    });
}

#[test]
fn it_needs_no_store_and_no_settings_and_a_store_that_is_gone_keeps_nobody_out() {
    sandbox::within(|lab| {
        door(lab);
        lab.enroll("alice");
        fs::rename(STORE, "/var/lib/away").unwrap();
        lab.settings("[broken");
        pause(lab);
        assert_eq!(Login::new("door", "alice").run().verdict(), Code::ServiceErr, "no settings, no rules");
        lab.settings(SETTINGS);
        assert!(is_paused(lab, "alice") && is_paused(lab, "bob"));
        lab.totpctl(["pause", "--end"]);
        assert!(!is_paused(lab, "alice"));
    });
}

#[test]
fn rules_that_deny_and_suspensions_come_first_and_nobody_unknown_passes() {
    sandbox::within(|lab| {
        door(lab);
        let alice = lab.enroll("alice");
        lab.totpctl(["suspend", "alice", "--reason", "on leave"]);
        lab.totpctl(["suspend", "carol", "--reason", "on leave"]);
        let rules = "[[rule]]\nuser = \"carol\"\nthen = \"require\"\n[[rule]]\nuser = \"bob\"\nthen = \"deny\"\n\
                     [[rule]]\nuser = \"dave\"\nthen = \"require\"\n";
        lab.settings(&format!("{SETTINGS}{rules}"));
        pause(lab);
        let line = |user: &str, typed: &str| {
            lab.syslog.clear();
            assert_eq!(Login::new("door", user).code(typed).run().verdict(), Code::AuthErr, "{user}");
            lab.decision()
        };
        assert!(line("bob", "x").contains("verdict=denied"));
        for user in ["alice", "carol"] {
            assert!(line(user, &alice.phone.code(0)).contains("verdict=suspended"), "{user}");
        }
        assert!(line("mallory", "123456").contains("verdict=unknown-account"));
        assert!(is_paused(lab, "dave"));
        // What would deny if it could be evaluated is not passed over; what would not deny is.
        for (then, passes) in [("deny", false), ("require", true), ("skip", true)] {
            let unknown = format!("[[rule]]\ngroup = \"nowhere\"\nthen = \"{then}\"\n");
            lab.settings(&format!("{SETTINGS}{unknown}"));
            assert_eq!(is_paused(lab, "dave"), passes, "{then}");
            lab.settings(&format!("{SETTINGS}{unknown}[[rule]]\nuser = \"dave\"\nthen = \"deny\"\n"));
            assert!(!is_paused(lab, "dave"), "{then}");
        }
    });
}

#[test]
fn nobody_without_an_account_passes_by_it_and_a_rule_that_denies_them_still_does() {
    sandbox::within(|lab| {
        door(lab);
        let vera = lab.enroll_with("vera", &["--no-account"]);
        pause(lab);
        assert!(is_paused(lab, "alice"));
        assert!(!is_paused(lab, "vera") && !is_paused(lab, "VERA"));
        assert_eq!(Login::new("door", "vera").code(vera.phone.code(0)).run().verdict(), Code::Success);
        let page = lab.totpctl(["explain", "vera", "--no-account", "--service", "door"]);
        assert!(page.starts_with("vera at door") && page.contains(": asked for a code\n"), "{page}");
        assert!(!page.contains("paused"), "{page}");
        let json = lab.totpctl(["explain", "vera", "--no-account", "--service", "door", "--json"]);
        assert!(serde_json::from_str::<Value>(&json).unwrap()["paused"].is_null(), "{json}");
        lab.settings(&format!("{SETTINGS}[[rule]]\nuser = \"vera\"\nthen = \"deny\"\n"));
        let report = Login::new("door", "vera").code(&vera.backup_codes[0]).run();
        assert_eq!(report.verdict(), Code::AuthErr);
        assert!(lab.syslog.module().last().unwrap().contains("verdict=denied"));
        lab.settings(SETTINGS);
        assert_eq!(Login::new("door", "vera").code(&vera.backup_codes[0]).run().verdict(), Code::Success);
    });
}

#[test]
fn who_cannot_be_looked_up_is_asked_as_ever() {
    sandbox::within(|lab| {
        door(lab);
        pause(lab);
        lab.name_service("unavailable 111\n");
        lab.syslog.clear();
        assert_eq!(Login::new("door", "eve").code("123456").run().verdict(), Code::AuthErr);
        let line = lab.decision();
        assert!(!line.contains("exempt"), "{line}");
    });
}

#[test]
fn it_ends_by_the_wall_clock_by_the_time_since_the_boot_and_with_the_boot() {
    sandbox::within(|lab| {
        door(lab);
        pause(lab);
        let at = |unix: u64| {
            let mut command = plain("alice");
            stop_clock(&mut command, unix);
            passes(lab, &mut command).0
        };
        let begun = now();
        assert!(at(begun + HOUR) && !at(begun + 2 * HOUR + 60));
        // A clock that was set back: the kernel's own count since the boot goes on.
        assert!(at(begun - HOUR) && at(begun - 30 * 86_400));
        let later = |seconds: u64, unix: u64| {
            let login = Login::new("door", "alice").code("x");
            let mut command = Command::new("unshare");
            command.args(["--time", "--boottime", &seconds.to_string()]);
            command.arg(format!("{LAB}/pamhost")).arg(login.as_argument());
            stop_clock(&mut command, unix);
            passes(lab, &mut command).0
        };
        assert!(later(HOUR, begun - HOUR));
        assert!(!later(2 * HOUR + 60, begun - HOUR));
        // Another boot.
        write("/run/lab/boot_id", "11111111-2222-3333-4444-555555555555\n");
        let shown = fs::read_to_string(BOOT_ID).unwrap();
        nix::mount::mount(
            Some("/run/lab/boot_id"),
            BOOT_ID,
            None::<&str>,
            nix::mount::MsFlags::MS_BIND,
            None::<&str>,
        )
        .unwrap();
        assert_ne!(fs::read_to_string(BOOT_ID).unwrap(), shown);
        assert!(!is_paused(lab, "alice"));
        assert_eq!(lab.totpctl(["pause"]), "not paused\n");
        pause(lab);
        assert!(is_paused(lab, "alice"));
        nix::mount::umount(BOOT_ID).unwrap();
        assert!(!is_paused(lab, "alice"));
    });
}

#[test]
fn whatever_is_odd_about_its_file_is_no_pause_and_is_logged_and_found() {
    sandbox::within(|lab| {
        door(lab);
        pause(lab);
        let good = fs::read_to_string(FILE).unwrap();
        let put = |text: &str| {
            let _ = fs::remove_file(FILE);
            write(FILE, text);
            fs::set_permissions(FILE, fs::Permissions::from_mode(0o600)).unwrap();
        };
        let spoilt: [(&str, &dyn Fn()); 9] = [
            ("a symbolic link is not followed", &|| {
                fs::rename(FILE, "/run/pam_totp/real").unwrap();
                symlink("real", FILE).unwrap();
            }),
            ("not owned by root", &|| chown(FILE, Some(2001), Some(2001)).unwrap()),
            ("open to group or others", &|| {
                fs::set_permissions(FILE, fs::Permissions::from_mode(0o620)).unwrap();
            }),
            ("has more than one hard link", &|| fs::hard_link(FILE, "/run/pam_totp/two").unwrap()),
            ("cannot be read", &|| put(&good.replace("until = ", "untill = "))),
            ("cannot be read", &|| put("")),
            ("not a regular file", &|| {
                fs::remove_file(FILE).unwrap();
                fs::create_dir(FILE).unwrap();
            }),
            ("open to group or others", &|| {
                fs::set_permissions("/run/pam_totp", fs::Permissions::from_mode(0o755)).unwrap();
            }),
            ("not owned by root", &|| chown("/run/pam_totp", Some(2001), Some(2001)).unwrap()),
        ];
        for (why, spoil) in spoilt {
            spoil();
            let (passed, line) = passes(lab, &mut plain("alice"));
            assert!(!passed && line.contains("no_pause=\"/run/pam_totp"), "{why}: {line}");
            assert!(line.contains(why), "{why}: {line}");
            assert!(
                failure(lab, &["pause"]).contains("this is no pause, and codes are asked for: "),
                "{why}"
            );
            let found = lab.totpctl_command().args(["doctor"]).output().unwrap();
            assert!(String::from_utf8_lossy(&found.stdout).contains("[no-pause]"), "{why}");
            fs::remove_dir_all("/run/pam_totp").unwrap();
            pause(lab);
            assert!(is_paused(lab, "alice"), "{why}");
        }
    });
}

#[test]
fn the_password_is_still_asked_for_and_handed_on_without_the_code() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let watcher = "auth optional pam_exec.so quiet expose_authtok /usr/bin/tee /run/authtok\n";
        let behind = "auth required pam_unix.so nodelay use_first_pass\n";
        lab.service("door", &format!("auth required pam_totp.so forward_pass\n{watcher}{behind}"));
        pause(lab);
        let both = "Password & verification code: ";
        let code = alice.phone.code(0);
        for (typed, expected) in [
            (PASSWORD.to_owned(), Code::Success),
            ("wrong".to_owned(), Code::AuthErr),
            (format!("{PASSWORD}{code}"), Code::Success),
        ] {
            let login =
                Login::new("door", "alice").asked(Style::EchoOff, both, Reply::Bytes(typed.into_bytes()));
            assert_eq!(login.run().verdict(), expected);
            let handed_on = fs::read_to_string("/run/authtok").unwrap();
            assert!(!handed_on.contains(&code), "{handed_on:?}");
        }
        let lines = lab.syslog.module();
        assert!(
            lines[0].contains("reason=\"paused until") && lines[2].contains("verdict=accepted"),
            "{lines:#?}"
        );
    });
}

#[test]
fn sshd_sudo_and_su_let_in_with_the_password_alone_and_a_locker_goes_on_asking() {
    sandbox::within(|lab| {
        let line = "auth required pam_unix.so nodelay\nauth required pam_totp.so\n";
        for service in ["sshd", "sudo-lab", "su"] {
            lab.service(service, line);
        }
        lab.sudoers("alice ALL=(ALL) ALL\nDefaults pam_service=sudo-lab\n");
        lab.enroll("alice");
        pause(lab);
        let sshd = Sshd::start(lab, INTERACTIVE);
        assert!(sshd.log_in("alice", &[("Password: ", PASSWORD)]).entered);
        for (who, words, prompt) in [
            ("alice", &["sudo", "id", "-un"][..], "password for alice: "),
            ("bob", &["su", "alice", "-c", "id -un"], "Password: "),
        ] {
            let mut terminal = Terminal::start(lab.as_user(who, words));
            terminal.expect(prompt);
            terminal.say(PASSWORD);
            let (status, screen) = terminal.finish();
            assert!(status.success(), "{screen}");
        }
        let lines = lab.syslog.module();
        assert_eq!(lines.iter().filter(|line| line.contains("paused until")).count(), 3, "{lines:#?}");
        // Who is not root cannot read it: asked as ever.
        door(lab);
        let mut locker = plain("alice");
        locker.uid(2001).gid(2001);
        assert!(!passes(lab, &mut locker).0);
    });
}
