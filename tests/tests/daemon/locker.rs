//! A real screen locker.

use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::daemon::Daemon;
use acceptance::lab::{Lab, PASSWORD};
use acceptance::sandbox;

/// A screen with nobody in front of it.
struct Screen(Child);

impl Screen {
    fn start() -> Self {
        let mut command = Command::new("Xvfb");
        command.args([":7", "-screen", "0", "640x480x24", "-nolisten", "tcp", "-ac"]);
        let screen = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        while UnixStream::connect("/tmp/.X11-unix/X7").is_err() {
            assert!(Instant::now() < deadline, "Xvfb does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self(screen)
    }

    fn lock(lab: &Lab) -> Child {
        let mut command = lab.as_user("alice", &["i3lock", "--nofork", "--color", "000000"]);
        command.env("DISPLAY", ":7").spawn().unwrap()
    }

    fn say(text: &str) {
        for words in [["type", text], ["key", "Return"]] {
            let mut command = Command::new("xdotool");
            assert!(command.args(words).env("DISPLAY", ":7").status().unwrap().success());
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn logged_within(lab: &Lab, seconds: u64, word: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while Instant::now() < deadline {
        if lab.syslog.module().iter().any(|line| line.contains(&format!("verdict={word}"))) {
            lab.syslog.clear();
            return true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    false
}

/// It takes a while until the locker has the keyboard: what is no code costs nothing.
fn has_begun(lab: &Lab) -> bool {
    (0..10).any(|_| {
        Screen::say("x");
        logged_within(lab, 3, "malformed")
    })
}

#[test]
fn a_real_screen_locker_opens_for_a_code_once() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        lab.service("i3lock", "auth required pam_totp.so\n");
        let _daemon = Daemon::start(lab);
        let _screen = Screen::start();
        let logged = |word: &str| logged_within(lab, 20, word);
        let begun = || assert!(has_begun(lab));
        let mut locker = Screen::lock(lab);
        begun();
        Screen::say(&alice.phone.wrong());
        assert!(logged("wrong"));
        assert_eq!(locker.try_wait().unwrap(), None);
        Screen::say(&alice.phone.code(0));
        assert!(logged("accepted"));
        assert!(locker.wait().unwrap().success());
        let mut locker = Screen::lock(lab);
        begun();
        Screen::say(&alice.phone.code(0));
        assert!(logged("replayed"));
        assert_eq!(locker.try_wait().unwrap(), None);
        Screen::say(&alice.backup_codes[0]);
        assert!(logged("accepted"));
        assert!(locker.wait().unwrap().success());
    });
}

/// The manual's recipe: the locker has one field, and pam_unix asks its own helper about the password.
#[test]
fn a_real_screen_locker_takes_password_and_code_in_its_one_field() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let manual = acceptance::artefacts::workspace().join("packaging/man/pam_totp.8.md");
        let manual = std::fs::read_to_string(manual).unwrap();
        let (_, recipe) = manual.split_once("    # /etc/pam.d/i3lock\n").unwrap();
        let lines: Vec<_> = recipe.lines().map_while(|line| line.strip_prefix("    ")).collect();
        lab.service("i3lock", &lines.join("\n"));
        let _daemon = Daemon::start(lab);
        let _screen = Screen::start();
        let logged = |word: &str| logged_within(lab, 20, word);
        let type_it = |password: &str, code: &str| Screen::say(&format!("{password}{code}"));
        let mut locker = Screen::lock(lab);
        assert!(has_begun(lab));
        type_it(PASSWORD, "");
        assert!(logged("malformed"));
        type_it(PASSWORD, &alice.phone.wrong());
        assert!(logged("wrong"));
        // The code is right, and spent; the password is not.
        type_it("wrong", &alice.phone.code(0));
        assert!(logged("accepted"));
        type_it(PASSWORD, &alice.phone.code(0));
        assert!(logged("replayed"));
        assert_eq!(locker.try_wait().unwrap(), None);
        type_it(PASSWORD, &alice.phone.code(1));
        assert!(logged("accepted"));
        assert!(locker.wait().unwrap().success());
        let mut locker = Screen::lock(lab);
        assert!(has_begun(lab));
        type_it(PASSWORD, &alice.backup_codes[0]);
        assert!(logged("accepted"));
        assert!(locker.wait().unwrap().success());
    });
}
