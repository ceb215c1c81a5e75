//! sudo, su, pamtester and cron on this machine.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use acceptance::faults::stop_clock;
use acceptance::lab::{Lab, PASSWORD, run, write};
use acceptance::sandbox;
use acceptance::terminal::Terminal;

const CODE_PROMPT: &str = "Verification code: ";

fn sudo(lab: &Lab, arguments: &str) {
    lab.service(
        "sudo-lab",
        &format!("auth required pam_unix.so nodelay\nauth required pam_totp.so {arguments}\n"),
    );
    lab.sudoers("Defaults pam_service=sudo-lab, passwd_tries=1\nalice ALL=(ALL) ALL\nbob ALL=(ALL) ALL\n");
}

fn sudo_at_terminal(lab: &Lab, code: &str) -> bool {
    let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "-k", "id", "-un"]));
    terminal.expect("password for alice: ");
    terminal.say(PASSWORD);
    terminal.expect(CODE_PROMPT);
    terminal.say(code);
    let (status, screen) = terminal.finish();
    assert_eq!(status.success(), screen.trim_end().ends_with("root"), "{screen}");
    status.success()
}

#[test]
fn sudo_asks_for_password_and_code_at_a_terminal() {
    sandbox::within(|lab| {
        sudo(lab, "");
        let alice = lab.enroll("alice");
        assert!(!sudo_at_terminal(lab, &alice.phone.wrong()));
        assert!(sudo_at_terminal(lab, &alice.phone.code(0)));
        assert!(!sudo_at_terminal(lab, &alice.phone.code(0)));
        assert!(sudo_at_terminal(lab, &alice.backup_codes[0]));
    });
}

#[test]
fn sudo_takes_password_and_code_from_standard_input() {
    sandbox::within(|lab| {
        sudo(lab, "");
        let alice = lab.enroll("alice");
        let pipe = |code: &str| {
            let mut command = lab.as_user("alice", &["sudo", "-k", "-S", "id", "-un"]);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n{code}\n").as_bytes()).unwrap();
            let output = child.wait_with_output().unwrap();
            (output.status.success(), String::from_utf8(output.stdout).unwrap())
        };
        assert_eq!(pipe(&alice.phone.code(0)), (true, "root\n".into()));
        assert_eq!(pipe(&alice.phone.code(0)), (false, String::new()));
    });
}

#[test]
fn sudo_that_may_not_ask_fails_and_counts_nothing() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        let alice = lab.enroll("alice");
        lab.service("sudo-lab", "auth required pam_totp.so\n");
        lab.sudoers("Defaults pam_service=sudo-lab\nalice ALL=(ALL) ALL\n");
        for _ in 0..3 {
            let output = lab.as_user("alice", &["sudo", "-n", "id"]).output().unwrap();
            assert!(!output.status.success());
        }
        let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "id", "-un"]));
        terminal.expect(CODE_PROMPT);
        terminal.say(&alice.phone.code(0));
        assert!(terminal.finish().0.success());
    });
}

#[test]
fn ctrl_c_at_sudos_prompt_spends_nothing() {
    sandbox::within(|lab| {
        sudo(lab, "");
        let alice = lab.enroll("alice");
        let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "id", "-un"]));
        terminal.expect("password for alice: ");
        terminal.say(PASSWORD);
        terminal.expect(CODE_PROMPT);
        // sudo prints its prompt a moment before it listens.
        std::thread::sleep(Duration::from_millis(200));
        terminal.press("\x03");
        assert!(!terminal.finish().0.success());
        assert!(sudo_at_terminal(lab, &alice.phone.code(0)));
    });
}

#[test]
fn su_asks_for_the_code_of_the_account_that_is_entered() {
    sandbox::within(|lab| {
        lab.service(
            "su",
            "auth sufficient pam_rootok.so\nauth required pam_unix.so nodelay\nauth required pam_totp.so\n",
        );
        let alice = lab.enroll("alice");
        let bob = lab.enroll("bob");
        let su = |code: &str| {
            let mut terminal = Terminal::start(lab.as_user("bob", &["su", "alice", "-c", "id -un"]));
            terminal.expect("Password: ");
            terminal.say(PASSWORD);
            terminal.expect(CODE_PROMPT);
            terminal.say(code);
            terminal.finish().0.success()
        };
        assert!(!su(&bob.phone.code(0)));
        assert!(su(&alice.phone.code(0)));
        assert!(!su(&alice.phone.code(0)));
        lab.syslog.clear();
        let output = run(Command::new("su").args(["alice", "-c", "id -un"]).stdin(Stdio::null()));
        assert_eq!(output.stdout, b"alice\n");
        assert_eq!(lab.syslog.module(), [""; 0], "root is not asked, and nothing was decided");
    });
}

#[test]
fn guesses_by_another_account_do_not_lock_the_owner_out() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n");
        let alice = lab.enroll("alice");
        lab.service("su", "auth required pam_totp.so\n");
        lab.service("sudo-lab", "auth required pam_totp.so\n");
        lab.sudoers("Defaults pam_service=sudo-lab\nalice ALL=(ALL) ALL\n");
        for _ in 0..3 {
            let mut terminal = Terminal::start(lab.as_user("bob", &["su", "alice", "-c", "true"]));
            terminal.expect(CODE_PROMPT);
            terminal.say(&alice.phone.wrong());
            assert!(!terminal.finish().0.success());
        }
        assert!(lab.syslog.module().iter().any(|line| line.contains("throttled")));
        let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "id", "-un"]));
        terminal.expect(CODE_PROMPT);
        terminal.say(&alice.phone.code(0));
        assert!(terminal.finish().0.success());
    });
}

#[test]
fn pamtester_logs_in_with_a_code() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let pamtester = |code: &str| {
            let mut command = Command::new("pamtester");
            let mut terminal = Terminal::start({
                command.args(["door", "alice", "authenticate", "setcred", "acct_mgmt"]);
                command
            });
            terminal.expect(CODE_PROMPT);
            terminal.say(code);
            let (status, screen) = terminal.finish();
            assert_eq!(status.success(), screen.contains("successfully authenticated"), "{screen}");
            status.success()
        };
        assert!(pamtester(&alice.phone.code(0)));
        assert!(!pamtester(&alice.phone.code(0)));
    });
}

#[test]
fn cron_runs_the_jobs_of_the_enrolled() {
    sandbox::within(|lab| {
        lab.enroll("alice");
        lab.service(
            "cron",
            "auth required pam_unix.so\nauth required pam_totp.so\naccount required pam_unix.so\n",
        );
        write("/etc/crontab", "* * * * * alice touch /home/alice/ran\n");
        let mut command = Command::new("/usr/sbin/cron");
        // A clock that runs, and stands three seconds before the minute.
        stop_clock(command.arg("-f"), 1_800_000_057);
        command.env("FAKETIME", "@1800000057").env("FAKETIME_FMT", "%s");
        let mut cron = command.spawn().unwrap();
        let ran = (0..200).any(|_| {
            std::thread::sleep(Duration::from_millis(100));
            std::path::Path::new("/home/alice/ran").exists()
        });
        cron.kill().unwrap();
        cron.wait().unwrap();
        assert!(ran, "{:#?}", lab.syslog.raw());
    });
}
