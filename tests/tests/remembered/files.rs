//! What lies on disk, and whatever may be wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

use acceptance::faults::Snapshot;
use acceptance::host::{self, State};
use acceptance::lab::run;
use acceptance::pam::{Call, Code};
use acceptance::sandbox;

use crate::{REMEMBERED, begin_session, door, enter, is_remembered, kept, let_in, only, remember};

/// Everything below, as `find` shows it.
fn tree() -> String {
    let output = run(Command::new("find").args(["/run/pam_totp", "-printf", "%P %M %U %G %n\\n"]));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn what_is_kept_is_roots_alone_and_names_nothing_that_came_from_outside() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let hostile = "../../../../tmp/x\n%s";
        // SAFETY: umask(2) takes a number.
        unsafe { libc::umask(0o777) };
        let_in(enter("alice").on(hostile), alice.phone.code(0));
        // SAFETY: as above.
        unsafe { libc::umask(0o022) };
        assert!(is_remembered(&enter("alice").on(hostile)));
        let (path, text) = only(lab, "alice");
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        assert!(name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
        let lines: Vec<_> = tree().lines().map(str::to_owned).collect();
        let folder = |name: &str, links| format!("{name} drwx------ 0 0 {links}");
        let wanted = [
            folder("", 3),
            folder("remembered", 3),
            folder("remembered/2001", 2),
            format!("remembered/2001/{name} -rw------- 0 0 1"),
        ];
        assert_eq!(lines.iter().collect::<BTreeSet<_>>(), wanted.iter().collect());
        let keys: Vec<_> = text.lines().map(|line| line.split(' ').next().unwrap()).collect();
        assert_eq!(keys, ["pam_totp", "boot", "session", "enrollment", "since"]);
        assert!(!text.contains("tmp"), "{text}");
    });
}

#[test]
fn whatever_is_wrong_with_a_file_or_folder_means_that_a_code_is_asked_for() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        let (path, text) = only(lab, "alice");
        let file = path.to_str().unwrap();
        let folder = format!("{REMEMBERED}/2001");
        let snapshot = Snapshot::of("/run/pam_totp");
        let mut damages: Vec<String> = Vec::new();
        for part in ["/run/pam_totp", REMEMBERED, &folder, file] {
            for damage in
                ["chmod 0750", "chmod 0707", "chmod 0770", "chown alice", "chown 2002", "chmod 0640"]
            {
                damages.push(format!("{damage} {part}"));
            }
            damages.push(format!("mv {part} /run/elsewhere; ln -s /run/elsewhere {part}"));
            damages.push(format!("mv {part} /run/elsewhere; mount -t tmpfs x /run/x; touch {part}"));
            damages.push(format!("mv {part} /run/elsewhere; mkfifo -m 600 {part}"));
            damages.push(format!("rm -r {part}"));
        }
        damages.push(format!("chmod 000 {folder}"));
        damages.push(format!("ln {file} /run/elsewhere"));
        damages.push(format!("mv {file} {folder}/$(echo {file} | sha256sum | cut -c1-64)"));
        damages.push(format!(
            "mkdir /run/elsewhere; mv {folder} /run/elsewhere; mkdir -m 700 {folder}; \
                              mount --bind /run/elsewhere/2001 {folder}"
        ));
        let (begin, end) = text.split_at(text.len() / 2);
        let other = |key: &str, value: &str| {
            let lines = text.lines().map(|line| match line.split_once(' ') {
                Some((name, _)) if name == key => format!("{key} {value}\n"),
                _ => format!("{line}\n"),
            });
            lines.collect::<String>()
        };
        let session: Vec<_> = text.lines().nth(2).unwrap().split(' ').skip(1).collect();
        let [namespace, id, started, terminal] = session[..] else { panic!("{text}") };
        let texts = [
            String::new(),
            begin.to_owned(),
            end.to_owned(),
            text.trim_end().to_owned(),
            format!("{text}\n"),
            format!("{text}{text}"),
            text.replace('\n', "\r\n"),
            text.replace("since ", "since +"),
            text.replace("since ", "since 0"),
            text.replace("remembered 1", "remembered 2"),
            other("boot", "01234567-89ab-cdef-0123-456789abcdef"),
            other("enrollment", "0123456789abcdef0123456789abcdef"),
            other("since", "-1"),
            other("since", "99999999999999999999999"),
            // Its number given anew, to a leader that was started at another time.
            other("session", &format!("{namespace} {id} {started}1 {terminal}")),
            other("session", &format!("{namespace} {id}1 {started} {terminal}")),
            other("session", &format!("{namespace}1 {id} {started} {terminal}")),
            other("session", &format!("{namespace} {id} {started} 34817")),
            "x".repeat(100_000),
            "\0".repeat(text.len()),
        ];
        assert!(is_remembered(&enter("alice")));
        for damage in damages {
            run(Command::new("sh").args(["-c", &damage]));
            assert!(!is_remembered(&enter("alice")), "{damage}");
            let undo = format!("umount {folder} /run/x; rm -rf /run/elsewhere");
            let _ = Command::new("sh").args(["-c", &undo]).output();
            snapshot.restore();
            assert!(is_remembered(&enter("alice")), "restored after {damage}");
        }
        for wrong in texts {
            assert_ne!(wrong, text);
            fs::write(&path, &wrong).unwrap();
            assert!(!is_remembered(&enter("alice")), "{wrong:?}");
        }
        fs::write(&path, &text).unwrap();
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn another_sessions_file_under_this_ones_name_serves_nobody() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let elsewhere = |login: &acceptance::pam::Login| {
            let mut command = Command::new("setsid");
            command.arg("--wait").arg(login.command().get_program()).arg(login.as_argument());
            acceptance::pam::Report::of(command.output().unwrap()).verdict()
        };
        assert_eq!(elsewhere(&enter("alice").code(alice.phone.code(0))), Code::Success);
        let (theirs, text) = only(lab, "alice");
        let_in(enter("alice"), &alice.backup_codes[0]);
        // The other session's leader has gone, and with it what was kept of it.
        let (ours, _) = only(lab, "alice");
        assert_ne!(theirs, ours);
        fs::write(&ours, text).unwrap();
        assert!(!is_remembered(&enter("alice")));
    });
}

#[test]
fn what_cannot_be_written_is_logged_and_the_login_goes_on() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let mut codes = alice.backup_codes.iter();
        for (damage, repair, why) in [
            (
                "mount -o remount,size=64M /run; dd if=/dev/zero of=/run/full bs=64k; true",
                "rm /run/full",
                "No space left on device",
            ),
            ("mount -t tmpfs -o ro,mode=700 x /run/pam_totp", "umount /run/pam_totp", "a mount of its own"),
            ("chmod 755 /run/pam_totp", "chmod 700 /run/pam_totp", "open to group or others"),
            ("chown alice /run/pam_totp", "chown root /run/pam_totp", "not owned by root"),
        ] {
            run(Command::new("mkdir").args(["-p", "-m", "700", "/run/pam_totp"]));
            run(Command::new("sh").args(["-c", damage]));
            lab.syslog.clear();
            let_in(enter("alice"), codes.next().unwrap());
            let lines = lab.syslog.module();
            let [accepted, line] = &lines[..] else { panic!("{damage}: {lines:#?}") };
            assert!(accepted.contains("verdict=accepted"), "{accepted}");
            let start =
                "pam_totp(door:setcred): not remembered; user=alice service=door reason=\"/run/pam_totp";
            assert!(line.starts_with(start) && line.contains(why), "{line}");
            assert!(!is_remembered(&enter("alice")), "{damage}");
            run(Command::new("sh").args(["-c", repair]));
            assert_eq!(kept(lab, "alice"), [], "nothing is left of the attempt");
        }
        let_in(enter("alice"), codes.next().unwrap());
        assert!(is_remembered(&enter("alice")));
    });
}

#[test]
fn what_is_of_no_use_is_swept_and_no_more_is_kept_than_64_logins() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        let_in(enter("alice"), alice.phone.code(0));
        let (path, text) = only(lab, "alice");
        let folder = path.parent().unwrap();
        let write = |number: usize, text: &str| {
            let path = folder.join(format!("{number:064x}"));
            fs::write(&path, text).unwrap();
            run(Command::new("chmod").args(["600", path.to_str().unwrap()]));
            path
        };
        let (rest, since) = text.trim_end().rsplit_once(' ').unwrap();
        let since: u128 = since.parse().unwrap();
        for number in 0..80 {
            write(number, &format!("{rest} {}\n", since - 1000 + number as u128));
        }
        let useless = [
            text.replace("boot ", "boot f"),
            text.replace("enrollment ", "enrollment 0"),
            format!("{rest} {}\n", since * 1000),
            "nonsense".to_owned(),
        ];
        let useless: Vec<_> =
            useless.iter().enumerate().map(|(number, text)| write(1000 + number, text)).collect();
        let (stale, foreign) = (folder.join("new.1.77"), folder.join("README"));
        let fresh = folder.join(format!("new.{since}.77"));
        for path in [&stale, &foreign, &fresh] {
            fs::write(path, "").unwrap();
        }
        std::os::unix::fs::symlink("/etc/shadow", folder.join("f".repeat(64))).unwrap();
        let_in(enter("alice").on("tty7"), &alice.backup_codes[0]);
        assert!(useless.iter().all(|path| !path.exists()));
        // A machine that was started less than a minute ago has nothing stale.
        assert!(foreign.exists() && fresh.exists() && (!stale.exists() || since < 60_000_000_000));
        assert!(!folder.join("f".repeat(64)).is_symlink() && fs::metadata("/etc/shadow").unwrap().size() > 0);
        let entries =
            kept(lab, "alice").into_iter().filter(|(path, _)| path.file_name().unwrap().len() == 64);
        assert_eq!(entries.count(), 64);
        assert!(
            is_remembered(&enter("alice")) && is_remembered(&enter("alice").on("tty7")),
            "the latest stay"
        );
        assert!(!folder.join(format!("{:064x}", 0)).exists() && folder.join(format!("{:064x}", 79)).exists());
    });
}

#[test]
fn forget_forgets_all_that_is_remembered_of_one_person() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let none = "alice: no login was remembered\n";
        assert_eq!(lab.totpctl(["forget", "alice"]), none);
        let [alice, bob] = ["alice", "bob"].map(|user| lab.enroll(user));
        for (terminal, code) in ["tty1", "tty2"].iter().zip(&alice.backup_codes) {
            let_in(enter("alice").on(terminal), code);
        }
        let_in(enter("bob"), &bob.backup_codes[0]);
        lab.syslog.clear();
        let said = lab.totpctl(["forget", "alice"]);
        assert_eq!(said, "alice: 2 logins are forgotten, and a code is asked for\n");
        let log = lab.syslog.raw().join("\n");
        assert!(log.contains(": forget: user=alice uid=2001 logins=2 loginuid="), "{log}");
        assert!(!is_remembered(&enter("alice").on("tty1")) && !is_remembered(&enter("alice").on("tty2")));
        assert!(is_remembered(&enter("bob")));
        assert_eq!(lab.totpctl(["forget", "alice"]), none);
        let totpctl = lab.program("totpctl");
        let output = lab.as_user("bob", &[totpctl.to_str().unwrap(), "forget", "bob"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(String::from_utf8(output.stderr).unwrap().contains("only root may do this"));
        assert!(is_remembered(&enter("bob")));
    });
}

#[test]
fn a_host_that_remembers_is_left_as_it_was() {
    sandbox::within(|lab| {
        begin_session();
        door(lab, "");
        remember(lab, "15m");
        let alice = lab.enroll("alice");
        host::open_log();
        let before = State::now();
        let calls = [Call::Authenticate, Call::AcctMgmt, Call::Setcred, Call::OpenSession, Call::DeleteCred];
        let report = enter("alice").calling(&calls).code(alice.phone.code(0)).play().followed();
        assert_eq!(report.verdict(), Code::Success);
        assert_eq!(before.changes(), [""; 0]);
        for _ in 0..20 {
            assert_eq!(enter("alice").calling(&calls).mute().play().verdict(), Code::Success);
        }
        assert_eq!(before.changes(), [""; 0]);
        // What was taken and never came to be used goes with its handle.
        let alone = enter("alice").on("tty9").calling(&[Call::Authenticate]);
        assert_eq!(alone.code(&alice.backup_codes[0]).play().verdict(), Code::Success);
        assert_eq!(before.changes(), [""; 0]);
        assert!(!is_remembered(&enter("alice").on("tty9")));
    });
}
