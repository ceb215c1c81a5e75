//! The main job, from end to end: an administrator enrolls somebody, who then logs in.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use acceptance::codes::Phone;
use acceptance::lab::PASSWORD;
use acceptance::sandbox;
use acceptance::sshd::{INTERACTIVE, Sshd};
use acceptance::terminal::Terminal;

#[test]
fn somebody_who_was_enrolled_at_a_terminal_logs_in_by_ssh() {
    sandbox::within(|lab| {
        lab.service("sshd", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
        let sshd = Sshd::start(lab, INTERACTIVE);
        let mut command = lab.totpctl_command();
        command.args(["enroll", "alice"]).env("TERM", "xterm-256color").env("LC_ALL", "C.UTF-8");
        let mut terminal = Terminal::start(command);
        terminal.expect("Code that the app shows");
        let screen = terminal.screen();
        let (_, uri) = screen.split_once("?secret=").unwrap();
        let phone = Phone::new(uri.split_once('&').unwrap().0);
        assert!(!sshd.log_in("alice", &[("Password: ", PASSWORD), ("code: ", &phone.code(0))]).entered);
        terminal.say(&phone.code(0));
        let (status, screen) = terminal.finish();
        assert!(status.success(), "{screen}");
        let sheet = screen.split_once("Backup codes of alice").unwrap().1;
        let backup = sheet.split_whitespace().find(|word| word.len() == 14 && word.contains('-')).unwrap();

        let enters = |code: &str| {
            sshd.log_in("alice", &[("Password: ", PASSWORD), ("Verification code: ", code)]).entered
        };
        assert!(!enters(&phone.code(0)), "the code that confirmed is spent");
        assert!(enters(&phone.code(1)));
        assert!(!enters(&phone.code(1)));
        assert!(enters(backup));
        assert!(!enters(backup));
        assert_eq!(lab.status("alice")["backup_codes_left"], 9);
    });
}
