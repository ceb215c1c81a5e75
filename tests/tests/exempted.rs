//! Whoever passes without a code, besieged: by a pause, by a rule that skips, by a login that is remembered. None
//! of them serves who is suspended, and none lasts longer than it says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::os::unix::process::CommandExt;

use acceptance::lab::{Lab, PASSWORD, write};
use acceptance::pam::{Call, Code, Limit, Login, Reply, Report, Style, Waiting};
use acceptance::sandbox;
use serde_json::Value;

const SETTINGS: &str = "[login]\nfail_delay = \"0s\"\nlocal_services = [\"door\"]\n";
const SKIP: &str = "[[rule]]\nthen = \"skip\"\n";
const REMEMBER: &str = "[[rule]]\nthen = \"require\"\nremember = \"15m\"\n";
const BOTH: &str = "Password & verification code: ";

/// A door that says yes where the module says nothing.
fn door(lab: &Lab, arguments: &str) {
    lab.service("door", &format!("auth required pam_totp.so {arguments}\nauth required pam_permit.so\n"));
}

fn rules(lab: &Lab, rules: &str) {
    lab.settings(&format!("{SETTINGS}{rules}"));
}

fn pause(lab: &Lab) {
    lab.totpctl(["pause", "--until", "2h", "--reason", "directory down", "--yes"]);
}

/// Makes this process, and all that it starts, a session of its own, as the one that a shell leads.
fn begin_session() {
    nix::unistd::setsid().unwrap();
}

/// Somebody at this machine, by a program that sets credentials when all have said yes.
fn enter(user: &str) -> Login {
    Login::new("door", user).asked_by(user).calling(&[Call::Authenticate, Call::Setcred])
}

/// Password and code in one answer.
fn answers(answer: String) -> Code {
    enter("alice").asked(Style::EchoOff, BOTH, Reply::Bytes(answer.into_bytes())).run().verdict()
}

/// The caller of su sets how many descriptors it may have (setrlimit(2)), and so which of its calls fails.
#[test]
fn neither_who_is_suspended_nor_who_is_denied_is_let_in_by_a_lack_of_descriptors() {
    sandbox::within(|lab| {
        door(lab, "");
        lab.add_group("leavers", 3000, "carol");
        lab.enroll("alice");
        lab.totpctl(["suspend", "alice", "--reason", "on leave"]);
        for (what, then) in [("a rule", SKIP), ("a pause", "")] {
            rules(lab, &format!("[[rule]]\ngroup = \"leavers\"\nthen = \"deny\"\n{then}"));
            if what == "a pause" {
                pause(lab);
            }
            let verdict = |user: &str, count: u64| {
                let login = Login::new("door", user).mute().limited(Limit::Descriptors(count));
                Report::of(login.command().output().unwrap()).verdict()
            };
            for (user, count) in
                ["alice", "carol"].into_iter().flat_map(|user| (3..16).map(move |n| (user, n)))
            {
                assert_ne!(verdict(user, count), Code::Success, "{what}: {user}, {count} descriptors");
            }
            assert_eq!(verdict("bob", 32), Code::Success, "{what}: bob is neither");
        }
    });
}

/// Enrolled as a VPN's user, then given an account, on which the suspension stands.
#[test]
fn who_is_suspended_stays_so_when_what_they_had_without_an_account_is_taken_over() {
    sandbox::within(|lab| {
        door(lab, "");
        let vera = lab.enroll_with("vera", &["--no-account"]);
        lab.add_account("vera", 2050);
        lab.totpctl(["suspend", "vera", "--reason", "on leave"]);
        lab.totpctl(["adopt", "vera"]);
        let verdict = || Login::new("door", "vera").code(&vera.backup_codes[0]).run().verdict();
        assert_eq!(verdict(), Code::AuthErr);
        assert!(!lab.status("vera")["suspended"].is_null());
        lab.totpctl(["resume", "vera"]);
        assert_eq!(verdict(), Code::Success);
    });
}

/// `totpctl forget` is what an administrator does who wants a code asked for from now on. Whoever calls su stops
/// it between the two.
#[test]
fn a_login_that_was_under_way_when_all_was_forgotten_is_not_remembered() {
    sandbox::within(|lab| {
        begin_session();
        rules(lab, REMEMBER);
        lab.service("door", "auth required pam_totp.so\nauth required pam_unix.so nodelay\n");
        let alice = lab.enroll_slow("alice");
        let is_remembered = || {
            let output = enter("alice").password(PASSWORD).command().output().unwrap();
            Report::of(output).verdict() == Code::Success
        };
        let login = enter("alice").code(alice.phone.code(0)).password(PASSWORD).behind_gate();
        let waiting = Waiting::start(login.command());
        lab.totpctl(["forget", "alice"]);
        assert_eq!(waiting.finish().verdict(), Code::Success);
        assert!(!is_remembered());
        // Only what was before it is forgotten.
        let login = enter("alice").code(&alice.backup_codes[0]).password(PASSWORD);
        assert_eq!(login.run().verdict(), Code::Success);
        assert!(is_remembered());
        lab.totpctl(["forget", "alice"]);
        assert!(!is_remembered());
    });
}

/// What is guessed where no code is needed is not counted, so it must earn nothing.
#[test]
fn a_code_that_nobody_needed_is_not_remembered_nor_prolongs_what_is() {
    sandbox::within(|lab| {
        begin_session();
        rules(lab, REMEMBER);
        door(lab, "forward_pass");
        let alice = lab.enroll_slow("alice");
        pause(lab);
        for _ in 0..20 {
            assert_eq!(answers(format!("{PASSWORD}{}", alice.phone.wrong())), Code::Success);
        }
        assert_eq!(answers(format!("{PASSWORD}{}", alice.phone.code(0))), Code::Success);
        lab.totpctl(["pause", "--end"]);
        assert_eq!(answers(PASSWORD.to_owned()), Code::AuthErr, "guessed for nothing during the pause");
        assert_eq!(answers(format!("{PASSWORD}{}", alice.backup_codes[0])), Code::Success);
        let since = || {
            let mut files = std::fs::read_dir("/run/pam_totp/remembered/2001").unwrap();
            let text = std::fs::read_to_string(files.next().unwrap().unwrap().path()).unwrap();
            text.lines().last().unwrap().to_owned()
        };
        let before = since();
        for code in [alice.phone.wrong(), alice.backup_codes[1].clone()] {
            assert_eq!(answers(format!("{PASSWORD}{code}")), Code::Success);
        }
        assert_eq!(since(), before, "prolonged by a code that nobody needed");
    });
}

/// pwauth and its like, and su: set-uid, called by the account of a web server for everybody who comes by it.
#[test]
fn a_set_uid_program_that_a_server_calls_for_everybody_remembers_nobody() {
    sandbox::within(|lab| {
        begin_session();
        rules(lab, REMEMBER);
        let alice = lab.enroll_slow("alice");
        let mut codes = alice.backup_codes.iter();
        let as_uid = |login: Login, uid: u32| {
            let mut command = login.calling(&[Call::Authenticate, Call::Setcred]).command();
            // SAFETY: setresuid(2) takes numbers, and is safe between fork and exec.
            unsafe {
                command.pre_exec(move || match libc::setresuid(uid, 0, 0) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                });
            }
            Report::of(command.output().unwrap()).verdict()
        };
        let (alices, servers) = (lab.uid("alice"), lab.uid("bob"));
        // One that nobody has called local, and one that is.
        for service in ["pwauth", "door"] {
            lab.service(service, "auth required pam_totp.so\nauth required pam_permit.so\n");
            let mut with = || Login::new(service, "alice").code(codes.next().unwrap());
            let without = || Login::new(service, "alice").mute();
            assert_eq!(as_uid(with(), servers), Code::Success);
            assert_eq!(as_uid(without(), servers), Code::ConvErr, "{service}: another visitor");
            // Whoever calls it for themselves is told from others by that.
            assert_eq!(as_uid(with(), alices), Code::Success);
            assert_eq!(as_uid(without(), alices), Code::Success, "{service}");
        }
        // sudo has become root before it asks, for the password of whom its command runs as (targetpw).
        let sudo = |login: Login| as_uid(login.asked_by("bob"), 0);
        assert_eq!(sudo(Login::new("door", "alice").code(codes.next().unwrap())), Code::Success);
        assert_eq!(sudo(Login::new("door", "alice").mute()), Code::ConvErr, "sudo: another visitor");
    });
}

/// Both lines would remember under one name: the service, the person and the session are the same.
#[test]
fn of_two_lines_with_two_stores_neither_goes_by_what_the_other_remembers() {
    sandbox::within(|lab| {
        begin_session();
        rules(lab, REMEMBER);
        let other = "/etc/security/other.toml";
        write(other, &format!("{SETTINGS}[store]\ndirectory = \"/var/lib/other\"\n{REMEMBER}"));
        let alice = lab.enroll("alice");
        lab.totpctl(["--config", other, "init"]);
        let enroll = ["--config", other, "enroll", "alice", "--no-confirm", "--json"];
        let printed: Value = serde_json::from_str(&lab.totpctl(enroll)).unwrap();
        let second = format!("auth required pam_totp.so config={other}\nauth required pam_permit.so\n");
        lab.service("door", &format!("auth required pam_totp.so\n{second}"));
        let both =
            enter("alice").code(&alice.backup_codes[0]).code(printed["backup_codes"][0].as_str().unwrap());
        assert_eq!(both.run().verdict(), Code::Success);
        // The second one's was written last; the first one's code would open nothing at the second.
        assert_eq!(enter("alice").code(&alice.backup_codes[0]).run().verdict(), Code::AuthErr);
        assert_eq!(enter("alice").code(&alice.backup_codes[1]).run().verdict(), Code::Success);
    });
}
