//! One code, asked about by both ways.

use acceptance::daemon::Daemon;
use acceptance::pam::{Code, Login, Waiting};
use acceptance::sandbox;

use crate::unprivileged;

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
