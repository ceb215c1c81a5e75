//! More peers than there are seats.

use std::process::Child;
use std::time::{Duration, Instant};

use acceptance::daemon::{Daemon, SOCKET, call, peer};
use acceptance::pam::{Code, Login};
use acceptance::sandbox;
use serde_json::json;

use crate::{ALICE, BOB, as_alice, wait_for_it};

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
