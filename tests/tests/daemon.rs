//! enrolld: programs that may not read the store, and whoever else knocks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, INTERFACE, SOCKET, call, peer, said_to};
use acceptance::host;
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login, Report, Waiting};
use acceptance::sandbox;
use acceptance::terminal::Terminal;
use serde_json::{Value, json};

const ALICE: u32 = 2001;
const BOB: u32 = 2002;
const MERCILESS: &str = "[login]\nfail_delay = \"0s\"\n[throttle]\nfree_failures = 1\n";

/// A login of a program that runs as this uid.
fn unprivileged(login: &Login, uid: u32) -> Command {
    let mut command = login.command();
    command.uid(uid).gid(uid);
    command
}

fn as_alice(login: &Login) -> Code {
    Report::of(unprivileged(login, ALICE).output().unwrap()).followed().verdict()
}

fn door(lab: &Lab) -> Login {
    lab.door("");
    Login::new("door", "alice")
}

/// The daemon's lines since the last call.
fn decisions(lab: &Lab) -> Vec<String> {
    let raw = lab.syslog.raw();
    lab.syslog.clear();
    let lines = raw.iter().filter(|line| line.contains("enrolld["));
    lines.map(|line| line.split_once("]: ").unwrap().1.to_owned()).collect()
}

#[test]
fn a_program_without_privilege_takes_a_code_once() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let pamtester = |code: &str| {
            let words = ["pamtester", "door", "alice", "authenticate", "setcred", "acct_mgmt"];
            let mut terminal = Terminal::start(lab.as_user("alice", &words));
            terminal.expect("Verification code: ");
            terminal.say(code);
            terminal.finish().0.success()
        };
        assert!(pamtester(&alice.phone.code(0)));
        assert!(lab.syslog.module().iter().any(|line| line.contains("pam_totp(door:auth): accepted")));
        let lines = decisions(lab);
        assert_eq!(lines.len(), 1, "{lines:#?}");
        let accepted = "accepted; user=alice rhost= tty= service=door uid=2001 pid=";
        assert!(lines[0].starts_with(accepted), "{lines:#?}");
        assert!(lines[0].ends_with("asked=Check method=code token=phone verdict=accepted"), "{lines:#?}");
        assert!(!pamtester(&alice.phone.code(0)));
        assert!(decisions(lab)[0].contains("verdict=replayed"));
        assert!(pamtester(&alice.backup_codes[0]));
        assert!(!pamtester(&alice.backup_codes[0]));
        assert_eq!(lab.status("alice")["backup_codes_left"], 9);
    });
}

#[test]
fn a_wrong_code_counts_at_the_console_whatever_the_program_says_of_a_remote_host() {
    sandbox::within(|lab| {
        lab.settings(MERCILESS);
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let wrong = door(lab).code(alice.phone.wrong()).from("203.0.113.5").on("a\nb c");
        assert_eq!(as_alice(&wrong), Code::AuthErr);
        let lines = decisions(lab);
        let expected =
            "authentication failure; user=alice rhost=203.0.113.5 tty=a\\u{a}b\\u{20}c service=door";
        assert!(lines[0].starts_with(expected), "{lines:#?}");
        assert_eq!(lab.status("alice")["throttled"][0]["lane"], "console");
        assert_eq!(as_alice(&door(lab).code(alice.phone.code(0))), Code::AuthErr);
        assert!(decisions(lab)[0].contains("verdict=throttled"));
        // Strangers' lane is as open as it was.
        let from_afar = door(lab).code(alice.phone.code(0)).from("203.0.113.5").run();
        assert_eq!(from_afar.verdict(), Code::Success);
        assert_eq!(as_alice(&door(lab).code(&alice.backup_codes[0])), Code::Success);
    });
}

#[test]
fn who_is_not_enrolled_is_exempt_under_nullok_only_on_the_daemons_word() {
    sandbox::within(|lab| {
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        let asked = Login::new("door", "alice").code("123456");
        let not_asked = Login::new("door", "alice");
        assert_eq!(as_alice(&asked), Code::AuthErr, "without a daemon nothing is established");
        let daemon = Daemon::start(lab);
        assert_eq!(as_alice(&not_asked), Code::Success);
        std::fs::rename(format!("{STORE}/FORMAT"), format!("{STORE}/AWAY")).unwrap();
        assert_eq!(as_alice(&asked), Code::AuthErr, "without a store nothing is established");
        std::fs::rename(format!("{STORE}/AWAY"), format!("{STORE}/FORMAT")).unwrap();
        assert_eq!(as_alice(&not_asked), Code::Success);
        let bob = Report::of(unprivileged(&asked, BOB).output().unwrap()).followed();
        assert_eq!(bob.verdict(), Code::AuthErr, "another account's standing is not told");
        let alice = lab.enroll("alice");
        assert_eq!(as_alice(&Login::new("door", "alice").code(alice.phone.code(0))), Code::Success);
        daemon.kill();
        assert_eq!(as_alice(&asked), Code::AuthErr);
    });
}

/// Something of root's in the daemon's place, that does this with each peer.
fn false_daemon(answer: impl Fn(UnixStream) + Send + 'static) {
    let _ = std::fs::create_dir("/run/enrolld");
    let _ = std::fs::remove_file(SOCKET);
    let listener = UnixListener::bind(SOCKET).unwrap();
    std::fs::set_permissions(SOCKET, std::fs::Permissions::from_mode(0o666)).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
}

/// A login without privilege that must be denied in time, for this reason.
fn denied(lab: &Lab, reason: &str) {
    lab.syslog.clear();
    let start = Instant::now();
    assert_eq!(as_alice(&Login::new("door", "alice").code("123456")), Code::AuthErr, "{reason}");
    assert!(start.elapsed() < Duration::from_millis(5500), "{reason}: {:?}", start.elapsed());
    let line = lab.decision();
    assert!(line.contains("verdict=unavailable") && line.contains(reason), "{reason}: {line}");
}

#[test]
fn a_daemon_that_is_absent_silent_slow_dead_or_mad_is_unavailable_and_denied_in_time() {
    sandbox::within(|lab| {
        lab.door("");
        lab.enroll("alice");
        denied(lab, "enrolld cannot be reached");
        false_daemon(drop);
        denied(lab, "hung up before it had answered");
        let good = "{\"parameters\":{\"uid\":2001,\"verdict\":\"accepted\",\"method\":\"code\",\
                    \"token\":\"phone\",\"backup_left\":3}}";
        let read = |stream: &mut UnixStream| {
            let _ = stream.read(&mut [0; 4096]);
        };
        let mad = [
            format!("{good}{good}\0"),
            format!("{good}\0{good}\0"),
            format!("{}\0", good.replace("2001", "2002")),
            format!("{}\0", good.replace("accepted", "yes")),
            "\0".to_owned(),
            "{}\0".to_owned(),
            format!("{}\0", "[".repeat(60_000)),
            "x".repeat(70_000),
            "{\"error\":\"org.varlink.service.MethodNotFound\",\"parameters\":{}}\0".to_owned(),
        ];
        for text in mad {
            false_daemon(move |mut stream| {
                read(&mut stream);
                let _ = stream.write_all(text.as_bytes());
            });
            denied(lab, "what enrolld said is no answer");
        }
        for half in [good[..40].to_owned(), good.to_owned()] {
            false_daemon(move |mut stream| {
                read(&mut stream);
                let _ = stream.write_all(half.as_bytes());
            });
            denied(lab, "hung up before it had answered");
        }
        // Silent, and slow.
        false_daemon(std::mem::forget);
        denied(lab, "did not answer in time");
        let slow = good.to_owned();
        false_daemon(move |mut stream| {
            read(&mut stream);
            for byte in slow.bytes().chain([0]) {
                std::thread::sleep(Duration::from_millis(100));
                let _ = stream.write_all(&[byte]);
            }
        });
        denied(lab, "did not answer in time");
    });
}

#[test]
fn a_code_that_nobody_waits_for_any_more_is_not_used_up() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let code = &alice.backup_codes[0];
        let signal = |signal: i32| {
            // SAFETY: kill(2) with the id of a child that was not waited for.
            assert_eq!(unsafe { libc::kill(daemon.id().cast_signed(), signal) }, 0);
        };
        signal(libc::SIGSTOP);
        assert_eq!(as_alice(&door(lab).code(code)), Code::AuthErr);
        assert!(lab.decision().contains("did not answer in time"));
        signal(libc::SIGCONT);
        std::thread::sleep(Duration::from_millis(300));
        assert_eq!(as_alice(&door(lab).code(code)), Code::Success);
    });
}

#[test]
fn a_queue_that_is_full_is_given_up_after_a_second() {
    sandbox::within(|lab| {
        lab.door("");
        std::fs::create_dir("/run/enrolld").unwrap();
        let listener = UnixListener::bind(SOCKET).unwrap();
        std::fs::set_permissions(SOCKET, std::fs::Permissions::from_mode(0o666)).unwrap();
        // SAFETY: listen(2) with a descriptor that lives here; again, it sets the queue's length.
        assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
        let _queued = UnixStream::connect(SOCKET).unwrap();
        let start = Instant::now();
        denied(lab, "did not answer in time");
        let took = start.elapsed();
        assert!((Duration::from_secs(1)..Duration::from_secs(3)).contains(&took), "{took:?}");
    });
}

#[test]
fn somebody_elses_socket_in_the_daemons_place_is_told_nothing_and_opens_nothing() {
    sandbox::within(|lab| {
        lab.settings("[login]\nfail_delay = \"0s\"\n[daemon]\nsocket = \"/home/bob/socket\"\n");
        std::fs::set_permissions("/home/bob", std::fs::Permissions::from_mode(0o755)).unwrap();
        let mut impostor = peer(BOB, &["play", "/home/bob/socket"]).spawn().unwrap();
        wait_for_it(&mut impostor);
        std::fs::set_permissions("/home/bob/socket", std::fs::Permissions::from_mode(0o666)).unwrap();
        lab.door("");
        denied(lab, "not root but uid 2002 listens here");
        lab.service("door", "auth required pam_totp.so nullok\nauth required pam_permit.so\n");
        denied(lab, "not root but uid 2002 listens here");
        impostor.kill().unwrap();
        impostor.wait().unwrap();
    });
}

fn wait_for_it(child: &mut Child) {
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    assert_eq!(line, "here\n");
}

fn error(answer: &Value) -> &str {
    answer["error"].as_str().unwrap_or_default()
}

#[test]
fn everybody_gets_what_the_table_says_and_nothing_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll("alice");
        let _daemon = Daemon::start(lab);
        let not_allowed = format!("{INTERFACE}.NotAllowed");
        let check = |uid: u32, code: &str| call(uid, "Check", &json!({ "user": "alice", "code": code }));
        let status = |uid: u32| call(uid, "Status", &json!({ "user": "alice" }));
        let code = alice.phone.code(0);

        assert_eq!(error(&check(BOB, &code)), not_allowed);
        assert_eq!(error(&status(BOB)), not_allowed);
        assert_eq!(error(&status(0)), not_allowed, "root reads the files");
        let lines = decisions(lab);
        assert_eq!(lines.len(), 3, "{lines:#?}");
        assert!(lines.iter().all(|line| line.starts_with("refused; user=alice")), "{lines:#?}");
        assert!(lines.iter().all(|line| line.contains("verdict=not-allowed")), "{lines:#?}");

        let known = status(ALICE);
        assert_eq!(known["parameters"]["uid"], 2001);
        assert_eq!(known["parameters"]["enrolled"], true);
        assert_eq!(known["parameters"]["record"]["tokens"][0]["name"], "phone");
        assert!(!known.to_string().contains(&alice.secret), "{known}");
        assert_eq!(check(ALICE, &code)["parameters"]["verdict"], "accepted");
        assert_eq!(check(0, &code)["parameters"]["verdict"], "replayed");
        assert_eq!(check(0, &alice.phone.code(1))["parameters"]["verdict"], "accepted");

        // The overflow uid, and uids without an account.
        for uid in [65_534, 70_000, 100_000, 4_294_967_294] {
            assert_eq!(check(uid, &code), Value::Null, "{uid}");
            assert_eq!(said_to(uid, b"{\"method\":\"org.varlink.service.GetInfo\"}\0"), "", "{uid}");
        }
    });
}

#[test]
fn no_trick_with_a_name_makes_somebody_somebody_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let bob = lab.enroll_slow("bob");
        let _daemon = Daemon::start(lab);
        let not_allowed = format!("{INTERFACE}.NotAllowed");
        let long = "a".repeat(300);
        let names = [
            "alice",
            "2001",
            "0",
            "root",
            "",
            ".",
            "..",
            "alice ",
            " alice",
            "ALICE",
            "alice\0",
            "bob\0alice",
            "alice\nbob",
            "../2001",
            "users/2001",
            "bob/../alice",
            "alice:x:2001",
            "+alice",
            "*",
            &long,
        ];
        for name in names {
            for code in [alice.phone.code(0), bob.phone.code(0)] {
                let answer = call(BOB, "Check", &json!({ "user": name, "code": code }));
                assert_eq!(error(&answer), not_allowed, "{name:?}");
            }
            assert_eq!(error(&call(BOB, "Status", &json!({ "user": name }))), not_allowed, "{name:?}");
        }
        let lines = decisions(lab);
        assert!(lines.iter().all(|line| line.bytes().all(|byte| (b' '..=b'~').contains(&byte))));
        // A user twice in one message, and one that changes between two.
        let twice = format!(
            "{{\"method\":\"{INTERFACE}.Check\",\"parameters\":{{\"user\":\"bob\",\"user\":\"alice\",\
             \"code\":\"{}\"}}}}\0",
            alice.phone.code(0)
        );
        assert!(said_to(BOB, twice.as_bytes()).contains("InvalidParameter"));
        let both = |one: &str, two: &str| {
            let ask =
                |user: &str| json!({"method": format!("{INTERFACE}.Status"), "parameters": {"user": user}});
            said_to(BOB, format!("{}\0{}\0", ask(one), ask(two)).as_bytes())
        };
        assert!(both("bob", "alice").contains("\"uid\":2002"), "the first is answered as itself");
        assert!(both("alice", "bob").contains("NotAllowed"));
        assert_eq!(
            call(BOB, "Check", &json!({ "user": "bob", "code": bob.phone.code(0) }))["parameters"]["verdict"],
            "accepted"
        );
        // A second name of the uid is the same person, as it is for a login.
        lab.add_account("alicia", ALICE);
        let answer = call(ALICE, "Check", &json!({ "user": "alicia", "code": alice.phone.code(0) }));
        assert_eq!(answer["parameters"]["verdict"], "accepted");
    });
}

#[test]
fn the_service_describes_itself_and_refuses_what_it_does_not_know_by_the_standard_errors() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let ask = |text: &str| -> Value {
            serde_json::from_str(&said_to(BOB, format!("{text}\0").as_bytes())).unwrap_or(Value::Null)
        };
        let info = ask("{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{}}");
        assert_eq!(info["parameters"]["interfaces"], json!(["org.varlink.service", INTERFACE]));
        let describe = |interface: &str| {
            ask(&json!({"method": "org.varlink.service.GetInterfaceDescription",
                        "parameters": {"interface": interface}})
            .to_string())
        };
        let reference = include_str!("../../verifier/org.pamtotp.enrolld1.varlink");
        assert_eq!(describe(INTERFACE)["parameters"]["description"], reference);
        assert!(describe("org.varlink.service")["parameters"]["description"].is_string());
        assert_eq!(error(&describe("org.other")), "org.varlink.service.InterfaceNotFound");
        let of = |method: &str, parameters: &str| {
            let answer = ask(&format!("{{\"method\":\"{method}\",\"parameters\":{parameters}}}"));
            error(&answer).to_owned()
        };
        assert_eq!(of("org.pamtotp.enrolld1.Revoke", "{}"), "org.varlink.service.MethodNotFound");
        assert_eq!(of("org.pamtotp.enrolld9.Check", "{}"), "org.varlink.service.InterfaceNotFound");
        assert_eq!(of("org.pamtotp.enrolld1.Status", "{}"), "org.varlink.service.InvalidParameter");
        let more = "{\"user\":\"bob\",\"root\":true}";
        assert_eq!(of("org.pamtotp.enrolld1.Status", more), "org.varlink.service.InvalidParameter");
        let longest = |bytes: usize| {
            let shell = "{\"method\":\"org.varlink.service.GetInfo\"}\0";
            format!("{}{shell}", " ".repeat(bytes - shell.len()))
        };
        assert!(said_to(BOB, longest(16_384).as_bytes()).contains("enrolld"));
        assert_eq!(said_to(BOB, longest(16_385).as_bytes()), "");
        for nonsense in ["", "hello", "{}", "[]", "{\"method\":7}", "\u{feff}{}"] {
            assert_eq!(ask(nonsense), Value::Null, "{nonsense}");
        }
    });
}

#[test]
fn five_hundred_bad_peers_keep_nobody_waiting_and_take_no_memory() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let (idle, _) = daemon.memory();
        assert!(idle < 6 * 1024, "{idle} kB");
        let uids = (0..9).map(|number| 3000 + number);
        for uid in uids.clone() {
            lab.add_account(&format!("bad{uid}"), uid);
        }
        // Of ten uids, the good one's own among them, and of one that has no account.
        let mut crowds: Vec<Child> = uids
            .chain([ALICE, 100_000])
            .map(|uid| peer(uid, &["crowd", SOCKET, "46"]).spawn().unwrap())
            .collect();
        crowds.iter_mut().for_each(wait_for_it);
        let ask = || call(BOB, "Status", &json!({ "user": "bob" }));
        let end = Instant::now() + Duration::from_secs(6);
        let (mut asked, mut slowest) = (0, Duration::ZERO);
        while Instant::now() < end {
            let start = Instant::now();
            let answer = ask();
            assert_eq!(answer["parameters"]["uid"], 2002, "after {asked}");
            slowest = slowest.max(start.elapsed());
            asked += 1;
        }
        let (_, most) = daemon.memory();
        println!("{asked} answers, the slowest in {slowest:?}; {idle} kB idle, {most} kB at most");
        assert!(slowest < Duration::from_secs(1), "{slowest:?}");
        assert!(most < 32 * 1024, "{most} kB");
        for crowd in &mut crowds {
            crowd.kill().unwrap();
            crowd.wait().unwrap();
        }
        // Alice's own crowd has her seats until the daemon has seen it leave.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(as_alice(&Login::new("door", "alice").code(alice.phone.code(0))), Code::Success);
    });
}

#[test]
fn of_fifty_processes_half_through_the_daemon_and_half_as_root_exactly_one_gets_in() {
    sandbox::within(|lab| {
        lab.door("");
        let _daemon = Daemon::start(lab);
        let mut through_the_daemon = 0;
        for round in 0..10 {
            let name = format!("racer{round}");
            let uid = 3000 + round;
            lab.add_account(&name, uid);
            let person = lab.enroll_slow(&name);
            let login = Login::new("door", &name).code(person.phone.code(0)).behind_gate();
            let mut waiting: Vec<(bool, Waiting)> = (0..50)
                .map(|place| match place % 2 {
                    0 => (false, Waiting::start(login.command())),
                    _ => (true, Waiting::start(unprivileged(&login, uid))),
                })
                .collect();
            // The daemon's way is the longer one: its half goes first.
            waiting.sort_by_key(|(remote, _)| !remote);
            waiting.iter_mut().for_each(|(_, process)| process.open());
            let mut accepted = 0;
            for (remote, process) in waiting {
                let verdict = process.finish().verdict();
                assert!(matches!(verdict, Code::Success | Code::AuthErr), "{verdict:?}");
                if verdict == Code::Success {
                    accepted += 1;
                    through_the_daemon += i32::from(remote);
                }
            }
            assert_eq!(accepted, 1, "round {round}");
        }
        println!("{through_the_daemon} of 10 through the daemon");
    });
}

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

#[test]
fn a_forked_copy_of_a_threaded_program_without_privilege_is_answered() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let warm = door(lab).code("nonsense");
        assert_eq!(warm.play().verdict(), Code::AuthErr);
        let code = door(lab).code(alice.phone.code(0));
        let busy = std::sync::atomic::AtomicBool::new(true);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while busy.load(std::sync::atomic::Ordering::Relaxed) {
                        drop(vec![0_u8; 4096]);
                    }
                });
            }
            let opened = || {
                // SAFETY: system calls of one thread, in a child that has no other.
                assert!(unsafe { libc::setgid(ALICE) == 0 && libc::setuid(ALICE) == 0 });
                let before = host::State::now();
                let opened = code.play().verdict() == Code::Success;
                let changed = !before.changes().is_empty();
                // Nothing of ours ever stands where the program's output goes.
                host::close_standard_streams();
                let again = code.play().verdict() == Code::Success;
                let kept = host::are_standard_streams_closed();
                i32::from(opened) + 2 * i32::from(changed) + 4 * i32::from(again) + 8 * i32::from(!kept)
            };
            assert_eq!(host::wait_for(host::in_fork(opened)), Some(1));
            assert_eq!(host::wait_for(host::in_fork(opened)), Some(0));
            busy.store(false, std::sync::atomic::Ordering::Relaxed);
        });
    });
}

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

#[test]
fn a_real_screen_locker_opens_for_a_code_once() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        lab.service("i3lock", "auth required pam_totp.so\n");
        let _daemon = Daemon::start(lab);
        let _screen = Screen::start();
        let logged_within = |seconds: u64, word: &str| {
            let deadline = Instant::now() + Duration::from_secs(seconds);
            while Instant::now() < deadline {
                if lab.syslog.module().iter().any(|line| line.contains(&format!("verdict={word}"))) {
                    lab.syslog.clear();
                    return true;
                }
                std::thread::sleep(Duration::from_millis(50));
            }
            false
        };
        let logged = |word: &str| logged_within(20, word);
        // It takes a while until the locker has the keyboard: what is no code costs nothing.
        let begun = || {
            assert!((0..10).any(|_| {
                Screen::say("x");
                logged_within(3, "malformed")
            }));
        };
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

#[test]
fn people_look_after_themselves_without_root_and_after_nobody_else() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let totpctl = |user: &str, words: &[&str], typed: &str| {
            let mut command = lab.as_user(user, &["/run/lab/totpctl"]);
            command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.spawn().unwrap();
            // A verb that asks for nothing may be gone already.
            let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
            let output = child.wait_with_output().unwrap();
            let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            (output.status.code().unwrap(), text)
        };
        let as_root: Value = lab.status("alice");
        let (status, text) = totpctl("alice", &["status", "--json"], "");
        assert_eq!((status, serde_json::from_str::<Value>(&text).unwrap()), (0, as_root));
        assert_eq!(totpctl("alice", &["status", "alice"], ""), totpctl("alice", &["status"], ""));
        assert_eq!(totpctl("bob", &["status"], "").1, "bob: not enrolled\n");

        let code = alice.phone.code(0);
        assert_eq!(totpctl("alice", &["verify"], &code), (0, "accepted: a code of token phone\n".into()));
        let (status, text) = totpctl("alice", &["verify"], &code);
        assert!(status == 1 && text.contains("was used before"), "{text}");
        let (status, text) = totpctl("alice", &["verify"], &alice.phone.wrong());
        assert!(status == 1 && text.contains("refused: wrong code"), "{text}");

        let alone = "enrolld does not answer this caller about this account";
        for words in [["status", "alice"], ["verify", "alice"]] {
            let (status, text) = totpctl("bob", &words, &code);
            assert!(status == 1 && text.contains(alone), "{text}");
        }
        let (status, text) = totpctl("bob", &["status", "nobody-here"], "");
        assert!(status == 1 && text.contains("no such user"), "{text}");
        let roots: [&[&str]; 7] = [
            &["list"],
            &["invite", "alice"],
            &["code", "alice"],
            &["bypass", "alice", "--reason", "x"],
            &["revoke", "alice", "--yes"],
            &["unlock", "alice"],
            &["adopt", "alice"],
        ];
        for words in roots {
            let (status, text) = totpctl("alice", words, "y\n");
            let expected = "totpctl: only root may do this\nhint: ask an administrator, or use sudo\n";
            assert_eq!((status, text.as_str()), (1, expected), "{words:?}");
        }
    });
}

/// Asks over a connection that stays, as root may.
fn checked_over(stream: &mut UnixStream, code: &str) {
    let parameters = json!({ "user": "alice", "code": code });
    let message = json!({ "method": format!("{INTERFACE}.Check"), "parameters": parameters });
    stream.write_all(format!("{message}\0").as_bytes()).unwrap();
    let mut answer = Vec::new();
    BufReader::new(stream).read_until(0, &mut answer).unwrap();
    assert!(String::from_utf8(answer).unwrap().contains("verdict"));
}

#[test]
fn the_daemon_keeps_no_code_and_no_secret_in_its_memory() {
    sandbox::within(|lab| {
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        let key = run(Command::new("sh").args(["-c", &format!("echo {} | base32 -d", alice.secret)])).stdout;
        let mut stream = UnixStream::connect(SOCKET).unwrap();
        // The second answer to a code finds the memory that the first one left.
        for code in ["918273", &alice.phone.code(0), &alice.phone.code(0), &alice.backup_codes[0]] {
            checked_over(&mut stream, code);
            assert_ne!(host::find_in_memory(daemon.id(), SOCKET.as_bytes()), [""; 0], "it looks");
            let bare = code.replace('-', "");
            for (number, form) in
                [code.as_bytes(), bare.as_bytes(), alice.secret.as_bytes(), &key].into_iter().enumerate()
            {
                let found = host::find_in_memory(daemon.id(), form);
                assert_eq!(found, [""; 0], "form {number} of {code} is still in the daemon's memory");
            }
        }
    });
}
