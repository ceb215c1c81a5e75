//! A change of tokens is told at every login, until its token has opened one that the owner's own programs
//! cannot make.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use acceptance::codes::{Phone, now};
use acceptance::daemon::{Daemon, call};
use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, PASSWORD};
use acceptance::pam::{Code, Login, Report, Style, Texts};
use acceptance::people::Person;
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;
use serde_json::json;

const PASSWORD_PROMPT: &str = "Password: ";
const CODE_PROMPT: &str = "Verification code: ";
const KEY: &str = "JVQWWZJANFXHMZLOORSWIIDTMVRXEZLU";
const ADDED: &str = "Token fob was added on ";

/// Alice with a phone, and a fob that was added to it: two codes of each are good throughout a test.
fn added(lab: &Lab) -> (Person, Person) {
    let alice = lab.enroll_slow("alice");
    let fob = lab.enroll_with("alice", &["--add", "--token", "fob", "--period", "300"]);
    (alice, Person { phone: fob.phone.with_period(300), ..fob })
}

fn login(code: &str) -> Login {
    Login::new("door", "alice").from("192.0.2.7").code(code)
}

fn told(report: &Report) -> Vec<&str> {
    let texts = report.heard.iter().filter(|message| message.style == Style::Info);
    texts.map(|message| message.text.as_str()).collect()
}

/// How many texts a login hears that must be let in.
fn count(login: &Login) -> usize {
    let report = login.run();
    assert_eq!(report.verdict(), Code::Success);
    told(&report).len()
}

#[test]
fn a_new_token_is_told_at_every_login_until_it_has_opened_one() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, fob) = added(lab);
        for code in [&alice.phone.code(0), &alice.backup_codes[0], &fob.phone.code(0)] {
            lab.syslog.clear();
            let report = login(code).run();
            let [text] = told(&report)[..] else { panic!("{report:?}") };
            assert!(text.starts_with(ADDED), "{text}");
            let end = " UTC by an administrator. If you did not ask for that, tell them.";
            assert!(text.ends_with(end) && text.len() < 512, "{text}");
            assert!(lab.decision().contains("accepted;"), "one line for one decision");
        }
        assert_eq!(count(&login(&alice.phone.code(1))), 0);
        assert_eq!(count(&login(&fob.phone.code(1))), 0);
        let rows = &lab.status("alice")["announcements"];
        assert_eq!((&rows[0]["what"], &rows[0]["acknowledged"]), (&"added".into(), &true.into()));
    });
}

#[test]
fn whoever_is_refused_is_told_nothing() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, fob) = added(lab);
        for code in [&alice.phone.wrong(), "no code", "0000-0000-000a"] {
            let report = login(code).run();
            assert_eq!((report.verdict(), told(&report).len()), (Code::AuthErr, 0));
        }
        assert_eq!(count(&login(&fob.phone.code(0))), 1);
    });
}

#[test]
fn it_is_over_after_a_week() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, _) = added(lab);
        let after = |seconds: u64| {
            let unix = now() + seconds;
            let mut command = login(&alice.phone.at(unix)).command();
            stop_clock(&mut command, unix);
            let report = Report::of(command.output().unwrap()).followed();
            assert_eq!(report.verdict(), Code::Success);
            told(&report).len()
        };
        assert_eq!(after(7 * 86_400 - 600), 1);
        assert_eq!(after(7 * 86_400 + 600), 0);
    });
}

/// Answers the prompt of a command that must succeed, and gives what the terminal showed.
fn entered(mut command: Command, code: &str) -> String {
    command.env("LC_ALL", "C.UTF-8");
    let mut terminal = Terminal::start(command);
    terminal.expect(CODE_PROMPT);
    terminal.say(code);
    let (status, screen) = terminal.finish();
    assert!(status.success(), "{screen}");
    screen
}

#[test]
fn a_real_su_to_oneself_tells_and_clears_nothing_and_one_by_root_does() {
    sandbox::within(|lab| {
        lab.service("su", "auth required pam_totp.so\n");
        let (alice, fob) = added(lab);
        let words = ["su", "alice", "-c", "true"];
        let by_root = || {
            let mut command = Command::new(words[0]);
            command.args(&words[1..]);
            command
        };
        assert!(entered(lab.as_user("alice", &words), &fob.phone.code(0)).contains(ADDED));
        assert!(entered(lab.as_user("alice", &words), &alice.phone.code(0)).contains(ADDED));
        assert!(entered(by_root(), &fob.phone.code(1)).contains(ADDED), "su to oneself has cleared it");
        assert!(!entered(by_root(), &alice.phone.code(1)).contains(ADDED));
    });
}

#[test]
fn a_real_sudo_is_told_nothing_and_clears_nothing() {
    sandbox::within(|lab| {
        let changed = "The backup codes were changed on ";
        lab.door("");
        lab.service("sudo-lab", "auth required pam_totp.so\n");
        lab.settings("[login]\nfail_delay = \"0s\"\nlocal_services = [\"sudo-lab\"]\n");
        let alice = lab.enroll_slow("alice");
        let printed = lab.totpctl(["backup-codes", "alice", "--yes", "--json"]);
        let printed: serde_json::Value = serde_json::from_str(&printed).unwrap();
        lab.sudoers("Defaults pam_service=sudo-lab\nalice ALL=(ALL) ALL\n");
        let screen = entered(lab.as_user("alice", &["sudo", "-k", "true"]), &alice.phone.code(0));
        assert!(!screen.contains(changed), "sudo asks for silence (PAM_SILENT): {screen}");
        let report = login(printed["backup_codes"][0].as_str().unwrap()).run();
        assert!(matches!(&told(&report)[..], [text] if text.starts_with(changed)), "{report:?}");
        assert_eq!(count(&login(&alice.phone.code(1))), 1, "no backup code has cleared it");
        assert_eq!(lab.status("alice")["announcements"][0]["acknowledged"], true, "any token does");
    });
}

#[test]
fn a_program_that_has_become_root_is_who_called_it() {
    sandbox::within(|lab| {
        // su names its caller, login(1) and greeters name nobody, polkit names whoever is to be authenticated.
        let calls = [
            ("alice", "su", Some("alice"), false),
            ("bob", "su", Some("root"), true),
            ("carol", "login", None, true),
            ("dave", "polkit-1", Some("dave"), false),
        ];
        for (name, service, caller, clears) in calls {
            lab.service(service, "auth required pam_totp.so\n");
            lab.enroll_slow(name);
            let fob = lab.enroll_with(name, &["--add", "--token", "fob", "--period", "300"]);
            let phone = fob.phone.with_period(300);
            let login = |code: &str| {
                let login = Login::new(service, name).code(code);
                caller.map_or(login.clone(), |caller| login.asked_by(caller))
            };
            assert_eq!(count(&login(&phone.code(0))), 1);
            assert_eq!(count(&login(&phone.code(1))), usize::from(!clears), "{name}");
        }
    });
}

#[test]
fn the_owners_own_question_to_the_daemon_tells_and_clears_nothing() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, fob) = added(lab);
        let _daemon = Daemon::start(lab);
        let locker = |code: &str| {
            let uid = lab.uid("alice");
            let mut command = Login::new("door", "alice").code(code).command();
            std::os::unix::process::CommandExt::uid(&mut command, uid).output().unwrap()
        };
        for code in [&fob.phone.code(0), &alice.backup_codes[0]] {
            let report = Report::of(locker(code)).followed();
            assert_eq!(report.verdict(), Code::Success);
            let [text] = told(&report)[..] else { panic!("{report:?}") };
            assert!(text.starts_with(ADDED) && text.contains("by an administrator"), "{text}");
        }
        assert_eq!(count(&login(&fob.phone.code(1))), 1, "the locker has cleared it");
        let report = Report::of(locker(&alice.phone.code(0))).followed();
        assert_eq!((report.verdict(), told(&report).len()), (Code::Success, 0));
    });
}

#[test]
fn who_stole_a_backup_code_enrolls_no_token_unseen() {
    sandbox::within(|lab| {
        lab.door("");
        lab.service("su", "auth required pam_totp.so\n");
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let uid = lab.uid("alice");
        let evil = Phone::new(KEY).with_period(300);
        let status = call(uid, "Status", &json!({ "user": "alice" }));
        let token = json!({ "name": "evil", "secret": KEY, "algorithm": "sha1", "digits": 6, "period": 300 });
        let enrolling = json!({
            "user": "alice", "how": "add", "token": token, "confirm": evil.code(0), "backup_codes": [],
            "authority": alice.backup_codes[0], "from": status["parameters"]["record"]["id"],
        });
        let answer = call(uid, "Enroll", &enrolling);
        assert_eq!(answer["parameters"]["by"], "backup-code", "{answer}");
        // Whatever it opens as alice herself, with the code of its own token too.
        let words = ["su", "alice", "-c", "true"];
        let screen = entered(lab.as_user("alice", &words), &evil.code(1));
        assert!(screen.contains("Token evil was added on "), "{screen}");
        for code in [alice.phone.code(0), alice.phone.code(1)] {
            let report = login(&code).run();
            let [text] = told(&report)[..] else { panic!("{report:?}") };
            let end = " UTC. If that was not you, tell an administrator.";
            assert!(text.starts_with("Token evil was added on ") && text.ends_with(end), "{text}");
        }
    });
}

#[test]
fn a_real_ssh_client_shows_it_above_the_shell_and_not_to_a_command() {
    sandbox::within(|lab| {
        lab.service("sshd", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
        let (alice, fob) = added(lab);
        let sshd = Sshd::start(lab, INTERACTIVE);
        let enter = |code: &str| {
            let mut client = sshd.shell("alice");
            for (prompt, answer) in [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, code), ("$ ", "exit")] {
                client.expect(prompt);
                client.say(answer);
            }
            client.finish().1
        };
        // sshd keeps what is said after the last prompt for the shell (session.c, do_login).
        let answers = [(PASSWORD_PROMPT, PASSWORD), (CODE_PROMPT, &alice.backup_codes[0])];
        let command = sshd.log_in("alice", &answers);
        assert!(command.entered && !command.screen.contains(ADDED), "{}", command.screen);
        for code in [&alice.phone.code(0), &fob.phone.code(0)] {
            let screen = enter(code);
            let lines = screen.matches(ADDED).count();
            assert_eq!(lines, 1, "{screen}");
        }
        let screen = enter(&alice.phone.code(1));
        assert!(!screen.contains(ADDED), "{screen}");
    });
}

#[test]
fn a_silent_application_is_told_nothing_and_a_failing_one_loses_nothing() {
    sandbox::within(|lab| {
        lab.door("");
        let (alice, _) = added(lab);
        let (bypass, _) = lab.bypass("alice", &["--uses", "2"]);
        assert_eq!(count(&login(&alice.backup_codes[0]).silent()), 0);
        assert_eq!(count(&login(&alice.backup_codes[1]).texts(Texts::Fail)), 1);
        let report = login(&bypass).texts(Texts::Fail).run();
        assert_eq!(report.verdict(), Code::Success);
        let [change, advice] = told(&report)[..] else { panic!("{report:?}") };
        assert!(change.starts_with(ADDED) && advice.starts_with("This was a bypass"), "{report:?}");
        let become_bob = login(&alice.backup_codes[2]).texts(Texts::BecomeBob).run();
        assert_eq!(become_bob.verdict(), Code::ConvErr);
    });
}
