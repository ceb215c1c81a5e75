//! Guessing is bounded, and never a way to lock the owner out.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::process::Command;

use acceptance::faults::Snapshot;
use acceptance::lab::{Lab, STORE, run};
use acceptance::pam::{Code, Login};
use acceptance::people::Person;
use acceptance::sandbox;

/// A service that is no local one, as sshd; and one that is.
fn doors(lab: &Lab) -> Person {
    lab.door("");
    lab.service("su", "auth required pam_totp.so\n");
    lab.enroll_slow("alice")
}

fn from(rhost: &str, code: &str) -> Code {
    Login::new("door", "alice").from(rhost).code(code).run().verdict()
}

/// Guesses from somewhere until it has to wait.
fn exhaust(lab: &Lab, rhost: &str, alice: &Person) {
    for _ in 0..6 {
        assert_eq!(from(rhost, &alice.phone.wrong()), Code::AuthErr);
    }
    assert_eq!(lab.status("alice")["throttled"].as_array().unwrap().len(), 1);
}

#[test]
fn strangers_who_guess_do_not_delay_the_owners_network_or_console() {
    sandbox::within(|lab| {
        let alice = doors(lab);
        let mut codes = alice.backup_codes.iter();
        assert_eq!(from("192.0.2.7", codes.next().unwrap()), Code::Success);
        exhaust(lab, "198.51.100.1", &alice);
        // Another address of the network that she is known from, and the console.
        assert_eq!(from("192.0.2.99", &alice.phone.code(0)), Code::Success);
        let console = Login::new("su", "alice").code(alice.phone.code(1));
        assert_eq!(console.run().verdict(), Code::Success);
    });
}

#[test]
fn every_stranger_waits_while_one_of_them_guesses_but_a_backup_code_opens() {
    sandbox::within(|lab| {
        let alice = doors(lab);
        exhaust(lab, "198.51.100.1", &alice);
        for rhost in
            ["203.0.113.9", "2001:db8::1", "host.example", "UNKNOWN", "", "127.0.0.1", "fe80::1%eth0"]
        {
            lab.syslog.clear();
            assert_eq!(from(rhost, &alice.phone.code(0)), Code::AuthErr, "{rhost}");
            assert!(lab.decision().contains("throttled"), "{rhost}");
        }
        // A service that names no remote host and is not known to be local is a stranger's.
        let untold = Login::new("door", "alice").code(alice.phone.code(0)).run();
        assert_eq!(untold.verdict(), Code::AuthErr);
        assert_eq!(from("203.0.113.9", &alice.backup_codes[0]), Code::Success);
    });
}

#[test]
fn a_network_is_known_in_every_way_in_which_it_is_written() {
    sandbox::within(|lab| {
        let alice = doors(lab);
        assert_eq!(from("2001:db8:1:2::7", &alice.backup_codes[0]), Code::Success);
        assert_eq!(from("::ffff:192.0.2.7", &alice.backup_codes[1]), Code::Success);
        exhaust(lab, "198.51.100.1", &alice);
        let known = ["2001:DB8:1:2:ffff::1", "[2001:db8:1:2::9]:2222", "192.0.2.200", "64:ff9b::192.0.2.1"];
        for (rhost, code) in known.into_iter().zip(&alice.backup_codes[2..]) {
            // In the strangers' lane it would not even be judged.
            lab.syslog.clear();
            assert_eq!(from(rhost, &alice.phone.wrong()), Code::AuthErr);
            let line = lab.decision();
            assert!(line.contains("verdict=wrong"), "{rhost}: {line}");
            assert_eq!(from(rhost, code), Code::Success);
        }
        lab.syslog.clear();
        assert_eq!(from("2001:db8:1:3::7", &alice.phone.code(0)), Code::AuthErr);
        assert!(lab.decision().contains("throttled"));
    });
}

#[test]
fn a_name_or_a_loopback_address_is_never_learned() {
    sandbox::within(|lab| {
        let alice = doors(lab);
        let unknowable =
            ["client.example", "127.0.0.1", "::1", "UNKNOWN", "fe80::1%eth0", "192.0.2", "1.2.3.4.5"];
        for (rhost, code) in unknowable.into_iter().zip(&alice.backup_codes) {
            assert_eq!(from(rhost, code), Code::Success, "{rhost}");
        }
        exhaust(lab, "198.51.100.1", &alice);
        for rhost in unknowable {
            assert_eq!(from(rhost, &alice.phone.code(0)), Code::AuthErr, "{rhost}");
        }
    });
}

#[test]
fn a_throttled_lane_answers_a_right_and_a_wrong_code_alike_and_spends_neither() {
    sandbox::within(|lab| {
        let alice = doors(lab);
        exhaust(lab, "198.51.100.1", &alice);
        let before = Snapshot::of(STORE);
        let mut lines = Vec::new();
        for code in [alice.phone.code(0), alice.phone.wrong()] {
            lab.syslog.clear();
            assert_eq!(from("198.51.100.1", &code), Code::AuthErr);
            lines.push(lab.decision());
        }
        assert_eq!(lines[0], lines[1]);
        run(Command::new("diff").args(["-r", STORE, before.path()]));
        lab.totpctl(["unlock", "alice"]);
        assert_eq!(from("198.51.100.1", &alice.phone.code(0)), Code::Success);
    });
}
