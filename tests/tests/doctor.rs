//! `totpctl doctor` and `totpctl rehearse` on a whole machine, with its own sshd and libpam.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use acceptance::lab::{Lab, PASSWORD, SETTINGS, STORE, run, security_folder, write};
use acceptance::mounts;
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::Value;

const METHODS: &str = "AuthenticationMethods keyboard-interactive:pam\n";
const PAM: &str = "UsePAM yes\n";
const PROMPT: &str = "KbdInteractiveAuthentication yes\nPasswordAuthentication no\n";

/// What the doctor finds, by finding; the machine's own clock is not under test.
fn doctor(lab: &Lab, arguments: &[&str]) -> Vec<Value> {
    let output = lab.totpctl_command().args(["doctor", "--json"]).args(arguments).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    let findings: Vec<Value> = printed["findings"].as_array().unwrap().clone();
    let is_clean = findings.iter().all(|finding| finding["level"] == "note");
    assert_eq!(
        (output.status.code(), printed["clean"].as_bool()),
        (Some(i32::from(!is_clean)), Some(is_clean))
    );
    findings.into_iter().filter(|finding| finding["id"] != "clock").collect()
}

fn ids(findings: &[Value]) -> Vec<&str> {
    findings.iter().map(|finding| finding["id"].as_str().unwrap()).collect()
}

fn one<'a>(findings: &'a [Value], id: &str) -> &'a Value {
    let mut found = findings.iter().filter(|finding| finding["id"] == id);
    found.next().unwrap_or_else(|| panic!("no {id} in {findings:#?}"))
}

/// Debian's service with our line behind the password's, and sshd's configuration in two files.
fn sshd(main: &str, drop_in: &str) {
    let stock = fs::read_to_string("/etc/pam.d/sshd").unwrap();
    let line = "@include common-auth\nauth required pam_totp.so\n";
    if !stock.contains("pam_totp") {
        write("/etc/pam.d/sshd", &stock.replacen("@include common-auth\n", line, 1));
    }
    run(Command::new("ssh-keygen").arg("-A"));
    let _ = fs::remove_dir_all("/etc/ssh/sshd_config.d");
    fs::create_dir("/etc/ssh/sshd_config.d").unwrap();
    write("/etc/ssh/sshd_config", &format!("Include /etc/ssh/sshd_config.d/*.conf\n{main}"));
    write("/etc/ssh/sshd_config.d/10.conf", drop_in);
}

/// After su, root's PATH is still that of whoever called it.
#[test]
fn the_doctor_runs_no_program_of_a_users() {
    sandbox::within(|lab| {
        let folder = Path::new("/home/alice/bin");
        fs::create_dir_all(folder).unwrap();
        for name in ["journalctl", "sshd", "systemctl", "getent", "sh"] {
            write(folder.join(name), "#!/bin/sh\necho $0 >> /tmp/ran\n");
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        sshd("", &format!("{PAM}{PROMPT}{METHODS}"));
        lab.totpctl_command().arg("doctor").env("PATH", folder).output().unwrap();
        assert_eq!(fs::read_to_string("/tmp/ran").unwrap_or_default(), "");
        assert!(Command::new(folder.join("sh")).status().unwrap().success());
        assert_ne!(fs::read_to_string("/tmp/ran").unwrap(), "", "it tells");
    });
}

#[test]
fn debians_sshd_with_our_one_line_and_the_manuals_lines_is_clean() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        sshd("", &format!("{PAM}{PROMPT}{METHODS}"));
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "alice"])), [""; 0]);
        let output =
            lab.totpctl_command().args(["doctor", "--service", "sshd", "--user", "alice"]).output().unwrap();
        let page = String::from_utf8(output.stdout).unwrap();
        assert!(page.contains("services that ask for a code: sshd\n"), "{page}");
        // Who is not enrolled would be denied, and is named.
        let all = doctor(lab, &["--service", "sshd"]);
        assert_eq!(ids(&all), ["locked-out"]);
        assert!(all[0]["what"].as_str().unwrap().contains("bob, carol"), "{all:#?}");
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "bob"])), ["locked-out"]);
        // Whom sshd does not let in, or who has no password, is not locked out by us.
        let allowed = "AllowUsers alice\nAllowUsers ca*\n";
        sshd("", &format!("{PAM}{PROMPT}{METHODS}{allowed}"));
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "bob"])), [""; 0]);
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "carol"])), ["locked-out"]);
        run(Command::new("usermod").args(["--lock", "carol"]));
        assert_eq!(ids(&doctor(lab, &["--service", "sshd"])), [""; 0]);
    });
}

#[test]
fn a_stack_in_which_nobody_says_yes_to_a_remembered_login_is_found() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let ours = "auth required pam_totp.so\naccount required pam_permit.so\n";
        lab.service("sudo", ours);
        lab.service("sshd", ours);
        let found = |keys: &str| {
            lab.settings(&format!("[[rule]]\n{keys}then = \"require\"\n"));
            let of = |service: &str| doctor(lab, &["--service", service, "--user", "alice"]);
            ["sudo", "sshd"].map(|service| ids(&of(service)).contains(&"nothing-says-yes"))
        };
        assert_eq!(found(""), [false, false]);
        assert_eq!(found("remember = \"15m\"\n"), [true, false], "sshd remembers nobody");
        assert_eq!(found("remember = \"15m\"\nservice = [\"su\", \"SUDO\"]\n"), [true, false]);
        assert_eq!(found("remember = \"15m\"\nservice = \"su\"\n"), [false, false]);
        lab.service("sudo", &format!("auth required pam_unix.so\n{ours}"));
        assert_eq!(found("remember = \"15m\"\n"), [false, false]);
    });
}

#[test]
fn the_effective_switch_sits_in_another_file_or_in_a_match_block() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.enroll("bob");
        sshd(&format!("{PAM}{PROMPT}{METHODS}"), "# hardened\nKbdInteractiveAuthentication no\n");
        let found = doctor(lab, &["--service", "sshd", "--user", "alice"]);
        assert_eq!(one(&found, "sshd-no-prompt")["place"], "/etc/ssh/sshd_config.d/10.conf:2");
        let of_one = "Match User alice\n    KbdInteractiveAuthentication no\n";
        sshd(&format!("{PAM}{PROMPT}{METHODS}{of_one}"), "");
        let found = doctor(lab, &["--service", "sshd", "--user", "alice"]);
        let finding = one(&found, "sshd-no-prompt");
        assert_eq!(
            (&finding["user"], &finding["place"]),
            (&"alice".into(), &"/etc/ssh/sshd_config:7".into())
        );
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "bob"])), [""; 0]);
        // An address is asked about as well.
        let from = "Match Address 198.51.100.0/24\n    AuthenticationMethods publickey\n";
        sshd(&format!("{PAM}{PROMPT}{METHODS}{from}"), "");
        let found = doctor(lab, &["--service", "sshd", "--user", "bob"]);
        let finding = one(&found, "sshd-key-alone");
        assert_eq!(finding["place"], "/etc/ssh/sshd_config:7");
        assert!(finding["what"].as_str().unwrap().contains("from 198.51.100.0"), "{finding}");
    });
}

#[test]
fn every_way_past_pam_at_sshd_is_found() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.enroll("root");
        let cases = [
            ("UsePAM no\n", "", "sshd-no-pam"),
            (PAM, PROMPT, "sshd-key-alone"),
            (PAM, "PubkeyAuthentication no\nPasswordAuthentication yes\n", "sshd-password"),
            (PAM, "AuthenticationMethods password,publickey\n", "sshd-password-method"),
            (PAM, "AuthenticationMethods publickey,password\n", "sshd-password-method"),
            (PAM, "AuthenticationMethods publickey keyboard-interactive:pam\n", "sshd-key-alone"),
            ("Nonsense yes\n", "", "sshd-config"),
        ];
        for (main, more, id) in cases {
            sshd(&format!("{main}{more}"), "");
            let found = doctor(lab, &["--service", "sshd", "--user", "alice"]);
            assert_eq!(ids(&found), [id], "{main}{more}{found:#?}");
        }
        sshd("", &format!("{PAM}{PROMPT}{METHODS}PermitRootLogin prohibit-password\n"));
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "root"])), ["sshd-root"]);
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "alice"])), [""; 0]);
    });
}

#[test]
fn the_two_lines_that_work_are_said_where_password_can_never_succeed() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        sshd(&format!("{PAM}AuthenticationMethods password,keyboard-interactive\n"), "");
        let found = doctor(lab, &["--service", "sshd", "--user", "alice"]);
        let fix = one(&found, "sshd-password-method")["fix"].as_str().unwrap();
        let (_, lines) = fix.split_once(":\n").unwrap();
        sshd(&format!("{lines}\n{PAM}"), "");
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "alice"])), [""; 0], "{lines}");
    });
}

#[test]
fn the_connection_is_cut_before_the_code_where_an_agent_has_many_keys() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let methods = "AuthenticationMethods publickey,keyboard-interactive:pam\n";
        sshd(&format!("{PAM}{PROMPT}{methods}MaxAuthTries 3\n"), "");
        let found = doctor(lab, &["--service", "sshd", "--user", "alice"]);
        assert_eq!(ids(&found), ["sshd-tries"]);
        assert!(found[0]["fix"].as_str().unwrap().contains("IdentitiesOnly"));
        // With the code alone in PAM, the key must come first.
        lab.service("sshd", "auth required pam_totp.so\n");
        sshd(&format!("{PAM}{PROMPT}{METHODS}"), "");
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "alice"])), ["sshd-code-alone"]);
        sshd(&format!("{PAM}{PROMPT}{methods}"), "");
        assert_eq!(ids(&doctor(lab, &["--service", "sshd", "--user", "alice"])), [""; 0]);
    });
}

#[test]
fn sshd_was_edited_and_sudo_is_lost() {
    sandbox::within(|lab| {
        let people =
            "root ALL=(ALL) ALL\n%wheel ALL=(ALL) ALL\nbob ALL=(ALL) ALL\ndave ALL=(ALL) NOPASSWD: ALL\n";
        lab.sudoers(people);
        let groups = fs::read_to_string("/etc/group").unwrap();
        write("/etc/group", &format!("{groups}wheel:x:900:alice,carol\n"));
        lab.enroll("alice");
        let before = doctor_before(lab, "common-auth");
        let services: Vec<_> = before["reaches"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["service"].as_str().unwrap())
            .collect();
        assert!(
            ["sshd", "sudo", "sudo-i", "su", "login"].iter().all(|name| services.contains(name)),
            "{services:?}"
        );
        let common = fs::read_to_string("/etc/pam.d/common-auth").unwrap();
        write("/etc/pam.d/common-auth", &format!("{common}auth required pam_totp.so\n"));
        let found = doctor(lab, &[]);
        for findings in [&found, before["findings"].as_array().unwrap()] {
            let finding = one(findings, "administrators");
            assert_eq!(finding["what"], "not enrolled: bob, carol");
            assert!(finding["service"].as_str().unwrap().contains("sudo, sudo-i"), "{finding}");
        }
        lab.enroll("bob");
        lab.enroll("carol");
        assert!(!ids(&doctor(lab, &[])).contains(&"administrators"));
    });
}

fn doctor_before(lab: &Lab, file: &str) -> Value {
    let output = lab.totpctl_command().args(["doctor", "--json", "--before", file]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_locker_without_privilege_needs_the_daemon_and_no_set_uid_bit() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service("i3lock", "auth requisite pam_unix.so\nauth required pam_totp.so\n");
        assert_eq!(ids(&doctor(lab, &["--service", "i3lock", "--user", "alice"])), ["daemon"]);
        mounts::tmpfs(Path::new("/usr/local/bin"), "mode=755");
        write("/usr/local/bin/i3lock", "");
        fs::set_permissions("/usr/local/bin/i3lock", fs::Permissions::from_mode(0o4755)).unwrap();
        let found = doctor(lab, &["--service", "i3lock", "--user", "alice"]);
        assert_eq!(one(&found, "setuid-locker")["place"], "/usr/local/bin/i3lock");
        let _daemon = acceptance::daemon::Daemon::start(lab);
        assert_eq!(ids(&doctor(lab, &["--service", "i3lock", "--user", "alice"])), ["setuid-locker"]);
    });
}

#[test]
fn what_is_wrong_with_settings_store_and_records_is_found() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service("door", "auth requisite pam_unix.so\nauth required pam_totp.so nullok\n");
        let look = || doctor(lab, &["--service", "door"]);
        let found = look();
        assert_eq!(ids(&found), ["unpinned"]);
        let settings = fs::read_to_string("/etc/security/pam_totp.toml").unwrap();
        let (_, pin) = found[0]["fix"].as_str().unwrap().split_once('\n').unwrap();
        lab.settings(&format!("{settings}{pin}\n"));
        assert_eq!(ids(&look()), [""; 0]);
        let folder = format!("/var/lib/pam_totp/users/{}", lab.uid("alice"));
        let ledger = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let ledger = ledger.into_iter().find(|path| path.to_string_lossy().contains("ledger")).unwrap();
        fs::copy(&ledger, "/root/ledger").unwrap();
        fs::remove_file(&ledger).unwrap();
        let found = look();
        assert_eq!((ids(&found), &found[0]["user"]), (vec!["record"], &"alice".into()));
        assert!(found[0]["fix"].as_str().unwrap().contains("totpctl unlock alice"));
        fs::copy("/root/ledger", &ledger).unwrap();
        fs::set_permissions("/var/lib/pam_totp", fs::Permissions::from_mode(0o755)).unwrap();
        let found = look();
        assert_eq!(ids(&found), ["store"]);
        let (_, commands) = found[0]["fix"].as_str().unwrap().split_once("then: ").unwrap();
        run(Command::new("sh").args(["-c", commands]));
        assert_eq!(ids(&look()), [""; 0], "{commands}");
        lab.settings("[login]\nfail_dellay = \"0s\"\n");
        let found = look();
        assert!(one(&found, "settings")["what"].as_str().unwrap().contains("pam_totp.toml:2:"));
    });
}

/// GA 197 and others, by a rule in place of nullok; and whoever a rule lets past is not locked out.
#[test]
fn a_rule_that_skips_says_no_yes_and_locks_nobody_out() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        let rule = |keys: &str| lab.settings(&format!("{SETTINGS}[[rule]]\n{keys}\nthen = \"skip\"\n"));
        rule("service = \"VPN\"\nuser = \"bob\"");
        lab.service("vpn", "auth required pam_totp.so\n");
        let found = doctor(lab, &["--service", "vpn"]);
        assert_eq!(ids(&found), ["nothing-says-yes", "locked-out"]);
        let barred = one(&found, "locked-out")["what"].as_str().unwrap();
        assert!(barred.contains("carol") && !barred.contains("bob"), "{barred}");
        assert_eq!(Login::new("vpn", "bob").run().verdict(), Code::PermDenied, "it is so");
        lab.service("vpn", "auth required pam_totp.so\nauth required pam_permit.so\n");
        // A VPN may have asked for a certificate.
        assert_eq!(ids(&doctor(lab, &["--service", "vpn", "--user", "bob"])), ["asks-nothing"]);
        assert_eq!(Login::new("vpn", "bob").run().verdict(), Code::Success);
        // Of another service, from another place, or of another group: no exemption here.
        let (one, both) = (&["locked-out"][..], &["locked-out", "asks-nothing"][..]);
        for (keys, expected) in [
            ("service = \"sshd\"", one),
            ("from = \"10.0.0.0/8\"", both),
            ("from = \"local\"", both),
            ("group = \"alice\"", both),
        ] {
            rule(keys);
            assert_eq!(ids(&doctor(lab, &["--service", "vpn", "--user", "bob"])), expected, "{keys}");
        }
    });
}

#[test]
fn a_store_that_is_not_overwritten_in_place_is_found() {
    sandbox::within(|lab| {
        lab.door("");
        let look = || doctor(lab, &["--service", "door", "--user", "alice"]);
        lab.enroll("alice");
        assert_eq!(ids(&look()), [""; 0]);
        mounts::overlay(STORE);
        let found = look();
        assert_eq!(ids(&found), ["file-system"]);
        assert_eq!(
            (&found[0]["place"], &found[0]["what"]),
            (&STORE.into(), &"the store lies on overlay".into())
        );
        assert!(found[0]["fix"].as_str().unwrap().contains("ext4"), "{found:#?}");
    });
}

#[test]
fn what_selinux_or_apparmor_denied_us_is_found_in_the_logs() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        let selinux = "type=AVC msg=audit(1.1:2): avc:  denied  { write } for pid=7 comm=\"sshd\" \
                       path=\"/var/lib/pam_totp/users/2001\"\n";
        let apparmor = "Nov 25 10:00:00 web1 kernel: audit: type=1400 apparmor=\"DENIED\" operation=\"open\" \
                        name=\"/var/lib/pam_totp/FORMAT\"\u{1b}[2J\n";
        let others =
            "type=AVC msg=audit(1.1:3): avc:  denied  { read } for comm=\"sshd\" path=\"/etc/motd\"\n";
        fs::create_dir_all("/var/log/audit").unwrap();
        write("/var/log/audit/audit.log", others);
        let look = || doctor(lab, &["--service", "door", "--user", "alice"]);
        assert_eq!(ids(&look()), [""; 0]);
        for (path, line) in [("/var/log/audit/audit.log", selinux), ("/var/log/kern.log", apparmor)] {
            write(path, &format!("{others}{line}{others}"));
            let found = look();
            assert_eq!(ids(&found), ["confinement"]);
            let what = found[0]["what"].as_str().unwrap();
            assert!(what.starts_with("1 denials") && what.contains("/var/lib/pam_totp"), "{what}");
            assert!(!what.contains('\u{1b}'), "a terminal obeys it: {what:?}");
            fs::remove_file(path).unwrap();
        }
    });
}

/// An adjtimex(2) that says what the test wants the kernel to say.
const CLOCK: &str = "#include <sys/timex.h>\n#include <string.h>\n\
    int adjtimex(struct timex *t) { memset(t, 0, sizeof *t); t->status = STATUS; return STATUS ? 5 : 0; }\n";

#[test]
fn a_clock_that_the_kernel_does_not_take_for_synchronized_is_found() {
    sandbox::within(|lab| {
        lab.door("");
        write("/run/clock.c", CLOCK);
        for (status, is_found) in [("STA_UNSYNC", true), ("0", false)] {
            let status = format!("-DSTATUS={status}");
            let words = ["-shared", "-fPIC", &status, "-o", "/run/clock.so", "/run/clock.c"];
            run(Command::new("gcc").args(words));
            let mut command = lab.totpctl_command();
            command.args(["doctor", "--json", "--service", "door"]).env("LD_PRELOAD", "/run/clock.so");
            let printed: Value = serde_json::from_slice(&command.output().unwrap().stdout).unwrap();
            let findings = printed["findings"].as_array().unwrap();
            assert_eq!(findings.iter().any(|finding| finding["id"] == "clock"), is_found, "{findings:#?}");
        }
    });
}

#[test]
fn the_module_is_gone_or_does_not_load_and_rehearse_says_so_too() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service("door", "auth required pam_totp.so\nauth required pam_permit.so\n");
        assert_eq!(ids(&doctor(lab, &["--service", "door", "--user", "alice"])), [""; 0]);
        let module = security_folder().join("pam_totp.so");
        fs::remove_file(&module).unwrap();
        let rehearse = |expected: &str, ends: &str| {
            let mut terminal = rehearsal(lab, "door", "alice");
            terminal.expect(expected);
            let (status, screen) = terminal.finish();
            assert!(status.code() == Some(1) && screen.contains(ends), "{screen}");
        };
        let found = doctor(lab, &["--service", "door", "--user", "alice"]);
        assert_eq!(one(&found, "module-missing")["place"], "/etc/pam.d/door:1");
        rehearse("pam_totp.so is not there", "authenticate: ");
        let foreign: Vec<u8> = {
            let mut bytes = fs::read(lab.module()).unwrap();
            bytes[18] = 0xf7;
            bytes
        };
        let good = fs::read(lab.module()).unwrap();
        for (bytes, trouble) in [
            (foreign, "architecture"),
            (b"#!/bin/sh".repeat(9), "no ELF"),
            (good[..8192].to_vec(), "pam_totp.so: "),
        ] {
            fs::write(&module, bytes).unwrap();
            let found = doctor(lab, &["--service", "door", "--user", "alice"]);
            let finding = one(&found, "module-broken");
            assert!(finding["what"].as_str().unwrap().contains(trouble), "{finding}");
            rehearse(trouble, "door is not run");
        }
        // Nothing is wrong with these files; their constructors are what loading them runs into.
        for (ends, trouble) in [
            ("_exit(0)", "loading it ended the process"),
            ("_exit(1)", "loading it ended the process"),
            ("abort()", "loading it ended the process by signal 6"),
        ] {
            let text = format!(
                "#include <stdlib.h>\n#include <unistd.h>\n\
                __attribute__((constructor)) static void loaded(void) {{ {ends}; }}\n"
            );
            write("/run/ends.c", &text);
            run(Command::new("gcc").args(["-shared", "-fPIC", "-o"]).arg(&module).arg("/run/ends.c"));
            let found = doctor(lab, &["--service", "door", "--user", "alice"]);
            let finding = one(&found, "module-broken");
            assert!(finding["what"].as_str().unwrap().ends_with(trouble), "{finding}");
        }
    });
}

fn rehearsal(lab: &Lab, service: &str, user: &str) -> Terminal {
    let mut command = lab.totpctl_command();
    command.args(["rehearse", service, user]);
    Terminal::start(command)
}

#[test]
fn a_rehearsal_asks_what_the_service_asks_and_says_how_it_ends() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        lab.service("door", "auth requisite pam_unix.so nodelay\nauth required pam_totp.so\n");
        let play = |code: &str| {
            let mut terminal = rehearsal(lab, "door", "alice");
            terminal.expect("Password: ");
            terminal.say(PASSWORD);
            terminal.expect("Verification code: ");
            terminal.say(code);
            let (status, screen) = terminal.finish();
            assert!(!screen.contains(PASSWORD) && !screen.contains(code), "{screen}");
            (status.code(), screen)
        };
        let (status, screen) = play(&alice.phone.wrong());
        assert_eq!(status, Some(1), "{screen}");
        assert!(
            screen.contains("authenticate: Authentication failure") && screen.contains("door refuses alice")
        );
        lab.syslog.clear();
        let code = alice.phone.code(0);
        let (status, screen) = play(&code);
        assert_eq!(status, Some(0), "{screen}");
        assert!(screen.contains("authenticate: Success") && screen.contains("account: Success"), "{screen}");
        assert!(lab.decision().contains("service=door"));
        // It was a login like any other: its code is spent.
        assert_eq!(play(&code).0, Some(1));
        assert_eq!(Login::new("door", "alice").password(PASSWORD).code(&code).run().verdict(), Code::AuthErr);
    });
}

#[test]
fn a_rehearsal_shows_that_the_account_lines_refuse() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        write("/etc/pam.d/door", "auth required pam_totp.so\n");
        let mut terminal = rehearsal(lab, "door", "alice");
        terminal.expect("Verification code: ");
        terminal.say(&alice.phone.code(0));
        let (status, screen) = terminal.finish();
        assert_eq!(status.code(), Some(1));
        assert!(screen.contains("authenticate: Success") && screen.contains("account: "), "{screen}");
        assert_eq!(ids(&doctor(lab, &["--service", "door", "--user", "alice"])), ["no-account"]);
    });
}

#[test]
fn nobody_but_root_rehearses_or_sees_the_doctor_and_no_service_is_made_up() {
    sandbox::within(|lab| {
        let totpctl = lab.program("totpctl");
        let totpctl = totpctl.to_str().unwrap();
        for words in [&["rehearse", "sshd", "alice"][..], &["doctor"]] {
            let output = lab.as_user("alice", &[&[totpctl], words].concat()).output().unwrap();
            assert_eq!(output.status.code(), Some(1));
            assert!(String::from_utf8_lossy(&output.stderr).contains("only root may do this"));
        }
        let mut terminal = rehearsal(lab, "sshhd", "alice");
        terminal.expect("no such service");
        assert_eq!(terminal.finish().0.code(), Some(1));
    });
}

#[test]
fn under_nullok_our_line_alone_a_required_and_a_sufficient_permit_end_as_the_doctor_says() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let ours = "auth required pam_totp.so nullok\n";
        let stacks = [
            (String::from(ours), Code::PermDenied),
            (format!("{ours}auth required pam_permit.so\n"), Code::Success),
            (format!("{ours}auth sufficient pam_permit.so\n"), Code::Success),
        ];
        for (stack, unenrolled) in stacks {
            lab.service("door", &stack);
            assert_eq!(Login::new("door", "bob").run().verdict(), unenrolled, "{stack}");
            let wrong = Login::new("door", "alice").code(alice.phone.wrong());
            assert_eq!(wrong.run().verdict(), Code::AuthErr, "{stack}");
        }
        // One word away: this is why it is a fault.
        lab.service("door", "auth sufficient pam_totp.so nullok\nauth sufficient pam_permit.so\n");
        assert_eq!(Login::new("door", "alice").code(alice.phone.wrong()).run().verdict(), Code::Success);
    });
}

/// Every file that the doctor could have changed, with its time, size and mode.
fn files() -> Vec<u8> {
    let folders = ["/etc", "/var/lib/pam_totp", "/home", "/root", "/var/tmp"];
    let mut command = Command::new("find");
    run(command.args(folders).args(["-printf", "%p %T@ %C@ %s %m\\n"])).stdout
}

#[test]
fn the_doctor_changes_nothing_and_logs_nothing() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        sshd("", &format!("{PAM}{PROMPT}{METHODS}"));
        let before = files();
        assert!(before.len() > 10_000);
        lab.syslog.clear();
        for arguments in [&[][..], &["--service", "sshd", "--user", "alice"], &["--before", "common-auth"]] {
            let mut command = lab.totpctl_command();
            command.arg("doctor").args(arguments).output().unwrap();
        }
        assert!(before == files());
        let ours: Vec<_> = lab.syslog.raw().into_iter().filter(|line| line.contains("totp")).collect();
        assert_eq!(ours, [""; 0]);
    });
}
