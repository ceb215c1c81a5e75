//! More peers than there are seats, and peers that never come to the point.

use std::io::Read;
use std::process::Child;
use std::time::Duration;

use acceptance::daemon::{Daemon, INTERFACE, SOCKET, peer};
use acceptance::lab::Lab;
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use serde_json::json;

use crate::{ALICE, BOB, as_alice, wait_for_it};

const CAROL: u32 = 2003;
/// What the daemon may ever have in memory, in kB.
const MOST: u64 = 32 * 1024;
/// The daemon has a second. A machine that has a thousand threads to run besides may need more for its part.
const PATIENCE: Duration = Duration::from_secs(4);

/// So many processes of so many uids that crowd in, each with so many connections.
struct Crowd(Vec<Child>);

impl Crowd {
    fn of(uids: impl Iterator<Item = u32>, how: &str, each: usize) -> Self {
        let of = |uid| peer(uid, &[how, SOCKET, &each.to_string()]).spawn().unwrap();
        let mut children: Vec<Child> = uids.map(of).collect();
        children.iter_mut().for_each(wait_for_it);
        Self(children)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn with_accounts(lab: &Lab, uids: std::ops::Range<u32>) -> std::ops::Range<u32> {
    uids.clone().for_each(|uid| lab.add_account(&format!("bad{uid}"), uid));
    uids
}

fn status(user: &str) -> String {
    json!({ "method": format!("{INTERFACE}.Status"), "parameters": { "user": user } }).to_string()
}

/// bob, who behaves, is answered all the while.
fn bob_is_answered(daemon: &Daemon, milliseconds: u64) {
    let output = peer(BOB, &["time", SOCKET, &status("bob"), &milliseconds.to_string()]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut times: Vec<Duration> = text
        .lines()
        .map(|line| Duration::from_micros(line.parse().expect("every request has its answer")))
        .collect();
    times.sort();
    let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
    let (_, most) = daemon.memory();
    println!("{} answers, half of them in {median:?}, the slowest in {slowest:?}; {most} kB", times.len());
    assert!(slowest < PATIENCE, "{slowest:?}");
    assert!(most < MOST, "{most} kB");
}

#[test]
fn a_thousand_bad_peers_of_many_uids_keep_nobody_waiting_and_take_no_memory() {
    sandbox::within(|lab| {
        lab.door("");
        let alice = lab.enroll_slow("alice");
        let daemon = Daemon::start(lab);
        bob_is_answered(&daemon, 500);
        // The good one's own among them, and many that have no account: who has subordinate uids has 65536.
        let uids = with_accounts(lab, 3000..3009).chain([ALICE]).chain(100_000..100_030);
        let crowd = Crowd::of(uids, "crowd", 25);
        bob_is_answered(&daemon, 5000);
        drop(crowd);
        // Alice's own crowd has her seats until the daemon has seen it leave.
        std::thread::sleep(Duration::from_secs(1));
        assert_eq!(as_alice(&Login::new("door", "alice").code(alice.phone.code(0))), Code::Success);
    });
}

#[test]
fn a_thousand_bad_peers_of_one_uid_keep_nobody_waiting_and_take_no_memory() {
    sandbox::within(|lab| {
        let daemon = Daemon::start(lab);
        let _crowd = Crowd::of([ALICE].into_iter(), "crowd", 1000);
        bob_is_answered(&daemon, 4000);
    });
}

#[test]
fn a_gigabyte_without_an_end_is_not_kept() {
    sandbox::within(|lab| {
        let daemon = Daemon::start(lab);
        let mut pouring = peer(ALICE, &["pour", SOCKET, &(1_usize << 30).to_string()]).spawn().unwrap();
        while pouring.try_wait().unwrap().is_none() {
            bob_is_answered(&daemon, 500);
        }
        let mut connections = String::new();
        pouring.stdout.take().unwrap().read_to_string(&mut connections).unwrap();
        println!("a gigabyte over {} connections", connections.trim());
    });
}

#[test]
fn nine_uids_in_all_their_seats_do_not_starve_a_tenth() {
    sandbox::within(|lab| {
        let daemon = Daemon::start(lab);
        let _crowd = Crowd::of(with_accounts(lab, 3000..3009), "sit", 8);
        std::thread::sleep(Duration::from_millis(200));
        // Whoever holds least keeps a seat, also while taking its time.
        let slow = peer(CAROL, &["ponder", SOCKET, &status("carol"), "2500"]).spawn().unwrap();
        bob_is_answered(&daemon, 3000);
        let answer = String::from_utf8(slow.wait_with_output().unwrap().stdout).unwrap();
        assert!(answer.contains("\"uid\":2003"), "{answer:?}");
    });
}
