//! enrolld under attack by local accounts that want to keep others out, or to get more than an answer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, SOCKET, call, peer};
use acceptance::lab::{SETTINGS, run, write};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use serde_json::json;

const ALICE: u32 = 2001;
const BOB: u32 = 2002;

/// A peer at its work, until this ends.
struct Attacker(Child);

impl Attacker {
    fn start(uid: u32, words: &[&str]) -> Self {
        let mut child = peer(uid, words).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "here\n");
        Self(child)
    }
}

impl Drop for Attacker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// For some seconds bob is answered whenever he asks, and without delay.
fn bob_is_answered_for(longest: Duration) {
    let end = Instant::now() + longest;
    let (mut asked, mut slowest) = (0, Duration::ZERO);
    while Instant::now() < end {
        let start = Instant::now();
        let answer = call(BOB, "Status", &json!({ "user": "bob" }));
        assert_eq!(answer["parameters"]["uid"], 2002, "after {asked}");
        slowest = slowest.max(start.elapsed());
        asked += 1;
    }
    println!("{asked} answers, the slowest in {slowest:?}");
    // Half of what a login waits.
    assert!(slowest < Duration::from_secs(2), "{slowest:?}");
}

#[test]
fn accounts_that_together_ask_without_end_keep_nobody_waiting() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let accounts = (0..7).map(|number| (format!("bad{number}"), 3000 + number));
        let _attackers: Vec<Attacker> = accounts
            .map(|(name, uid)| {
                lab.add_account(&name, uid);
                lab.enroll_slow(&name);
                Attacker::start(uid, &["hammer", SOCKET, &name])
            })
            .collect();
        bob_is_answered_for(Duration::from_secs(4));
    });
}

#[test]
fn accounts_that_together_ask_about_names_that_are_slow_to_look_up_keep_nobody_out() {
    sandbox::within(|lab| {
        lab.name_service("slow 1000\n");
        let _daemon = Daemon::start(lab);
        let accounts = (0..7).map(|number| (format!("bad{number}"), 3000 + number));
        let _attackers: Vec<Attacker> = accounts
            .map(|(name, uid)| {
                lab.add_account(&name, uid);
                Attacker::start(uid, &["hammer", SOCKET, "nobody-here"])
            })
            .collect();
        bob_is_answered_for(Duration::from_secs(4));
    });
}

#[test]
fn an_account_that_asks_without_end_does_not_drown_the_log() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let _attacker = Attacker::start(BOB, &["hammer", SOCKET, "alice"]);
        lab.syslog.clear();
        std::thread::sleep(Duration::from_secs(2));
        let lines = lab.syslog.raw().len();
        // journald drops lines of a service that writes more than 10000 in 30 seconds.
        assert!((20..250).contains(&lines), "{lines} lines in two seconds");
    });
}

#[test]
fn a_service_that_asks_for_many_people_does_not_wait_as_one_account_does() {
    sandbox::within(|lab| {
        lab.settings(&format!("{SETTINGS}[daemon]\ncheckers = [{{ uid = {BOB}, service = \"web\" }}]\n"));
        let _daemon = Daemon::start(lab);
        let _busy = Attacker::start(BOB, &["hammer", SOCKET, "alice"]);
        lab.syslog.clear();
        std::thread::sleep(Duration::from_secs(2));
        let lines = lab.syslog.raw().len();
        assert!(lines > 500, "{lines} lines in two seconds");
    });
}

#[test]
fn the_uids_of_somebodys_containers_keep_no_account_out_where_the_directory_is_slow() {
    sandbox::within(|lab| {
        lab.name_service("slow 1000\n");
        write("/etc/subuid", "carol:100000:65536\n");
        let _daemon = Daemon::start(lab);
        let _attacker = Attacker::start(0, &["strangers", SOCKET, "100000"]);
        bob_is_answered_for(Duration::from_secs(4));
    });
}

#[test]
fn replies_that_nobody_reads_do_not_pile_up_in_the_daemons_memory() {
    sandbox::within(|lab| {
        let _daemon = Daemon::start(lab);
        let output = run(&mut peer(BOB, &["hoard", SOCKET]));
        let bytes: usize = String::from_utf8(output.stdout).unwrap().trim().parse().unwrap();
        assert!((100..4096).contains(&bytes), "{bytes}");
    });
}

#[test]
fn a_link_in_the_sockets_place_opens_no_other_file_to_everybody() {
    sandbox::within(|lab| {
        write("/etc/victim", "root's alone");
        fs::set_permissions("/etc/victim", Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new("strace");
        let calls = "/chmod";
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", &format!("trace={calls}")]);
        command.args(["-e", &format!("inject={calls}:delay_enter=1000000")]);
        command.arg(lab.program("enrolld")).args(["--socket", "/home/bob/socket"]).stdin(Stdio::null());
        let mut daemon = command.spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        while !Path::new("/home/bob/socket").exists() {
            assert!(Instant::now() < deadline);
            std::thread::sleep(Duration::from_millis(5));
        }
        // The folder is bob's.
        fs::rename("/home/bob/socket", "/home/bob/away").unwrap();
        symlink("/etc/victim", "/home/bob/socket").unwrap();
        std::thread::sleep(Duration::from_millis(1500));
        let mode = |path: &str| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let modes = (mode("/etc/victim"), mode("/home/bob/away"));
        daemon.kill().unwrap();
        daemon.wait().unwrap();
        assert_eq!(modes, (0o600, 0o666));
    });
}

#[test]
fn no_core_is_made_of_the_daemon_whoever_takes_cores() {
    sandbox::within(|lab| {
        // ptrace(2), "Ptrace access mode checking": of a process that makes no core, a caller of the same
        // uid without capabilities reads nothing.
        let powerless = |program: &Path| {
            let mut command = Command::new("setpriv");
            command.args(["--bounding-set=-all", "--inh-caps=-all"]).arg(program);
            command
        };
        let is_readable = |process: u32| {
            let mut cat = powerless(Path::new("cat"));
            cat.arg(format!("/proc/{process}/environ")).stdout(Stdio::null()).stderr(Stdio::null());
            cat.status().unwrap().success()
        };
        let mut sleep = powerless(Path::new("sleep")).arg("20").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(200));
        assert!(is_readable(sleep.id()));
        sleep.kill().unwrap();
        sleep.wait().unwrap();
        let daemon = Daemon::run(powerless(&lab.program("enrolld")).args(["--socket", SOCKET]));
        assert!(!is_readable(daemon.id()));
    });
}

#[test]
fn whoever_is_attacked_in_their_own_session_still_gets_in_elsewhere() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll_slow("alice");
        let _daemon = Daemon::start(lab);
        let _attacker = Attacker::start(ALICE, &["hammer", SOCKET, "alice"]);
        for code in &alice.backup_codes {
            let start = Instant::now();
            let login = Login::new("door", "alice").code(code).run();
            assert_eq!(login.verdict(), Code::Success);
            assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
        }
    });
}
