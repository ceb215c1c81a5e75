//! How it starts and ends, and what is under way meanwhile.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, INTERFACE, SOCKET, call};
use acceptance::lab::STORE;
use acceptance::pam::{Code, Report};
use acceptance::sandbox;
use serde_json::json;

use crate::{ALICE, BOB, as_alice, decisions, door, error, unprivileged};

#[test]
fn a_daemon_that_is_killed_amid_a_check_makes_no_code_good_twice() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon_killed_at = |call: &str, number: u32, code: &str| {
            let _ = std::fs::remove_file(SOCKET);
            let mut command = Command::new("strace");
            let inject = format!("inject={call}:signal=KILL:when={number}");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &inject]);
            command.arg(lab.program("enrolld")).args(["--socket", SOCKET]).stdin(Stdio::null());
            let _daemon = Daemon::run(&mut command);
            assert_eq!(as_alice(&door(lab).code(code)), Code::AuthErr, "{call}");
            let line = lab.syslog.module().pop().unwrap();
            assert!(line.contains("hung up before it had answered"), "{line}");
        };
        let restarted = |code: &str| {
            let _daemon = Daemon::start(lab);
            as_alice(&door(lab).code(code))
        };
        // Before the record nothing is spent. Behind it, when the lock is given back, it is, answered or not.
        daemon_killed_at("pwrite64", 1, &alice.backup_codes[0]);
        assert_eq!(restarted(&alice.backup_codes[0]), Code::Success);
        daemon_killed_at("flock", 2, &alice.phone.code(0));
        assert_eq!(restarted(&alice.phone.code(0)), Code::AuthErr);
        assert_eq!(restarted(&alice.phone.code(1)), Code::Success);
    });
}

#[test]
fn sigterm_ends_the_daemon_at_once_and_takes_its_socket_away() {
    sandbox::within(|lab| {
        let daemon = Daemon::start(lab);
        let _silent = UnixStream::connect(SOCKET).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        let start = Instant::now();
        assert_eq!(daemon.terminate(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        assert!(!std::path::Path::new(SOCKET).exists());
    });
}

#[test]
fn what_is_under_way_at_sigterm_is_answered() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        // Somebody else holds alice's lock for a while.
        let folder = std::fs::File::open(format!("{STORE}/users/2001")).unwrap();
        folder.lock().unwrap();
        let login = unprivileged(&door(lab).code(alice.phone.code(0)), ALICE);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn({
            let mut login = login;
            move || sender.send(Report::of(login.output().unwrap()).verdict())
        });
        std::thread::sleep(Duration::from_millis(500));
        let ended = std::thread::spawn(move || daemon.terminate());
        std::thread::sleep(Duration::from_millis(300));
        folder.unlock().unwrap();
        assert_eq!(receiver.recv().unwrap(), Code::Success);
        assert_eq!(ended.join().unwrap(), Some(0));
    });
}

#[test]
fn a_peer_that_stays_after_its_answer_does_not_keep_the_daemon_from_ending() {
    sandbox::within(|lab| {
        lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let folder = std::fs::File::open(format!("{STORE}/users/2001")).unwrap();
        folder.lock().unwrap();
        let mut stays = UnixStream::connect(SOCKET).unwrap();
        let parameters = json!({ "user": "alice", "code": "123456" });
        let message = json!({ "method": format!("{INTERFACE}.Check"), "parameters": parameters });
        stays.write_all(format!("{message}\0").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        let ended = std::thread::spawn(move || daemon.terminate());
        std::thread::sleep(Duration::from_millis(300));
        let start = Instant::now();
        folder.unlock().unwrap();
        assert_eq!(ended.join().unwrap(), Some(0));
        assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
        let mut answer = String::new();
        stays.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("verdict"), "{answer}");
    });
}

#[test]
fn a_socket_of_a_daemon_that_was_killed_is_replaced_and_one_in_use_is_not() {
    sandbox::within(|lab| {
        Daemon::start(lab).kill();
        assert!(std::path::Path::new(SOCKET).exists());
        let daemon = Daemon::start(lab);
        let second = Daemon::command(lab).output().unwrap();
        assert_eq!(second.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&second.stderr).contains("another process listens here"));
        assert_eq!(call(BOB, "Status", &json!({ "user": "bob" }))["parameters"]["enrolled"], false);
        drop(daemon);
        let mode = |path: &str| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let _daemon = Daemon::start(lab);
        assert_eq!((mode("/run/enrolld"), mode(SOCKET)), (0o755, 0o666));
        let not_root = lab.as_user("bob", &["/run/lab/enrolld"]).output().unwrap();
        assert_eq!(not_root.status.code(), Some(1));
    });
}

#[test]
fn systemd_starts_it_when_somebody_asks_and_it_ends_when_nobody_does() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        std::fs::create_dir("/run/enrolld").unwrap();
        let mut command = Command::new("systemd-socket-activate");
        command.args(["--listen", SOCKET]).arg(lab.program("enrolld")).args(["--idle-exit", "1"]);
        let mut activated = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !std::path::Path::new(SOCKET).exists() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        std::fs::set_permissions(SOCKET, std::fs::Permissions::from_mode(0o666)).unwrap();
        // Settings that are wrong are no reason to end.
        lab.settings("nonsense = 1\n");
        assert_eq!(
            error(&call(ALICE, "Status", &json!({ "user": "alice" }))),
            format!("{INTERFACE}.Unavailable")
        );
        assert!(decisions(lab)[0].contains("verdict=misconfigured"));
        lab.settings(acceptance::lab::SETTINGS);
        assert_eq!(as_alice(&door(lab).code(alice.phone.code(0))), Code::Success);
        let start = Instant::now();
        assert_eq!(activated.wait().unwrap().code(), Some(0));
        assert!((Duration::from_millis(800)..Duration::from_secs(5)).contains(&start.elapsed()));
    });
}
