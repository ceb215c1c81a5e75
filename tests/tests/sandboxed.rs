//! A service of root's in a sandbox that shows it the store read-only, or not at all.
//!
//! The mounts are those that systemd makes (systemd.exec(5)), in a mount namespace around the program.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use acceptance::daemon::{Daemon, call};
use acceptance::lab::{Lab, PASSWORD, STORE};
use acceptance::pam::{Code, Login, Reply, Report, Style, Waiting};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::json;

/// What systemd lays over a folder that is to be inaccessible.
const NOTHING: &str = "mkdir -p -m 000 /run/systemd/inaccessible/dir; \
                       mount --bind /run/systemd/inaccessible/dir /var/lib/pam_totp; \
                       mount -o remount,bind,ro,nosuid,nodev,noexec /var/lib/pam_totp; ";
const NO_CAPABILITIES: &str = "set -- setpriv --bounding-set=-all --inh-caps=-all \"$@\"; ";

/// A sandbox: its name, how it is made, and how the log names what the files look like in it.
struct Sandbox(&'static str, String, &'static str);

fn sandboxes() -> [Sandbox; 6] {
    [
        Sandbox(
            "ProtectSystem=strict",
            "mount -o remount,bind,ro /var/lib; mount -o remount,bind,ro /run; ".into(),
            "Read-only file system",
        ),
        Sandbox(
            "ReadOnlyPaths=/var/lib/pam_totp",
            "mount --bind /var/lib/pam_totp /var/lib/pam_totp; \
             mount -o remount,bind,ro /var/lib/pam_totp; "
                .into(),
            "Read-only file system",
        ),
        Sandbox("InaccessiblePaths=/var/lib/pam_totp", NOTHING.into(), "closed to root too"),
        Sandbox(
            "InaccessiblePaths=/var/lib/pam_totp CapabilityBoundingSet=",
            format!("{NOTHING}{NO_CAPABILITIES}"),
            "Permission denied",
        ),
        Sandbox(
            "TemporaryFileSystem=/var/lib/pam_totp",
            "mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /var/lib/pam_totp; ".into(),
            "open to group or others",
        ),
        Sandbox(
            "TemporaryFileSystem=/var/lib",
            "mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs /var/lib; ".into(),
            "no FORMAT file",
        ),
    ]
}

/// The read-only store of polkit's helper.
fn strict() -> Sandbox {
    let [strict, ..] = sandboxes();
    strict
}

impl Sandbox {
    fn around(&self, command: &Command) -> Command {
        let mut around = Command::new("unshare");
        around.args(["--mount", "sh", "-ec", &format!("{}exec \"$@\"", self.1), "sh"]);
        around.arg(command.get_program()).args(command.get_args()).stdin(std::process::Stdio::null());
        around
    }

    fn run(&self, login: &Login) -> Report {
        Report::of(self.around(&login.command()).output().unwrap()).followed()
    }
}

fn door() -> Login {
    Login::new("door", "alice")
}

fn lanes(lab: &Lab) -> Vec<String> {
    let status = lab.status("alice");
    status["throttled"].as_array().unwrap().iter().map(|row| row["lane"].as_str().unwrap().into()).collect()
}

#[test]
fn in_every_sandbox_root_asks_the_daemon_and_a_code_opens_once() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        lab.door("nullok");
        let alice = lab.enroll_slow("alice");
        for (place, sandbox) in sandboxes().iter().enumerate() {
            lab.syslog.clear();
            let code = door().code(&alice.backup_codes[place]);
            assert_eq!(sandbox.run(&code).verdict(), Code::Success, "{}", sandbox.0);
            let lines = lab.syslog.raw();
            let daemons: Vec<_> = lines.iter().filter(|line| line.contains("enrolld[")).collect();
            assert_eq!(daemons.len(), 1, "{}: it was not the files that answered: {lines:#?}", sandbox.0);
            assert!(
                daemons[0].contains("accepted; user=alice") && daemons[0].contains("uid=0"),
                "{lines:#?}"
            );
            assert_eq!(sandbox.run(&code).verdict(), Code::AuthErr, "{}", sandbox.0);
            assert_eq!(code.run().verdict(), Code::AuthErr, "spent for those outside too: {}", sandbox.0);
        }
        let code = door().code(alice.phone.code(0));
        assert_eq!(code.run().verdict(), Code::Success);
        for sandbox in sandboxes() {
            assert_eq!(sandbox.run(&code).verdict(), Code::AuthErr, "{}", sandbox.0);
        }
    });
}

#[test]
fn in_a_sandbox_password_and_code_in_one_answer_open_once() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        lab.door("forward_pass");
        let alice = lab.enroll_slow("alice");
        let door = |code: &str| {
            let answer = Reply::Bytes(format!("{PASSWORD}{code}").into());
            Login::new("door", "alice").asked(Style::EchoOff, "Password & verification code: ", answer)
        };
        let code = alice.phone.code(0);
        assert_eq!(strict().run(&door(&alice.phone.wrong())).verdict(), Code::AuthErr);
        assert_eq!(strict().run(&door(&code)).verdict(), Code::Success);
        assert_eq!(strict().run(&door(&code)).verdict(), Code::AuthErr);
        assert_eq!(door(&code).run().verdict(), Code::AuthErr);
    });
}

#[test]
fn without_a_daemon_every_sandbox_is_denied_nullok_or_not_and_the_log_says_what_to_do() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        for arguments in ["", "nullok"] {
            lab.door(arguments);
            for sandbox in sandboxes() {
                lab.syslog.clear();
                let right = sandbox.run(&door().code(alice.phone.code(0)));
                assert_eq!(right.verdict(), Code::AuthErr, "{}", sandbox.0);
                let line = lab.decision();
                for part in [
                    "verdict=unavailable",
                    sandbox.2,
                    "/run/enrolld/socket: enrolld cannot be reached",
                    "in a sandbox: ReadWritePaths=/var/lib/pam_totp in a drop-in of its unit",
                ] {
                    assert!(line.contains(part), "{}: {part}: {line}", sandbox.0);
                }
            }
        }
        lab.door("");
        assert_eq!(door().code(alice.phone.code(0)).run().verdict(), Code::Success, "it was never spent");
    });
}

#[test]
fn whoever_is_not_enrolled_is_exempt_only_where_the_files_can_be_read() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let everywhere = || {
            for sandbox in sandboxes() {
                let readable = sandbox.2 == "Read-only file system";
                let login = if readable { door() } else { door().code("123456") };
                let expected = if readable { Code::Success } else { Code::AuthErr };
                assert_eq!(sandbox.run(&login).verdict(), expected, "{}", sandbox.0);
            }
        };
        everywhere();
        let _daemon = Daemon::start(lab);
        everywhere();
    });
}

#[test]
fn a_sandbox_that_masks_a_part_of_the_store_exempts_nobody_who_is_enrolled() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let alice = lab.enroll("alice");
        let inaccessible = |folder: &str| NOTHING.replace(STORE, &format!("{STORE}/{folder}"));
        // As empty as the store of nobody, and by their mode root's own.
        let tmpfs = format!("mount -t tmpfs -o mode=0700 tmpfs {STORE}/users; ");
        let bound = format!("mkdir -pm 700 /var/lib/empty; mount --bind /var/lib/empty {STORE}/users/2001; ");
        let masked = [
            ("InaccessiblePaths= users", inaccessible("users")),
            ("InaccessiblePaths= a person", inaccessible("users/2001")),
            ("a mount over users", tmpfs),
            ("an empty folder over a person", bound),
        ];
        let masked =
            masked.map(|(name, around)| Sandbox(name, around, "a mount of its own within the store"));
        for sandbox in &masked {
            lab.syslog.clear();
            assert_eq!(sandbox.run(&door().code("123456")).verdict(), Code::AuthErr, "{}", sandbox.0);
            assert!(lab.decision().contains(sandbox.2), "{}", lab.decision());
        }
        let _daemon = Daemon::start(lab);
        for (sandbox, code) in masked.iter().zip(&alice.backup_codes) {
            assert_eq!(sandbox.run(&door().code(code)).verdict(), Code::Success, "{}", sandbox.0);
        }
    });
}

#[test]
fn a_store_that_is_gone_for_the_daemon_too_denies() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        lab.door("nullok");
        let _daemon = Daemon::start(lab);
        std::fs::rename(format!("{STORE}/FORMAT"), format!("{STORE}/AWAY")).unwrap();
        for login in [door().code(alice.phone.code(0)), door().code(&alice.backup_codes[0])] {
            lab.syslog.clear();
            assert_eq!(login.run().verdict(), Code::AuthErr);
            let line = lab.decision();
            for part in ["verdict=unavailable", "no FORMAT file", "enrolld has no answer", "mount the store"]
            {
                assert!(line.contains(part), "{part}: {line}");
            }
        }
    });
}

#[test]
fn of_fifty_processes_half_in_a_sandbox_exactly_one_gets_in() {
    sandbox::within(|lab| {
        lab.door("");
        let _daemon = Daemon::start(lab);
        let mut through_the_daemon = 0;
        for round in 0..5 {
            let name = format!("racer{round}");
            lab.add_account(&name, 3000 + round);
            let person = lab.enroll_slow(&name);
            let login = Login::new("door", &name).code(person.phone.code(0)).behind_gate();
            // The daemon's way is the longer one: its half goes first.
            let mut waiting: Vec<(bool, Waiting)> = (0..50)
                .map(|place| match place < 25 {
                    true => (true, Waiting::start(strict().around(&login.command()))),
                    false => (false, Waiting::start(login.command())),
                })
                .collect();
            waiting.iter_mut().for_each(|(_, process)| process.open());
            let mut accepted = 0;
            for (remote, process) in waiting {
                if process.finish().verdict() == Code::Success {
                    accepted += 1;
                    through_the_daemon += i32::from(remote);
                }
            }
            assert_eq!(accepted, 1, "round {round}");
        }
        println!("{through_the_daemon} of 5 through the daemon");
    });
}

const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

#[test]
fn su_in_a_sandbox_counts_guesses_where_it_would_outside() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        lab.service("su", "auth required pam_unix.so nodelay\nauth required pam_totp.so\n");
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let su = |caller: &str, code: &str| {
            let as_caller = format!("--reuid={caller}");
            let mut command = Command::new("setpriv");
            command.args([&as_caller, "--clear-groups", "su", "alice", "-c", "id -un"]);
            let mut terminal = Terminal::start(strict().around(&command));
            terminal.expect("Password: ");
            terminal.say(PASSWORD);
            terminal.expect("Verification code: ");
            terminal.say(code);
            terminal.finish().0.success()
        };
        assert!(!su("bob", &alice.phone.wrong()));
        assert_eq!(lanes(lab), ["others"]);
        assert!(!su("bob", &alice.phone.code(0)), "his lane has to wait");
        assert!(su("alice", &alice.phone.code(0)), "hers has not");
        assert!(!su("alice", &alice.phone.code(0)));
    });
}

#[test]
fn strangers_at_a_service_in_a_sandbox_stay_strangers() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        lab.door("");
        lab.service("login", "auth required pam_totp.so\n");
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let from_afar = |code: &str| strict().run(&door().from("203.0.113.9").code(code)).verdict();
        assert_eq!(from_afar(&alice.phone.wrong()), Code::AuthErr);
        assert_eq!(lanes(lab), ["strangers"]);
        assert_eq!(from_afar(&alice.phone.code(0)), Code::AuthErr);
        let console = |code: &str| strict().run(&Login::new("login", "alice").code(code)).verdict();
        assert_eq!(console(&alice.phone.code(0)), Code::Success);
        assert_eq!(console(&alice.phone.wrong()), Code::AuthErr);
        assert_eq!(lanes(lab), ["console", "strangers"]);
    });
}

#[test]
fn nobody_but_root_says_in_whose_lane_it_is_judged() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let guess = |uid: u32, origin: Option<&str>| {
            lab.totpctl(["unlock", "alice"]);
            let parameters = json!({"user": "alice", "code": alice.phone.wrong(), "origin": origin});
            assert_eq!(call(uid, "Check", &parameters)["parameters"]["verdict"], "wrong");
            lanes(lab)
        };
        for origin in [None, Some("console"), Some("others"), Some("stranger")] {
            assert_eq!(guess(2001, origin), ["console"], "{origin:?}");
        }
        assert_eq!(guess(0, None), ["strangers"], "what root does not say is not established");
        assert_eq!(guess(0, Some("stranger")), ["strangers"]);
        assert_eq!(guess(0, Some("others")), ["others"]);
        assert_eq!(guess(0, Some("console")), ["console"]);
        for origin in [json!("Console"), json!(""), json!(1), json!("known network")] {
            let parameters = json!({"user": "alice", "code": alice.phone.code(0), "origin": origin});
            let answer = call(0, "Check", &parameters);
            assert_eq!(answer["error"], "org.varlink.service.InvalidParameter", "{origin}");
        }
    });
}

#[test]
fn whoever_knocks_at_polkits_helper_fills_the_lane_of_other_accounts() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        lab.service("polkit-1", "auth required pam_totp.so\n");
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        // As systemd starts it (polkit 127): root, and PAM_RUSER is whoever is to be authenticated.
        let helper = |code: &str| Login::new("polkit-1", "alice").asked_by("alice").code(code);
        assert_eq!(helper(&alice.phone.wrong()).run().verdict(), Code::AuthErr);
        assert_eq!(lanes(lab), ["others"]);
        lab.totpctl(["unlock", "alice"]);
        assert_eq!(strict().run(&helper(&alice.phone.wrong())).verdict(), Code::AuthErr);
        assert_eq!(lanes(lab), ["others"]);
        // The set-uid helper of her own agent.
        let mut command = Command::new("setpriv");
        let own = Login::new("polkit-1", "alice").asked_by("alice").code(alice.phone.wrong()).command();
        command.arg("--ruid=alice").arg(own.get_program()).args(own.get_args());
        assert_eq!(Report::of(command.output().unwrap()).followed().verdict(), Code::AuthErr);
        assert_eq!(lanes(lab), ["console", "others"]);
    });
}
