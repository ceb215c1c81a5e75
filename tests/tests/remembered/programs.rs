//! sudo, su and sshd.

use acceptance::lab::{Lab, PASSWORD};
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;

use crate::{CODE_PROMPT, kept, remember};

/// Somebody's shell at a terminal of its own.
struct Shell(Terminal);

/// Whether a code was asked for, and whether the command did its work.
#[derive(PartialEq, Eq, Debug)]
struct Went {
    asked: bool,
    done: bool,
}

const ASKED: Went = Went { asked: true, done: true };
const NOT_ASKED: Went = Went { asked: false, done: true };
const REFUSED: Went = Went { asked: true, done: false };

impl Shell {
    fn of(lab: &Lab, user: &str) -> Self {
        let mut command = lab.as_user(user, &["sh"]);
        command.env("PS1", "");
        Self(Terminal::start(command))
    }

    /// Runs a command, and answers with the password and this code.
    fn runs(&mut self, words: &str, code: &str) -> Went {
        // As it is typed, it shows neither of the two words that say how it went.
        self.0.say(&format!("{words} && echo we''nt || echo fai''led"));
        let mut asked = false;
        loop {
            match self.0.expect_any(&["assword", CODE_PROMPT, "went", "failed"]) {
                0 => self.0.say(PASSWORD),
                1 => {
                    asked = true;
                    self.0.say(code);
                }
                ending => return Went { asked, done: ending == 2 },
            }
        }
    }

    /// Does something that is asked nothing.
    fn says(&mut self, words: &str) {
        assert_eq!(self.runs(words, ""), NOT_ASKED, "{words}");
    }
}

fn programs(lab: &Lab) {
    let lines =
        "auth required pam_unix.so nodelay\nauth required pam_totp.so\naccount required pam_unix.so\n";
    lab.service("sudo", lines);
    lab.service("su", lines);
    lab.sudoers("Defaults timestamp_timeout=0, passwd_tries=1\nALL ALL=(ALL) ALL\n");
}

#[test]
fn sudo_asks_for_one_code_in_a_session_and_for_another_elsewhere() {
    sandbox::within(|lab| {
        programs(lab);
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let mut first = Shell::of(lab, "alice");
        first.says("umask 0777");
        assert_eq!(first.runs("sudo true", &alice.phone.wrong()), REFUSED);
        assert_eq!(kept(lab, "alice"), []);
        assert_eq!(first.runs("sudo true", &alice.phone.code(0)), ASKED);
        lab.syslog.clear();
        assert_eq!(first.runs("sudo true", ""), NOT_ASKED);
        let line = lab.decision();
        assert!(line.contains("verdict=exempt reason=\"remembered\""), "{line}");
        assert_eq!(first.runs("sudo -k true", ""), NOT_ASKED, "sudo's own memory is another one");
        // su to oneself is another service.
        assert_eq!(first.runs("su alice -c true", &alice.phone.wrong()), REFUSED);
        let mut second = Shell::of(lab, "alice");
        assert_eq!(second.runs("sudo true", &alice.phone.wrong()), REFUSED);
        assert_eq!(second.runs("sudo true", &alice.backup_codes[0]), ASKED);
        assert_eq!(kept(lab, "alice").len(), 2);
        assert_eq!(
            second.runs("setsid -w sudo -S true", &alice.phone.wrong()),
            REFUSED,
            "a session at the terminal"
        );
        drop(first);
        assert_eq!(second.runs("sudo true", ""), NOT_ASKED);
    });
}

#[test]
fn who_is_suspended_is_asked_and_refused_where_they_were_remembered_and_asked_again_after_it() {
    sandbox::within(|lab| {
        programs(lab);
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let mut shell = Shell::of(lab, "alice");
        assert_eq!(shell.runs("sudo true", &alice.phone.code(0)), ASKED);
        assert_eq!(shell.runs("sudo true", ""), NOT_ASKED);
        lab.totpctl(["suspend", "alice", "--reason", "on leave"]);
        lab.syslog.clear();
        assert_eq!(shell.runs("sudo true", &alice.backup_codes[0]), REFUSED);
        let line = lab.decision();
        assert!(line.contains("verdict=suspended"), "{line}");
        lab.totpctl(["resume", "alice"]);
        assert_eq!(shell.runs("sudo true", &alice.phone.wrong()), REFUSED, "that was before it");
        assert_eq!(shell.runs("sudo true", &alice.backup_codes[0]), ASKED, "it was not spent meanwhile");
        assert_eq!(shell.runs("sudo true", ""), NOT_ASKED);
        assert!(lab.totpctl(["forget", "alice"]).contains("1 login is forgotten"));
        assert_eq!(shell.runs("sudo true", &alice.phone.wrong()), REFUSED);
    });
}

#[test]
fn a_pause_makes_nobody_remembered_and_takes_nothing_from_who_is() {
    sandbox::within(|lab| {
        programs(lab);
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let mut first = Shell::of(lab, "alice");
        assert_eq!(first.runs("sudo true", &alice.phone.code(0)), ASKED);
        lab.totpctl(["pause", "--until", "2h", "--reason", "directory down", "--yes"]);
        let mut second = Shell::of(lab, "alice");
        for shell in [&mut first, &mut second] {
            lab.syslog.clear();
            assert_eq!(shell.runs("sudo true", ""), NOT_ASKED);
            let line = lab.decision();
            assert!(line.contains("reason=\"paused until 2"), "{line}");
        }
        lab.totpctl(["suspend", "alice", "--reason", "on leave"]);
        assert_eq!(first.runs("sudo true", &alice.backup_codes[0]), REFUSED);
        lab.totpctl(["resume", "alice"]);
        assert_eq!(first.runs("sudo true", ""), NOT_ASKED);
        lab.totpctl(["pause", "--end"]);
        assert_eq!(second.runs("sudo true", &alice.phone.wrong()), REFUSED);
        assert_eq!(first.runs("sudo true", &alice.phone.wrong()), REFUSED, "a suspension came between");
    });
}

#[test]
fn sus_memory_is_its_callers_own_and_not_that_of_who_came_into_the_session() {
    sandbox::within(|lab| {
        programs(lab);
        let text = "[login]\nfail_delay = \"0s\"\n[[rule]]\nuser = \"bob\"\nthen = \"skip\"\n[[rule]]\n\
                    then = \"require\"\nremember = \"15m\"\n";
        lab.settings(text);
        lab.service("su", "auth required pam_totp.so\nauth required pam_permit.so\n");
        let carol = lab.enroll_slow("carol");
        let mut shell = Shell::of(lab, "alice");
        assert_eq!(shell.runs("su carol -c true", &carol.phone.code(0)), ASKED);
        assert_eq!(shell.runs("su carol -c true", ""), NOT_ASKED);
        shell.0.say("su bob");
        shell.says("test $(id -un) = bob");
        assert_eq!(shell.runs("su carol -c true", &carol.phone.wrong()), REFUSED);
        shell.0.say("exit");
        shell.says("test $(id -un) = alice");
        assert_eq!(shell.runs("su carol -c true", ""), NOT_ASKED);
    });
}

#[test]
fn an_account_that_may_not_enter_is_not_remembered() {
    sandbox::within(|lab| {
        programs(lab);
        remember(lab, "15m");
        let carol = lab.enroll_slow("carol");
        let lines = "auth required pam_totp.so\nauth required pam_permit.so\n";
        lab.service("su", &format!("{lines}account required pam_deny.so\n"));
        lab.service("sudo", &format!("{lines}account required pam_deny.so\n"));
        let mut shell = Shell::of(lab, "carol");
        assert_eq!(shell.runs("su carol -c true", &carol.backup_codes[0]), REFUSED);
        assert_eq!(shell.runs("sudo true", &carol.backup_codes[1]), REFUSED);
        assert_eq!(kept(lab, "carol"), []);
        lab.service("su", lines);
        assert_eq!(shell.runs("su carol -c true", &carol.backup_codes[2]), ASKED);
        assert_eq!(shell.runs("su carol -c true", ""), NOT_ASKED);
        // A password that is wrong, after the code was right.
        lab.service("sudo", "auth required pam_totp.so\nauth required pam_deny.so\n");
        assert_eq!(shell.runs("sudo true", &carol.backup_codes[3]), REFUSED);
        assert_eq!(kept(lab, "carol").len(), 1);
    });
}

#[test]
fn sshd_asks_at_every_connection() {
    sandbox::within(|lab| {
        lab.service("sshd", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let sshd = Sshd::start(lab, INTERACTIVE);
        for code in &alice.backup_codes[..2] {
            assert!(sshd.log_in("alice", &[("Password: ", PASSWORD), (CODE_PROMPT, code)]).entered);
        }
        assert_eq!(kept(lab, "alice"), [], "credentials are set in another process");
    });
}

#[test]
fn sshd_asks_at_every_connection_by_its_own_password_prompt_too() {
    sandbox::within(|lab| {
        lab.service(
            "sshd",
            "auth required pam_totp.so forward_pass\nauth required pam_unix.so nodelay use_first_pass\n",
        );
        remember(lab, "15m");
        let alice = lab.enroll_slow("alice");
        let sshd = Sshd::start(lab, "PasswordAuthentication yes\nKbdInteractiveAuthentication no\n");
        let entered = |answer: &str| sshd.log_in("alice", &[("password: ", answer)]).entered;
        for code in &alice.backup_codes[..2] {
            assert!(entered(&format!("{PASSWORD}{code}")));
            assert!(!entered(PASSWORD));
        }
    });
}
