//! Every way of asking, at a real sshd, at sudo and by libpam alone: a right answer opens once, a wrong one never.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::lab::{Lab, PASSWORD};
use acceptance::pam::{Code, Login, Reply, Style};
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;

/// What is typed at a prompt.
#[derive(Clone, Copy)]
enum Typed {
    Password,
    Code,
    Both,
}

use Typed::{Both, Password};

struct Mode {
    arguments: &'static str,
    stack: &'static str,
    prompts: &'static [(&'static str, Typed)],
}

const AFTER: &str = "auth requisite pam_unix.so nodelay\nauth required pam_totp.so ARGUMENTS\n";
const BEFORE: &str =
    "auth required pam_totp.so ARGUMENTS\nauth required pam_unix.so use_first_pass nodelay\n";
/// Whoever asks first is told password and code, and is not believed.
const BETWEEN: &str = "auth optional pam_unix.so nodelay\nauth required pam_totp.so ARGUMENTS\n\
                       auth required pam_unix.so use_first_pass nodelay\n";
const CODE: &str = "Verification code: ";
const BOTH: &str = "Password & verification code: ";
const UNIX: &str = "Password: ";

/// One a row.
const MODES: [Mode; 9] = [
    Mode { arguments: "", stack: AFTER, prompts: &[(UNIX, Password), (CODE, Typed::Code)] },
    Mode {
        arguments: "[prompt=Token, please: ]",
        stack: AFTER,
        prompts: &[(UNIX, Password), ("Token, please: ", Typed::Code)],
    },
    Mode { arguments: "echo", stack: AFTER, prompts: &[(UNIX, Password), (CODE, Typed::Code)] },
    Mode { arguments: "forward_pass", stack: BEFORE, prompts: &[(BOTH, Both)] },
    Mode {
        arguments: "forward_pass [prompt=Password and token: ]",
        stack: BEFORE,
        prompts: &[("Password and token: ", Both)],
    },
    Mode { arguments: "use_first_pass", stack: BETWEEN, prompts: &[(UNIX, Both)] },
    Mode { arguments: "try_first_pass", stack: BETWEEN, prompts: &[(UNIX, Both)] },
    Mode { arguments: "try_first_pass", stack: BETWEEN, prompts: &[(UNIX, Password), (CODE, Typed::Code)] },
    Mode {
        arguments: "try_first_pass forward_pass",
        stack: BETWEEN,
        prompts: &[(UNIX, Password), (BOTH, Both)],
    },
];

impl Mode {
    /// What is asked, and what is answered. A code at the end that is not good is asked for once more.
    fn answers(&self, code: &str, is_good: bool) -> Vec<(&'static str, String)> {
        let answer = |typed| match typed {
            Password => PASSWORD.to_owned(),
            Typed::Code => code.to_owned(),
            Both => format!("{PASSWORD}{code}"),
        };
        let asks_again = !is_good && self.arguments == "try_first_pass" && self.prompts.len() == 1;
        let again = asks_again.then(|| (CODE, "none".to_owned()));
        self.prompts.iter().map(|&(prompt, typed)| (prompt, answer(typed))).chain(again).collect()
    }

    fn style(&self, prompt: &str) -> Style {
        if self.arguments == "echo" && prompt == CODE { Style::EchoOn } else { Style::EchoOff }
    }
}

/// In every mode: a wrong code, a right one, the same again, and a backup code.
fn in_every_mode(lab: &Lab, service: &str, opens: impl Fn(&Mode, &str, bool) -> bool) {
    lab.settings("[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 100\n");
    lab.enroll("alice");
    for mode in &MODES {
        lab.service(service, &mode.stack.replace("ARGUMENTS", mode.arguments));
        let alice = lab.enroll_with("alice", &["--replace", "--yes"]);
        let code = alice.phone.code(0);
        let rows = [
            (alice.phone.wrong(), false),
            (code.clone(), true),
            (code, false),
            (alice.backup_codes[0].clone(), true),
        ];
        for (typed, expected) in rows {
            let arguments = mode.arguments;
            assert_eq!(
                opens(mode, &typed, expected),
                expected,
                "{arguments} {:?}: {typed}",
                lab.syslog.module().last()
            );
        }
    }
}

#[test]
fn each_mode_opens_once_by_libpam_alone() {
    sandbox::within(|lab| {
        in_every_mode(lab, "door", |mode, code, is_good| {
            let login = mode.answers(code, is_good).into_iter().fold(
                Login::new("door", "alice"),
                |login, (prompt, answer)| {
                    login.asked(mode.style(prompt), prompt, Reply::Bytes(answer.into()))
                },
            );
            login.run().verdict() == Code::Success
        });
    });
}

#[test]
fn each_mode_opens_once_at_a_real_sshd() {
    sandbox::within(|lab| {
        let sshd = Sshd::start(lab, INTERACTIVE);
        in_every_mode(lab, "sshd", |mode, code, is_good| {
            let answers = mode.answers(code, is_good);
            let answers: Vec<_> = answers.iter().map(|(prompt, answer)| (*prompt, answer.as_str())).collect();
            let attempt = sshd.log_in("alice", &answers);
            let is_shown = attempt.screen.contains(code);
            assert_eq!(is_shown, mode.arguments == "echo", "{}", attempt.screen);
            attempt.entered
        });
    });
}

#[test]
fn each_mode_opens_once_at_sudo() {
    sandbox::within(|lab| {
        lab.sudoers("Defaults pam_service=sudo-lab, passwd_tries=1\nalice ALL=(ALL) ALL\n");
        in_every_mode(lab, "sudo-lab", |mode, code, is_good| {
            let mut terminal = Terminal::start(lab.as_user("alice", &["sudo", "-k", "true"]));
            for (prompt, answer) in mode.answers(code, is_good) {
                // sudo has words of its own for a password.
                terminal.expect(if prompt == UNIX { "password for alice: " } else { prompt });
                terminal.say(&answer);
            }
            terminal.finish().0.success()
        });
    });
}
